// Errands that come home: what is done with the results of jobs that this view waited for.
import type { Job } from '#lib/api/types.ts';
import { directions } from './directions.svelte';
import { errands, type Errand } from './errands.svelte';
import { family } from './family.svelte';
import { files } from './files.svelte';
import { walk } from './walk.svelte';
import { wall } from './wall.svelte';

class Home {
	/** A film that was just made. */
	film = $state<string | null>(null);

	/** The job is over: its results go where they were wanted. */
	come(errand: Errand, job: Job): void {
		const here = errand.model === wall.model;
		const [first] = job.results;
		if (errand.then === 'show' && job.state === 'done') return;
		errands.drop(errand.job);
		if (job.state !== 'done') return;
		if (errand.then === 'place') wall.place(job.results, { model: errand.model });
		if (errand.then === 'brood') {
			wall.place(job.results, { instead: !errand.extend, brood: job.id, model: errand.model });
			if (family.model === errand.model) family.put(job.results);
		}
		if (errand.then === 'stations' && here) void walk.arrived(errand.keys, job);
		if (errand.then === 'film' && first) {
			files.include(first);
			this.film = first.id;
		}
		if (errand.then === 'directions' && here) void directions.load(errand.model);
	}
}

export const home = new Home();
