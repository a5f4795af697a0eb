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
	let y = LABEL;
	let width = 0;
	if (family.founders.length) {
		rows.push({ name: 'Founders', y: 0 });
		family.founders.forEach((key, index) => put({ key, file: null, brood: null, x: PAD + index * step, y }));
		width = PAD + family.founders.length * step;
		y += size + RISE;
	}
	const last = Math.max(0, ...family.broods.map((brood) => brood.generation));
	for (let generation = 1; generation <= last; generation++) {
		const middle = (brood: Brood) => {
			const xs = brood.parents.map((key) => at.get(key)?.x ?? 0);
			return xs.length ? xs.reduce((sum, x) => sum + x, 0) / xs.length : -1;
		};
		// Near their parents, so that few lines cross.
		const row = family.broods.filter((brood) => brood.generation === generation).sort((a, b) => middle(a) - middle(b));
		rows.push({ name: `Generation ${generation}`, y: y - LABEL });
		let x = 0;
		let tall = 0;
		for (const brood of row) {
			const count = brood.children.length || brood.awaited;
			const across = Math.min(columns, Math.max(2, count));
			const block = { brood, x, y, width: across * step - GAP + 2 * PAD, height: Math.ceil(count / across) * step - GAP + 2 * PAD };
			blocks.push(block);
			brood.children.forEach((file, index) =>
				put({ key: keyOfFile(file), file, brood, x: x + PAD + (index % across) * step, y: y + PAD + Math.floor(index / across) * step })
			);
			for (const parent of brood.parents) {
				const from = at.get(parent);
				if (!from) continue;
				const [x1, y1, x2, y2] = [from.x + size / 2, from.y + size, block.x + block.width / 2, block.y];
				const bend = Math.max(24, (y2 - y1) * 0.55);
				lines.push({ id: `${parent} ${brood.id}`, brood: brood.id, parent, path: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}` });
			}
			x += block.width + APART;
			tall = Math.max(tall, block.height);
		}
		width = Math.max(width, x - APART);
		y += tall + RISE;
	}
	return { nodes, blocks, lines, rows, width: Math.max(0, width), height: Math.max(0, y - RISE + PAD) };
}

/** The stored pictures that a family speaks of. */
export const codesIn = (family: Family): string[] => family.founders.map(codeIn).filter((id) => id !== null);
