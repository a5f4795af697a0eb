// npm test: the journeys against the studio at STUDIO_URL (default http://127.0.0.1:7899), one after the other.
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { base, needsPhotos } from './studio.mjs';

const there = await fetch(`${base}/v1/status`).then((response) => response.ok, () => false);
if (!there) {
	console.error(`No studio at ${base}: start one ('impasto serve', or 'npm run mock') or set STUDIO_URL.`);
	process.exit(1);
}
if (needsPhotos.skip) console.warn(`Skipped in part: ${needsPhotos.skip}.`);
const files = ['paint.test.mjs', 'views.test.mjs', 'explore.test.mjs', 'train.test.mjs', 'hostile.test.mjs', 'restart.test.mjs', 'locked.test.mjs'].map((name) => fileURLToPath(new URL(name, import.meta.url)));
run({ files, concurrency: false })
	.on('test:fail', () => (process.exitCode = 1))
	.compose(spec)
	.pipe(process.stdout);
