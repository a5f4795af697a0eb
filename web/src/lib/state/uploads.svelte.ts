// Pictures on their way into collections: several at a time, patient with a busy server, and honest about the rest.
import { aborted, api, Problem } from '#lib/api/client.ts';
import { isPicture, type Load } from '#lib/dropping.ts';
import { collections } from './collections.svelte';
import { toasts } from './toasts.svelte';

const AT_ONCE = 3;
/** So many new pictures are told to the collection together. */
const TOGETHER = 24;
/** A server that is away is asked again so often before a picture is given up. */
const PATIENCE = 8;
const LONGEST_WAIT_S = 30;

export interface Refused {
	name: string;
	why: string;
}

/** What is being brought into one collection. */
export class Upload {
	total = $state(0);
	done = $state(0);
	taken = $state(0);
	/** Parts of the pictures that are on their way, by name. */
	#flying = $state<Record<string, number>>({});
	refused = $state<Refused[]>([]);
	/** Pictures that were here already, or came twice. */
	again = $state(0);
	busy = $state(true);
	/** Seconds that the server asked to be left alone; null while it takes all. */
	waiting = $state<number | null>(null);
	cancelled = $state(false);
	part = $derived(this.total ? Math.min(1, (this.done + Object.values(this.#flying).reduce((sum, part) => sum + part, 0)) / this.total) : 0);

	#queue: File[] = [];
	#fresh: string[] = [];
	#known = new Set<string>();
	#workers = 0;
	#abort = new AbortController();

	constructor(readonly collection: string) {}

	take(files: File[]): void {
		const pictures = files.filter(isPicture);
		for (const file of files) if (!isPicture(file)) this.#refuse(file, 'It is no picture.');
		this.total += pictures.length;
		this.#queue.push(...pictures);
		this.busy = true;
		while (this.#workers < AT_ONCE && this.#queue.length) void this.#work();
		if (!this.#workers) this.busy = false;
	}
	cancel = (): void => {
		this.cancelled = true;
		this.#queue = [];
		this.#abort.abort();
	};

	async #work(): Promise<void> {
		this.#workers++;
		for (let file = this.#queue.shift(); file; file = this.#queue.shift()) {
			const key = file.webkitRelativePath || file.name;
			try {
				const id = await this.#send(file, key);
				this.taken++;
				if (this.#known.has(id)) this.again++;
				else this.#fresh.push(id);
				this.#known.add(id);
			} catch (error) {
				if (aborted(error)) break;
				this.#refuse(file, error instanceof Error ? error.message : String(error));
			}
			delete this.#flying[key];
			this.done++;
			if (this.#fresh.length >= TOGETHER) await this.#tell();
		}
		if (--this.#workers) return;
		await this.#tell();
		this.#flying = {};
		this.waiting = null;
		this.busy = false;
	}

	/** Sends one file, again and again where the server is busy or away. */
	async #send(file: File, key: string): Promise<string> {
		for (let tries = 0; ; tries++) {
			this.#flying[key] = 0;
			try {
				const { signal } = this.#abort;
				const stored = await api.upload(file, file.name, 'data', { signal, onProgress: (part) => (this.#flying[key] = part) });
				this.waiting = null;
				return stored.id;
			} catch (error) {
				if (!(error instanceof Problem)) throw error;
				if (!error.busy && !(error.away && tries < PATIENCE)) throw error;
				const seconds = Math.min(LONGEST_WAIT_S, error.retryAfter ?? 1 + tries);
				this.waiting = seconds;
				await this.#pause(seconds);
			}
		}
	}
	#pause(seconds: number): Promise<void> {
		return new Promise((resolve, reject) => {
			const stop = () => reject(new DOMException('aborted', 'AbortError'));
			if (this.#abort.signal.aborted) return stop();
			setTimeout(resolve, seconds * 1000);
			this.#abort.signal.addEventListener('abort', stop, { once: true });
		});
	}
	async #tell(): Promise<void> {
		const fresh = this.#fresh.splice(0);
		if (!fresh.length) return;
		try {
			await collections.add(this.collection, fresh);
		} catch (error) {
			toasts.error(error);
		}
	}
	#refuse(file: File, why: string): void {
		this.refused.push({ name: file.webkitRelativePath || file.name, why });
	}
}

class Uploads {
	#byId = $state<Record<string, Upload>>({});

	get = (collection: string): Upload | undefined => this.#byId[collection];
	busy = $derived(Object.values(this.#byId).some((upload) => upload.busy));

	into(collection: string, files: File[]): void {
		let upload = this.#byId[collection];
		if (!upload || upload.cancelled || !upload.busy) {
			upload = new Upload(collection);
			this.#byId[collection] = upload;
		}
		upload.take(files);
	}
	/** A new collection of what was brought; gives its id. */
	async found(load: Load): Promise<string | undefined> {
		if (!load.files.some(isPicture)) {
			toasts.show(load.folder ? `“${load.folder}” holds no picture impasto can read.` : 'That is no picture impasto can read.', { kind: 'error' });
			return undefined;
		}
		const made = await collections.create(load.folder ?? 'My pictures');
		if (made) this.into(made.id, load.files);
		return made?.id;
	}
	forget(collection: string): void {
		delete this.#byId[collection];
	}
}

export const uploads = new Uploads();
