// Trainings: all of them in short, those that are looked at with their logs, kept fresh by the event stream.
import { Problem, freshKey } from '#lib/api/client.ts';
import { trainApi, type LogLine, type Run, type TrainRequest, type Trainer } from '#lib/api/train.ts';
import { library } from './library.svelte';
import { jobs } from './jobs.svelte';
import { attempt, toasts } from './toasts.svelte';

/** However quickly steps are told: not asked for oftener than this. */
const REST_MS = 1500;
/** So often something is tried again that has to wait for a checkpoint. */
const PATIENCE = 20;
/** From so many lines on a part of a log is not all of it. */
const MANY = 1000;
export const MOST_COMPARED = 4;

/** What a run wrote down so far. */
interface Log {
	lines: LogLine[];
	last: number;
}

/** A run that was told to stop writes its checkpoint before anything else can be done with it: patient where the server
 * says so. */
async function patient<R>(call: () => Promise<R>): Promise<R> {
	for (let tries = 0; ; tries++) {
		try {
			return await call();
		} catch (error) {
			if (!(error instanceof Problem && error.status === 409 && error.message.includes('moment')) || tries >= PATIENCE) throw error;
			await new Promise((resolve) => setTimeout(resolve, REST_MS));
		}
	}
}

class Runs {
	list = $state<Run[]>([]);
	trainers = $state<Trainer[]>([]);
	loaded = $state(false);
	#logs = $state.raw<Record<string, Log>>({});
	#rest = new Map<string, { again: boolean }>();
	/** Deleted here, or about to be: not to be asked for. */
	#gone = new Set<string>();

	get = (id: string): Run | undefined => this.list.find((run) => run.id === id);
	log = (id: string): LogLine[] => this.#logs[id]?.lines ?? [];
	trainer = (name: string): Trainer | undefined => this.trainers.find((one) => one.name === name);
	/** Runs as the queue tells of them: a change means that the list is old. */
	pulse = $derived(
		jobs.all
			.filter((job) => job.kind === 'train')
			.map((job) => `${job.id} ${job.state}`)
			.join()
	);

	load = (): Promise<unknown> =>
		attempt(async () => {
			const [runs, trainers] = await Promise.all([trainApi.runs(), trainApi.trainers()]);
			this.list = runs.runs;
			this.trainers = trainers.trainers;
			this.loaded = true;
		});
	put(run: Run): void {
		const index = this.list.findIndex((other) => other.id === run.id);
		if (index >= 0) this.list[index] = run;
		else this.list.unshift(run);
	}

	/** Has a run and its log brought up to date, soon if not now. */
	touch(id: string): void {
		if (this.#gone.has(id)) return;
		const rest = this.#rest.get(id);
		if (rest) {
			rest.again = true;
			return;
		}
		this.#rest.set(id, { again: false });
		void this.#fetch(id).finally(() =>
			setTimeout(() => {
				const again = this.#rest.get(id)?.again;
				this.#rest.delete(id);
				if (again) this.touch(id);
			}, REST_MS)
		);
	}
	async #fetch(id: string): Promise<void> {
		const known = this.#logs[id];
		// Whoever looks sees what is old for a moment; what is wrong is said by the actions.
		const [run, log] = await Promise.all([trainApi.run(id).catch((error: unknown) => this.#lost(id, error)), trainApi.log(id, known?.last ?? 0).catch(() => null)]);
		if (this.#gone.has(id)) return;
		if (run) this.put(run);
		if (!log || (known && !log.lines.length)) return;
		this.#logs = { ...this.#logs, [id]: { lines: [...(known?.lines ?? []), ...log.lines], last: log.last } };
		// A long log comes in parts.
		if (log.lines.length >= MANY) this.touch(id);
	}
	/** One that was deleted elsewhere. */
	#lost(id: string, error: unknown): null {
		if (error instanceof Problem && error.status === 404) {
			this.#gone.add(id);
			this.list = this.list.filter((run) => run.id !== id);
		}
		return null;
	}

	start = (title: string, request: TrainRequest): Promise<string | undefined> =>
		attempt(async () => {
			const job = await trainApi.start({ title, request }, freshKey());
			jobs.put(job);
			await this.load();
			return job.id;
		});
	resume = (id: string): Promise<boolean> => this.#act(() => patient(() => trainApi.resume(id)));
	async rollBack(id: string, step: number): Promise<boolean> {
		const done = await this.#act(() => patient(() => trainApi.rollBack(id, step)));
		if (done) this.touch(id);
		return done;
	}
	async #act(call: () => Promise<Run>): Promise<boolean> {
		const run = await attempt(call);
		if (run) this.put(run);
		return run !== undefined;
	}
	async remove(run: Run): Promise<boolean> {
		this.#gone.add(run.id);
		if (!(await attempt(() => patient(() => trainApi.deleteRun(run.id))))) {
			this.#gone.delete(run.id);
			return false;
		}
		this.list = this.list.filter((other) => other.id !== run.id);
		jobs.gone(run.id);
		toasts.show(`Deleted “${run.name}”.`);
		return true;
	}
	/** Stops a run and waits until all that it learnt is written down. */
	async pause(id: string): Promise<boolean> {
		const reached = Math.max(this.get(id)?.step ?? 0, jobs.get(id)?.progress?.done ?? 0);
		if (!(await this.#act(() => trainApi.pause(id)))) return false;
		for (let tries = 0; tries < 2 * PATIENCE; tries++) {
			const run = await trainApi.run(id).catch(() => null);
			if (run) this.put(run);
			if (run && !busy(run) && (!reached || (run.checkpoints.at(-1) ?? -1) >= reached)) break;
			await new Promise((resolve) => setTimeout(resolve, REST_MS / 2));
		}
		return true;
	}

	/** Keeps what a run learnt as a model; throws where that is refused, which is said beside the name. */
	async keep(id: string, name: string): Promise<void> {
		await patient(() => trainApi.keep(id, name));
		await attempt(() => library.load());
		this.touch(id);
	}
	async forgetModel(name: string): Promise<void> {
		if (!(await attempt(() => trainApi.deleteModel(name)))) return;
		toasts.show(`Deleted the model ${name}.`);
		await attempt(() => library.load());
		await this.load();
	}
}

export const runs = new Runs();

export const STATES: Record<Run['state'], string> = {
	queued: 'Waiting its turn',
	training: 'Training',
	paused: 'Paused',
	done: 'Done',
	failed: 'Failed'
};
export const busy = (run: Run): boolean => run.state === 'training' || run.state === 'queued';
