// The server is killed under the page, which waits, comes back by itself and has lost nothing. It needs a server of its
// own: IMPASTO names the program.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const PORT = 7931;
process.env.STUDIO_URL = `http://127.0.0.1:${PORT}`;
const { SIZES, begin, close, needsPhotos, photos, visit } = await import('./studio.mjs');

const program = process.env.IMPASTO;
const data = mkdtempSync(join(tmpdir(), 'impasto-restart-'));
let server;
async function start() {
	server = spawn(program, ['serve', '--port', `${PORT}`, '--data-dir', data], { stdio: 'ignore' });
	for (let tries = 0; tries < 200; tries++) {
		if (await fetch(`${process.env.STUDIO_URL}/readyz`).then((answer) => answer.ok, () => false)) return;
		await new Promise((done) => setTimeout(done, 50));
	}
	throw new Error('the server does not start');
}
const killed = () => new Promise((done) => server.once('exit', done) && server.kill('SIGKILL'));

after(async () => {
	await close();
	if (server) await killed();
	rmSync(data, { recursive: true, force: true });
});

const skip = program ? needsPhotos : { skip: 'IMPASTO names no program to start and kill' };
test(`a killed server, ${SIZES[0].name}`, skip, async () => {
	await start();
	// What is asked while nobody is there is an error to the browser.
	const away = [/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|Failed to load resource/];
	await visit(SIZES[0], '/', async (page) => {
		await begin(page, photos[6], /The Great Wave/);
		const asked = page.waitForResponse((answer) => answer.url().endsWith('/v1/jobs') && answer.status() === 202);
		await page.keyboard.press('Control+Enter');
		await asked;
		await killed();
		await page.getByText('Reconnecting…').waitFor();
		await start();
		await page.getByText('Reconnecting…').waitFor({ state: 'hidden' });
		await page.getByAltText('The painting', { exact: true }).waitFor({ timeout: 120_000 });
		const jobs = await page.evaluate(async () => (await (await fetch('/v1/jobs')).json()).jobs);
		assert.deepEqual(jobs.map((job) => job.state), ['done'], 'once, and not lost');
	}, away);
});
