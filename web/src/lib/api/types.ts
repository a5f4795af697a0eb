// What the server speaks, as its contract says; names are those of the wire.
import type { ExploreRequest, MixUse, Move } from './explore';
import type { TrainRequest } from './train';

export type Role = 'content' | 'style' | 'mask' | 'result' | 'data';

export interface Picture {
	id: string;
	name: string;
	role: Role;
	media_type: string;
	bytes: number;
	width: number;
	height: number;
	alpha: boolean;
	bits: 8 | 16 | 32;
	created: string;
	favourite: boolean;
	job: string | null;
	request: Request | null;
	missing: string[];
	/** It lies in a generator's space, and others can be made from there. */
	code?: boolean;
}

export type Layer = 'coarse' | 'middle' | 'fine';

/** One style of a mixture: exactly one of name, file, artist, or missing where the picture is not stored here. */
export interface StyleUse {
	name?: string;
	file?: string;
	artist?: string;
	missing?: string;
	layers?: Layer[];
	weight?: number;
}

export type KeepColour = 'none' | 'luma' | 'mean-covariance' | 'histogram';
export type Format = 'png' | 'jpeg' | 'webp' | 'tiff';
export interface Output {
	format?: Format;
	jpeg_quality?: number;
}
export type Values = Record<string, unknown>;
export type Adjust = Record<string, number>;

export interface StylizeRequest {
	kind: 'stylize';
	content?: string | null;
	styles: StyleUse[];
	/** The kept model that all artists of the request belong to; absent: the bundled one. */
	model?: string;
	method?: string;
	settings?: Values;
	strength?: number;
	preserve_color?: KeepColour;
	mask?: string | null;
	invert_mask?: boolean;
	feather?: number;
	size?: number | null;
	style_size?: number | null;
	adjust?: Adjust;
	seed?: number;
	output?: Output;
}
export interface AdjustRequest {
	kind: 'adjust';
	content?: string | null;
	adjust: Adjust;
	output?: Output;
}
export interface ClassUse {
	class: string;
	weight?: number;
}
export interface GenerateRequest {
	kind: 'generate';
	model: string;
	seeds: number[];
	/** Files from whose places pictures are made. */
	codes?: string[];
	moves?: Move[];
	mix?: MixUse;
	trunc?: number;
	classes?: ClassUse[];
	adjust?: Adjust;
	mirror?: boolean;
	tile?: boolean;
	output?: Output;
}
/** A picture of one kind made one of another, by a kept translator. */
export interface TranslateRequest extends Omit<StylizeRequest, 'kind' | 'styles' | 'method' | 'settings' | 'style_size' | 'model'> {
	kind: 'translate';
	model: string;
	direction?: 'forward' | 'back';
}
export type Request = StylizeRequest | AdjustRequest | GenerateRequest | ExploreRequest | TranslateRequest | TrainRequest;
/** What is painted from a photograph. */
export type PaintRequest = StylizeRequest | AdjustRequest | TranslateRequest;

export interface Progress {
	stage: string;
	done: number;
	total: number;
	message: string;
	eta_s: number | null;
}
export interface ProblemBody {
	type: string;
	title: string;
	status: number;
	detail: string;
}
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export interface Job {
	id: string;
	kind: string;
	title: string;
	batch: string | null;
	state: JobState;
	created: string;
	started: string | null;
	finished: string | null;
	attempts: number;
	ahead: number | null;
	progress: Progress | null;
	notes: string[];
	request: Request;
	results: Picture[];
	problem: ProblemBody | null;
}

export interface Style {
	name: string;
	title: string;
	artist: string;
	year: string;
	licence: string;
}
export interface Artist {
	name: string;
	title: string;
	/** The kept model whose hand it is; absent or null: bundled. */
	model?: string | null;
}
/** A kept model that is no generator. */
export interface OtherModel {
	name: string;
	title: string;
	licence: string;
	algorithm: string;
	task: 'stylizer' | 'translator';
	own: true;
}
export interface Generator {
	name: string;
	title: string;
	licence: string;
	algorithm: string;
	width: number;
	height: number;
	layers: number;
	classes: string[];
	/** Kept from a run here, not bundled. */
	own?: boolean;
}

/** The part of JSON Schema (draft 2020-12) that forms are drawn from. */
export interface Schema {
	type?: string | string[];
	title?: string;
	description?: string;
	default?: unknown;
	minimum?: number;
	maximum?: number;
	exclusiveMinimum?: number;
	exclusiveMaximum?: number;
	multipleOf?: number;
	enum?: (string | number)[];
	const?: string | number;
	oneOf?: Schema[];
	anyOf?: Schema[];
	$ref?: string;
	$defs?: Record<string, Schema>;
	properties?: Record<string, Schema>;
	'x-order'?: string[];
}
export interface Method {
	name: string;
	summary: string;
	quick: boolean;
	settings: Schema | null;
}
export interface Preset {
	name: string;
	request: Request;
}
export interface Status {
	version: string;
	device: string;
	queue: { queued: number; running: number };
	limits: { max_file_bytes: number; max_pixels: number; max_side: number; max_queued: number };
}
