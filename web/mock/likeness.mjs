// A likeness of generators: numbers in layers (the first compose, the last colour) and a picture drawn from them, so that
// directions, mixing, breeding and walking show what they do.
import { crc32, deflateSync } from 'node:zlib';

const WIDTH = 6;

function hash(text) {
	let h = 2166136261;
	for (const letter of text) h = Math.imul(h ^ letter.charCodeAt(0), 16777619);
	return h >>> 0;
}
/** Normal numbers, the same for the same text. */
export function normals(text, count) {
	let state = hash(text) || 1;
	const even = () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(even() + 1e-9)) * Math.cos(2 * Math.PI * even()));
}

export const codeOfSeed = (model, seed) => Array.from({ length: model.layers }, (_, layer) => normals(`${model.name} ${seed} ${layer}`, WIDTH));
export const map = (code, change) => code.map((layer, l) => layer.map((value, i) => change(value, l, i)));
/** Between two places, or beyond. */
export const between = (a, b, part) => map(a, (value, l, i) => value + (b[l][i] - value) * part);
export function moved(model, code, moves) {
	return moves.reduce((now, { direction, amount }) => {
		const way = normals(`${model.name} way ${direction}`, model.layers * WIDTH);
		return map(now, (value, l, i) => value + 0.55 * amount * way[l * WIDTH + i]);
	}, code);
}
/** A place for any bytes: what a projection "finds". */
export const codeOfBytes = (model, digest) => codeOfSeed(model, digest);

const soft = (x) => Math.tanh(x * 0.6);
const clamp = (x) => Math.min(1, Math.max(0, x));
function colour(hue, saturation, light) {
	const part = (n) => {
		const k = (((n + hue / 30) % 12) + 12) % 12;
		return light - saturation * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
	};
	return [part(0), part(8), part(4)];
}
const blend = (a, b, part) => a.map((value, i) => value + (b[i] - value) * clamp(part));
/** The numbers that compose, form and colour: each third of the layers together. */
function parts(code) {
	const pick = (from, to) => {
		const some = code.slice(Math.min(from, code.length - 1), Math.max(Math.min(from, code.length - 1) + 1, to));
		return Array.from({ length: WIDTH }, (_, i) => some.reduce((sum, layer) => sum + layer[i], 0) / Math.sqrt(some.length));
	};
	const [a, b] = [Math.round(code.length / 3), Math.round((2 * code.length) / 3)];
	return [pick(0, a), pick(a === b ? 0 : a, b), pick(b, code.length)];
}

