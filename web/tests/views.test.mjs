import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SIZES, accessible, begin, choosePhoto, close, fits, needsPhotos, paintFull, photos, visit } from './studio.mjs';

after(close);
const go = (page, name) => page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: new RegExp(`^${name}`) }).click();

for (const size of SIZES) {
	test(`queue, ${size.name}`, needsPhotos, () =>
		visit(size, '/', async (page) => {
			// Several photographs are a batch.
			await choosePhoto(page, photos.slice(8, 12));
			await page.getByRole('button', { name: /^Paint all 4/ }).waitFor();
			await page.getByRole('button', { name: /^The Starry Night/ }).first().click();
			await page.getByRole('button', { name: /^Paint all 4/ }).click();
			await page.getByText('4 paintings are on their way.').waitFor({ timeout: 120_000 });
			await go(page, 'Queue');
			await page.getByRole('heading', { name: /^4 photographs|History/ }).first().waitFor();
			await accessible(page, 'queue');
			await fits(page, 'queue');
			const all = page.getByRole('button', { name: 'Cancel all' }).first();
			// A quick machine may be done before the click: then there is nothing to cancel.
			if (await all.isVisible()) await all.click({ timeout: 5000 }).catch(() => undefined);
			await page.getByRole('heading', { name: 'History' }).waitFor();
			await page.waitForFunction(() => !document.querySelector('[role=progressbar]'), null, { timeout: 180_000 });
			await accessible(page, 'history');
			const forget = page.getByRole('button', { name: /^Forget kodim/ });
			const count = await forget.count();
			assert.ok(count > 0);
			await forget.first().click();
			await page.waitForFunction((old) => document.querySelectorAll('button[aria-label^="Forget kodim"]').length < old, count);
		})
	);

	test(`gallery, ${size.name}`, needsPhotos, () =>
		visit(size, '/', async (page) => {
			await begin(page, photos[14], /Red Fuji/);
			await paintFull(page);
			await go(page, 'Gallery');
			await page.getByRole('heading', { name: 'Today' }).waitFor();
			await accessible(page, 'gallery');
			await fits(page, 'gallery');
			const tiles = page.locator('.gallery li');
			await tiles.first().locator('button').click();
			const dialog = page.getByRole('dialog');
			await dialog.getByText('How it was made').waitFor();
			await dialog.getByText(/Red Fuji/).first().waitFor();
			await accessible(page, 'one picture');
			await page.keyboard.press('f');
			await dialog.getByRole('button', { name: 'Favourite', pressed: true }).waitFor();
			await page.keyboard.press('f');
			await dialog.getByRole('button', { name: 'Favourite', pressed: false }).waitFor();

			// Deleted, and taken back.
			const name = await dialog.getByRole('heading', { level: 2 }).innerText();
			await page.keyboard.press('Delete');
			if (await dialog.isVisible()) await page.keyboard.press('Escape');
			await page.getByRole('button', { name: 'Undo' }).click();
			assert.equal(await page.getByRole('status').getByText(`Deleted ${name}.`).count(), 0);
			await page.getByLabel('Search the gallery').fill('no such picture at all');
			await page.getByRole('heading', { name: 'Nothing like that' }).waitFor();
			await page.getByRole('button', { name: 'Show everything' }).click();

			await tiles.first().locator('button').click();
			await dialog.getByRole('button', { name: 'Edit again' }).click();
			await page.getByAltText(/^The photograph/).waitFor();
			assert.equal(await page.getByRole('button', { name: /Red Fuji/ }).first().getAttribute('aria-pressed'), 'true');
		})
	);

	test(`generate, ${size.name}`, () =>
		visit(size, '/#/generate', async (page) => {
			await page.getByAltText('Sample 0').waitFor();
			await accessible(page, 'wall');
			await fits(page, 'wall');
			await page.getByRole('button', { name: 'Mark seed 0' }).click();
			await page.getByRole('button', { name: 'Make full size' }).click();
			await page.getByRole('heading', { name: 'Made' }).waitFor({ timeout: 180_000 });
			await page.getByRole('button', { name: 'As style' }).first().click();
			await page.getByRole('heading', { name: 'Styles' }).waitFor();
		})
	);

	test(`keys and colours, ${size.name}`, () =>
		visit(size, '/', async (page) => {
			await page.getByRole('heading', { name: 'Styles' }).waitFor();
			await page.keyboard.press('?');
			await page.getByRole('dialog', { name: 'Keys' }).waitFor();
			await accessible(page, 'help');
			await page.keyboard.press('Escape');
			await page.keyboard.press('t');
			assert.match(await page.evaluate(() => document.documentElement.dataset.theme ?? ''), /dark|light/);
			await accessible(page, 'other colours');
			for (const [key, heading] of [['2', 'Generate'], ['3', 'Train'], ['4', 'Gallery'], ['5', 'Queue'], ['1', 'Paint']]) {
				await page.keyboard.press(key);
				await page.getByRole('heading', { level: 1, name: heading }).waitFor({ state: 'attached' });
			}
		})
	);
}
