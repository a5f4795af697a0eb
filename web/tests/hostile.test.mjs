// Names, titles, presets and metadata that would be programs if anything took them for markup.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { SIZES, base, close, visit } from './studio.mjs';

after(close);

const RUN = 'window.__ran=(window.__ran||0)+1';
const PAYLOADS = [
	`<script>${RUN}</script>`,
	`"><script>${RUN}</script>`,
	`</title><script>${RUN}</script>`,
	`</textarea><script>${RUN}</script>`,
	`<scr<script>ipt>${RUN}</scr</script>ipt>`,
	`<SCRIPT SRC=//evil.example/x.js></SCRIPT>`,
	`<script>alert(1)</script>`,
	`<img src=x onerror=${RUN}>`,
	`<img src=x onerror="${RUN}">`,
	`"><img src=x onerror=${RUN}>`,
	`'><img src=x onerror=${RUN}>`,
	`<img/src=x/onerror=${RUN}>`,
	`<image src=x onerror=${RUN}>`,
	`<svg onload=${RUN}>`,
	`<svg/onload=${RUN}>`,
	`<svg><script>${RUN}</script></svg>`,
	`<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
	`<svg><a xlink:href="javascript:${RUN}"><text>x</text></a></svg>`,
	`<math><mtext></form><form><mglyph><style></math><img src onerror=${RUN}>`,
	`<iframe srcdoc="<script>parent.${RUN}</script>">`,
	`<iframe src="javascript:parent.${RUN}">`,
	`<object data="javascript:${RUN}">`,
	`<embed src="javascript:${RUN}">`,
	`<body onload=${RUN}>`,
	`<input autofocus onfocus=${RUN}>`,
	`<select autofocus onfocus=${RUN}>`,
	`<textarea autofocus onfocus=${RUN}>`,
	`<details open ontoggle=${RUN}>`,
	`<video><source onerror=${RUN}>`,
	`<audio src=x onerror=${RUN}>`,
	`<marquee onstart=${RUN}>`,
	`<a href="javascript:${RUN}">x</a>`,
	`<form action="javascript:${RUN}"><button>x</button></form>`,
	`<base href="//evil.example/">`,
	`<link rel=stylesheet href=//evil.example/x.css>`,
	`<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
	`<style>@import '//evil.example/x.css';</style>`,
	`<div style="background:url(javascript:${RUN})">x</div>`,
	`<template><script>${RUN}</script></template>`,
	`<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
	`javascript:${RUN}`,
	`data:text/html,<script>${RUN}</script>`,
	`{{constructor.constructor('${RUN}')()}}`,
	'${' + RUN + '}',
	`{@html '<img src=x onerror=${RUN}>'}`,
	`%3Cscript%3E${RUN}%3C/script%3E`,
	`&lt;img src=x onerror=${RUN}&gt;`,
	`\u202e<img src=x onerror=${RUN}>`,
	`<\u0000script>${RUN}</script>`.replace('\u0000', ''),
	`--><img src=x onerror=${RUN}><!--`
];

/** A PNG of 8 x 8 px that says it was made with a style called so; `number` makes its bytes its own. */
function picture(name, number) {
	const chunk = (kind, data) => {
		const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
		const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
		length.writeUInt32BE(data.length);
		sum.writeUInt32BE(crc32(body));
		return Buffer.concat([length, body, sum]);
	};
	const head = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0]);
	const rows = Buffer.alloc(8 * 25, number % 251);
	for (let row = 0; row < 8; row++) rows[row * 25] = 0;
	const told = {
		impasto: '0.1.0',
		job: { styles: [`${name}.jpg`], method: 'fusion', settings: {}, strength: 0.5, seed: number },
		content: { name: `${name}.png`, blake3: '0' },
		styles: [{ name: `${name}.jpg`, share: 1, blake3: '0' }]
	};
	const ascii = JSON.stringify(told).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
	return Buffer.concat([
		Buffer.from('89504e470d0a1a0a', 'hex'),
		chunk('IHDR', head),
		chunk('tEXt', Buffer.from(`impasto\0${ascii}`, 'latin1')),
		chunk('IDAT', deflateSync(rows)),
		chunk('IEND', Buffer.alloc(0))
	]);
}

const post = (path, method, body) =>
	fetch(base + path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

for (const size of SIZES) {
	test(`texts stay texts, ${size.name}`, async () => {
		const presets = [];
		const collections = [];
		for (const [number, payload] of PAYLOADS.entries()) {
			const named = encodeURIComponent(payload);
			const upload = await fetch(`${base}/v1/files?role=style&name=${named}`, { method: 'POST', body: picture(payload, number + size.width) });
			assert.ok(upload.ok, `${payload}: ${upload.status}`);
			const { id } = await upload.json();
			const request = { kind: 'adjust', content: id, adjust: { brightness: 0.1 } };
			const job = await post('/v1/jobs', 'POST', { request, title: payload.slice(0, 128), batch: payload.slice(0, 128) });
			assert.equal(job.status, 202, payload);
			const name = payload.slice(0, 80);
			const preset = await post(`/v1/presets/${encodeURIComponent(name)}`, 'PUT', {
				request: { kind: 'stylize', styles: [{ name: 'great-wave' }] }
			});
			if (preset.ok) presets.push(name);
			const collection = await post('/v1/collections', 'POST', { name });
			if (collection.ok) collections.push((await collection.json()).id);
		}
		assert.ok(presets.length > 40, `${presets.length} presets`);
		assert.ok(collections.length > 40, `${collections.length} collections`);
		try {
			await visit(size, '/', async (page) => {
				page.on('dialog', () => assert.fail('a dialog opened'));
				const harmless = async (where) => {
					await page.waitForTimeout(700);
					assert.equal(await page.evaluate(() => globalThis.__ran), undefined, where);
				};
				// Dropped: its recipe names pictures that are not here.
				await page
					.locator('input[type=file]')
					.first()
					.setInputFiles({ name: PAYLOADS[7], mimeType: 'image/png', buffer: picture(PAYLOADS[7], 9999 + size.width) });
				await harmless('paint');
				await page.getByText('Presets', { exact: true }).first().click();
				await harmless('presets');
				for (const view of ['gallery', 'queue', 'generate', 'train', `train/collection/${collections[0]}`, 'train/new']) {
					await page.evaluate((hash) => (location.hash = hash), `#/${view}`);
					await harmless(view);
				}
				await page.evaluate(() => (location.hash = '#/queue'));
				// What looks like markup is there to be read.
				await page.getByText('onerror=').first().waitFor();
			});
		} finally {
			await Promise.all(collections.map((id) => fetch(`${base}/v1/collections/${id}`, { method: 'DELETE' })));
			await Promise.all(presets.map((name) => fetch(`${base}/v1/presets/${encodeURIComponent(name)}`, { method: 'DELETE' })));
		}
	});
}
