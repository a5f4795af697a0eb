// Trainings: all of them in short, those that are looked at with their logs, kept fresh by the event stream.
import { freshKey } from '#lib/api/client.ts';
import { trainApi, type LogLine, type Run, type TrainRequest, type Trainer } from '#lib/api/train.ts';
import { library } from './library.svelte';
import { jobs } from './jobs.svelte';
import { attempt, toasts } from './toasts.svelte';

/** However quickly steps are told: not asked for oftener than this. */
const REST_MS = 1500;
export const MOST_COMPARED = 4;

/** What a run wrote down so far. */
interface Log {
	lines: LogLine[];
	last: number;
}

/** Lines that are not known yet: steps that came twice are told twice. */
function fresh(lines: LogLine[], known: LogLine[]): LogLine[] {
	const told = new Set(known.slice(-2 * lines.length - 50).map((line) => JSON.stringify(line)));
	return lines.filter((line) => !told.has(JSON.stringify(line)));
}

class Runs {
	list = $state<Run[]>([]);
	trainers = $state<Trainer[]>([]);
	loaded = $state(false);
	#logs = $state.raw<Record<string, Log>>({});
	#rest = new Map<string, { again: boolean }>();

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
	/** Everything from the start: steps that were undone may have been learnt anew. */
	again(id: string): void {
		const { [id]: _, ...others } = this.#logs;
		this.#logs = others;
		this.touch(id);
	}
	async #fetch(id: string): Promise<void> {
		const known = this.#logs[id];
		// Where training went back, steps come again: then the log is read from its start.
		const back = known !== undefined && (this.get(id)?.step ?? 0) < known.last;
		const after = back ? 0 : (known?.last ?? 0);
		// Whoever looks sees what is old for a moment; what is wrong is said by the actions.
		const [run, log] = await Promise.all([trainApi.run(id).catch(() => null), trainApi.log(id, after).catch(() => null)]);
		if (run) this.put(run);
		// It may have been forgotten meanwhile, to be read anew.
		if (!log || this.#logs[id] !== known || (known && !back && !log.lines.length)) return;
		const lines = after ? [...(known?.lines ?? []), ...fresh(log.lines, known?.lines ?? [])] : log.lines;
		this.#logs = { ...this.#logs, [id]: { lines, last: log.last } };
	}

	start = (title: string, request: TrainRequest): Promise<string | undefined> =>
		attempt(async () => {
			const job = await trainApi.start({ title, request }, freshKey());
			jobs.put(job);
			await this.load();
			return job.id;
		});
	pause = (id: string): Promise<boolean> => this.#act(() => trainApi.pause(id));
	resume = (id: string): Promise<boolean> => this.#act(() => trainApi.resume(id));
	async rollBack(id: string, step: number): Promise<boolean> {
		const done = await this.#act(() => trainApi.rollBack(id, step));
		if (done) this.again(id);
		return done;
	}
	async #act(call: () => Promise<Run>): Promise<boolean> {
		const run = await attempt(call);
		if (run) this.put(run);
		return run !== undefined;
	}
	async remove(run: Run): Promise<boolean> {
		if (!(await attempt(() => trainApi.deleteRun(run.id)))) return false;
		this.list = this.list.filter((other) => other.id !== run.id);
		jobs.gone(run.id);
		toasts.show(`Deleted “${run.name}”.`);
		return true;
	}
	/** Waits until a run that was told to stop has done so. */
	async stopped(id: string): Promise<void> {
		for (let tries = 0; tries < 240; tries++) {
			const run = await trainApi.run(id).catch(() => null);
			if (run) this.put(run);
			if (run && run.state !== 'training' && run.state !== 'queued') return;
			await new Promise((resolve) => setTimeout(resolve, 500));
		}
	}

	/** Keeps what a run learnt as a model; throws where that is refused, which is said beside the name. */
	async keep(id: string, name: string): Promise<void> {
		await trainApi.keep(id, name);
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
