// All jobs the page knows of, kept fresh by the event stream.
import { api, freshKey } from '#lib/api/client.ts';
import type { Job, Progress, Request } from '#lib/api/types.ts';
import { attempt } from './toasts.svelte';

const PAGE = 50;

class Jobs {
	#byId = $state<Record<string, Job>>({});
	next = $state<string | null>(null);
	loaded = $state(false);
	/** Bumped whenever a job ends, for those who wait for results. */
	all = $derived(Object.values(this.#byId).sort((a, b) => b.created.localeCompare(a.created) || b.id.localeCompare(a.id)));
	running = $derived(this.all.filter((job) => job.state === 'running').reverse());
	queued = $derived(
		this.all.filter((job) => job.state === 'queued').sort((a, b) => (a.ahead ?? 0) - (b.ahead ?? 0) || a.created.localeCompare(b.created))
	);
	history = $derived(this.all.filter((job) => !['running', 'queued'].includes(job.state)));
	busy = $derived(this.running.length + this.queued.length);

	get = (id: string | null): Job | undefined => (id ? this.#byId[id] : undefined);

	/** What the stream told of while a list was on its way, which the list may not know yet. */
	#told = new Map<string, Job | null>();

	async load(): Promise<void> {
		this.#told.clear();
		// Unfinished jobs may be older than the newest page of all.
		const [recent, open] = await Promise.all([api.jobs({ limit: PAGE }), api.jobs({ state: 'queued,running', limit: 200 })]);
		const all = Object.fromEntries([...open.jobs, ...recent.jobs].map((job) => [job.id, job]));
		for (const [id, job] of this.#told) {
			if (job) all[id] = job;
			else delete all[id];
		}
		this.#byId = all;
		this.next = recent.next;
		this.loaded = true;
	}
	async more(): Promise<void> {
		if (!this.next) return;
		const page = await api.jobs({ before: this.next, limit: PAGE });
		for (const job of page.jobs) this.#byId[job.id] ??= job;
		this.next = page.next;
	}

	put(job: Job): void {
		this.#told.set(job.id, job);
		this.#byId[job.id] = job;
	}
	gone(id: string): void {
		this.#told.set(id, null);
		delete this.#byId[id];
	}
	progress(event: Progress & { job: string }): void {
		const job = this.#byId[event.job];
		if (job) job.progress = event;
	}

	async make(request: Request, options: { batch?: string; title?: string } = {}): Promise<Job> {
		const job = await api.makeJob({ request, ...options }, freshKey());
		// The stream may have told of it already, and of more than this answer knows.
		this.#byId[job.id] ??= job;
		return this.#byId[job.id] ?? job;
	}
	cancel = (id: string): Promise<unknown> => attempt(() => api.dropJob(id));
	cancelAll = (list: Job[]): Promise<unknown> => Promise.all(list.map((job) => this.cancel(job.id)));
	front = (id: string): Promise<unknown> => attempt(async () => this.put(await api.frontJob(id)));
	retry = (id: string): Promise<unknown> => attempt(async () => this.put(await api.retryJob(id)));
	forget = (id: string): Promise<unknown> =>
		attempt(async () => {
			await api.dropJob(id);
			this.gone(id);
		});
}

export const jobs = new Jobs();
