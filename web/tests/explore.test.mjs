// The generator explorer: directions, mixing, breeding, walks, and the finding of an own picture.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SIZES, accessible, base, close, fits, visit } from './studio.mjs';

after(close);
const scene = fileURLToPath(new URL('../../examples/scene.png', import.meta.url));
const LONG = 300_000;
const phone = (size) => size.width < 600;

/** The wall of a generator, with its first pictures painted. */
async function wallOf(page, model) {
	const choice = page.getByRole('button', { name: new RegExp(`^${model}`, 'i') });
	if ((await choice.getAttribute('aria-pressed')) !== 'true') await choice.click();
	await page.getByAltText('Sample 0', { exact: true }).waitFor();
}
const tile = (page, seed) => page.getByRole('button', { name: new RegExp(`^Seed ${seed}, `) });
const tiles = (page) => page.locator('button.tile');
async function section(page, name) {
	const part = page.locator('aside[aria-label=Settings] details').filter({ has: page.locator('summary', { hasText: name }) });
	if ((await part.getAttribute('open')) === null) await part.locator('summary').first().click();
	return part;
}
/** Marks by key, as the help says. */
async function mark(page, ...places) {
	for (const place of places) {
		await tiles(page).nth(place).focus();
		await page.keyboard.press('f');
	}
	await page.getByText(`${places.length} marked`).waitFor();
}
/** More like what is marked; waits for that generation on the wall. */
async function breed(page, generation) {
	await page.getByRole('button', { name: /^More like (this|these)$/ }).last().click();
	await page.getByText(`Generation ${generation}, 6 pictures`).waitFor({ timeout: LONG });
}
async function dragOnto(page, size, from, to) {
	await from.scrollIntoViewIfNeeded();
	const [a, b] = [await from.boundingBox(), await to.boundingBox()];
	const [x1, y1, x2, y2] = [a.x + a.width / 2, a.y + a.height / 2, b.x + b.width / 2, b.y + b.height / 2];
	if (!phone(size)) {
		await page.mouse.move(x1, y1);
		await page.mouse.down();
		await page.mouse.move((x1 + x2) / 2, (y1 + y2) / 2, { steps: 5 });
		await page.mouse.move(x2, y2, { steps: 5 });
		return () => page.mouse.up();
	}
	// A finger: it rests before it drags.
	const cdp = await page.context().newCDPSession(page);
	const send = (type, x, y) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints: x === undefined ? [] : [{ x, y }] });
	await send('touchStart', x1, y1);
	await page.waitForTimeout(500);
	for (let step = 1; step <= 6; step++) await send('touchMove', x1 + ((x2 - x1) * step) / 6, y1 + ((y2 - y1) * step) / 6);
	return () => send('touchEnd');
}
const dialog = (page, name) => page.getByRole('dialog', { name });

