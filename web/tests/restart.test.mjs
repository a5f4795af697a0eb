// The server is killed under the page, which waits, comes back by itself and has lost nothing.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { needsProgram, ownServer } from './own.mjs';

const server = ownServer(7931);
const { SIZES, begin, close, needsPhotos, photos, visit } = await import('./studio.mjs');

after(async () => {
	await close();
	await server.end();
});

test(`a killed server, ${SIZES[0].name}`, { ...needsPhotos, ...needsProgram }, async () => {
	await server.start();
	// What is asked while nobody is there is an error to the browser.
	const away = [/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|Failed to load resource/];
	await visit(SIZES[0], '/', async (page) => {
		await begin(page, photos[6], /The Great Wave/);
		const asked = page.waitForResponse((answer) => answer.url().endsWith('/v1/jobs') && answer.status() === 202);
		await page.keyboard.press('Control+Enter');
		await asked;
		await server.kill();
		await page.getByText('Reconnecting…').waitFor();
		await server.start();
		await page.getByText('Reconnecting…').waitFor({ state: 'hidden' });
		await page.getByAltText('The painting', { exact: true }).waitFor({ timeout: 120_000 });
		const jobs = await page.evaluate(async () => (await (await fetch('/v1/jobs')).json()).jobs);
		assert.deepEqual(jobs.map((job) => job.state), ['done'], 'once, and not lost');
	}, away);
});
