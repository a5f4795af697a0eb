// A walk: from picture to picture through the generator's space, as an animation.
import type { Ease, WalkRequest } from '#lib/api/explore.ts';
import type { Job } from '#lib/api/types.ts';
import { inServersOrder, keyOfFile, keysOf, placesOf } from '#lib/point.ts';
import { errands } from './errands.svelte';
import { recall, remember } from './stored';
import { toasts } from './toasts.svelte';
import { wall } from './wall.svelte';

const USUAL = { steps: 24, ease: 'smooth' as Ease, closed: true, fps: 20 };
const MOST = 64;

class Walk {
	set = $state({ ...USUAL, ...recall<Partial<typeof USUAL>>('walk', {}) });
	#stations = $state(recall<Record<string, string[]>>('stations', {}));
	/** Asked for, though it may hold nothing yet. */
	open = $state(false);

	stations = $derived(this.#stations[wall.model] ?? []);
	shown = $derived(this.open || this.stations.length > 0);
	job = $derived(errands.of(wall.model, 'film') ?? errands.of(wall.model, 'stations'));
	seconds = $derived(((this.stations.length - (this.set.closed ? 0 : 1)) * this.set.steps) / this.set.fps);

	change(part: Partial<typeof USUAL>): void {
		this.set = { ...this.set, ...part };
		remember('walk', $state.snapshot(this.set));
	}
	#keep(stations: string[]): void {
		this.#stations = { ...this.#stations, [wall.model]: stations };
		remember('stations', $state.snapshot(this.#stations));
	}
	/** Puts a picture at a place of the way; one that is on it moves there. */
	put(key: string, at = this.stations.length): void {
		const rest = this.stations.filter((other) => other !== key);
		if (rest.length >= MOST) return void toasts.show(`A walk has at most ${MOST} stations.`);
		const before = this.stations.indexOf(key);
		rest.splice(before >= 0 && before < at ? at - 1 : at, 0, key);
		this.#keep(rest);
	}
	toggle(key: string): void {
		if (this.stations.includes(key)) this.remove(key);
		else this.put(key);
	}
	shift(key: string, by: number): void {
		const to = this.stations.indexOf(key) + by;
		if (to < 0 || to >= this.stations.length) return;
		this.#keep(this.stations.toSpliced(to - by, 1).toSpliced(to, 0, key));
	}
	remove(key: string): void {
		this.#keep(this.stations.filter((other) => other !== key));
	}
	clear = (): void => {
		this.#keep([]);
		this.open = false;
	};

	#request(keys: string[]): WalkRequest {
		return { kind: 'walk', ...wall.where(keys), ...$state.snapshot(this.set), ...(wall.trunc !== 1 && { trunc: wall.trunc }) };
	}
	async go(): Promise<void> {
		const keys = [...this.stations];
		// A walk knows no directions, and takes seeds before codes: then the stations are made pictures first.
		const plain = Object.values(wall.moves).every((amount) => amount === 0) && inServersOrder(keys);
		if (plain) await errands.send(wall.model, this.#request(keys), { then: 'film' }, 'A walk');
		else await errands.send(wall.model, wall.request(keys), { then: 'stations', keys }, 'Stations of a walk');
	}
	/** The stations are pictures now: walks along them in the order they had. */
	async arrived(keys: string[], job: Job): Promise<void> {
		const made = keysOf(placesOf(keys));
		const stations = keys.flatMap((key) => job.results[made.indexOf(key)] ?? []).map(keyOfFile);
		const { trunc: _, ...request } = this.#request(stations);
		await errands.send(wall.model, request, { then: 'film' }, 'A walk');
	}
}

export const walk = new Walk();
