// From a heap of photographs to a model of one's own: the whole way, and what an artist or a designer meets on it.
// The trainings are as small as they can be: on a slow machine each takes about a minute.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SIZES, accessible, base, begin, close, fits, needsPhotos, photos, visit } from './studio.mjs';

after(close);
const LONG = 300_000;
/** What other tests leave behind is not to be in the way. */
const mark = Date.now().toString(36).slice(-5);

const send = (path, method, body) =>
	fetch(`${base}/v1/${path}`, { method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });

/** A folder of photographs, with what else lies in folders. */
function folder(name, list) {
	const made = join(mkdtempSync(join(tmpdir(), 'studio-train-')), name);
	mkdirSync(join(made, 'deeper'), { recursive: true });
	for (const [row, photo] of list.entries()) copyFileSync(photo, join(made, row % 2 ? 'deeper' : '', `photo-${row}.png`));
	writeFileSync(join(made, 'notes.txt'), 'not a picture');
	writeFileSync(join(made, 'broken.png'), 'not a picture either');
	return made;
}
/** A collection that is there without a click. */
async function collection(name, list) {
	const { id } = await (await send('collections', 'POST', { name })).json();
	const files = [];
	for (const photo of list) {
		const stored = await fetch(`${base}/v1/files?role=data&name=${name}.png`, { method: 'POST', body: readFileSync(photo) });
		files.push((await stored.json()).id);
	}
	const changed = await send(`collections/${id}/files`, 'POST', { add: files, remove: [] });
	assert.ok(changed.ok, `${changed.status}`);
	return id;
}
/** Settings that end soon. */
async function small(page, steps) {
	const everything = page.getByText('Everything', { exact: true });
	await everything.click();
	const form = page.getByRole('complementary', { name: 'Start' });
	if (await form.getByLabel('Size', { exact: true }).first().isVisible()) await form.getByLabel('Size', { exact: true }).selectOption('32');
	for (const [field, value] of [[/^(Steps|Number of steps)$/i, steps], [/^(Batch|Batch size|Pictures a step)$/i, 4]]) {
		const input = form.locator('input:not([type=range])').and(form.getByLabel(field)).or(form.getByLabel(new RegExp(`${field.source.slice(0, -1)}, value$`, 'i'))).first();
		await input.fill(String(value));
		await input.press('Tab');
	}
}

