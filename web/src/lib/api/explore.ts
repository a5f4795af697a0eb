// Exploring generators: what its requests say, and the calls of its own.
import { at, json } from './client';
import type { ClassUse, GenerateRequest, Output, Request } from './types';

/** A step along a named direction, in deviations. */
export interface Move {
	direction: string;
	amount: number;
}
/** In these layers (0 is the coarsest) the styles of another picture. */
export interface MixUse {
	seed?: number;
	code?: string;
	layers: number[];
}
/** Where pictures of a generator lie: at seeds, and where stored pictures (their file ids) lie. */
export interface Places {
	seeds: number[];
	codes?: string[];
}
export interface EvolveRequest extends Places {
	kind: 'evolve';
	model: string;
	children?: number;
	mutation?: number;
	diversity?: number;
	seed?: number;
	trunc?: number;
	classes?: ClassUse[];
	output?: Output;
	/** Of a result: which of the children it is. */
	child?: number;
}
export type Ease = 'smooth' | 'linear';
export interface WalkRequest extends Places {
	kind: 'walk';
	model: string;
	steps?: number;
	space?: 'style' | 'latent';
	ease?: Ease;
	closed?: boolean;
	fps?: number;
	trunc?: number;
	classes?: ClassUse[];
}
export interface ProjectRequest {
	kind: 'project';
	model: string;
	content: string;
	steps?: number;
	starts?: number;
	noise?: boolean;
	seed?: number;
	output?: Output;
}
export type Finder = 'pca' | 'ica' | 'closed';
export interface DirectionsRequest {
	kind: 'directions';
	model: string;
	methods?: Finder[];
	count?: number;
	seed?: number;
}
export type ExploreRequest = EvolveRequest | WalkRequest | ProjectRequest | DirectionsRequest;

export interface Direction {
	name: string;
	/** How much pictures change along it. */
	effect: number;
	/** Its part of all the change there is. */
	share: number;
}

/** Whether a request is made of a generator. */
export const explores = (request: Request): request is GenerateRequest | ExploreRequest =>
	['generate', 'evolve', 'walk', 'project', 'directions'].includes(request.kind);

type Directions = { directions: Direction[] };
export const explore = {
	directions: (model: string) => json<Directions>('GET', `models/${at(model)}/directions`),
	renameDirection: (model: string, direction: string, name: string) =>
		json<Directions>('PATCH', `models/${at(model)}/directions/${at(direction)}`, { json: { name } })
};
/** The code of a picture, for the command line. */
export const codeUrl = (id: string): string => `/v1/files/${at(id)}/code`;