function landscape(code, [coarse, middle, fine] = parts(code)) {
	const horizon = 0.52 + 0.14 * soft(coarse[0]);
	const [tall, wide, phase] = [0.1 + 0.07 * soft(coarse[1]), 3 + 2 * soft(coarse[2]), 3 * coarse[3]];
	const sun = [0.5 + 0.36 * soft(coarse[4]), horizon * (0.45 + 0.3 * soft(coarse[5]))];
	const tree = { x: 0.5 + 0.4 * soft(middle[0] * 1.5), high: 0.3 + 0.22 * soft(middle[1]), broad: 0.05 + 0.03 * soft(middle[2]) };
	const hue = 215 + 60 * soft(fine[0]);
	const land = 75 + 70 * soft(fine[1]);
	const rich = 0.5 + 0.25 * soft(fine[2]);
	return (x, y) => {
		const warp = 0.05 * Math.sin(7 * x + 3 * middle[3] + 5 * y) + 0.04 * Math.cos(9 * y - 4 * x + fine[3]);
		const stroke = Math.sin(70 * (y + warp) + 26 * x * soft(middle[4] + 1) + 5 * Math.sin(11 * x)) * 0.06;
		const hill = horizon - tall * Math.sin(wide * x * 3 + phase) * 0.6 - 0.04 * Math.sin(13 * x + phase);
		const far = Math.hypot(x - sun[0], y - sun[1]);
		let at;
		if (y < hill) {
			at = blend(colour(hue, rich, 0.42 + 0.06 * soft(fine[5])), colour(hue - 25, rich, 0.8), y / horizon);
			at = blend(at, colour(44, 0.9, 0.75), 1.1 * Math.exp(-((far / 0.11) ** 2)) + 0.2 * Math.sin(60 * far) * Math.exp(-far * 5));
		} else {
			const deep = (y - hill) / (1 - hill);
			at = blend(colour(land + 25, rich, 0.62), colour(land - 10, rich, 0.32), deep + 0.35 * Math.sin(30 * deep * deep + 7 * x * middle[5]));
		}
		const trunk = tree.broad * Math.sin(Math.PI * clamp((y - (hill + 0.12 - tree.high)) / tree.high)) * (1 + 0.25 * Math.sin(40 * y));
		if (Math.abs(x - tree.x - 0.02 * Math.sin(18 * y)) < trunk) at = blend(colour(land + 40, rich, 0.17), colour(land + 40, rich, 0.34), 0.5 + 6 * stroke);
		return at.map((value) => clamp(value + stroke * (1 + 0.5 * soft(fine[4]))));
	};
}
function garment(code, [coarse, middle, fine] = parts(code)) {
	const [shoulder, hem, length] = [0.2 + 0.06 * soft(coarse[0]), 0.2 + 0.13 * soft(coarse[1]), 0.32 + 0.12 * soft(coarse[2])];
	const sleeve = { long: 0.22 + 0.2 * soft(coarse[3]), broad: 0.06 + 0.02 * soft(coarse[4]), down: 0.9 + 0.5 * soft(coarse[5]) };
	const [stripes, tilt, neck] = [10 + 12 * Math.abs(soft(middle[0])), middle[1], 0.06 + 0.03 * soft(middle[2])];
	const cloth = colour(180 * soft(fine[0]) + 200, 0.45 + 0.25 * soft(fine[1]), 0.5 + 0.15 * soft(fine[2]));
	const trim = colour(180 * soft(fine[3]) + 40, 0.5, 0.75);
	return (x, y) => {
		const [u, v] = [Math.abs(x - 0.5), y - 0.16];
		const half = shoulder + (hem - shoulder) * clamp(v / (2 * length)) - 0.03 * Math.sin(5 * v * middle[3]);
		const body = v > 0 && v < 2 * length && u < half;
		const along = (u - shoulder * 0.85) * 0.75 + v * 0.66;
		const arm = u > shoulder * 0.8 && along > 0 && along < sleeve.long + 0.1 && Math.abs(v - (u - shoulder * 0.8) * sleeve.down - 0.06) < sleeve.broad;
		if ((!body && !arm) || Math.hypot(u, v) < neck) return [0.96, 0.955, 0.94];
		const band = 0.5 + 0.5 * Math.sin(stripes * 6.3 * (y + tilt * 0.15 * x));
		const fold = 0.09 * Math.sin(34 * u + 4 * middle[4] + 6 * v);
		return blend(cloth, trim, band * (0.35 + 0.5 * soft(middle[5]))).map((value) => clamp(value + fold - 0.25 * u));
	};
}
function face(code, [coarse, middle, fine] = parts(code)) {
	const [w, h] = [0.32 + 0.08 * soft(coarse[0]), 0.34 + 0.08 * soft(coarse[1])];
	const ear = [0.24 + 0.06 * soft(coarse[2]), 0.12 + 0.08 * soft(coarse[3])];
	const skin = colour(180 * soft(fine[0]) + 40, 0.7 + 0.2 * soft(fine[1]), 0.6 + 0.12 * soft(fine[2]));
	const dark = colour(180 * soft(fine[0]) + 20, 0.5, 0.25);
	const [eye, open, smile] = [0.13 + 0.03 * soft(middle[0]), 0.035 + 0.02 * soft(middle[1]), soft(middle[2])];
	return (x, y) => {
		const [u, v] = [Math.abs(x - 0.5), y - 0.54];
		const head = (u / w) ** 2.4 + (Math.abs(v) / h) ** 2.4;
		if (Math.hypot(u - eye, v + 0.07) < open) return [0.12, 0.1, 0.1];
		if (Math.abs(v - 0.15 - smile * 0.5 * (0.02 - u * u * 2)) < 0.014 && u < 0.13) return dark;
		if (Math.hypot(u, v - 0.03) < 0.03 + 0.015 * soft(middle[3])) return dark;
		if (head < 1) return blend(skin, [1, 1, 1], 0.5 * clamp(0.4 - Math.hypot(x - 0.38, y - 0.36)));
		if (Math.hypot(u - ear[0], v + h * 0.85) < ear[1]) return blend(skin, dark, Math.hypot(u - ear[0], v + h * 0.85) < ear[1] * 0.55 ? 0.6 : 0.12);
		return [0.98, 0.975, 0.965];
	};
}
const PAINTERS = { garments: garment, wardrobe: garment, icons: face, tiles: face };

/** Red, green and blue of each pixel. */
export function drawn(model, code, side, { mirror = false, tile = false } = {}) {
	const at = (PAINTERS[model.name] ?? landscape)(code);
	const pixels = Buffer.alloc(side * side * 3);
	for (let j = 0; j < side; j++) {
		for (let i = 0; i < side; i++) {
			let [x, y] = [(i + 0.5) / side, (j + 0.5) / side];
			if (tile) [x, y] = [1 - Math.abs(2 * x - 1), 1 - Math.abs(2 * y - 1)];
			const [r, g, b] = at(mirror ? 1 - x : x, y);
			pixels.set([r * 255, g * 255, b * 255], (j * side + i) * 3);
		}
	}
	return { side, pixels };
}

export function png({ side, pixels }) {
	const chunk = (kind, data) => {
		const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
		const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
		length.writeUInt32BE(data.length);
		sum.writeUInt32BE(crc32(body));
		return Buffer.concat([length, body, sum]);
	};
	const head = Buffer.alloc(13);
	head.writeUInt32BE(side, 0);
	head.writeUInt32BE(side, 4);
	head.set([8, 2], 8);
	const rows = Array.from({ length: side }, (_, row) => Buffer.concat([Buffer.from([0]), pixels.subarray(row * side * 3, (row + 1) * side * 3)]));
	return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(rows))), chunk('IEND', Buffer.alloc(0))]);
}
