// Learning from pictures: collections, trainers, runs, and the models that are kept of them.
import { at, json, query, send } from './client';
import type { Job, Picture, ProblemBody, Progress, Schema, Values } from './types';

export interface Collection {
	id: string;
	name: string;
	created: string;
	pictures: number;
	/** Up to six of its pictures. */
	covers: string[];
}

export interface Recipe {
	architecture: string;
	/** Rows and columns. */
	size: [number, number];
	batch: number;
	steps: number;
	augment: string;
	mirror: boolean;
	why: string[];
}
export interface Report {
	pictures: number;
	usable: number;
	rejected: { name: string; reason: string }[];
	duplicates: { name: string; copy_of: string }[];
	sides: { least: number; median: number; most: number };
	grey: boolean;
	warnings: string[];
	recipe: Recipe | null;
	imitation: { way: 'single' | 'codes' | 'artist' | 'cut'; why: string };
}

export type Task = 'generator' | 'stylizer' | 'translator';
export interface Role {
	name: string;
	about: string;
	several: boolean;
	optional: boolean;
}
export interface Trainer {
	name: string;
	title: string;
	task: Task;
	summary: string;
	roles: Role[];
	presets: { name: string; about: string }[];
	settings: Schema;
}

export interface TrainRequest {
	kind: 'train';
	what: string;
	sources: Record<string, string[]>;
	preset?: string | null;
	settings?: Values;
	size?: [number, number];
	architecture?: string;
	minutes?: number;
}

export type RunState = 'queued' | 'training' | 'paused' | 'done' | 'failed';
export interface Run {
	id: string;
	name: string;
	what: string;
	algorithm: string | null;
	state: RunState;
	step: number;
	steps: number | null;
	created: string;
	started: string | null;
	finished: string | null;
	progress: Progress | null;
	samples_per_second: number | null;
	figures: Record<string, number>;
	/** Steps of which there is a grid. */
	samples: number[];
	/** Steps that one can go back to. */
	checkpoints: number[];
	worries: { step: number; text: string }[];
	notes: string[];
	problem: ProblemBody | null;
	request: TrainRequest;
	config: Values | null;
	/** Names of the models kept of it. */
	kept: string[];
}

/** A line of a run's log: figures, a worry, or trouble after which training went back by itself. */
export interface LogLine {
	step: number;
	samples_per_second?: number;
	metrics?: Record<string, number | null>;
	worry?: string;
	trouble?: string;
	back_to?: number;
	changed?: string;
}

export interface Kept {
	name: string;
	title: string;
	task: Task;
	algorithm: string;
	artists: string[];
}
/** A preset as it is carried in a file. */
export interface PresetFile {
	impasto_preset: 1;
	name: string;
	request: unknown;
}

/** As many pictures go into one change of a collection. */
export const MOST_AT_ONCE = 500;

export const trainApi = {
	collections: () => json<{ collections: Collection[] }>('GET', 'collections'),
	collection: (id: string) => json<Collection>('GET', `collections/${at(id)}`),
	createCollection: (name: string) => json<Collection>('POST', 'collections', { json: { name } }),
	renameCollection: (id: string, name: string) => json<Collection>('PATCH', `collections/${at(id)}`, { json: { name } }),
	deleteCollection: (id: string) => send('DELETE', `collections/${at(id)}`),
	changeCollection: (id: string, change: { add?: string[]; remove?: string[] }) =>
		json<Collection>('POST', `collections/${at(id)}/files`, { json: { add: change.add ?? [], remove: change.remove ?? [] } }),
	pictures: (id: string, before: string | null, limit: number) =>
		json<{ files: Picture[]; next: string | null }>('GET', `collections/${at(id)}/files${query({ before, limit })}`),
	report: (id: string, signal?: AbortSignal) => json<Report>('GET', `collections/${at(id)}/report`, { signal }),

	trainers: () => json<{ trainers: Trainer[] }>('GET', 'trainers'),
	start: (body: { title: string; request: TrainRequest }, key: string) =>
		json<Job>('POST', 'jobs', { json: body, headers: { 'Idempotency-Key': key } }),
	runs: () => json<{ runs: Run[] }>('GET', 'runs'),
	run: (id: string) => json<Run>('GET', `runs/${at(id)}`),
	/** Lines behind the first `after`; `last` is what to give as `after` for those behind them. */
	log: (id: string, after: number) => json<{ lines: LogLine[]; last: number }>('GET', `runs/${at(id)}/log${query({ after })}`),
	pause: (id: string) => json<Run>('POST', `runs/${at(id)}/pause`),
	resume: (id: string) => json<Run>('POST', `runs/${at(id)}/resume`),
	rollBack: (id: string, step: number) => json<Run>('POST', `runs/${at(id)}/rollback`, { json: { step } }),
	deleteRun: (id: string) => send('DELETE', `runs/${at(id)}`),

	keep: (id: string, name: string) => json<Kept>('POST', `runs/${at(id)}/keep`, { json: { name } }),
	card: async (name: string) => (await send('GET', `models/${at(name)}/card`)).text(),
	deleteModel: (name: string) => send('DELETE', `models/${at(name)}`)
};

export const trainUrls = {
	sample: (run: string, step: number) => `/v1/runs/${at(run)}/samples/${step}`,
	weights: (model: string) => `/v1/models/${at(model)}/weights`,
	preset: (name: string) => `/v1/presets/${at(name)}/file`
};
