// Grids of samples as a training would give them: flowers that come out of a fog the longer it takes.
import { crc32, deflateSync } from 'node:zlib';

function png(width, height, pixel) {
	const rows = Buffer.alloc(height * (1 + width * 3));
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const colour = pixel(x, y);
			for (let c = 0; c < 3; c++) rows[y * (1 + width * 3) + 1 + x * 3 + c] = Math.max(0, Math.min(255, colour[c] * 255));
		}
	}
	const chunk = (kind, data) => {
		const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
		const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
		length.writeUInt32BE(data.length);
		sum.writeUInt32BE(crc32(body));
		return Buffer.concat([length, body, sum]);
	};
	const head = Buffer.alloc(13);
	head.writeUInt32BE(width, 0);
	head.writeUInt32BE(height, 4);
	head.set([8, 2, 0, 0, 0], 8);
	return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** Numbers that look drawn by lot, always the same ones. */
export const lot = (...seeds) => {
	const sum = seeds.reduce((all, seed, place) => all + seed * (12.9898 + 65.23 * place), 0.71);
	return (((Math.sin(sum) * 43758.5453) % 1) + 1) % 1;
};
const mix = (a, b, t) => a.map((value, i) => value * (1 - t) + b[i] * t);
const hue = (turn) => [0, 1 / 3, 2 / 3].map((shift) => 0.5 + 0.42 * Math.cos(2 * Math.PI * (turn + shift)));

/** `part` of the way, 0 to 1; `seed` makes it a run's own. */
export function grid(part, seed, side = 48, across = 6, down = 4) {
	const gap = 2;
	const quality = Math.min(1, part * 1.15) ** 0.7;
	return png(across * (side + gap) + gap, down * (side + gap) + gap, (px, py) => {
		const [i, j] = [Math.floor(px / (side + gap)), Math.floor(py / (side + gap))];
		const [u, v] = [((px % (side + gap)) - gap) / side - 0.5, ((py % (side + gap)) - gap) / side - 0.5];
		if (u < -0.5 || v < -0.5 || i >= across || j >= down) return [0.06, 0.06, 0.06];
		const cell = j * across + i;
		const [cx, cy] = [(lot(cell, seed, 1) - 0.5) * 0.25, (lot(cell, seed, 2) - 0.5) * 0.25];
		const radius = Math.hypot(u - cx, v - cy) * (1 + (1 - quality) * (lot(cell, 9) - 0.5));
		const petals = 5 + Math.floor(lot(cell, seed, 3) * 4);
		const edge = (0.26 + 0.12 * lot(cell, 4)) * (0.7 + 0.3 * Math.cos(petals * Math.atan2(v - cy, u - cx) + 6 * lot(cell, 5)));
		const soft = 0.01 + 0.28 * (1 - quality);
		const inside = 1 / (1 + Math.exp((radius - edge) / soft));
		const heart = 1 / (1 + Math.exp((radius - 0.07) / (soft * 0.6)));
		const ground = mix([0.16, 0.3, 0.14], [0.45, 0.55, 0.3], 0.5 + 0.5 * Math.sin(9 * u + 7 * v * lot(cell, 6)));
		const flower = mix(mix(ground, hue(lot(cell, seed, 7)), inside), [0.95, 0.8, 0.25], heart);
		const fog = [0.5 + 0.18 * Math.sin(u * 5 + cell), 0.46 + 0.15 * Math.cos(v * 6 - cell), 0.42 + 0.1 * Math.sin((u + v) * 7)];
		const noise = (1 - quality) * 0.35;
		return mix(fog, flower, quality).map((value, c) => value + noise * (lot(px, py, c) - 0.5));
	});
}
