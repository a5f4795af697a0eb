// Curves of figures over time: their points out of a run's log, smoothed, thinned, and fitted to axes.
import type { LogLine } from './api/train';

export type Point = readonly [x: number, y: number];
export interface Curve {
	key: string;
	label: string;
	hint?: string;
	/** Parts without a gap. Where training went back, the part before it ends; what was undone stays, but fainter. */
	parts: { points: Point[]; undone: boolean }[];
}
export interface Mark {
	step: number;
	kind: 'worry' | 'back';
	text: string;
}

const MOST_POINTS = 600;
export const SPEED = 'samples_per_second';

/** What figures mean, for people. */
const WORDS: Record<string, [label: string, hint: string]> = {
	generator: ['Generator', 'How far the generator is from passing for real: neither loss says alone how good pictures are'],
	discriminator: ['Discriminator', 'How often the discriminator errs: near nothing means that it wins'],
	distance: ['Distance', 'How far samples are from real pictures as a whole: less is better'],
	loss: ['Loss', 'What training makes small, all parts together'],
	logit_real: ['Belief in real ones', 'How sure the discriminator is of real pictures'],
	logit_made: ['Belief in made ones', 'How sure the discriminator is of made pictures'],
	overfitting: ['Learning by heart', 'Near 1 the discriminator knows every picture by heart'],
	augment: ['Changed at random', 'Share of pictures changed at random so that they are not learnt by heart'],
	gradient: ['Gradient', 'How strongly the generator is pulled'],
	gradient_discriminator: ['Gradient, discriminator', 'How strongly the discriminator is pulled'],
	rate: ['Learning rate', 'How large steps are'],
	penalty: ['Penalty', 'What keeps the discriminator from becoming too steep'],
	[SPEED]: ['Pictures a second', 'How fast it goes']
};
/** Those to look at first, in this order. */
const FIRST = ['distance', 'generator', 'discriminator', 'loss', 'adversarial', 'content', 'style'];

export function figureWords(name: string): { label: string; hint?: string } {
	const [label, hint] = WORDS[name] ?? [];
	const plain = name.replaceAll(/[_.]/g, ' ');
	return { label: label ?? plain.charAt(0).toUpperCase() + plain.slice(1), hint };
}

/** Every figure of a log as a curve, those that tell most first. */
export function curvesOf(lines: LogLine[]): Curve[] {
	const all = new Map<string, Point[]>();
	for (const line of lines) {
		const figures = { ...line.metrics, ...(line.samples_per_second !== undefined && { [SPEED]: line.samples_per_second }) };
		for (const [name, value] of Object.entries(figures)) {
			if (typeof value !== 'number' || !Number.isFinite(value)) continue;
			const points = all.get(name) ?? [];
			points.push([line.step, value]);
			all.set(name, points);
		}
	}
	const place = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : name === SPEED ? 99 : FIRST.length);
	return [...all]
		.sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b))
		.map(([key, points]) => ({ key, ...figureWords(key), parts: partsOf(points) }));
}
/** Which curves are shown at first. */
export const telling = (curves: Curve[]): string[] => {
	const size = (curve: Curve) => {
		const sizes = curve.parts.flatMap((part) => part.points.map(([, y]) => Math.abs(y))).sort((a, b) => a - b);
		return sizes[sizes.length >> 1] ?? 0;
	};
	// A curve that was measured once or twice says nothing yet, and of unlike sizes one would flatten the other.
	const told = curves.filter((curve) => curve.parts.some((part) => part.points.length > 2));
	const known = (list: Curve[]) => list.filter((curve) => FIRST.includes(curve.key));
	const [first, ...rest] = [known(told), known(curves), told, curves].find((list) => list.length) ?? [];
	if (!first) return [];
	const alike = rest.filter((curve) => Math.max(size(curve), size(first)) < 20 * Math.min(size(curve), size(first)));
	return [first, ...alike].slice(0, 3).map((curve) => curve.key);
};

export function marksOf(lines: LogLine[]): Mark[] {
	return lines.flatMap((line): Mark[] => {
		if (line.trouble) {
			const back = line.back_to === undefined ? '' : `; back to step ${line.back_to}`;
			return [{ step: line.step, kind: 'back', text: `${line.trouble}${back}${line.changed && !line.changed.startsWith('nothing') ? ` with ${line.changed}` : ''}` }];
		}
		return line.worry ? [{ step: line.step, kind: 'worry', text: line.worry }] : [];
	});
}

