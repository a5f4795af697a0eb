// What can be painted with, as it is chosen: how it is called, what goes together, and how requests say it.
import { urls } from '#lib/api/client.ts';
import type { Layer, PaintRequest, Request, StyleUse, StylizeRequest } from '#lib/api/types.ts';
import { library } from './library.svelte';

export const MOST_STYLES = 8;
export const LAYERS: Layer[] = ['coarse', 'middle', 'fine'];

export type ChoiceKind = 'name' | 'artist' | 'file' | 'translator' | 'missing';
export interface Choice {
	kind: ChoiceKind;
	/** A name or a file's id; of an artist of a kept model, `model/artist`. */
	id: string;
	weight: number;
	/** Of artists: which of their layers paint; all where empty. */
	layers: Layer[];
}

/** Whether it is made from a photograph, so that it can be on the easel. */
export const paintable = (request: Request | null | undefined): request is PaintRequest =>
	!!request && ['stylize', 'adjust', 'translate'].includes(request.kind);

export const artistId = (artist: { name: string; model?: string | null }): string => (artist.model ? `${artist.model}/${artist.name}` : artist.name);
/** The kept model whose artist it is; null for bundled ones. Names of models have no slash. */
export const modelOf = (choice: Pick<Choice, 'kind' | 'id'>): string | null =>
	choice.kind === 'artist' && choice.id.includes('/') ? choice.id.slice(0, choice.id.indexOf('/')) : null;
const nameOf = (choice: Pick<Choice, 'kind' | 'id'>): string => choice.id.slice((modelOf(choice)?.length ?? -1) + 1);

/** Which of `others` go into one painting with `choice`, and why the rest does not.
 * Artists are hands of one model, so those of two models do not mix; all of them read paintings, bundled and own ones.
 * A translator has its own way and takes no styles. */
export function beside(choice: Choice, others: Choice[]): { kept: Choice[]; why: string } {
	const alone = (one: Choice) => one.kind === 'translator';
	const model = (one: Choice) => (one.kind === 'artist' ? (modelOf(one) ?? '') : null);
	const kept = others.filter((other) => {
		if (alone(choice) || alone(other)) return false;
		const [mine, its] = [model(choice), model(other)];
		return mine === null || its === null || mine === its;
	});
	if (kept.length === others.length) return { kept, why: '' };
	if (alone(choice) || others.some((other) => alone(other) && !kept.includes(other))) {
		return { kept, why: 'A translator paints alone: it takes no styles beside it.' };
	}
	return { kept, why: 'Artists of two models cannot be mixed: each model has hands of its own.' };
}

/** Styles as a request has them, and the model of their artists. */
export function stylesOf(choices: Choice[]): Pick<StylizeRequest, 'styles' | 'model'> {
	const model = choices.map(modelOf).find((name) => name !== null);
	const styles = choices.map((choice) => ({
		[choice.kind]: nameOf(choice),
		...(choice.kind === 'artist' && choice.layers.length > 0 && { layers: [...choice.layers] }),
		weight: choice.weight
	}));
	return { styles, ...(model && { model }) };
}
/** The choices that a request was made of. */
export function choicesOf(request: PaintRequest): Choice[] {
	if (request.kind === 'translate') return [{ kind: 'translator', id: request.model, weight: 1, layers: [] }];
	return request.kind === 'stylize' ? request.styles.map((use) => choiceOf(use, request.model ?? null)) : [];
}
export function choiceOf(use: StyleUse, model: string | null = null): Choice {
	const kind = use.name !== undefined ? 'name' : use.artist !== undefined ? 'artist' : use.file !== undefined ? 'file' : 'missing';
	const id = use[kind] ?? '?';
	return { kind, id: kind === 'artist' ? artistId({ name: id, model }) : id, weight: use.weight ?? 1, layers: use.layers ?? [] };
}

/** How a choice is called and looks. */
export function faceOf(choice: Pick<Choice, 'kind' | 'id'>): { title: string; by: string; thumb: string | null } {
	if (choice.kind === 'name') {
		const style = library.style(choice.id);
		return { title: style?.title ?? choice.id, by: style?.artist ?? '', thumb: urls.style(choice.id) };
	}
	if (choice.kind === 'artist') {
		const model = modelOf(choice);
		const title = library.artists.find((artist) => artistId(artist) === choice.id)?.title ?? nameOf(choice);
		return { title, by: model ? `learnt here, ${model}` : 'artist', thumb: model ? null : urls.artist(choice.id) };
	}
	if (choice.kind === 'translator') {
		return { title: library.translator(choice.id)?.title ?? choice.id, by: 'translator', thumb: null };
	}
	if (choice.kind === 'file') {
		return { title: library.own.find((file) => file.id === choice.id)?.name ?? 'Own painting', by: 'yours', thumb: urls.thumb(choice.id) };
	}
	return { title: choice.id, by: 'not here', thumb: null };
}
