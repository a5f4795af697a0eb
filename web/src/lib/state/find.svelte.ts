// "Find my picture": an own picture, looked for in the generator's space. One that impasto made and that carries its place
// need not be looked for.
import { api } from '#lib/api/client.ts';
import type { ProjectRequest } from '#lib/api/explore.ts';
import type { GenerateRequest, Picture } from '#lib/api/types.ts';
import { errands } from './errands.svelte';
import { library } from './library.svelte';
import { recall, remember } from './stored';
import { attempt, toasts } from './toasts.svelte';
import { wall } from './wall.svelte';

const USUAL = { steps: 400, starts: 3, noise: true };

class Find {
	set = $state({ ...USUAL, ...recall<Partial<typeof USUAL>>('find', {}) });
	upload = $state<{ name: string; part: number } | null>(null);

	change(part: Partial<typeof USUAL>): void {
		this.set = { ...this.set, ...part };
		remember('find', $state.snapshot(this.set));
	}
	async bring(list: File[]): Promise<void> {
		const [picture, ...rest] = list;
		if (!picture) return void toasts.show('That is no picture impasto can read.', { kind: 'error' });
		if (rest.length) toasts.show('One at a time: the first is looked for.');
		this.upload = { name: picture.name, part: 0 };
		const file = await attempt(() => api.upload(picture, picture.name, 'content', { onProgress: (part) => (this.upload = { name: picture.name, part }) }));
		this.upload = null;
		if (!file) return;
		const request = file.request;
		if (file.code && request?.kind === 'generate') this.adopt(file, request.model);
		else if (!(request?.kind === 'generate' && (await this.#remake(file, request)))) await this.seek(file);
	}
	/** A generator's picture that tells how it was made is made again, which is exact and quick. */
	async #remake(file: Picture, request: GenerateRequest): Promise<boolean> {
		const { kind, model, seeds, codes = [], moves, mix, trunc, classes } = request;
		const here = library.generators.some((one) => one.name === model);
		if (!here || seeds.length + codes.length !== 1) return false;
		// What it was made from may be gone.
		const stored = [...codes, ...(mix?.code ? [mix.code] : [])];
		if (!(await Promise.all(stored.map((id) => api.file(id).then(() => true, () => false)))).every(Boolean)) return false;
		wall.choose(model);
		wall.plain();
		return (await errands.send(model, { kind, model, seeds, codes, moves, mix, trunc, classes }, { then: 'place' }, file.name)) !== null;
	}
	async seek(file: Picture): Promise<void> {
		const request: ProjectRequest = { kind: 'project', model: wall.model, content: file.id, ...$state.snapshot(this.set) };
		await errands.send(wall.model, request, { then: 'place' }, `Finding ${file.name}`);
	}
	/** A picture that knows where it lies goes onto the wall of its generator, seen as it is. */
	adopt(file: Picture, model: string): void {
		if (!library.generators.some((one) => one.name === model)) {
			return void toasts.show(`It was made by ${model}, a generator that is not here.`, { kind: 'error' });
		}
		wall.choose(model);
		wall.plain();
		wall.place([file]);
		toasts.show(`${file.name} hangs first on the wall.`);
	}
}

export const find = new Find();

/** From anywhere: on to the wall with a picture that a generator made. */
export function exploreFrom(file: Picture): void {
	if (!file.code || !file.request || !('model' in file.request) || !file.request.model) return;
	find.adopt(file, file.request.model);
	location.hash = '#/generate';
}
