// What the journeys share: a browser on the studio, watched for errors, and axe.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const base = process.env.STUDIO_URL ?? 'http://127.0.0.1:7899';
const shared = process.env.IMPASTO_SHARED ?? join(here, '../../../shared');
const folder = join(shared, 'data/photos/kodak24');

/** Photographs to paint, or null where there are none: then tests that need them are skipped. */
export const photos = existsSync(folder)
	? readdirSync(folder)
			.filter((name) => name.endsWith('.png'))
			.sort()
			.map((name) => join(folder, name))
	: null;
export const needsPhotos = photos ? {} : { skip: `no photographs in ${folder}: set IMPASTO_SHARED` };

export const SIZES = [
	{ name: '1440x900', width: 1440, height: 900 },
	{ name: '390x844', width: 390, height: 844 }
];

let browser;
export async function close() {
	await browser?.close();
}

/** Opens the studio, hands it to `journey`, and fails if the page complained meanwhile; of answers that refuse something
 * on purpose the browser complains too, which `but` lets pass. */
export async function visit(size, path, journey, but = []) {
	browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
	const phone = size.width < 600;
	const context = await browser.newContext({
		viewport: { width: size.width, height: size.height },
		hasTouch: phone,
		colorScheme: phone ? 'light' : 'dark',
		reducedMotion: 'reduce',
		acceptDownloads: true
	});
	const page = await context.newPage();
	page.setDefaultTimeout(60_000);
	const complaints = [];
	page.on('console', (message) => message.type() === 'error' && !but.some((one) => one.test(message.text())) && complaints.push(message.text()));
	page.on('pageerror', (error) => complaints.push(String(error)));
	await page.addInitScript(() => {
		addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
	});
	const foreign = [];
	page.on('request', (request) => !request.url().startsWith(base) && !/^(blob|data):/.test(request.url()) && foreign.push(request.url()));
	try {
		await page.goto(base + path);
		await journey(page);
		assert.deepEqual(complaints, [], 'the page complained');
		assert.deepEqual(foreign, [], 'the page asked elsewhere');
	} finally {
		await context.close();
	}
}

/** No serious or critical fault for those who read with screen readers or keys. */
export async function accessible(page, where) {
	// The page's policy forbids injected scripts; what the debugger evaluates is not bound by it.
	await page.evaluate(axe);
	const faults = await page.evaluate(async () => {
		const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
		return violations
			.filter(({ impact }) => impact === 'serious' || impact === 'critical')
			.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
	});
	assert.deepEqual(faults, [], `axe, ${where}`);
}

/** Nothing hangs over the right edge. */
export async function fits(page, where) {
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	assert.ok(wide <= 0, `${where}: ${wide} px too wide`);
}

export const choosePhoto = (page, files) => page.locator('input[type=file]').first().setInputFiles(files);

/** A photograph on the easel and a style chosen: waits for the preview. */
export async function begin(page, photo, style = /The Great Wave/) {
	await choosePhoto(page, photo);
	await page.getByAltText(/^The photograph/).waitFor();
	await page.getByRole('button', { name: style }).first().click();
	await page.getByAltText('Preview of the painting').waitFor();
}

/** Paints what is on the easel and waits for the result. */
export async function paintFull(page) {
	await page.keyboard.press('Control+Enter');
	await page.getByAltText('The painting', { exact: true }).waitFor({ timeout: 180_000 });
}
