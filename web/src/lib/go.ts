import { goto } from '$app/navigation';

/** Opens a view, such as `#/gallery`. Setting `location.hash` would do as well, but load the whole page again, and what
 * it knew would be lost. */
export function go(hash: string): void {
	void goto(hash);
}
