import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { SIZES, accessible, begin, close, fits, needsPhotos, paintFull, photos, visit } from './studio.mjs';

after(close);

for (const size of SIZES) {
	test(`paint, ${size.name}`, needsPhotos, () =>
		visit(size, '/', async (page) => {
			await page.getByRole('heading', { name: 'Bring a photograph' }).waitFor();
			await accessible(page, 'empty');
			await fits(page, 'empty');
			await begin(page, photos[22]);

			// The divider, by keyboard.
			const divider = page.getByRole('slider', { name: 'Before and after' });
			await divider.focus();
			await page.keyboard.press('ArrowRight');
			await page.keyboard.press('Home');
			assert.equal(await divider.getAttribute('aria-valuenow'), '0');
			await page.keyboard.press('Shift+ArrowRight');
			assert.equal(await divider.getAttribute('aria-valuenow'), '10');
			await accessible(page, 'preview');
			await fits(page, 'preview');

			// A change gives another preview; the old one stays until then.
			const before = await page.getByAltText('Preview of the painting').getAttribute('src');
			await page.getByRole('slider', { name: 'Strength', exact: true }).focus();
			for (let i = 0; i < 5; i++) await page.keyboard.press('PageDown');
			await page.waitForFunction((old) => document.querySelector('img.after')?.src !== old, before);
			await page.keyboard.press('Backspace');
			assert.equal(await page.getByRole('slider', { name: 'Strength', exact: true }).inputValue(), '1');

			// The mask: brushed, undone, done again.
			await page.getByRole('button', { name: 'Brush a mask' }).first().click();
			const canvas = await page.getByRole('application').boundingBox();
			const stored = page.waitForResponse((response) => response.url().includes('role=mask') && response.ok());
			await page.mouse.move(canvas.x + canvas.width * 0.3, canvas.y + canvas.height * 0.4);
			await page.mouse.down();
			await page.mouse.move(canvas.x + canvas.width * 0.6, canvas.y + canvas.height * 0.6, { steps: 10 });
			await page.mouse.up();
			await stored;
			await accessible(page, 'mask');
			await fits(page, 'mask');
			await page.keyboard.press('Control+z');
			assert.equal(await page.getByRole('button', { name: 'Undo' }).isDisabled(), true);
			await page.keyboard.press('Control+Shift+z');
			assert.equal(await page.getByRole('button', { name: 'Undo' }).isDisabled(), false);
			await page.getByRole('toolbar', { name: 'Mask' }).getByRole('button', { name: 'Done' }).click();

			// Full size, saved.
			await paintFull(page);
			await accessible(page, 'result');
			const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Control+s')]);
			const bytes = readFileSync(await download.path());
			assert.ok(bytes.length > 10_000, 'the painting is a file');

			// All of it comes back after a reload.
			await page.reload();
			await page.getByAltText('The painting', { exact: true }).waitFor();
			assert.equal(await page.getByRole('button', { name: /^The Great Wave/ }).first().getAttribute('aria-pressed'), 'true');
		})
	);

	test(`a painting brings its settings back, ${size.name}`, needsPhotos, () =>
		visit(size, '/', async (page) => {
			await begin(page, photos[3], /The Scream/);
			await page.getByRole('slider', { name: 'Strength', exact: true }).focus();
			await page.keyboard.press('PageDown');
			const strength = await page.getByRole('slider', { name: 'Strength', exact: true }).inputValue();
			await paintFull(page);
			const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Control+s')]);
			const painting = { name: download.suggestedFilename(), mimeType: 'image/png', buffer: readFileSync(await download.path()) };

			await page.evaluate(() => localStorage.clear());
			await page.goto('about:blank');
			await page.goto(process.env.STUDIO_URL ?? 'http://127.0.0.1:7899');
			await page.getByRole('heading', { name: 'Bring a photograph' }).waitFor();
			await page.locator('input[type=file]').first().setInputFiles(painting);
			await page.getByText(/^Settings restored/).waitFor();
			await page.getByRole('button', { name: /^The Scream/, pressed: true }).first().waitFor();
			assert.equal(await page.getByRole('slider', { name: 'Strength', exact: true }).inputValue(), strength);
		})
	);
}
