// Jobs whose results this view waits for, and what is to become of them. They are remembered, so that they come home
// after a reload or a look at another view.
import { api } from '#lib/api/client.ts';
import type { Job, Request } from '#lib/api/types.ts';
import { jobs } from './jobs.svelte';
import { recall, remember } from './stored';
import { attempt } from './toasts.svelte';

export type Fate =
	/** Shown at the wall's head, to be used. */
	| { then: 'show' }
	/** Hung on the wall before the others. */
	| { then: 'place' }
	/** The next generation. */
	| { then: 'brood'; extend: boolean }
	/** The stations of a walk, pictures now: `keys` in their order. */
	| { then: 'stations'; keys: string[] }
	| { then: 'film' }
	| { then: 'directions' };
export type Errand = { job: string; model: string } & Fate;

class Errands {
	list = $state<Errand[]>(recall<Errand[]>('errands', []));
	#asked = new Set<string>();

	/** Queues `request` and remembers what for; null where that was refused. */
	async send(model: string, request: Request, fate: Fate, title?: string): Promise<Job | null> {
		const job = await attempt(() => jobs.make(request, title ? { title } : {}));
		if (!job) return null;
		this.#keep([...this.list, { job: job.id, model, ...fate }]);
		return job;
	}
	drop(job: string): void {
		this.#keep(this.list.filter((errand) => errand.job !== job));
	}
	/** At work for this, or null. */
	of = (model: string, then: Fate['then']): Job | null =>
		this.list.map((errand) => (errand.model === model && errand.then === then ? jobs.get(errand.job) : undefined)).find((job) => job !== undefined) ?? null;
	/** Jobs older than those that were listed. */
	async learn(): Promise<void> {
		for (const { job } of this.list) {
			if (jobs.get(job) || this.#asked.has(job)) continue;
			this.#asked.add(job);
			await api.job(job).then(
				(found) => jobs.put(found),
				() => this.drop(job)
			);
		}
	}
	#keep(list: Errand[]): void {
		this.list = list;
		remember('errands', $state.snapshot(this.list));
	}
}

export const errands = new Errands();
