// Whether the server is there, and whether it lets us in.
import { api, Problem, whenUnauthorised } from '#lib/api/client.ts';
import { listen } from '#lib/api/events.ts';
import { files } from './files.svelte';
import { jobs } from './jobs.svelte';
import { library } from './library.svelte';

class Connection {
	/** Null until the first answer. */
	live = $state<boolean | null>(null);
	locked = $state(false);
	/** Counts the times that everything was fetched again, so that views can follow. */
	epoch = $state(0);
	#stop: (() => void) | null = null;

	async start(): Promise<void> {
		whenUnauthorised(() => {
			this.locked = true;
			this.#stop?.();
			this.#stop = null;
		});
		const token = takeToken();
		if (token) await this.unlock(token).catch(() => undefined);
		if (!this.locked) this.#listen();
	}

	/** Shows the token to the server; throws where that is refused. */
	async unlock(token: string): Promise<void> {
		await api.session(token);
		this.locked = false;
		this.#listen();
	}

	#listen(): void {
		this.#stop?.();
		void this.#fetchAll();
		this.#stop = listen({
			job: (job) => jobs.put(job),
			progress: (event) => jobs.progress(event),
			file: (file) => files.put(file),
			fileGone: (id) => files.gone(id),
			jobGone: (id) => jobs.gone(id),
			reset: () => void this.#fetchAll(),
			state: (live) => {
				// An event stream tells no status: a plain call finds out whether a token is missing.
				if (!live && this.live !== false) void api.status().catch(() => undefined);
				// The first answers may have been lost while the server was still starting.
				if (live && !library.loaded) void this.#fetchAll();
				this.live = live;
			}
		});
	}

	async #fetchAll(): Promise<void> {
		try {
			await Promise.all([library.load(), jobs.load(), files.reload()]);
			this.epoch++;
		} catch (error) {
			// Away or locked: both come back here by themselves, after a reconnect or the token.
			if (!(error instanceof Problem)) throw error;
		}
	}
}

let kept: string | null = null;
export function keepToken(token: string): void {
	kept = token;
}
function takeToken(): string | null {
	const token = kept;
	kept = null;
	return token;
}

export const connection = new Connection();
