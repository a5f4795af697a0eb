// Small paintings at once: the newest wish is sent a moment after it settles, an older one is given up, and the last
// good picture stays until a better one is there.
import { aborted, api, Problem } from '#lib/api/client.ts';
import type { Request } from '#lib/api/types.ts';

const SETTLE_MS = 120;
export const SIDE = 640;

export class Preview {
	url = $state<string | null>(null);
	busy = $state(false);
	seconds = $state<number | null>(null);
	/** Why there is none. */
	problem = $state<string | null>(null);
	#shown = '';
	#content: string | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#abort: AbortController | null = null;

	/** Wishes for a preview of `request`; null takes the old one away. */
	want(request: Request | null, content: string | null): void {
		clearTimeout(this.#timer);
		const key = request ? JSON.stringify(request) : '';
		if (content !== this.#content) this.#put(null, '');
		this.#content = content;
		if (!request) {
			this.#abort?.abort();
			this.busy = false;
			this.problem = null;
			this.#put(null, '');
			return;
		}
		if (key === this.#shown) {
			// Back where we were, a change undone: what is shown is right already.
			this.#abort?.abort();
			this.busy = false;
			this.problem = null;
			return;
		}
		this.busy = true;
		this.#timer = setTimeout(() => void this.#fetch(request, key), SETTLE_MS);
	}

	async #fetch(request: Request, key: string): Promise<void> {
		this.#abort?.abort();
		const abort = new AbortController();
		this.#abort = abort;
		try {
			const { blob, seconds } = await api.preview(request, SIDE, abort.signal);
			if (abort.signal.aborted) return;
			const url = URL.createObjectURL(blob);
			// Decoded before it is shown, so that nothing flickers.
			const image = new Image();
			image.src = url;
			await image.decode().catch(() => undefined);
			if (abort.signal.aborted) {
				URL.revokeObjectURL(url);
				return;
			}
			this.#put(url, key);
			this.seconds = seconds;
			this.problem = null;
			this.busy = false;
		} catch (error) {
			if (aborted(error) || abort.signal.aborted) return;
			if (error instanceof Problem && (error.busy || error.away)) {
				this.#timer = setTimeout(() => void this.#fetch(request, key), (error.retryAfter ?? 1) * 1000);
				return;
			}
			this.busy = false;
			this.problem = error instanceof Error ? error.message : String(error);
		}
	}

	#put(url: string | null, key: string): void {
		if (this.url) URL.revokeObjectURL(this.url);
		this.url = url;
		this.#shown = key;
	}
}

export const preview = new Preview();
