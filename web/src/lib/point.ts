// Where a picture of a generator lies. Whether that is a seed or the place of a stored picture is known here alone:
// the wall, mixing, breeding and walking speak of points and of their keys.
import type { MixUse, Places } from './api/explore';
import type { Picture } from './api/types';

export type Point = { readonly seed: number } | { readonly code: string };

/** A point as a word, for maps, sets and the browser's memory. */
export const keyOf = (point: Point): string => ('seed' in point ? `s${point.seed}` : `c${point.code}`);
export const pointOf = (key: string): Point => (key.startsWith('s') ? { seed: Number(key.slice(1)) } : { code: key.slice(1) });
export const keyOfFile = (file: Pick<Picture, 'id'>): string => keyOf({ code: file.id });
export const keyOfSeed = (seed: number): string => keyOf({ seed });

/** The file that a key names, if it names one. */
export function codeIn(key: string): string | null {
	const point = pointOf(key);
	return 'code' in point ? point.code : null;
}
/** Points as requests name them, which is also the order in which the server makes them: seeds first, then codes. */
export function placesOf(keys: Iterable<string>): Places {
	const points = [...keys].map(pointOf);
	const seeds = points.flatMap((point) => ('seed' in point ? [point.seed] : []));
	const codes = points.flatMap((point) => ('code' in point ? [point.code] : []));
	return { seeds, ...(codes.length > 0 && { codes }) };
}
export const keysOf = ({ seeds, codes = [] }: Partial<Places>): string[] => [...(seeds ?? []).map((seed) => keyOf({ seed })), ...codes.map((code) => keyOf({ code }))];

/** Whether the server keeps these in the order in which they stand here. */
export const inServersOrder = (keys: string[]): boolean => keysOf(placesOf(keys)).every((key, index) => key === keys[index]);

export const mixOf = (key: string, layers: number[]): MixUse => ({ ...pointOf(key), layers });
