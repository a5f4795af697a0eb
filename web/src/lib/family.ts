// Who descends from whom: read from the requests that are written into the results, and where each is drawn.
import type { Picture } from './api/types';
import { codeIn, keyOfFile, keysOf } from './point';

export interface Brood {
	/** Of the job that made them. */
	id: string;
	parents: string[];
	children: Picture[];
	/** Children that are still being made. */
	awaited: number;
	created: string;
	/** Founders' children are the first generation. */
	generation: number;
}
export interface Family {
	broods: Brood[];
	/** Parents that are nobody's children here. */
	founders: string[];
}

/** `unborn` are broods that are being made. */
export function familyOf(files: Picture[], unborn: Omit<Brood, 'generation' | 'children'>[] = []): Family {
	const broods = new Map<string, Brood>();
	for (const file of files) {
		const request = file.request;
		if (request?.kind !== 'evolve') continue;
		const id = file.job ?? `${request.seed} ${request.seeds.join()} ${request.codes?.join()}`;
		const brood = broods.get(id) ?? { id, parents: keysOf(request), children: [], awaited: 0, created: file.created, generation: 0 };
		brood.children.push(file);
		broods.set(id, brood);
	}
	for (const brood of unborn) if (!broods.has(brood.id)) broods.set(brood.id, { ...brood, children: [], generation: 0 });
	const child = (file: Picture) => (file.request?.kind === 'evolve' ? (file.request.child ?? 0) : 0);
	const home = new Map<string, Brood>();
	for (const brood of broods.values()) {
		brood.children.sort((a, b) => child(a) - child(b));
		for (const file of brood.children) home.set(keyOfFile(file), brood);
	}
	const generation = (brood: Brood, above: Set<Brood> = new Set()): number => {
		if (brood.generation || above.has(brood)) return brood.generation;
		above.add(brood);
		const parents = brood.parents.map((key) => home.get(key)).filter((one) => one !== undefined);
		brood.generation = 1 + Math.max(0, ...parents.map((one) => generation(one, above)));
		return brood.generation;
	};
	for (const brood of broods.values()) generation(brood);
	const all = [...broods.values()].sort((a, b) => a.generation - b.generation || a.created.localeCompare(b.created));
	const founders = [...new Set(all.flatMap((brood) => brood.parents))].filter((key) => !home.has(key));
	return { broods: all, founders };
}

export interface Node {
	key: string;
	file: Picture | null;
	brood: Brood | null;
	x: number;
	y: number;
}
export interface Block {
	brood: Brood;
	x: number;
	y: number;
	width: number;
	height: number;
}
export interface Drawing {
	nodes: Node[];
	blocks: Block[];
	/** SVG paths from a parent to its children, and which they belong to. */
	lines: { id: string; path: string; brood: string; parent: string }[];
	rows: { name: string; y: number }[];
	width: number;
	height: number;
}

const GAP = 6;
const PAD = 8;
const LABEL = 26;
/** Between generations, for the lines, and between broods. */
const RISE = 78;
const APART = 26;

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Places in a row: each where it is wanted, or as near to the right of that as the others let it. */
function spread(list: { wide: number; wanted: number }[], apart: number): number[] {
	const places: number[] = [];
	let free = 0;
	for (const [index, one] of [...list.entries()].sort(([, a], [, b]) => a.wanted - b.wanted)) {
		places[index] = Math.max(free, one.wanted);
		free = (places[index] ?? 0) + one.wide + apart;
	}
	return places;
}

/** Places everything; `size` is a thumbnail's side, `columns` how many stand beside each other in a brood. */
export function draw(family: Family, size: number, columns: number): Drawing {
	const nodes: Node[] = [];
	const blocks: Block[] = [];
	const lines: Drawing['lines'] = [];
	const rows: Drawing['rows'] = [];
	const at = new Map<string, Node>();
	const step = size + GAP;
	const put = (node: Node) => {
		nodes.push(node);
		at.set(node.key, node);
	};
	const last = Math.max(0, ...family.broods.map((brood) => brood.generation));
	let y = LABEL;
	let width = 0;
	if (family.founders.length) {
		rows.push({ name: 'Founders', y: 0 });
		y += size + RISE;
	}
	for (let generation = 1; generation <= last; generation++) {
		const row = family.broods
			.filter((brood) => brood.generation === generation)
			.map((brood) => {
				const count = brood.children.length || brood.awaited;
				const across = Math.min(columns, Math.max(2, count));
				const [wide, high] = [across * step - GAP + 2 * PAD, Math.ceil(count / across) * step - GAP + 2 * PAD];
				const xs = brood.parents.flatMap((key) => at.get(key)?.x ?? []);
				return { brood, across, wide, high, wanted: xs.length ? mean(xs) + size / 2 - wide / 2 : 0 };
			});
		rows.push({ name: `Generation ${generation}`, y: y - LABEL });
		let tall = 0;
		// Beneath their parents, as far as there is room.
		const xs = spread(row, APART);
		for (const [index, { brood, across, wide, high }] of row.entries()) {
			const x = xs[index] ?? 0;
			blocks.push({ brood, x, y, width: wide, height: high });
			brood.children.forEach((file, child) =>
				put({ key: keyOfFile(file), file, brood, x: x + PAD + (child % across) * step, y: y + PAD + Math.floor(child / across) * step })
			);
			tall = Math.max(tall, high);
			width = Math.max(width, x + wide);
		}
		y += tall + RISE;
	}
	// The founders above their children, which are placed by now.
	const above = family.founders.map((key) => {
		const own = blocks.filter((block) => block.brood.parents.includes(key));
		return { wide: size, wanted: own.length ? mean(own.map((block) => block.x + block.width / 2)) - size / 2 : 0 };
	});
	// Those of the same children stand side by side around their middle.
	const crowd = (wanted: number) => above.filter((one) => one.wanted === wanted).length;
	const places = spread(
		above.map((one) => ({ ...one, wanted: one.wanted - ((crowd(one.wanted) - 1) * step) / 2 })),
		GAP
	);
	family.founders.forEach((key, index) => put({ key, file: null, brood: null, x: places[index] ?? 0, y: LABEL }));
	width = Math.max(width, ...places.map((x) => x + size));
	for (const block of blocks) {
		for (const parent of block.brood.parents) {
			const from = at.get(parent);
			if (!from) continue;
			const [x1, y1, x2, y2] = [from.x + size / 2, from.y + size, block.x + block.width / 2, block.y];
			const bend = Math.max(24, (y2 - y1) * 0.55);
			lines.push({ id: `${parent} ${block.brood.id}`, brood: block.brood.id, parent, path: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}` });
		}
	}
	return { nodes, blocks, lines, rows, width: Math.max(0, width), height: Math.max(0, y - RISE + PAD) };
}

/** The stored pictures that a family speaks of. */
export const codesIn = (family: Family): string[] => family.founders.map(codeIn).filter((id) => id !== null);
