// A wall of samples: small pictures by seed, fetched as they come into sight, two at a time.
import { aborted, api, Problem } from '#lib/api/client.ts';
import type { ClassUse, GenerateRequest } from '#lib/api/types.ts';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { recall, remember } from './stored';
import { toasts } from './toasts.svelte';

const AT_ONCE = 2;
const STEP = 24;
/** As many seeds go into one job. */
export const MOST = 64;
const SIDE = 256;

interface Kept {
	model: string;
	trunc: number;
	mirror: boolean;
	tile: boolean;
	classes: ClassUse[];
}

class Wall {
	#kept = recall<Partial<Kept>>('generate', {});
	model = $state(this.#kept.model ?? '');
	trunc = $state(this.#kept.trunc ?? 1);
	mirror = $state(this.#kept.mirror ?? false);
	tile = $state(this.#kept.tile ?? false);
	classes = $state<ClassUse[]>(this.#kept.classes ?? []);
	first = $state(0);
	count = $state(STEP);
	marked = new SvelteSet<number>();
	pictures = new SvelteMap<number, string>();
	failed = new SvelteSet<number>();
	#wanted: number[] = [];
	#flying = new Set<number>();
	#abort = new AbortController();
	#key = '';

	seeds = $derived(Array.from({ length: this.count }, (_, index) => this.first + index));
	/** What makes these seeds; only what is not as usual. */
	request(seeds: number[]): GenerateRequest {
		return {
			kind: 'generate',
			model: this.model,
			seeds,
			...(this.trunc !== 1 && { trunc: this.trunc }),
			...(this.classes.length > 0 && { classes: $state.snapshot(this.classes) }),
			...(this.mirror && { mirror: true }),
			...(this.tile && { tile: true })
		};
	}
	key = $derived(JSON.stringify(this.request([])));

	/** Throws everything away that other settings made. */
	refresh(): void {
		if (this.#key === this.key) return;
		this.#key = this.key;
		this.#abort.abort();
		this.#abort = new AbortController();
		this.#wanted = [];
		this.#flying = new Set();
		for (const url of this.pictures.values()) URL.revokeObjectURL(url);
		this.pictures.clear();
		this.failed.clear();
		remember('generate', { model: this.model, trunc: this.trunc, mirror: this.mirror, tile: this.tile, classes: $state.snapshot(this.classes) } satisfies Kept);
	}
	choose(model: string): void {
		if (this.model === model) return;
		this.model = model;
		this.classes = [];
		this.marked.clear();
		this.first = 0;
		this.count = STEP;
	}
	more = (): void => {
		this.count += STEP;
	};
	start(seed: number): void {
		this.first = seed;
		this.count = STEP;
	}
	want(seed: number): void {
		if (this.pictures.has(seed) || this.#flying.has(seed) || this.#wanted.includes(seed)) return;
		this.#wanted.push(seed);
		// All that comes into sight together is put in order first.
		queueMicrotask(() => this.#next());
	}
	/** Scrolled past before its turn came. */
	unwant(seed: number): void {
		this.#wanted = this.#wanted.filter((one) => one !== seed);
	}
	#next(): void {
		while (this.#flying.size < AT_ONCE && this.#wanted.length) {
			// In the order of the wall, whatever came into sight first.
			const seed = Math.min(...this.#wanted);
			this.unwant(seed);
			void this.#fetch(seed, this.#abort.signal);
		}
	}
	async #fetch(seed: number, signal: AbortSignal): Promise<void> {
		this.#flying.add(seed);
		try {
			const { blob } = await api.preview(this.request([seed]), SIDE, signal);
			if (!signal.aborted) this.pictures.set(seed, URL.createObjectURL(blob));
		} catch (error) {
			if (aborted(error) || signal.aborted) return;
			if (error instanceof Problem && (error.busy || error.away)) {
				await new Promise((resolve) => setTimeout(resolve, (error.retryAfter ?? 1) * 1000));
				if (!signal.aborted) this.#wanted.unshift(seed);
			} else {
				this.failed.add(seed);
				toasts.error(error);
			}
		} finally {
			if (!signal.aborted) {
				this.#flying.delete(seed);
				this.#next();
			}
		}
	}
	mark(seed: number): void {
		if (this.marked.has(seed)) this.marked.delete(seed);
		else if (this.marked.size < MOST) this.marked.add(seed);
		else toasts.show(`At most ${MOST} at once.`);
	}
}

export const wall = new Wall();
