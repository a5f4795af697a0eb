// "More like these": the marked pictures as parents of the next generation.
import type { EvolveRequest } from '#lib/api/explore.ts';
import { errands } from './errands.svelte';
import { recall, remember } from './stored';
import { toasts } from './toasts.svelte';
import { MOST_PARENTS, wall } from './wall.svelte';

const USUAL = { children: 12, mutation: 0.3, diversity: 0.3, extend: false };

class Breed {
	set = $state({ ...USUAL, ...recall<Partial<typeof USUAL>>('breed', {}) });
	job = $derived(errands.of(wall.model, 'brood'));

	change(part: Partial<typeof USUAL>): void {
		this.set = { ...this.set, ...part };
		remember('breed', $state.snapshot(this.set));
	}
	async go(): Promise<void> {
		const parents = [...wall.marked];
		if (!parents.length) return;
		if (parents.length > MOST_PARENTS) return void toasts.show(`Children have at most ${MOST_PARENTS} parents: mark fewer.`);
		const { children, mutation, diversity, extend } = this.set;
		const request: EvolveRequest = {
			kind: 'evolve',
			...wall.where(parents),
			children,
			mutation,
			diversity,
			// Asked again, the same parents have other children.
			seed: Math.floor(Math.random() * 1e9)
		};
		if (await errands.send(wall.model, request, { then: 'brood', extend }, `More like ${parents.length > 1 ? `these ${parents.length}` : 'this'}`)) wall.marked.clear();
	}
}

export const breed = new Breed();
