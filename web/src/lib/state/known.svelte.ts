// Stored pictures that were met by their ids only: each is asked for once.
import { api } from '#lib/api/client.ts';
import type { Picture } from '#lib/api/types.ts';
import { pointOf } from '#lib/point.ts';
import { SvelteMap } from 'svelte/reactivity';

class Known {
	#files = new SvelteMap<string, Picture | null>();
	#asked = new Set<string>();

	put(...files: Picture[]): void {
		for (const file of files) this.#files.set(file.id, file);
	}
	gone(id: string): void {
		if (this.#files.has(id)) this.#files.set(id, null);
	}
	/** Null for one that is gone, undefined for one that is not known yet. */
	get = (id: string | null): Picture | null | undefined => (id ? this.#files.get(id) : null);
	/** What is not known yet is asked for. */
	async learn(ids: Iterable<string>): Promise<void> {
		const fresh = [...new Set(ids)].filter((id) => !this.#files.has(id) && !this.#asked.has(id));
		for (const id of fresh) this.#asked.add(id);
		await Promise.all(
			fresh.map((id) =>
				api.file(id).then(
					(file) => this.#files.set(id, file),
					() => {
						this.#files.set(id, null);
						this.#asked.delete(id);
					}
				)
			)
		);
	}
}

export const known = new Known();

/** What a picture on the wall is called. */
export function nameOf(key: string): string {
	const point = pointOf(key);
	if ('seed' in point) return `seed ${point.seed}`;
	const file = known.get(point.code);
	return file?.name.replace(/\.\w+$/, '') ?? 'a picture';
}
