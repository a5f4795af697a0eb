// A studio that asks for its token: nothing is seen without it, and with it everything works as elsewhere.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { needsProgram, ownServer } from './own.mjs';

const TOKEN = 'rather-a-long-one-0123456789';
const server = ownServer(7932, ['--token', TOKEN]);
const { SIZES, accessible, close, fits, visit } = await import('./studio.mjs');

after(async () => {
	await close();
	await server.end();
});

// What is refused is an error to the browser.
const refused = [/401|Failed to load resource/];
const locked = (page) => page.getByRole('heading', { name: 'This studio is locked' });

if (!needsProgram.skip) await server.start();
for (const size of SIZES) {
	test(`a locked studio, ${size.name}`, needsProgram, async () => {
		await visit(size, '/', async (page) => {
			await locked(page).waitFor();
			await accessible(page, 'the locked studio');
			await fits(page, 'the locked studio');
			await page.keyboard.type('not the token at all');
			await page.keyboard.press('Enter');
			await page.getByText('That is not the token.').waitFor();
			await page.getByLabel('Its token').fill(TOKEN);
			await page.getByRole('button', { name: 'Come in' }).click();
			await locked(page).waitFor({ state: 'hidden' });
			await page.getByText('Drop it here, paste it').first().waitFor();
			// The browser keeps the session, not the token.
			await page.reload();
			await page.getByText('Drop it here, paste it').first().waitFor();
			assert.equal(await locked(page).count(), 0);
			const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
			assert.ok(!kept.includes(TOKEN), 'the token lies where scripts can read it');
		}, refused);
	});

	test(`a link with the token, ${size.name}`, needsProgram, async () => {
		await visit(size, `/#token=${TOKEN}`, async (page) => {
			await page.getByText('Drop it here, paste it').first().waitFor();
			assert.ok(!page.url().includes(TOKEN), 'the token stays in the address');
		}, refused);
	});
}