for (const size of SIZES) {
	test(`collections, ${size.name}`, needsPhotos, () =>
		visit(size, '/#/train', async (page) => {
			await page.getByRole('heading', { level: 1, name: 'Train' }).waitFor();
			await page.getByRole('button', { name: 'Choose a folder of pictures' }).first().waitFor();
			await accessible(page, 'train');
			await fits(page, 'train');
			const name = `Trip ${size.width} ${mark}`;
			const from = folder(name, photos.slice(0, 5));
			// A folder becomes a collection of its name. What cannot be read is told, and does not end the rest.
			await page.locator('input[type=file][webkitdirectory]').first().setInputFiles(from);
			await page.getByRole('heading', { level: 1, name }).waitFor();
			await page.getByText('5 pictures brought').waitFor({ timeout: LONG });
			await page.getByText('2 not taken').click();
			await page.getByText(/notes\.txt/).waitFor();
			await page.getByText(/broken\.png/).waitFor();
			await page.getByText('can be learnt from').waitFor({ timeout: LONG });
			await accessible(page, 'collection');
			await fits(page, 'collection');
			await page.getByRole('button', { name: 'Put away' }).click();

			// One is taken out, by keyboard.
			const count = (of) => page.waitForFunction((n) => document.querySelectorAll('button[aria-label^="Mark "]').length === n, of);
			await count(5);
			await page.getByRole('button', { name: /^Mark / }).first().focus();
			await page.keyboard.press('Space');
			await page.getByRole('button', { name: 'Take out' }).click();
			await count(4);
			await page.getByText('4 pictures', { exact: true }).waitFor();

			// Large, and on to the next.
			await page.getByRole('button', { name: /^Enlarge/ }).first().click();
			const large = () => document.querySelector('dialog .big img')?.getAttribute('src');
			const before = await page.evaluate(large);
			await page.keyboard.press('ArrowRight');
			await page.waitForFunction((old) => document.querySelector('dialog .big img')?.getAttribute('src') !== old, before);
			await accessible(page, 'one picture');
			await page.keyboard.press('Escape');

			// Renamed, and deleted after being asked.
			await page.getByRole('button', { name: 'Rename' }).click();
			await page.getByLabel('Name', { exact: true }).fill(`${name} too`);
			await page.keyboard.press('Enter');
			await page.getByRole('heading', { level: 1, name: `${name} too` }).waitFor();
			await page.getByRole('button', { name: 'Delete this collection' }).click();
			await accessible(page, 'asked');
			await page.getByRole('button', { name: 'Leave it' }).click();
			await page.getByRole('button', { name: 'Delete this collection' }).click();
			await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
			await page.getByRole('heading', { level: 1, name: 'Train' }).waitFor();
			assert.equal(await page.getByText(`${name} too`, { exact: true }).count(), 0);
			rmSync(join(from, '..'), { recursive: true });
		}, [/status of 4(00|15|22)/])
	);

	test(`a training, ${size.name}`, { ...needsPhotos, timeout: 15 * 60_000 }, async () => {
		const name = `Views ${size.width} ${mark}`;
		const set = await collection(name, photos.slice(0, 6));
		await visit(size, `/#/train/collection/${set}`, async (page) => {
			page.setDefaultTimeout(120_000);
			await page.getByRole('button', { name: 'Train with these' }).click();
			await page.getByRole('heading', { name: 'What shall it make?' }).waitFor();
			await page.getByRole('button', { name: /generator/i, pressed: true }).waitFor();
			await page.getByText('Recommended for a generator').waitFor();
			await small(page, 20);
			await accessible(page, 'new');
			await fits(page, 'new');
			await page.getByRole('button', { name: 'Start training' }).click();

			// It runs: samples come, figures come, and it ends.
			await page.getByRole('heading', { level: 1, name }).waitFor();
			await accessible(page, 'run');
			await page.getByRole('img', { name: /^Samples of/ }).first().waitFor({ timeout: LONG });
			await page.getByRole('list', { name: 'Curves' }).getByRole('button').first().waitFor({ timeout: LONG });
			await fits(page, 'run');
			await page.getByRole('complementary', { name: 'Run' }).getByText('Done', { exact: true }).waitFor({ timeout: LONG });

			// The chart: read by keys, curves turned off and on, another scale.
			const chart = page.getByRole('slider', { name: /step to read$/ });
			await chart.focus();
			await page.keyboard.press('Home');
			const first = await chart.getAttribute('aria-valuetext');
			await page.keyboard.press('End');
			assert.notEqual(await chart.getAttribute('aria-valuetext'), first);
			const curve = page.getByRole('list', { name: 'Curves' }).getByRole('button').first();
			const was = await curve.getAttribute('aria-pressed');
			await curve.click();
			assert.notEqual(await curve.getAttribute('aria-pressed'), was);
			await curve.click();
			await page.getByText('Log', { exact: true }).click();
			await page.getByText('Linear', { exact: true }).click();
			await accessible(page, 'curves');

			// Two grids, divided by a line, where there are two.
			const compare = page.getByRole('button', { name: 'Compare two steps' });
			if (await compare.isVisible()) {
				await compare.click();
				const line = page.getByRole('slider', { name: 'Between two steps' });
				await line.focus();
				await page.keyboard.press('Home');
				assert.equal(await line.getAttribute('aria-valuenow'), '0');
				await page.getByRole('slider', { name: 'Left of the line: step', exact: true }).press('Home');
				await accessible(page, 'two steps');
				await fits(page, 'two steps');
				await compare.click();
			}

			// Kept, under a name that has to be one.
			const model = `views-${size.width}-${mark}`;
			await page.getByRole('button', { name: 'Keep the model' }).click();
			const field = page.getByRole('dialog').getByLabel('Name', { exact: true });
			await field.fill('Not A Name');
			await page.getByText('Lower case letters').waitFor();
			assert.equal(await page.getByRole('button', { name: 'Keep', exact: true }).isDisabled(), true);
			await accessible(page, 'keep');
			await field.fill(model);
			await page.getByRole('button', { name: 'Keep', exact: true }).click();
			await page.getByRole('heading', { name: `Kept as ${model}` }).waitFor();
			await page.getByRole('dialog').getByRole('button', { name: 'Generate with it' }).click();
			await page.getByRole('heading', { level: 1, name: 'Generate' }).waitFor({ state: 'attached' });
			await page.getByRole('button', { name: new RegExp(`^${model}`), pressed: true }).waitFor();

			// It stands among the kept ones, with its card, and goes when told to.
			await page.getByRole('link', { name: /^Train/ }).click();
			await page.getByRole('button', { name: `Card of ${model}` }).click();
			await page.getByRole('dialog').getByRole('heading').first().waitFor();
			await accessible(page, 'card');
			await page.keyboard.press('Escape');
			await accessible(page, 'all of it');
			await fits(page, 'all of it');
			const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Download ${model}` }).click()]);
			assert.ok(readFileSync(await download.path()).length > 0);
			await page.getByRole('button', { name: `Delete ${model}` }).click();
			await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
			await page.getByRole('button', { name: `Card of ${model}` }).waitFor({ state: 'detached' });

			// The queue leads to it.
			await page.getByRole('link', { name: /^Queue/ }).click();
			await page.getByRole('link', { name }).first().click();
			await page.getByRole('heading', { level: 1, name }).waitFor();
		});
		const { runs } = await (await send('runs', 'GET')).json();
		for (const run of runs.filter((one) => one.name === name)) await send(`runs/${run.id}`, 'DELETE');
		await send(`collections/${set}`, 'DELETE');
	});

	test(`pause, go back, compare, ${size.name}`, { ...needsPhotos, timeout: 15 * 60_000 }, async () => {
		const name = `Long ${size.width} ${mark}`;
		const set = await collection(name, photos.slice(6, 12));
		const request = { kind: 'train', what: 'gan', sources: { data: [set] }, settings: { steps: 3000, batch: 2 }, size: [32, 32] };
		const ids = [];
		for (const title of [`${name} one`, `${name} two`]) {
			const made = await send('jobs', 'POST', { title, request });
			assert.equal(made.status, 202);
			ids.push((await made.json()).id);
		}
		await visit(size, `/#/train/run/${ids[0]}`, async (page) => {
			page.setDefaultTimeout(120_000);
			const panel = page.getByRole('complementary', { name: 'Run' });
			await panel.getByText('Training', { exact: true }).waitFor({ timeout: LONG });
			await page.getByRole('list', { name: 'Curves' }).getByRole('button').first().waitFor({ timeout: LONG });
			await panel.getByRole('button', { name: 'Pause' }).click();
			await panel.getByText('Paused', { exact: true }).waitFor({ timeout: LONG });
			await panel.getByText('One moment').waitFor({ state: 'detached', timeout: LONG });
			await accessible(page, 'paused');
			const back = panel.getByLabel('Go back to');
			if (await back.isVisible()) {
				await back.selectOption({ index: 1 });
				await page.getByRole('dialog').getByRole('button', { name: 'Go back' }).click();
				await page.getByRole('dialog').waitFor({ state: 'detached' });
			}
			await panel.getByRole('button', { name: /^(Go on|Start)$/ }).click();
			await panel.getByText(/^(Training|Waiting its turn)$/).waitFor({ timeout: LONG });
			await panel.getByRole('button', { name: 'Pause' }).click();
			await panel.getByText('Paused', { exact: true }).waitFor({ timeout: LONG });

			// The other begins; beside each other.
			await page.goto(`${base}/#/train`);
			await page.getByRole('button', { name: 'Compare', exact: true }).click();
			await page.getByRole('button', { name: new RegExp(`${name} one`) }).click();
			await page.getByRole('button', { name: new RegExp(`${name} two`) }).click();
			await accessible(page, 'choosing');
			await page.getByRole('link', { name: 'Compare', exact: true }).click();
			await page.getByRole('heading', { level: 1, name: 'Side by side' }).waitFor();
			await page.getByRole('link', { name: `${name} one` }).waitFor();
			await page.getByLabel('Figure').selectOption({ index: 0 });
			await accessible(page, 'side by side');
			await fits(page, 'side by side');

			// Deleted, asked once.
			for (const id of ids) {
				await page.goto(`${base}/#/train/run/${id}`);
				await page.getByRole('complementary', { name: 'Run' }).waitFor();
				const pause = panel.getByRole('button', { name: 'Pause' });
				if (await pause.isVisible()) await pause.click();
				await panel.getByRole('button', { name: 'Delete this run' }).click({ timeout: LONG });
				await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
				await page.getByRole('heading', { level: 1, name: 'Train' }).waitFor();
			}
			assert.equal(await page.getByText(`${name} one`).count(), 0);
			// Where a checkpoint is still being written, what follows is refused at first, and tried again.
		}, [/status of 409/]);
		await send(`collections/${set}`, 'DELETE');
	});

	test(`presets as files, ${size.name}`, needsPhotos, () =>
		visit(size, '/', async (page) => {
			await begin(page, photos[1]);
			const name = `Wave ${size.width} ${mark}`;
			await page.getByText('Presets', { exact: true }).first().click();
			await page.getByLabel('Name of the preset').fill(name);
			await page.getByLabel('Name of the preset').press('Enter');
			const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Save ${name} as file` }).click()]);
			const read = JSON.parse(readFileSync(await download.path(), 'utf8'));
			assert.equal(read.impasto_preset, 1);
			assert.equal(read.request.styles[0].name, 'great-wave');
			await accessible(page, 'presets');

			await page.getByRole('button', { name: `Remove ${name}` }).click();
			await page.getByRole('button', { name: /^The Scream/ }).first().click();
			const input = page.locator('input[type=file][accept*=json]');
			await input.setInputFiles({ name: 'preset.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(read)) });
			await page.getByText(`Opened “${read.name}”.`).waitFor();
			assert.equal(await page.getByRole('button', { name: /^The Great Wave/ }).first().getAttribute('aria-pressed'), 'true');
			await input.setInputFiles({ name: 'other.json', mimeType: 'application/json', buffer: Buffer.from('{"a": 1') });
			await page.getByText('That file holds no preset of impasto.').waitFor();
			await page.getByRole('button', { name: `Remove ${read.name}` }).click();
		})
	);
}
