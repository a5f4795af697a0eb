// Numbers and times as people say them.
import { explores } from './api/explore';
import type { Job, Picture, Request } from './api/types';
import { explored } from './explored';
import { library } from './state/library.svelte';
import { choiceOf, faceOf } from './state/choices';

export function timeLeft(seconds: number): string {
	if (seconds < 1) return 'almost done';
	if (seconds < 60) return `${Math.ceil(seconds)} s left`;
	if (seconds < 3600) return `${Math.ceil(seconds / 60)} min left`;
	return `${(seconds / 3600).toFixed(1)} h left`;
}

export function bytes(count: number): string {
	if (count < 1000) return `${count} bytes`;
	if (count < 1e6) return `${Math.round(count / 1000)} kB`;
	return `${(count / 1e6).toFixed(1)} MB`;
}

export const pixels = (picture: { width: number; height: number }): string => `${picture.width} × ${picture.height}`;

const DAY_MS = 86_400_000;
export function dayOf(time: string): string {
	const date = new Date(time);
	const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / DAY_MS);
	if (days === 0) return 'Today';
	if (days === 1) return 'Yesterday';
	const year = date.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
	return date.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year });
}
export const clock = (time: string): string => new Date(time).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

export function took(job: Job): string {
	if (!job.started || !job.finished) return '';
	const seconds = (Date.parse(job.finished) - Date.parse(job.started)) / 1000;
	return seconds < 10 ? `${seconds.toFixed(1)} s` : seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

const KEEPING: Record<string, string> = {
	luma: 'the photograph’s',
	'mean-covariance': 'shifted to the photograph’s',
	histogram: 'matched to the photograph’s'
};
const percent = (value: number): string => `${Math.round(value * 100)} %`;

/** The photograph that a request is about. */
export const contentOf = (request: Request | null | undefined): string | null => (request && 'content' in request ? (request.content ?? null) : null);

/** How a picture was made, as rows of a name and a value. Only what is not as usual. */
export function recipe(request: Request): [string, string][] {
	const rows: [string, string | number | null | undefined | false][] = [];
	if (explores(request)) rows.push(...explored(request));
	if (request.kind === 'stylize') {
		const total = request.styles.reduce((sum, use) => sum + (use.weight ?? 1), 0);
		for (const use of request.styles) {
			const choice = choiceOf(use, request.model);
			const share = request.styles.length > 1 ? `, ${percent((use.weight ?? 1) / (total || 1))}` : '';
			const layers = use.layers?.length ? ` (${use.layers.join(', ')})` : '';
			rows.push([choice.kind === 'artist' ? 'Artist' : 'Style', faceOf(choice).title + layers + share]);
		}
		rows.push(['Method', request.method], ['Style seen at', request.style_size && `${request.style_size} px`]);
	}
	if (request.kind === 'translate') rows.push(['Translator', faceOf({ kind: 'translator', id: request.model }).title], ['Way', request.direction === 'back' && 'back']);
	if (request.kind === 'stylize' || request.kind === 'translate') {
		rows.push(['Model', request.kind === 'stylize' && request.model], ['Strength', (request.strength ?? 1) !== 1 && percent(request.strength ?? 1)]);
		rows.push(['Colours', KEEPING[request.preserve_color ?? ''] ?? ''], ['Mask', request.mask && 'painted by hand']);
		rows.push(['Longer side', request.size && `${request.size} px`], ['Seed', !!request.seed && request.seed]);
	}
	if (request.kind === 'train') rows.push(['Training', request.what], ['Preset', request.preset], ['Time limit', request.minutes && `${request.minutes} min`]);
	if (request.kind === 'stylize' || request.kind === 'train') {
		for (const [name, value] of Object.entries(request.settings ?? {})) rows.push([plain(name), typeof value === 'object' ? JSON.stringify(value) : String(value)]);
	}
	const adjust = 'adjust' in request ? request.adjust : undefined;
	for (const [name, value] of Object.entries(library.changes(adjust))) rows.push([plain(name), Number(value.toPrecision(4))]);
	return rows.filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false).map(([name, value]) => [name, String(value)]);
}
export const plain = (name: string): string => {
	const words = name.replaceAll(/[_.]/g, ' ');
	return words.charAt(0).toUpperCase() + words.slice(1);
};

/** A picture's way to come to be, in a few words. */
export function madeOf(picture: Picture): string {
	const request = picture.request;
	if (!request) return '';
	if (explores(request)) return request.model;
	if (request.kind === 'adjust') return 'adjusted';
	return recipe(request)
		.filter(([name]) => ['Style', 'Artist', 'Translator'].includes(name))
		.map(([, value]) => value.replace(/,? ?\(.*?\)/, ''))
		.join(' + ');
}
