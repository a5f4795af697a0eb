// Writes the stamp by which the server's tests see whether the built page is that of these sources.
//
// The format, exactly. Of web/ these files count, where they exist:
//   everything below src/, static/ and scripts/, and package.json, package-lock.json, svelte.config.js,
//   vite.config.ts, tsconfig.json.
// Each gives the line `<sha256 of the file, hex><two spaces><path>\n`, the path relative to web/ with forward slashes.
// The lines are sorted by the bytes of their paths and joined. The stamp is the SHA-256 of that text in hex, and
// crates/impasto-server/studio/sources.sha256 holds it with one newline behind it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = join(dirname(fileURLToPath(import.meta.url)), '..');
const folders = ['src', 'static', 'scripts'];
const files = ['package.json', 'package-lock.json', 'svelte.config.js', 'vite.config.ts', 'tsconfig.json'];

const hex = (bytes) => createHash('sha256').update(bytes).digest('hex');
const inside = (folder) =>
	readdirSync(join(web, folder), { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile())
		.map((entry) => relative(web, join(entry.parentPath, entry.name)).split(sep).join('/'));

const text = [...folders.flatMap(inside), ...files.filter((file) => existsSync(join(web, file)))]
	.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
	.map((path) => `${hex(readFileSync(join(web, path)))}  ${path}\n`)
	.join('');
writeFileSync(join(web, '../crates/impasto-server/studio/sources.sha256'), hex(text) + '\n');
console.log(`sources: ${hex(text)}`);
