// The named directions of the generator on the wall: found once, kept by the server with the generator.
import { explore, type Direction } from '#lib/api/explore.ts';
import { errands } from './errands.svelte';
import { attempt } from './toasts.svelte';
import { wall } from './wall.svelte';

/** As far as sliders go, in deviations. */
export const FAR = 4;

class Directions {
	list = $state<Direction[]>([]);
	/** Whose these are. */
	model = $state('');
	loading = $state(false);

	job = $derived(errands.of(wall.model, 'directions'));
	/** Those that are not at rest. */
	moved = $derived(Object.values(wall.moves).filter((amount) => amount !== 0).length);

	async load(model: string): Promise<void> {
		this.model = model;
		this.list = [];
		this.loading = true;
		const found = await attempt(() => explore.directions(model));
		if (this.model !== model) return;
		this.loading = false;
		this.#take(found?.directions ?? []);
	}
	/** Amounts along directions that are no more would be refused. */
	#take(list: Direction[]): void {
		this.list = list;
		const names = new Set(list.map(({ name }) => name));
		wall.moves = Object.fromEntries(Object.entries(wall.moves).filter(([name]) => names.has(name)));
	}
	find(): Promise<unknown> {
		return errands.send(wall.model, { kind: 'directions', model: wall.model }, { then: 'directions' }, `Directions of ${wall.model}`);
	}
	async rename(from: string, to: string): Promise<boolean> {
		const found = await attempt(() => explore.renameDirection(this.model, from, to));
		if (!found) return false;
		const { [from]: amount, ...rest } = wall.moves;
		if (amount !== undefined) wall.moves = { ...rest, [to]: amount };
		this.#take(found.directions);
		return true;
	}
	set(name: string, amount: number): void {
		wall.moves = { ...wall.moves, [name]: amount };
	}
	reset = (): void => {
		wall.moves = {};
	};
}

export const directions = new Directions();
