// The stand-in's trainings: collections, runs that pretend to learn, and models kept of them.
import { grid, lot } from './grid.mjs';
import { TRAINERS } from './trainers.mjs';

const TICK_MS = 250;
const STATE = { queued: 'queued', running: 'training', cancelled: 'paused', done: 'done', failed: 'failed' };
const ALGORITHMS = { gan: 'fastgan', artist: 'microast' };
const LENGTH = { gan: 20000, artist: 8000 };

export function training({ jobs, files, models, artists, presets, tell, fail, lookUp, newId, now, jobShown, shown, page }) {
	const collections = new Map();
	const runs = new Map();
	const cards = new Map();

	const collectionShown = ({ ids, order: _, ...one }) => ({ ...one, pictures: ids.length, covers: ids.slice(0, 6) });
	const named = (json, mine = null) => {
		const name = String(json?.name ?? '').trim();
		if (!name || name.length > 80) fail(422, 'validation', 'name: 1 to 80 characters are needed.');
		if ([...collections.values()].some((one) => one.name === name && one.id !== mine)) fail(409, 'conflict', `There is a collection called '${name}' already.`);
		return name;
	};
	function report(one) {
		const all = one.ids.map((id) => files.get(id)).filter(Boolean);
		const sides = all.map((file) => Math.min(file.width, file.height)).sort((a, b) => a - b);
		const rejected = all.filter((file) => Math.min(file.width, file.height) < 32).map((file) => ({ name: file.name, reason: `${file.width} x ${file.height} px is too small` }));
		const seen = new Map();
		const duplicates = [];
		for (const file of all) {
			if (seen.has(file.hash)) duplicates.push({ name: file.name, copy_of: seen.get(file.hash) });
			else seen.set(file.hash, file.name);
		}
		const usable = all.length - rejected.length - duplicates.length;
		const median = sides[sides.length >> 1] ?? 0;
		const side = [128, 64, 32, 16].find((size) => size <= 1.2 * median) ?? 16;
		const warnings = usable < 100 ? [`${usable} ${usable === 1 ? 'picture is' : 'pictures are'} very few: expect near copies; 100 or more are better`] : [];
		if (median < 32 && all.length) warnings.push(`the pictures are tiny: the middle short side is ${median} px`);
		return {
			pictures: all.length, usable, rejected, duplicates, sides: { least: sides[0] ?? 0, median, most: sides.at(-1) ?? 0 }, grey: false, warnings,
			recipe: usable < 2 ? null : {
				architecture: 'fastgan', size: [side, side], batch: 8, steps: 20000, augment: 'diffaugment', mirror: true,
				why: [
					'fastgan, since it is made for few pictures, below 5000',
					'diffaugment: so few pictures are learnt by heart, were they not shown changed at random',
					`${side} px, since the middle short side is ${median} px`,
					'mirrored, since left and right are alike over all pictures; not so with letters or faces with a parting',
					'20000 steps at least, since networks of this kind must see about 160000 pictures'
				]
			},
			imitation: usable < 2 ? { way: 'single', why: 'one work says little of a hand' } : usable < 10 ? { way: 'codes', why: 'a few works can be mixed, but not be learnt from' } : { way: 'artist', why: 'so many works are enough to learn a hand from' }
		};
	}

	/** A line of figures at a step: two networks that find their balance, with trouble on the way. */
	function figures(run, step) {
		const part = step / run.steps;
		const noise = (of, much) => (lot(step, run.seed, of) - 0.5) * much;
		const fall = Math.exp(-4 * part);
		const rate = 0.0002 * (run.halved ? 0.5 : 1);
		if (run.what !== 'gan') {
			return { content: 2.1 * fall + 0.9 + noise(1, 0.3), style: 6 * Math.exp(-7 * part) + 1.1 + noise(2, 0.4), adversarial: 0.7 + noise(3, 0.4), loss: 8 * fall + 2.5 + noise(4, 0.5), gradient: 0.2 * fall + 0.05 + noise(5, 0.02), rate };
		}
		return {
			generator: 0.9 + 1.4 * part + noise(1, 0.7), discriminator: 0.55 + 0.8 * fall + noise(2, 0.25), logit_real: 0.6 + part + noise(3, 0.5), logit_made: -0.5 - part + noise(4, 0.5),
			overfitting: Math.min(0.9, 0.15 + 0.6 * part + noise(5, 0.1)), augment: Math.min(0.6, part * 0.5), gradient: 0.03 + 0.1 * fall + Math.abs(noise(6, 0.03)), gradient_discriminator: 0.05 + 0.2 * fall + Math.abs(noise(7, 0.05)),
			penalty: 0.01 + 0.04 * fall, rate, ...(step % (run.every * 10) === 0 && { distance: 320 * fall + 42 + noise(8, 12) })
		};
	}
	function shownRun(run) {
		const job = lookUp(jobs, run.id, 'run');
		const { seed: _, every: __, halved: ___, lines, timer: ____, swung: _____, ...rest } = run;
		return {
			...rest, name: job.title, state: STATE[job.state], created: job.created, started: job.started, finished: job.finished, progress: job.progress, notes: job.notes, problem: job.problem, request: job.request,
			figures: lines.findLast((line) => line.metrics)?.metrics ?? {}, worries: lines.filter((line) => line.worry ?? line.trouble).map(({ step, worry, trouble }) => ({ step, text: worry ?? trouble })), checkpoints: run.checkpoints.slice(-5)
		};
	}
	const say = (run) => tell('job', jobShown(jobs.get(run.id)));
	const mark = (run, step) => {
		if (!run.samples.includes(step)) run.samples.push(step);
		if (!run.checkpoints.includes(step)) run.checkpoints.push(step);
	};
	const halt = (run, state, extra = {}) => {
		clearInterval(run.timer);
		const job = jobs.get(run.id);
		Object.assign(job, { state, finished: now(), ...extra });
		if (run.step) mark(run, run.step);
		say(run);
		next();
	};
	function work(run) {
		const job = jobs.get(run.id);
		const by = Math.max(1, Math.round(run.steps / 240));
		run.step = Math.min(run.steps, run.step + by);
		run.samples_per_second = 31 + 4 * lot(run.step, run.seed);
		if (run.step % run.every < by) run.lines.push({ step: run.step, samples_per_second: run.samples_per_second, metrics: figures(run, run.step) });
		if (run.step % run.sampling < by) mark(run, run.step);
		const part = run.step / run.steps;
		if (part > 0.3 && !run.lines.some((line) => line.worry)) run.lines.push({ step: run.step, worry: 'samples look alike: they differ by 34 % of what real pictures do' });
		if (part > 0.45 && !run.swung && run.what === 'gan') {
			const back = run.checkpoints.findLast((step) => step < run.step) ?? 0;
			run.lines.push({ step: run.step, trouble: 'the discriminator wins: it tells real pictures by 21 logits, and the generator learns little', back_to: back, changed: 'half the discriminator’s learning rate and 2 times the gradient penalty' });
			Object.assign(run, { swung: true, halved: true, step: back });
		}
		const eta = ((run.steps - run.step) / by) * (TICK_MS / 1000);
		job.progress = { stage: 'train', done: run.step, total: run.steps, message: `Step ${run.step} of ${run.steps}`, eta_s: eta };
		tell('progress', { job: job.id, ...job.progress });
		if (run.step >= run.steps) halt(run, 'done', { notes: ['Finished.'] });
	}
	function next() {
		const mine = [...jobs.values()].filter((job) => job.kind === 'train');
		if (mine.some((job) => job.state === 'running')) return;
		const job = mine.filter((one) => one.state === 'queued').sort((a, b) => a.order - b.order)[0];
		if (!job) return;
		const run = runs.get(job.id);
		Object.assign(job, { state: 'running', started: job.started ?? now(), finished: null, attempts: job.attempts + 1 });
		if (!run.samples.length) run.samples.push(0);
		say(run);
		run.timer = setInterval(() => work(run), TICK_MS);
	}
	function begin(job) {
		const { what, settings = {}, sources } = job.request;
		if (!TRAINERS.some((one) => one.name === what)) fail(422, 'validation', `what: there is no trainer '${what}'.`);
		for (const id of Object.values(sources ?? {}).flat()) lookUp(collections, id, 'collection');
		const steps = settings.steps ?? LENGTH[what] ?? 12000;
		runs.set(job.id, {
			id: job.id, what, algorithm: job.request.architecture ?? ALGORITHMS[what] ?? what, step: 0, steps, samples_per_second: null, samples: [], checkpoints: [], config: { algorithm: job.request.architecture ?? ALGORITHMS[what] ?? what, training: { steps }, settings: { batch: 8, ...settings } }, kept: [],
			lines: [], seed: runs.size + 3, every: Math.max(1, Math.round(steps / 400)), sampling: Math.max(1, Math.round(steps / 20)), halved: false, swung: false
		});
		next();
	}
	const runOf = (id) => lookUp(runs, id, 'run');
	const active = (run) => ['running', 'queued'].includes(jobs.get(run.id).state);

	function keep({ id, json, response }) {
		const run = runOf(id);
		const name = String(json?.name ?? '');
		if (!/^[a-z0-9-]{1,40}$/.test(name)) fail(422, 'validation', 'name: lower case letters, digits and hyphens, 1 to 40.');
		if (!run.checkpoints.length) fail(409, 'conflict', 'Nothing is finished yet that could be kept.');
		if (cards.has(name) || models.generators.some((one) => one.name === name)) fail(409, 'conflict', `There is a model called '${name}' already.`);
		const job = jobs.get(id);
		const { task } = TRAINERS.find((one) => one.name === run.what);
		const hands = task === 'stylizer' ? job.request.sources.paintings.map((one) => collections.get(one)?.name ?? 'artist') : [];
		const [side] = job.request.size ?? [64];
		const base = { name, title: job.title, licence: 'unknown', algorithm: run.algorithm, own: true };
		if (task === 'generator') models.generators.push({ ...base, width: side, height: side, layers: 5, classes: [] });
		else models.others.push({ ...base, task });
		for (const hand of hands) artists.push({ name: hand, title: hand, model: name });
		cards.set(name, `# ${job.title}\n\nA ${task} (**${run.algorithm}**), learnt in ${run.step} steps.\n\n## Pictures\n\n- Learnt from the collections of this studio\n- Size: \`${side} x ${side}\` px\n\n## Limits\n\nIt knows nothing but what it was shown. See https://impasto.invalid for more.\n\n| Figure | Value |\n| --- | --- |\n| steps | ${run.step} |\n| batch | 8 |\n`);
		run.kept.push(name);
		response.statusCode = 201;
		return { name, title: job.title, task, algorithm: run.algorithm, artists: hands };
	}
	function forget({ id }) {
		lookUp(cards, id, 'model of yours');
		cards.delete(id);
		for (const list of [models.generators, models.others]) list.splice(0, list.length, ...list.filter((one) => one.name !== id));
		artists.splice(0, artists.length, ...artists.filter((one) => one.model !== id));
		for (const run of runs.values()) run.kept = run.kept.filter((name) => name !== id);
		return null;
	}
	function rollBack({ id, json }) {
		const run = runOf(id);
		if (active(run)) fail(409, 'conflict', 'It is still training: pause it first.');
		if (!run.checkpoints.includes(json.step)) fail(404, 'not-found', 'There is no such checkpoint.');
		run.lines.push({ step: run.step, trouble: 'rolled back by hand', back_to: json.step, changed: 'nothing' });
		run.step = json.step;
		for (const list of ['samples', 'checkpoints']) run[list] = run[list].filter((step) => step <= json.step);
		const job = jobs.get(id);
		Object.assign(job, { state: 'cancelled', problem: null, progress: { ...job.progress, done: json.step } });
		say(run);
		return shownRun(run);
	}

	const routes = [
		['GET', 'collections', () => ({ collections: [...collections.values()].reverse().map(collectionShown) })],
		['POST', 'collections', ({ json, response }) => {
			const one = { id: newId('c'), name: named(json), created: now(), ids: [] };
			collections.set(one.id, one);
			response.statusCode = 201;
			return collectionShown(one);
		}],
		['GET', 'collections/:id', ({ id }) => collectionShown(lookUp(collections, id, 'collection'))],
		['PATCH', 'collections/:id', ({ id, json }) => collectionShown(Object.assign(lookUp(collections, id, 'collection'), { name: named(json, id) }))],
		['DELETE', 'collections/:id', ({ id }) => (lookUp(collections, id, 'collection'), collections.delete(id), null)],
		['POST', 'collections/:id/files', ({ id, json }) => {
			const one = lookUp(collections, id, 'collection');
			for (const file of json.add ?? []) lookUp(files, file, 'picture');
			const gone = new Set(json.remove ?? []);
			one.ids = [...new Set([...(json.add ?? []), ...one.ids])].filter((file) => !gone.has(file));
			return collectionShown(one);
		}],
		['GET', 'collections/:id/files', ({ id, url }) => page([...lookUp(collections, id, 'collection').ids].reverse().map((file) => shown(files.get(file))), url, 'files')],
		['GET', 'collections/:id/report', async ({ id }) => {
			await new Promise((resolve) => setTimeout(resolve, 700));
			return report(lookUp(collections, id, 'collection'));
		}],
		['GET', 'trainers', () => ({ trainers: TRAINERS })],
		['GET', 'runs', () => ({ runs: [...runs.values()].reverse().map(shownRun) })],
		['GET', 'runs/:id', ({ id }) => shownRun(runOf(id))],
		['DELETE', 'runs/:id', ({ id }) => {
			const run = runOf(id);
			if (active(run)) fail(409, 'conflict', 'It is still training: pause it first.');
			runs.delete(id);
			jobs.delete(id);
			tell('job-gone', { id });
			return null;
		}],
		['GET', 'runs/:id/log', ({ id, url }) => {
			// Lines are counted rather than steps: training goes back now and then.
			const after = Number(url.searchParams.get('after') ?? 0);
			const lines = runOf(id).lines.slice(after, after + 5000);
			return { lines, last: after + lines.length };
		}],
		['GET', 'runs/:id/samples/:step', ({ id, step }) => {
			const run = runOf(id);
			if (!run.samples.includes(Number(step))) fail(404, 'not-found', 'There are no samples of that step.');
			return grid(Number(step) / run.steps, run.seed);
		}],
		['POST', 'runs/:id/pause', ({ id, response }) => {
			const run = runOf(id);
			if (active(run)) halt(run, 'cancelled');
			response.statusCode = 202;
			return shownRun(run);
		}],
		['POST', 'runs/:id/resume', ({ id, response }) => {
			const run = runOf(id);
			if (active(run)) fail(409, 'conflict', 'It is training already.');
			Object.assign(jobs.get(id), { state: 'queued', problem: null });
			say(run);
			next();
			response.statusCode = 202;
			return shownRun(run);
		}],
		['POST', 'runs/:id/rollback', rollBack],
		['POST', 'runs/:id/keep', keep],
		['GET', 'models/:id/card', ({ id, response }) => {
			const text = lookUp(cards, id, 'card');
			response.setHeader('Content-Type', 'text/markdown; charset=utf-8');
			response.end(text);
			return undefined;
		}],
		['GET', 'models/:id/weights', ({ id, response }) => {
			lookUp(cards, id, 'model');
			response.setHeader('Content-Disposition', `attachment; filename="${id}.safetensors"`);
			return Buffer.alloc(64);
		}],
		['DELETE', 'models/:id', forget],
		['GET', 'presets/:id/file', ({ id, response }) => {
			response.setHeader('Content-Disposition', 'attachment; filename="preset.json"');
			return { impasto_preset: 1, name: id, request: lookUp(presets, id, 'preset') };
		}]
	];
	return { routes, begin, cancel: (job) => halt(runs.get(job.id), 'cancelled') };
}
