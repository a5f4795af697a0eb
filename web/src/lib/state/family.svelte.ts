// The family tree of the generator on the wall. All of it is in the results themselves, so it is there after a reload.
import { api } from '#lib/api/client.ts';
import type { Picture } from '#lib/api/types.ts';
import { codesIn, familyOf, type Brood } from '#lib/family.ts';
import { codeIn, keyOfFile, keysOf, pointOf } from '#lib/point.ts';
import { jobs } from './jobs.svelte';
import { known } from './known.svelte';
import { attempt } from './toasts.svelte';
import { wall } from './wall.svelte';

const PAGE = 100;
/** So many results are looked through, the newest first. */
const PAGES = 20;

class FamilyTree {
	#files = $state.raw<Picture[]>([]);
	model = $state('');
	loading = $state(false);

	#unborn = $derived(
		jobs.all.flatMap((job) => {
			if (job.request.kind !== 'evolve' || job.request.model !== this.model || !['queued', 'running'].includes(job.state)) return [];
			return [{ id: job.id, parents: keysOf(job.request), awaited: job.request.children ?? 12, created: job.created }];
		})
	);
	tree = $derived(
		familyOf(
			this.#files.filter((file) => known.get(file.id) !== null),
			this.#unborn
		)
	);

	async load(model: string): Promise<void> {
		if (this.model !== model) this.#files = [];
		this.model = model;
		this.loading = true;
		await attempt(async () => {
			const found: Picture[] = [];
			let before: string | null = null;
			for (let page = 0; page < PAGES; page++) {
				const next: { files: Picture[]; next: string | null } = await api.files({ role: 'result', limit: PAGE, before });
				found.push(...next.files.filter((file) => file.request?.kind === 'evolve' && file.request.model === model));
				before = next.next;
				if (!before) break;
			}
			if (this.model !== model) return;
			this.#files = found;
			known.put(...found);
			await known.learn(codesIn(this.tree));
		});
		if (this.model === model) this.loading = false;
	}
	/** A generation that was just made. */
	put(files: Picture[]): void {
		known.put(...files);
		const ids = new Set(files.map((file) => file.id));
		this.#files = [...files, ...this.#files.filter((file) => !ids.has(file.id))];
	}
	brood = (id: string | null): Brood | undefined => (id ? this.tree.broods.find((brood) => brood.id === id) : undefined);

	/** Back to a generation: its children hang on the wall, this one marked to branch from. */
	goTo(key: string, brood: Brood | null): void {
		const point = pointOf(key);
		if (brood) wall.place(brood.children, { instead: true, brood: brood.id });
		else if ('seed' in point) {
			wall.hang({ keys: [], endless: true, brood: null });
			wall.start(point.seed);
		} else {
			const file = known.get(codeIn(key));
			if (file) wall.place([file]);
		}
		wall.marked.clear();
		wall.marked.add(key);
		wall.current = key;
	}
}
export const family = new FamilyTree();