function partsOf(points: Point[]): Curve['parts'] {
	const parts: Point[][] = [[]];
	for (const point of points) {
		const before = parts.at(-1)?.at(-1);
		if (before && point[0] <= before[0]) parts.push([]);
		parts.at(-1)?.push(point);
	}
	// Of each part only what lies before all later ones still holds.
	let until = Infinity;
	const cut: Curve['parts'] = [];
	for (const part of parts.reverse()) {
		const holds = part.filter(([x]) => x < until);
		const gone = part.slice(Math.max(0, holds.length - 1));
		if (gone.length > 1 || !holds.length) cut.unshift({ points: gone, undone: true });
		if (holds.length) cut.unshift({ points: holds, undone: false });
		until = Math.min(until, part[0]?.[0] ?? until);
	}
	return cut;
}

/** An average that forgets: 0 leaves the curve as it is, near 1 takes in much of what was. */
export function smooth(points: Point[], much: number): Point[] {
	if (!much) return points;
	let mean = 0;
	let weight = 0;
	return points.map(([x, y]) => {
		mean = much * mean + (1 - much) * y;
		weight = much * weight + (1 - much);
		return [x, mean / weight];
	});
}

/** No more points than can be seen, each the mean of its neighbours. */
export function thin(points: Point[]): Point[] {
	const together = Math.ceil(points.length / MOST_POINTS);
	if (together <= 1) return points;
	const thinned: Point[] = [];
	for (let from = 0; from < points.length; from += together) {
		const part = points.slice(from, from + together);
		thinned.push([part[part.length - 1]?.[0] ?? 0, part.reduce((sum, [, y]) => sum + y, 0) / part.length]);
	}
	return thinned;
}

export interface Scale {
	low: number;
	high: number;
	log: boolean;
	/** 0 at the low end, 1 at the high one. */
	at: (value: number) => number;
	ticks: number[];
}
/** An axis that holds all values; a logarithmic one leaves out what is not above nothing. */
export function scaleOf(values: number[], log: boolean, room = 5): Scale {
	const held = log ? values.filter((value) => value > 0) : values;
	let low = held.reduce((least, value) => Math.min(least, value), Infinity);
	let high = held.reduce((most, value) => Math.max(most, value), -Infinity);
	if (!Number.isFinite(low)) [low, high] = log ? [0.1, 1] : [0, 1];
	if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
	if (log) {
		const [from, to] = [Math.log10(low), Math.log10(high)];
		const margin = (to - from) * 0.04;
		const at = (value: number) => (Math.log10(value) - from + margin) / (to - from + 2 * margin);
		return { low, high, log, at, ticks: decades(low, high, room) };
	}
	const margin = (high - low) * 0.05;
	return { low, high, log, at: (value) => (value - low + margin) / (high - low + 2 * margin), ticks: round(low, high, room) };
}
/** Round numbers between two. */
export function round(low: number, high: number, room: number): number[] {
	const rough = (high - low) / Math.max(1, room);
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
	const ticks: number[] = [];
	for (let tick = Math.ceil(low / step); tick * step <= high + step * 1e-9; tick++) ticks.push(tick * step);
	return ticks;
}
function decades(low: number, high: number, room: number): number[] {
	const span = Math.log10(high / low);
	const factors = span < 1.5 ? [1, 2, 5] : span < 3 ? [1, 3] : [1];
	const every = Math.max(1, Math.ceil(span / room));
	const ticks: number[] = [];
	for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
		if (power % every) continue;
		for (const factor of factors) ticks.push(factor * 10 ** power);
	}
	const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
	return inside.length > 1 ? inside : round(low, high, room);
}

/** A number as short as it is clear. */
export function short(value: number): string {
	const size = Math.abs(value);
	if (size === 0) return '0';
	if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
	if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
	if (size >= 1e-3) return String(Number(value.toPrecision(3)));
	return value.toExponential(1).replace('e-', '·10⁻').replace(/⁻(\d+)$/, (_, digits: string) => `⁻${[...digits].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`);
}

/** The point of a curve that lies nearest to a step, of what still holds where there is a choice. */
export function nearest(curve: Curve, step: number): Point | null {
	let best: Point | null = null;
	for (const part of curve.parts) {
		if (part.undone) continue;
		for (const point of part.points) {
			if (!best || Math.abs(point[0] - step) < Math.abs(best[0] - step)) best = point;
		}
	}
	return best;
}
