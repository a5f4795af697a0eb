// An animated GIF of frames, in colours of 6 x 7 x 6 levels.
const LEVELS = [6, 7, 6];

/** LZW with codes that never grow beyond 9 bits: the table is cleared before it would. */
function squeezed(indices) {
	const bytes = [];
	let [held, count] = [0, 0];
	const put = (code) => {
		held |= code << count;
		count += 9;
		while (count >= 8) {
			bytes.push(held & 255);
			held >>>= 8;
			count -= 8;
		}
	};
	indices.forEach((index, at) => {
		if (at % 254 === 0) put(256);
		put(index);
	});
	put(257);
	if (count) bytes.push(held & 255);
	const blocks = [8];
	for (let at = 0; at < bytes.length; at += 255) {
		const some = bytes.slice(at, at + 255);
		blocks.push(some.length, ...some);
	}
	return Buffer.from([...blocks, 0]);
}

export function gif(frames, fps) {
	const side = frames[0].side;
	const palette = Buffer.alloc(768);
	for (let i = 0; i < LEVELS[0] * LEVELS[1] * LEVELS[2]; i++) {
		const parts = [Math.floor(i / (LEVELS[1] * LEVELS[2])), Math.floor(i / LEVELS[2]) % LEVELS[1], i % LEVELS[2]];
		palette.set(parts.map((part, k) => Math.round((part * 255) / (LEVELS[k] - 1))), i * 3);
	}
	const word = (value) => [value & 255, value >> 8];
	const parts = [
		Buffer.from('GIF89a'),
		Buffer.from([...word(side), ...word(side), 0xf7, 0, 0]),
		palette,
		Buffer.from([0x21, 0xff, 11, ...Buffer.from('NETSCAPE2.0'), 3, 1, 0, 0, 0])
	];
	for (const { pixels } of frames) {
		const indices = Array.from({ length: side * side }, (_, at) => {
			// A little noise of order hides how few the colours are.
			const grain = (((at % side) * 7 + Math.floor(at / side) * 13) % 16) / 16 - 0.5;
			const level = (k) => Math.min(LEVELS[k] - 1, Math.max(0, Math.round((pixels[at * 3 + k] / 255) * (LEVELS[k] - 1) + grain * 0.6)));
			return (level(0) * LEVELS[1] + level(1)) * LEVELS[2] + level(2);
		});
		parts.push(Buffer.from([0x21, 0xf9, 4, 0, ...word(Math.round(100 / fps)), 0, 0, 0x2c, 0, 0, 0, 0, ...word(side), ...word(side), 0]), squeezed(indices));
	}
	return Buffer.concat([...parts, Buffer.from([0x3b])]);
}
