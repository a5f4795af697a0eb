// The wall: which pictures of which generator hang on it, and the lens through which all of them are seen. The lens
// (truncation, directions, mirror) is never bred or mixed in: children hang on the same wall and are seen through it too.
import type { ClassUse, GenerateRequest, Picture } from '#lib/api/types.ts';
import { codeIn, keyOfFile, keyOfSeed, mixOf, placesOf } from '#lib/point.ts';
import { SvelteSet } from 'svelte/reactivity';
import { known, nameOf } from './known.svelte';
import { library } from './library.svelte';
import { Samples } from './samples.svelte';
import { recall, remember } from './stored';
import { toasts } from './toasts.svelte';

const STEP = 24;
/** As many pictures go into one job. */
export const MOST = 64;
/** As many parents may children have. */
export const MOST_PARENTS = 16;

/** What hangs there besides, or instead of, the endless samples. */
interface Hung {
	/** Keys of points, the first on the wall first. */
	keys: string[];
	/** Whether fresh samples follow. */
	endless: boolean;
	/** The job whose children these are. */
	brood: string | null;
}
const BARE: Hung = { keys: [], endless: true, brood: null };

interface Kept {
	model: string;
	trunc: number;
	mirror: boolean;
	tile: boolean;
	classes: ClassUse[];
	moves: Record<string, number>;
	hung: Record<string, Hung>;
}

class Wall {
	#kept = recall<Partial<Kept>>('generate', {});
	model = $state(this.#kept.model ?? '');
	trunc = $state(this.#kept.trunc ?? 1);
	mirror = $state(this.#kept.mirror ?? false);
	tile = $state(this.#kept.tile ?? false);
	classes = $state<ClassUse[]>(this.#kept.classes ?? []);
	/** How far along each direction. */
	moves = $state<Record<string, number>>(this.#kept.moves ?? {});
	#hung = $state<Record<string, Hung>>(this.#kept.hung ?? {});
	first = $state(0);
	count = $state(STEP);
	marked = new SvelteSet<string>();
	/** Where arrows start from. */
	current = $state<string | null>(null);
	samples = new Samples(
		(key) => this.request([key]),
		(key) => this.keys.indexOf(key)
	);
	#key = '';
	/** The generator whose pictures the samples are. */
	painted = '';

	generator = $derived(library.generators.find((one) => one.name === this.model));
	hung = $derived(this.#hung[this.model] ?? BARE);
	keys = $derived([
		...this.hung.keys,
		...(this.hung.endless ? Array.from({ length: this.count }, (_, index) => keyOfSeed(this.first + index)).filter((key) => !this.hung.keys.includes(key)) : [])
	]);
	/** The lens changes nothing: stored pictures are what they show. */
	clear = $derived(this.trunc === 1 && !this.mirror && !this.tile && Object.values(this.moves).every((amount) => amount === 0));

	/** What makes these pictures as they are seen; only what is not as usual. */
	request(keys: string[], mix?: { with: string; layers: number[] }): GenerateRequest {
		const moves = Object.entries(this.moves).filter(([, amount]) => amount !== 0);
		return {
			kind: 'generate',
			...this.where(keys),
			...(mix && { mix: mixOf(mix.with, mix.layers) }),
			...(moves.length > 0 && { moves: moves.map(([direction, amount]) => ({ direction, amount })) }),
			...(this.trunc !== 1 && { trunc: this.trunc }),
			...(this.mirror && { mirror: true }),
			...(this.tile && { tile: true })
		};
	}
	/** The same without the lens: where they lie. */
	bare(keys: string[], mix?: { with: string; layers: number[] }): GenerateRequest {
		return { kind: 'generate', ...this.where(keys), ...(mix && { mix: mixOf(mix.with, mix.layers) }) };
	}
	/** Which points of which generator; classes matter to seeds only. */
	where(keys: string[]) {
		const places = placesOf(keys);
		const classes = places.seeds.length > 0 && this.classes.length > 0;
		return { model: this.model, ...places, ...(classes && { classes: $state.snapshot(this.classes) }) };
	}
	key = $derived(JSON.stringify([this.request([]), this.classes]));

	/** The picture of a key as it can be shown now: a stored one where nothing is changed about it. */
	stored(key: string): string | null {
		const id = codeIn(key);
		return id && known.get(id) && this.clear ? id : null;
	}
	want(key: string): void {
		if (!this.stored(key)) this.samples.want(key);
	}

	/** Paints the wall anew when other settings hold. */
	refresh(): void {
		if (this.#key === this.key) return;
		this.#key = this.key;
		this.samples.renew(this.painted !== this.model);
		this.painted = this.model;
		this.keep();
	}
	keep(): void {
		remember('generate', {
			model: this.model,
			trunc: this.trunc,
			mirror: this.mirror,
			tile: this.tile,
			classes: $state.snapshot(this.classes),
			moves: $state.snapshot(this.moves),
			hung: $state.snapshot(this.#hung)
		} satisfies Kept);
	}

	choose(model: string): void {
		if (this.model === model) return;
		this.model = model;
		// Under the same keys these would be taken for the new one's.
		this.samples.renew(true);
		this.classes = [];
		this.moves = {};
		this.marked.clear();
		this.current = null;
		this.first = 0;
		this.count = STEP;
	}
	more = (): void => {
		if (this.hung.endless) this.count += STEP;
	};
	start(seed: number): void {
		this.first = seed;
		this.count = STEP;
		if (!this.hung.endless) this.hang({ ...this.hung, endless: true });
	}
	hang(hung: Hung, model = this.model): void {
		this.#hung = { ...this.#hung, [model]: hung };
		this.keep();
	}
	/** Stored pictures onto the wall: before what hangs there, or instead of it. */
	place(files: Picture[], way: { instead?: boolean; brood?: string | null; model?: string } = {}): void {
		known.put(...files);
		const model = way.model ?? this.model;
		const fresh = files.map(keyOfFile);
		const old = this.#hung[model] ?? BARE;
		this.hang({ keys: way.instead ? fresh : [...fresh, ...old.keys.filter((key) => !fresh.includes(key))], endless: way.instead ? false : old.endless, brood: way.brood ?? null }, model);
		if (way.instead && model === this.model) this.marked.clear();
	}
	/** Fresh samples only. */
	sweep = (): void => {
		const [before, model] = [this.hung, this.model];
		this.hang(BARE);
		this.marked.clear();
		if (before.keys.length) toasts.show('Fresh samples hang on the wall.', { action: { label: 'Undo', run: () => this.hang(before, model) } });
	};
	takeOff(key: string): void {
		if (!this.hung.keys.includes(key)) return;
		const [before, model] = [this.hung, this.model];
		this.marked.delete(key);
		const keys = before.keys.filter((other) => other !== key);
		this.hang(keys.length ? { ...before, keys } : BARE);
		toasts.show(`Took ${nameOf(key)} off the wall.`, { action: { label: 'Undo', run: () => this.hang(before, model) } });
	}
	/** The lens as it is when nothing is touched. */
	plain(): void {
		this.trunc = 1;
		this.mirror = this.tile = false;
		this.moves = {};
	}
	mark(key: string): void {
		if (this.marked.has(key)) this.marked.delete(key);
		else if (this.marked.size < MOST) this.marked.add(key);
		else toasts.show(`At most ${MOST} at once.`);
	}
}

export const wall = new Wall();
