// A stand-in for the server, for work on the page: it speaks the same contract and forgets everything when it ends.
//
//   node mock/server.mjs [--port 7899] [--token SECRET] [--slow]
//
// With IMPASTO naming an impasto binary it paints for real; without, a painting is the photograph again. What generators make
// is a likeness always.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explorer } from './explore.mjs';
import { CSP, TYPES } from './headers.mjs';
import { ADJUSTMENTS, ARTISTS, GENERATORS, METHODS, STYLES } from './library.mjs';
import { sizeOf } from './size.mjs';
import { training } from './training.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const studio = join(here, '../../crates/impasto-server/studio');
const option = (name, fallback) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : fallback);
const port = Number(option('--port', '7899'));
const token = option('--token', null);
const slow = process.argv.includes('--slow');
const binary = process.env.IMPASTO;
const work = mkdtempSync(join(tmpdir(), 'studio-mock-'));


const files = new Map();
const jobs = new Map();
const models = { generators: GENERATORS, others: [] };
const presets = new Map();
const streams = new Set();
const log = [];
let count = 0;
const now = () => new Date().toISOString();
const newId = (kind) => `${kind}_${(++count).toString(36).padStart(6, '0')}`;

class Refusal extends Error {
	constructor(status, name, detail) {
		super(detail);
		this.body = { type: `https://impasto.invalid/problems/${name}`, title: name.replaceAll('-', ' '), status, detail };
	}
}
const lookUp = (map, id, what) => map.get(id) ?? fail(404, 'not-found', `There is no such ${what}.`);
function fail(...args) {
	throw new Refusal(...args);
}

const exploring = explorer(files, fail);

function tell(event, data) {
	log.push({ id: log.length + 1, event, data: JSON.stringify(data) });
	for (const stream of streams) write(stream, log.at(-1));
}
const write = (stream, { id, event, data }) => stream.write(`id: ${id}\nevent: ${event}\ndata: ${data}\n\n`);
const shown = ({ path: _, ...file }) => file;
function jobShown(job) {
	const queue = [...jobs.values()].filter((other) => other.state === 'queued').sort((a, b) => a.order - b.order);
	const { order: _, stop: __, ...rest } = job;
	return { ...rest, ahead: job.state === 'queued' ? queue.indexOf(job) : null };
}

function store(bytes, name, role, extra = {}) {
	const hash = createHash('sha256').update(bytes).digest('hex');
	const known = [...files.values()].find((file) => file.hash === hash && file.role === role && role !== 'result');
	if (known) return known;
	const size = sizeOf(bytes) ?? fail(415, 'unsupported-media', 'This is no picture that impasto can read.');
	const id = newId('f');
	const path = join(work, `${id}.${size.type.split('/')[1]}`);
	writeFileSync(path, bytes);
	// What a result carries inside the file stands beside it here.
	const twin = [...files.values()].find((file) => file.hash === hash && file.request);
	const file = {
		id, name, role, media_type: size.type, bytes: bytes.length, width: size.width, height: size.height, alpha: false, bits: 8,
		created: now(), favourite: false, job: null, request: twin?.request ?? null, missing: [], code: false, hash, path, ...extra
	};
	if (role !== 'result') exploring.returned(file, twin);
	files.set(id, file);
	tell('file', shown(file));
	return file;
}

const run = (args, signal) =>
	new Promise((resolve, reject) => {
		execFile('nice', ['-n', '10', binary, ...args], { signal }, (error, _, err) => (error ? reject(new Error(err || error.message)) : resolve()));
	});

