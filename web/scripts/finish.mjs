// After the build: SvelteKit starts itself with a script inside index.html, which the server's Content-Security-Policy
// (script-src 'self') forbids. It is moved into a file beside the others, named by its content.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const out = join(dirname(fileURLToPath(import.meta.url)), '../../crates/impasto-server/studio');
const page = join(out, 'index.html');
let html = readFileSync(page, 'utf8');

html = html.replace(/<script>([\s\S]*?)<\/script>/g, (_, code) => {
	const text = code.replace(/^\t+/gm, '').trim() + '\n';
	const name = `start.${createHash('sha256').update(text).digest('hex').slice(0, 8)}.js`;
	// The script imports its neighbours relative to the page; from its own place they are relative to this folder.
	writeFileSync(join(out, '_app', name), text.replaceAll('"./_app/', '"./'));
	return `<script src="./_app/${name}" defer></script>`;
});
// `document.currentScript` is the moved script now, whose parent is where the page is to be drawn: unchanged.

for (const bad of [/<script>/, /<style/, /\sstyle=/, /https?:\/\//]) {
	if (bad.test(html)) throw new Error(`index.html still holds ${bad}`);
}
writeFileSync(page, html);

const size = (folder) =>
	readdirSync(folder, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile())
		.reduce((sum, entry) => sum + readFileSync(join(entry.parentPath, entry.name)).length, 0);
console.log(`studio: ${(size(out) / 1024).toFixed(0)} KiB`);
