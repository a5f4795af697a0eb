// Small pictures by key, fetched as they come into sight, two at a time. When what makes them changes, the old ones stay
// until the new ones are there.
import { aborted, api, Problem } from '#lib/api/client.ts';
import type { Request } from '#lib/api/types.ts';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { toasts } from './toasts.svelte';

const AT_ONCE = 2;
const SIDE = 256;

export class Samples {
	pictures = new SvelteMap<string, string>();
	failed = new SvelteSet<string>();
	/** Made by settings that hold no more. */
	stale = new SvelteSet<string>();
	#wanted = new Set<string>();
	#flying = new Set<string>();
	#abort = new AbortController();

	/** `request` is what makes one, `rank` the order in which they are made. */
	constructor(
		private readonly request: (key: string) => Request,
		private readonly rank: (key: string) => number
	) {}

	/** The settings changed; with `forget` nothing that was shown is of use. */
	renew(forget: boolean): void {
		this.#abort.abort();
		this.#abort = new AbortController();
		this.#wanted.clear();
		this.#flying = new Set();
		this.failed.clear();
		if (forget) {
			for (const url of this.pictures.values()) URL.revokeObjectURL(url);
			this.pictures.clear();
			this.stale.clear();
		} else for (const key of this.pictures.keys()) this.stale.add(key);
	}
	want(key: string): void {
		if ((this.pictures.has(key) && !this.stale.has(key)) || this.failed.has(key) || this.#flying.has(key)) return;
		this.#wanted.add(key);
		// All that comes into sight together is put in order first.
		queueMicrotask(() => this.#next());
	}
	/** Scrolled past before its turn came. */
	unwant(key: string): void {
		this.#wanted.delete(key);
	}
	#next(): void {
		while (this.#flying.size < AT_ONCE && this.#wanted.size) {
			const [key] = [...this.#wanted].sort((a, b) => this.rank(a) - this.rank(b));
			if (key === undefined) return;
			this.unwant(key);
			void this.#fetch(key, this.#abort.signal);
		}
	}
	async #fetch(key: string, signal: AbortSignal): Promise<void> {
		this.#flying.add(key);
		try {
			const { blob } = await api.preview(this.request(key), SIDE, signal);
			if (signal.aborted) return;
			const old = this.pictures.get(key);
			this.pictures.set(key, URL.createObjectURL(blob));
			this.stale.delete(key);
			if (old) URL.revokeObjectURL(old);
		} catch (error) {
			if (aborted(error) || signal.aborted) return;
			if (error instanceof Problem && (error.busy || error.away)) {
				await new Promise((resolve) => setTimeout(resolve, (error.retryAfter ?? 1) * 1000));
				if (!signal.aborted) this.#wanted.add(key);
			} else {
				this.failed.add(key);
				// One that was deleted since says so in its place.
				if (!(error instanceof Problem && error.status === 404)) toasts.error(error);
			}
		} finally {
			if (!signal.aborted) {
				this.#flying.delete(key);
				this.#next();
			}
		}
	}
}