/** Paints `request` and gives the bytes. */
async function paint(request, side, signal) {
	if (exploring.handles(request)) return exploring.preview(request, side);
	const original = request.content ? lookUp(files, request.content, 'picture') : null;
	if (request.kind === 'stylize' && !request.styles?.length) fail(422, 'validation', 'styles: at least one is needed.');
	if (!binary) {
		await new Promise((resolve) => setTimeout(resolve, 250));
		return readFileSync(original?.path ?? join(here, '../../examples/scene.png'));
	}
	const out = join(work, `${newId('p')}.jpg`);
	const adjust = Object.entries(request.adjust ?? {}).flatMap(([name, value]) => [`--${name.replace('_', '-')}`, String(value)]);
	if (request.kind === 'translate') return readFileSync(original.path);
	if (request.kind === 'adjust') await run(['adjust', original.path, '-o', out, ...adjust], signal);
	else {
		const args = request.styles.flatMap((use) => {
			const weight = use.weight ?? 1;
			if (use.artist) return ['--artist', `${use.artist}${use.layers ? '@' + use.layers.join('+') : ''}:${weight}`];
			return ['--style', `${use.file ? lookUp(files, use.file, 'picture').path : use.name}:${weight}`];
		});
		if (request.strength !== undefined) args.push('--strength', String(request.strength));
		if (request.preserve_color) args.push('--preserve-color', request.preserve_color);
		if (request.mask) args.push('--mask', lookUp(files, request.mask, 'mask').path, '--feather', String(request.feather ?? 0));
		if (request.invert_mask) args.push('--invert-mask');
		if (request.method) args.push('--method', request.method);
		const size = side ?? request.size;
		await run(['stylize', original.path, ...args, ...(size ? ['--size', String(size)] : []), ...adjust, '-o', out], signal);
	}
	return readFileSync(out);
}

async function workOff() {
	// Trainings go on beside the rest.
	const others = [...jobs.values()].filter((job) => job.kind !== 'train');
	if (others.some((job) => job.state === 'running')) return;
	const [job] = others.filter((one) => one.state === 'queued').sort((a, b) => a.order - b.order);
	if (!job) return;
	Object.assign(job, { state: 'running', started: now(), attempts: job.attempts + 1, stop: new AbortController() });
	tell('job', jobShown(job));
	for (const other of jobs.values()) if (other.state === 'queued') tell('job', jobShown(other));
	try {
		const steps = slow ? 40 : 6;
		for (let done = 0; done <= steps; done++) {
			await new Promise((resolve) => setTimeout(resolve, 200));
			if (job.stop.signal.aborted) throw new Error('cancelled');
			job.progress = { stage: 'paint', done, total: steps, message: 'Painting', eta_s: (steps - done) * 0.2 };
			tell('progress', { job: job.id, ...job.progress });
		}
		for (const { bytes, name, request, code } of exploring.handles(job.request) ? exploring.made(job.request) : []) {
			const file = store(bytes, name, 'result', { job: job.id, request, code: !!code });
			if (code) exploring.keep(file.id, code);
			job.results.push(shown(file));
		}
		if (job.kind === 'directions') job.notes.push('8 directions were found.');
		for (const request of exploring.handles(job.request) ? [] : [job.request]) {
			const content = files.get(request.content);
			const styles = (request.styles ?? []).map((use) => use.name ?? use.artist ?? 'own').join('+') || (request.kind === 'translate' && request.model);
			const name = `${content.name.replace(/\.\w+$/, '')}-${styles || 'adjusted'}.jpg`;
			const bytes = await paint(request, null, job.stop.signal);
			job.results.push(shown(store(bytes, name, 'result', { job: job.id, request })));
		}
		Object.assign(job, { state: 'done', finished: now() });
	} catch (error) {
		const cancelled = job.stop.signal.aborted;
		const detail = error instanceof Refusal ? error.message : 'The painting failed.';
		Object.assign(job, { state: cancelled ? 'cancelled' : 'failed', finished: now(), problem: cancelled ? null : { type: 'internal', title: 'internal', status: 500, detail } });
		if (!cancelled && !(error instanceof Refusal)) console.error(error);
	}
	tell('job', jobShown(job));
	void workOff();
}

const thumbs = new Map();
async function example(kind, name) {
	const key = `${kind} ${name}`;
	if (!thumbs.has(key)) {
		const make = async () => {
			const scene = join(here, '../../examples/scene.png');
			if (!binary) return readFileSync(scene);
			const out = join(work, `${kind}-${name}.jpg`);
			await run(['stylize', scene, `--${kind}`, name, '--size', '320', '-o', out]);
			return readFileSync(out);
		};
		// One after the other.
		thumbs.set(key, (thumbs.get('last') ?? Promise.resolve()).then(make));
		thumbs.set('last', thumbs.get(key).catch(() => undefined));
	}
	return thumbs.get(key);
}