for (const size of SIZES) {
	test(`directions, ${size.name}`, () =>
		visit(size, '/#/generate', async (page) => {
			await wallOf(page, 'paintings');
			const part = await section(page, 'Directions');
			const find = part.getByRole('button', { name: 'Find directions' });
			await part.getByRole('button', { name: /^Find (directions|again)$/ }).waitFor();
			if (await find.isVisible()) {
				await accessible(page, 'no directions yet');
				await find.click();
				await part.getByRole('progressbar').waitFor();
			}
			const slider = part.getByRole('slider').first();
			await slider.waitFor({ timeout: LONG });
			await accessible(page, 'directions');
			await fits(page, 'directions');

			// The wall follows when the slider rests.
			const sample = page.getByAltText('Sample 0', { exact: true });
			await sample.scrollIntoViewIfNeeded();
			const before = await sample.getAttribute('src');
			await slider.focus();
			for (let i = 0; i < 5; i++) await page.keyboard.press('PageUp');
			assert.ok(Number(await slider.inputValue()) > 0);
			await sample.scrollIntoViewIfNeeded();
			await page.waitForFunction((old) => document.querySelector('img[alt="Sample 0"]')?.src !== old, before);

			// Live on one picture, large.
			await tile(page, 0).click();
			const large = dialog(page, 'Seed 0');
			const picture = large.getByAltText('Seed 0');
			await picture.waitFor();
			await page.locator('[role=dialog] [aria-busy=false], dialog[open] [aria-busy=false]').first().waitFor();
			const seen = await picture.getAttribute('src');
			await large.getByRole('slider').first().focus();
			await page.keyboard.press('Backspace');
			assert.equal(await large.getByRole('slider').first().inputValue(), '0');
			await page.waitForFunction((old) => document.querySelector('dialog[open] img')?.getAttribute('src') !== old, seen);
			await accessible(page, 'large');
			await fits(page, 'large');

			// A name of its own, which stays.
			const name = `warmth ${Date.now()}`;
			await large.getByRole('button', { name: /^Rename / }).first().click();
			await large.getByRole('textbox', { name: 'Name of the direction' }).fill(name);
			await page.keyboard.press('Enter');
			await large.getByRole('slider', { name, exact: true }).waitFor();
			await page.keyboard.press('Escape');
			await page.reload();
			await wallOf(page, 'paintings');
			await (await section(page, 'Directions')).getByRole('slider', { name, exact: true }).waitFor();
		})
	);

	test(`mixing, ${size.name}`, () =>
		visit(size, '/#/generate', async (page) => {
			await wallOf(page, 'wardrobe');
			await page.getByAltText('Sample 3', { exact: true }).waitFor();
			// Dragged on to another.
			const drop = await dragOnto(page, size, tile(page, 2), tile(page, 0));
			await page.locator('li.over').waitFor();
			await drop();
			const mixing = dialog(page, 'Mix styles');
			await mixing.getByAltText('Preview of seed 0 with styles of seed 2').waitFor();
			await accessible(page, 'mixing');
			await fits(page, 'mixing');
			const preview = mixing.getByAltText(/^Preview of/);
			const changed = async (change) => {
				const old = await preview.getAttribute('src');
				await change();
				await page.waitForFunction((src) => ![null, undefined, src].includes(document.querySelector('dialog img[alt^="Preview of"]')?.getAttribute('src')), old);
			};
			await changed(() => mixing.getByText('Coarse', { exact: true }).click());
			assert.equal(await mixing.getByRole('button', { name: 'Layer 1', exact: true }).getAttribute('aria-pressed'), 'true');
			await changed(() => mixing.getByRole('button', { name: 'Layer 5', exact: true }).click());
			await changed(() => mixing.getByRole('button', { name: 'The other way round' }).click());
			await mixing.getByAltText('Preview of seed 2 with styles of seed 0').waitFor();
			await page.keyboard.press('Escape');

			// By keyboard: M, an arrow, Enter.
			await tile(page, 0).focus();
			await page.keyboard.press('m');
			await page.getByText('Whose styles shall seed 0 take?').waitFor();
			await accessible(page, 'asked for the other');
			await page.keyboard.press('ArrowRight');
			await page.keyboard.press('Enter');
			await mixing.getByAltText('Preview of seed 0 with styles of seed 1').waitFor();
			await page.keyboard.press('Enter');
			await page.getByText('1 of yours, then fresh samples').waitFor({ timeout: LONG });
			await page.waitForFunction(() => document.querySelectorAll('button.tile')[0]?.querySelector('img')?.complete);
			await fits(page, 'mixed');

			// Off the wall, and back.
			await tiles(page).first().focus();
			await page.keyboard.press('Delete');
			await page.getByRole('button', { name: 'Undo' }).click();
			await page.getByText('1 of yours, then fresh samples').waitFor();

			// One layer cannot be mixed, and says so.
			await wallOf(page, 'tiles');
			await tile(page, 0).focus();
			await page.keyboard.press('m');
			await page.getByText(/makes its pictures in one layer/).first().waitFor();
			await tile(page, 0).click();
			assert.equal(await page.getByRole('dialog').getByRole('button', { name: 'Mix', exact: true }).isDisabled(), true);
		})
	);

	test(`breeding and the family tree, ${size.name}`, () =>
		visit(size, '/#/generate', async (page) => {
			await wallOf(page, 'icons');
			const part = await section(page, 'More like these');
			await part.getByRole('textbox', { name: 'Children, value' }).fill('6');
			await page.keyboard.press('Enter');
			await accessible(page, 'how children come to be');
			await mark(page, 0, 2);
			await breed(page, 1);
			assert.equal(await tiles(page).count(), 6);
			await mark(page, 1);
			await breed(page, 2);
			await accessible(page, 'generation 2');
			await fits(page, 'generation 2');

			// All of it is there after a reload.
			await page.reload();
			await page.getByText('Generation 2, 6 pictures').waitFor();
			await page.getByText('Family tree', { exact: true }).click();
			await page.getByRole('heading', { name: 'Generation 2' }).waitFor();
			const second = page.getByRole('list', { name: /^Generation 2/ });
			const broods = await second.count();
			assert.ok((await page.locator('.tree path').count()) >= 3, 'lines from parents to children');
			await accessible(page, 'family tree');
			await fits(page, 'family tree');

			// Back to the first generation, and another way from there.
			await page.getByRole('list', { name: /^Generation 1/ }).last().getByRole('button', { name: 'Back to child 4 of generation 1' }).click();
			await page.getByText('Generation 1, 6 pictures').waitFor();
			await page.getByText('1 marked').waitFor();
			await breed(page, 2);
			await page.getByText('Family tree', { exact: true }).click();
			await page.waitForFunction((many) => document.querySelectorAll('ul[aria-label^="Generation 2"]').length === many, broods + 1);
			await page.getByText('Wall', { exact: true }).click();
			await page.getByRole('button', { name: 'Fresh samples' }).click();
			await page.getByAltText('Sample 0', { exact: true }).waitFor();
		})
	);

	test(`a walk, ${size.name}`, () =>
		visit(size, '/#/generate', async (page) => {
			await wallOf(page, 'paintings');
			await page.getByAltText('Sample 2', { exact: true }).waitFor();
			for (const seed of [0, 1]) {
				await tile(page, seed).focus();
				await page.keyboard.press('w');
			}
			const drop = await dragOnto(page, size, tile(page, 2), page.getByRole('region', { name: 'Walk' }).getByRole('button', { name: /^Station 1/ }));
			await page.locator('.tray li.over').waitFor();
			await drop();
			const stations = page.getByRole('region', { name: 'Walk' }).getByRole('button', { name: /^Station/ });
			const order = () => stations.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label').replace(/^.*seed /, '')).join());
			assert.equal(await order(), '2,0,1');
			await stations.first().focus();
			await page.keyboard.press('Shift+ArrowRight');
			assert.equal(await order(), '0,2,1');
			await page.keyboard.press('Shift+ArrowRight');
			await page.keyboard.press('Shift+ArrowLeft');
			assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Station 2, seed 2');

			await page.getByRole('button', { name: 'Frames and pace' }).click();
			await page.getByRole('textbox', { name: 'Frames from one to the next, value' }).fill('6');
			await page.keyboard.press('Enter');
			await accessible(page, 'walk');
			await fits(page, 'walk');
			await page.getByRole('button', { name: /^Walk [\d.]+ s$/ }).click();
			const film = page.getByRole('dialog').locator('img').first();
			await film.waitFor({ timeout: LONG });
			const src = await film.getAttribute('src');
			assert.match(src, /\/content$/, 'the animation itself');
			const bytes = await page.evaluate(async (url) => {
				const response = await fetch(url);
				return [response.headers.get('content-type'), (await response.arrayBuffer()).byteLength];
			}, src);
			assert.equal(bytes[0], 'image/gif');
			await accessible(page, 'a walk that plays');
			await page.keyboard.press('Escape');
			await page.getByRole('button', { name: 'Put the walk away' }).click();
			await page.evaluate(() => (location.hash = '#/gallery'));
			const id = /files\/([^/]+)/.exec(src)[1];
			await page.locator(`.gallery img[src*="${id}"]`).waitFor();
		})
	);

	test(`find my picture, ${size.name}`, () =>
		visit(size, '/#/generate', async (page) => {
			await wallOf(page, 'paintings');
			const part = await section(page, 'Find my picture');
			await part.getByText('How thoroughly').click();
			await part.getByRole('textbox', { name: 'Steps, value' }).fill('50');
			await page.keyboard.press('Enter');
			await part.getByRole('textbox', { name: 'Starts, value' }).fill('1');
			await page.keyboard.press('Enter');
			await accessible(page, 'find my picture');
			await part.locator('input[type=file]').setInputFiles(scene);
			await page.getByRole('progressbar').first().waitFor();
			await page.getByAltText(/^Your picture, for which/).waitFor({ timeout: LONG });
			await page.getByText('1 of yours, then fresh samples').waitFor();
			await accessible(page, 'found');
			await fits(page, 'found');

			// It is a point as any other: made full size, and explored from when it comes back.
			await mark(page, 0);
			await page.getByRole('button', { name: 'Make full size' }).click();
			await page.getByRole('heading', { name: 'Made' }).waitFor({ timeout: LONG });
			await page.getByRole('button', { name: /^Open / }).first().click();
			const box = page.getByRole('dialog');
			await box.getByText('How it was made').waitFor();
			await accessible(page, 'made of it');
			const href = await box.getByRole('link', { name: 'Save', exact: true }).getAttribute('href');
			await box.getByRole('button', { name: 'Explore from it' }).click();
			await page.getByText('2 of yours, then fresh samples').waitFor();
			const made = Buffer.from(await (await fetch(base + href)).arrayBuffer());
			assert.deepEqual(made.subarray(1, 4), readFileSync(scene).subarray(1, 4));
			await (await section(page, 'Find my picture')).locator('input[type=file]').setInputFiles({ name: 'back.png', mimeType: 'image/png', buffer: made });
			// It tells how it was made, and is not looked for again.
			await page.getByText('3 of yours, then fresh samples').waitFor();
			const { jobs } = await (await fetch(`${base}/v1/jobs?limit=5`)).json();
			assert.ok(!jobs.some((job) => job.kind === 'project' && job.title?.includes('back.png')), 'looked for all the same');
		})
	);
}
