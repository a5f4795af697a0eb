// Mixing: a picture with the styles of another in some of the generator's layers.
import { errands } from './errands.svelte';
import { nameOf } from './known.svelte';
import { recall, remember } from './stored';
import { toasts } from './toasts.svelte';
import { wall } from './wall.svelte';

export type Part = 'coarse' | 'middle' | 'fine';
export const PARTS: Part[] = ['coarse', 'middle', 'fine'];

/** Which of so many layers are the coarse, the middle and the fine ones: a third each, as near as that goes. */
export function layersOf(part: Part, layers: number): number[] {
	const ends = [0, Math.round(layers / 3), Math.round((2 * layers) / 3), layers];
	const at = PARTS.indexOf(part);
	const [from = 0, to = 0] = [ends[at], ends[at + 1]];
	return Array.from({ length: to - from }, (_, index) => from + index);
}

class Mix {
	/** Waits for the other picture. */
	from = $state<string | null>(null);
	/** The picture, and the one whose styles it takes. */
	pair = $state<{ base: string; other: string } | null>(null);
	layers = $state<number[]>([]);

	count = $derived(wall.generator?.layers ?? 1);
	/** Why nothing can be mixed. */
	why = $derived(this.count < 2 ? `${wall.model} makes its pictures in one layer, so there are no styles to mix. Choose a generator with several.` : '');

	start(key: string): void {
		if (this.why) toasts.show(this.why);
		else this.from = key;
	}
	stop = (): void => {
		this.from = null;
	};
	/** The other picture was chosen. */
	meet(other: string): void {
		const base = this.from;
		this.from = null;
		if (base && base !== other) this.open(base, other);
	}
	open(base: string, other: string): void {
		if (this.why) return void toasts.show(this.why);
		this.pair = { base, other };
		const parts = PARTS.filter((part) => layersOf(part, this.count).length);
		const last = recall<Part>('mix', 'fine');
		this.layers = layersOf(parts.includes(last) ? last : 'fine', this.count);
	}
	close = (): void => {
		this.pair = null;
	};
	swap = (): void => {
		if (this.pair) this.pair = { base: this.pair.other, other: this.pair.base };
	};
	choose(part: Part): void {
		this.layers = layersOf(part, this.count);
		remember('mix', part);
	}
	toggle(layer: number): void {
		this.layers = this.layers.includes(layer) ? this.layers.filter((one) => one !== layer) : [...this.layers, layer].sort((a, b) => a - b);
	}
	/** The part that exactly these layers are. */
	part = $derived(PARTS.find((part) => layersOf(part, this.count).length > 0 && String(layersOf(part, this.count)) === String(this.layers)) ?? null);

	/** What the mixture looks like on the wall. */
	request = $derived(this.pair && this.layers.length ? wall.request([this.pair.base], { with: this.pair.other, layers: [...this.layers] }) : null);
	async make(): Promise<boolean> {
		if (!this.pair || !this.layers.length) return false;
		const { base, other } = this.pair;
		const request = wall.bare([base], { with: other, layers: [...this.layers] });
		const job = await errands.send(wall.model, request, { then: 'place' }, `${nameOf(base)} with ${nameOf(other)}`);
		if (job) this.close();
		return job !== null;
	}
}

export const mix = new Mix();