const page = (list, url, key) => {
	const limit = Number(url.searchParams.get('limit') ?? 50);
	const before = url.searchParams.get('before');
	const sorted = list.reverse();
	const from = before ? sorted.findIndex((one) => one.id === before) + 1 : 0;
	const cut = sorted.slice(from, from + limit);
	return { [key]: cut, next: from + limit < sorted.length ? cut.at(-1).id : null };
};

const school = training({ jobs, files, models, artists: ARTISTS, presets, tell, fail, lookUp, newId, now, jobShown, shown, page: (...args) => page(...args) });

const routes = [
	...exploring.routes,
	...school.routes,
	['GET', 'status', () => ({ version: '0.1.0', device: 'cpu', queue: { queued: 0, running: 0 }, limits: { max_file_bytes: 67108864, max_pixels: 64e6, max_side: 16384, max_queued: 1000 } })],
	['GET', 'styles', () => ({ styles: STYLES })],
	['GET', 'artists', () => ({ artists: ARTISTS })],
	['GET', 'models', () => models],
	['GET', 'methods', () => ({ methods: METHODS, default: 'fusion' })],
	['GET', 'adjustments', () => ADJUSTMENTS],
	['GET', 'presets', () => ({ presets: [...presets].map(([name, request]) => ({ name, request })) })],
	['PUT', 'presets/:id', ({ id, json }) => (presets.set(id, json.request), {})],
	['DELETE', 'presets/:id', ({ id }) => (presets.delete(id), null)],
	['GET', 'styles/:id/thumb', async ({ id }) => await example('style', id)],
	['GET', 'artists/:id/thumb', async ({ id }) => await example('artist', id)],
	['POST', 'files', ({ url, body }) => shown(store(body, url.searchParams.get('name') ?? 'picture', url.searchParams.get('role') ?? 'content'))],
	['GET', 'files', ({ url }) => {
		const role = url.searchParams.get('role');
		const q = (url.searchParams.get('q') ?? '').toLowerCase();
		const text = (file) => `${file.name} ${JSON.stringify(file.request?.styles ?? '')} ${file.request?.method ?? ''}`.toLowerCase();
		return page([...files.values()].filter((file) => (!role || file.role === role) && text(file).includes(q)).map(shown), url, 'files');
	}],
	['GET', 'files/:id', ({ id }) => shown(lookUp(files, id, 'picture'))],
	['PATCH', 'files/:id', ({ id, json }) => {
		const file = Object.assign(lookUp(files, id, 'picture'), json);
		tell('file', shown(file));
		return shown(file);
	}],
	['DELETE', 'files/:id', ({ id }) => {
		lookUp(files, id, 'picture');
		files.delete(id);
		tell('file-gone', { id });
		return null;
	}],
	['GET', 'files/:id/:what', ({ id, what, url, response }) => {
		const file = lookUp(files, id, 'picture');
		if (what === 'code' && !file.code) fail(404, 'not-found', 'This picture lies in no space of a generator.');
		if (what === 'content' && url.searchParams.has('download')) response.setHeader('Content-Disposition', `attachment; filename="${file.name}"`);
		return readFileSync(file.path);
	}],
	['POST', 'preview', ({ json, signal }) => paint(json.request, json.side, signal)],
	['POST', 'jobs', ({ json, response }) => {
		const content = files.get(json.request.content);
		const job = {
			id: newId('j'), kind: json.request.kind, title: json.title ?? content?.name ?? json.request.model, batch: json.batch ?? null, state: 'queued', created: now(), started: null,
			finished: null, attempts: 0, progress: null, notes: [], request: json.request, results: [], problem: null, order: ++count
		};
		jobs.set(job.id, job);
		tell('job', jobShown(job));
		if (job.kind === 'train') school.begin(job);
		else void workOff();
		response.statusCode = 202;
		return jobShown(job);
	}],
	['GET', 'jobs', ({ url }) => {
		const states = url.searchParams.get('state')?.split(',');
		return page([...jobs.values()].filter((job) => !states || states.includes(job.state)).map(jobShown), url, 'jobs');
	}],
	['GET', 'jobs/:id', ({ id }) => jobShown(lookUp(jobs, id, 'job'))],
	['DELETE', 'jobs/:id', ({ id }) => {
		const job = lookUp(jobs, id, 'job');
		if (job.kind === 'train' && ['running', 'queued'].includes(job.state)) school.cancel(job);
		else if (job.state === 'running') job.stop.abort();
		else if (job.state === 'queued') {
			Object.assign(job, { state: 'cancelled', finished: now() });
			tell('job', jobShown(job));
		} else {
			jobs.delete(id);
			tell('job-gone', { id });
			return null;
		}
		return jobShown(job);
	}],
	['POST', 'jobs/:id/:what', ({ id, what }) => {
		const job = lookUp(jobs, id, 'job');
		if (what === 'front') job.order = Math.min(...[...jobs.values()].map((one) => one.order)) - 1;
		else Object.assign(job, { state: 'queued', problem: null, progress: null, finished: null, order: ++count });
		for (const one of jobs.values()) if (one.state === 'queued') tell('job', jobShown(one));
		void workOff();
		return jobShown(job);
	}]
];

