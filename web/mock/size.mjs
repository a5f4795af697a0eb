// Type and size of a picture, from its first bytes.
export function sizeOf(bytes) {
	if (bytes.length > 24 && bytes.readUInt32BE(0) === 0x89504e47) {
		return { type: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
	}
	if (bytes.length > 10 && bytes.toString('latin1', 0, 4) === 'GIF8') {
		return { type: 'image/gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
	}
	if (bytes.length > 30 && bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') {
		return { type: 'image/webp', width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
	}
	if (bytes.length > 4 && bytes.readUInt16BE(0) === 0xffd8) {
		let at = 2;
		while (at + 9 < bytes.length) {
			const marker = bytes.readUInt16BE(at);
			if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
				return { type: 'image/jpeg', height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
			}
			at += 2 + bytes.readUInt16BE(at + 2);
		}
	}
	return null;
}
