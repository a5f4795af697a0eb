// Models that were kept of runs here: which there are, and the ways to make pictures with them.
import type { Task } from '#lib/api/train.ts';
import { go } from '#lib/go.ts';
import { artistId } from './choices';
import { library } from './library.svelte';
import { paint } from './paint.svelte';
import { wall } from './wall.svelte';

export interface KeptModel {
	name: string;
	title: string;
	task: Task;
	algorithm: string;
}
export const TASKS: Record<Task, string> = { generator: 'Generator', stylizer: 'Artist’s hand', translator: 'Translator' };

/** All of them; reads what the library knows, so that views follow. */
export function keptModels(): KeptModel[] {
	const generators = library.generators.filter((one) => one.own).map((one) => ({ ...one, task: 'generator' as const }));
	return [...generators, ...library.others];
}

/** Opens the view that makes pictures with a model. */
export function makeWith(model: Pick<KeptModel, 'name' | 'task'>): void {
	if (model.task === 'generator') {
		wall.choose(model.name);
		go('#/generate');
		return;
	}
	const artist = library.artists.find((one) => one.model === model.name);
	const [kind, id] = model.task === 'translator' ? (['translator', model.name] as const) : (['artist', artist ? artistId(artist) : ''] as const);
	if (id && !paint.has(kind, id)) paint.choose(kind, id, false);
	go('#/');
}
export const makeWords = (task: Task): string => (task === 'generator' ? 'Generate with it' : 'Paint with it');
