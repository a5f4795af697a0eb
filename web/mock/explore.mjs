// What the mock does about generators: places in their spaces, the pictures there, and the kinds of jobs that look for more.
import { gif } from './gif.mjs';
import { between, codeOfSeed, drawn, map, moved, normals, png } from './likeness.mjs';
import { GENERATORS } from './library.mjs';

const KINDS = ['generate', 'evolve', 'walk', 'project', 'directions'];
const SHARES = [0.31, 0.19, 0.13, 0.09, 0.06, 0.05, 0.04, 0.03];

/** `files` by id, and how requests are refused. */
export function explorer(files, fail) {
	/** File id -> where it lies. */
	const codes = new Map();
	const directions = new Map();
	const model = (name) => GENERATORS.find((one) => one.name === name) ?? fail(404, 'not-found', `There is no generator ${name}.`);

	function code(of, id) {
		if (!files.has(id)) fail(404, 'not-found', 'There is no such picture.');
		if (files.get(id).request?.model !== of.name || !codes.has(id)) fail(422, 'validation', 'codes: that picture lies in no space of this generator.');
		return codes.get(id);
	}
	const points = (of, request) => [...(request.seeds ?? []).map((seed) => [seed, codeOfSeed(of, seed)]), ...(request.codes ?? []).map((id) => [null, code(of, id), id])];
	function placed(of, request, start) {
		let now = start;
		if (request.mix) {
			if (of.layers < 2) fail(422, 'validation', 'mix: this generator has one layer; there is nothing to mix.');
			const other = request.mix.code ? code(of, request.mix.code) : codeOfSeed(of, request.mix.seed);
			now = now.map((layer, index) => (request.mix.layers.includes(index) ? other[index] : layer));
		}
		const { trunc = 1, moves = [] } = request;
		const kinds = (request.classes ?? []).map((use) => ({ direction: `class ${use.class}`, amount: 3 * (use.weight ?? 1) }));
		return moved(of, map(now, (value) => value * trunc), [...kinds, ...moves]);
	}
	/** Bytes of the picture at a place. */
	const seen = (of, at, request, side) => png(drawn(of, at, Math.min(side ?? of.width, Math.max(of.width, 128)), request));

	function preview(request, side) {
		const of = model(request.model);
		const [point] = points(of, request);
		if (!point) fail(422, 'validation', 'seeds: at least one is needed.');
		return seen(of, placed(of, request, point[1]), request, side);
	}

	/** What a job makes: pictures with their requests and places. */
	function* made(request) {
		const of = model(request.model);
		const all = points(of, request);
		if (request.kind === 'generate') {
			for (const [seed, start, id] of all) {
				const at = placed(of, request, start);
				const own = { ...request, seeds: seed === null ? [] : [seed], codes: seed === null ? [id] : [] };
				yield { bytes: seen(of, at, request), name: `${of.name}-${seed === null ? files.get(id).name.replace(/^.*?-|\.\w+$/g, '') : `seed${seed}`}.png`, request: own, code: at };
			}
		}
		if (request.kind === 'evolve') {
			const { children = 12, mutation = 0.3, seed = 0 } = request;
			for (let child = 0; child < children; child++) {
				const draw = normals(`${seed} ${child} ${JSON.stringify(request.codes)} ${request.seeds}`, 4 + of.layers * 6);
				const pick = (at) => all[Math.floor(Math.abs(draw[at] * 7919)) % all.length]?.[1] ?? codeOfSeed(of, `${seed} founder ${child}`);
				const at = map(between(pick(0), pick(1), 0.5 + 0.3 * draw[2]), (value, l, i) => value + 1.4 * mutation * draw[4 + l * 6 + i]);
				yield { bytes: seen(of, at, {}), name: `${of.name}-child${child + 1}.png`, request: { ...request, child }, code: at };
			}
		}
		if (request.kind === 'walk') {
			if (all.length < 2) fail(422, 'validation', 'seeds: a walk needs two pictures at least.');
			const { steps = 24, ease = 'smooth', closed = true, fps = 20 } = request;
			const stops = all.map(([, start]) => placed(of, request, start));
			const frames = [];
			for (let stop = 0; stop < stops.length - (closed ? 0 : 1); stop++) {
				for (let step = 0; step < steps; step++) {
					const part = step / steps;
					frames.push(drawn(of, between(stops[stop], stops[(stop + 1) % stops.length], ease === 'smooth' ? part * part * (3 - 2 * part) : part), 96));
				}
			}
			yield { bytes: gif(frames, fps), name: `${of.name}-walk.gif`, request };
		}
		if (request.kind === 'project') {
			const original = files.get(request.content) ?? fail(404, 'not-found', 'There is no such picture.');
			const at = codeOfSeed(of, original.hash);
			yield { bytes: seen(of, at, {}), name: `${original.name.replace(/\.\w+$/, '')}-${of.name}.png`, request, code: at };
		}
		if (request.kind === 'directions') {
			const count = Math.min(request.count ?? 8, SHARES.length);
			directions.set(of.name, SHARES.slice(0, count).map((share, index) => ({ name: `pca-${index + 1}`, effect: 4 * share, share })));
		}
	}
	/** A picture of ours comes back with the code that it carries. */
	function returned(file, twin) {
		if (!codes.has(twin?.id)) return;
		codes.set(file.id, codes.get(twin.id));
		Object.assign(file, { code: true, request: { kind: 'generate', model: twin.request.model, seeds: [], codes: [file.id] } });
	}

	const list = (name) => ({ directions: directions.get(model(name).name) ?? [] });
	const routes = [
		['GET', 'models/:id/directions', ({ id }) => list(id)],
		['PATCH', 'models/:id/directions/:way', ({ id, way, json }) => {
			const all = list(id).directions;
			const one = all.find(({ name }) => name === way) ?? fail(404, 'not-found', 'There is no such direction.');
			if (json.name !== way && all.some(({ name }) => name === json.name)) fail(409, 'conflict', `Another direction is called ${json.name}.`);
			one.name = json.name;
			return list(id);
		}]
	];
	return { handles: (request) => KINDS.includes(request.kind), preview, made, routes, returned, keep: (id, at) => codes.set(id, at) };
}
