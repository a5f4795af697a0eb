// Pictures to learn from, put together under a name.
import { Problem } from '#lib/api/client.ts';
import { MOST_AT_ONCE, trainApi, type Collection, type Report } from '#lib/api/train.ts';
import type { Picture } from '#lib/api/types.ts';
import { attempt, toasts } from './toasts.svelte';

const PAGE = 60;
/** Names are tried with a number behind them as often as this. */
const TRIES = 50;
const NAME_MAX = 80;

export interface Looked {
	/** What the collection was like when it was looked at. */
	key: string;
	busy: boolean;
	report: Report | null;
	problem: string | null;
}

class Collections {
	list = $state<Collection[]>([]);
	loaded = $state(false);
	#reports = $state<Record<string, Looked>>({});
	/** Counts what was taken out and brought, which numbers alone do not always show. */
	#changes = $state<Record<string, number>>({});

	get = (id: string): Collection | undefined => this.list.find((one) => one.id === id);
	report = (id: string): Looked | undefined => this.#reports[id];
	changes = (id: string): number => this.#changes[id] ?? 0;
	#changed(one: Collection): void {
		this.put(one);
		this.#changes[one.id] = this.changes(one.id) + 1;
	}

	load = (): Promise<unknown> =>
		attempt(async () => {
			this.list = (await trainApi.collections()).collections;
			this.loaded = true;
		});
	put(one: Collection): void {
		const index = this.list.findIndex((other) => other.id === one.id);
		if (index >= 0) this.list[index] = one;
		else this.list.unshift(one);
	}
	/** A new one; where the name is taken, a number goes behind it. */
	async create(wanted: string): Promise<Collection | undefined> {
		const base = wanted.trim().slice(0, NAME_MAX - 4) || 'Pictures';
		return attempt(async () => {
			for (let number = 1; ; number++) {
				const name = number === 1 ? base : `${base} ${number}`;
				// Another page may know of names that are taken.
				if (this.list.some((one) => one.name === name)) continue;
				try {
					const made = await trainApi.createCollection(name);
					this.put(made);
					return made;
				} catch (error) {
					if (!(error instanceof Problem && error.status === 409) || number >= TRIES) throw error;
				}
			}
		});
	}
	async rename(one: Collection, name: string): Promise<void> {
		await attempt(async () => this.put(await trainApi.renameCollection(one.id, name)));
	}
	async remove(one: Collection): Promise<boolean> {
		if (!(await attempt(() => trainApi.deleteCollection(one.id)))) return false;
		this.list = this.list.filter((other) => other.id !== one.id);
		toasts.show(`Deleted “${one.name}”.`);
		return true;
	}
	async add(id: string, files: string[]): Promise<void> {
		this.#changed(await trainApi.changeCollection(id, { add: files }));
	}
	/** Takes pictures out; gives those that are out. */
	async take(id: string, files: string[]): Promise<string[]> {
		const out: string[] = [];
		for (let from = 0; from < files.length; from += MOST_AT_ONCE) {
			const part = files.slice(from, from + MOST_AT_ONCE);
			const changed = await attempt(() => trainApi.changeCollection(id, { remove: part }));
			if (!changed) break;
			this.#changed(changed);
			out.push(...part);
		}
		return out;
	}

	/** One report is made at a time: others of this page wait for it here, those of other pages at the server. */
	#turn: Promise<unknown> = Promise.resolve();
	#inTurn(id: string): Promise<Report> {
		const mine = this.#turn.then(async () => {
			for (;;) {
				try {
					return await trainApi.report(id);
				} catch (error) {
					if (!(error instanceof Problem && error.busy)) throw error;
					await new Promise((resolve) => setTimeout(resolve, (error.retryAfter ?? 2) * 1000));
				}
			}
		});
		this.#turn = mine.catch(() => undefined);
		return mine;
	}

	/** Has a collection looked at, unless that was done since it changed. */
	async look(id: string): Promise<void> {
		const one = this.get(id);
		if (!one) return;
		const key = `${one.pictures} ${one.covers.join()} ${this.changes(id)}`;
		const known = this.#reports[id];
		if (known?.key === key) return;
		if (!one.pictures) {
			this.#reports[id] = { key, busy: false, report: null, problem: null };
			return;
		}
		this.#reports[id] = { key, busy: true, report: known?.report ?? null, problem: null };
		const settle = (result: Partial<Looked>) => {
			const now = this.#reports[id];
			if (now?.key === key) Object.assign(now, { busy: false }, result);
		};
		try {
			settle({ report: await this.#inTurn(id) });
		} catch (error) {
			settle({ problem: error instanceof Error ? error.message : String(error), report: null });
		}
	}
}

/** The pictures of one collection, page by page, newest first. */
export class Pictures {
	list = $state<Picture[]>([]);
	next = $state<string | null>(null);
	loading = $state(false);
	loaded = $state(false);
	constructor(readonly id: string) {}

	reload = (): Promise<void> => this.#page(true);
	more = async (): Promise<void> => {
		if (this.next && !this.loading) await this.#page(false);
	};
	async #page(first: boolean): Promise<void> {
		if (this.loading && !first) return;
		this.loading = true;
		await attempt(async () => {
			const page = await trainApi.pictures(this.id, first ? null : this.next, PAGE);
			const known = new Set(first ? [] : this.list.map((file) => file.id));
			this.list = [...(first ? [] : this.list), ...page.files.filter((file) => !known.has(file.id))];
			this.next = page.next;
			this.loaded = true;
		});
		this.loading = false;
	}
	drop(ids: string[]): void {
		const gone = new Set(ids);
		this.list = this.list.filter((file) => !gone.has(file.id));
	}
}

export const collections = new Collections();