function match(pattern, path) {
	const [want, have] = [pattern.split('/'), path.split('/')];
	if (want.length !== have.length) return null;
	const values = {};
	for (const [i, part] of want.entries()) {
		if (part.startsWith(':')) values[part.slice(1)] = decodeURIComponent(have[i]);
		else if (part !== have[i]) return null;
	}
	return values;
}

async function answer(request, response) {
	const url = new URL(request.url, 'http://mock');
	if (!url.pathname.startsWith('/v1/')) return pageFile(url.pathname, response);
	const path = url.pathname.slice(4);
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	const body = Buffer.concat(chunks);
	const json = request.headers['content-type']?.startsWith('application/json') && body.length ? JSON.parse(body.toString()) : null;
	if (token && path === 'session') {
		if (json.token !== token) fail(401, 'unauthorised', 'That is not the token.');
		response.setHeader('Set-Cookie', `session=${token}; HttpOnly; SameSite=Strict; Path=/`);
		return response.writeHead(204).end();
	}
	if (token && !request.headers.cookie?.includes(`session=${token}`)) fail(401, 'unauthorised', 'This studio needs its token.');
	if (path === 'events') {
		response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
		response.write(': hello\n\n');
		const after = Number(request.headers['last-event-id'] ?? url.searchParams.get('after') ?? log.length);
		if (after > log.length) response.write('event: reset\ndata: {}\n\n');
		for (const entry of log.slice(after)) write(response, entry);
		streams.add(response);
		response.on('close', () => streams.delete(response));
		return;
	}
	const abort = new AbortController();
	response.on('close', () => response.writableEnded || abort.abort());
	for (const [method, pattern, call] of routes) {
		const values = method === request.method ? match(pattern, path) : null;
		if (!values) continue;
		const result = await call({ ...values, url, body, json, response, signal: abort.signal });
		if (response.writableEnded) return;
		if (result === null) return response.writeHead(204).end();
		if (Buffer.isBuffer(result)) {
			response.setHeader('X-Seconds', '0.3');
			return response.setHeader('Content-Type', sizeOf(result)?.type ?? 'application/octet-stream').end(result);
		}
		return response.setHeader('Content-Type', 'application/json').end(JSON.stringify(result));
	}
	fail(404, 'not-found', 'There is nothing here.');
}

function pageFile(path, response) {
	const file = normalize(join(studio, path === '/' ? 'index.html' : path));
	if (!file.startsWith(studio) || !existsSync(file)) return response.writeHead(404).end();
	response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP });
	response.end(readFileSync(file));
}

createServer((request, response) => {
	answer(request, response).catch((error) => {
		if (response.headersSent || response.destroyed) return;
		const body = error instanceof Refusal ? error.body : { type: 'internal', title: 'internal', status: 500, detail: 'Something went wrong.' };
		if (!(error instanceof Refusal)) console.error(error);
		response.writeHead(body.status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(body));
	});
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
