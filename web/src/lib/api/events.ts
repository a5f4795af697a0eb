// The server's event stream, kept alive: the browser reconnects by itself after a broken line, but gives up after an
// HTTP error (a restart, a proxy's 502), so that is done here.
import type { Job, Picture, Progress } from './types';

export interface Handlers {
	job(job: Job): void;
	progress(event: Progress & { job: string }): void;
	file(file: Picture): void;
	fileGone(id: string): void;
	jobGone(id: string): void;
	/** Something may have been missed: fetch everything again. */
	reset(): void;
	state(live: boolean): void;
}

const LONGEST_WAIT_MS = 8000;

/** Listens until the returned function is called. */
export function listen(handlers: Handlers): () => void {
	let source: EventSource | null = null;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let wait = 500;
	let last = '';
	let opened = 0;
	let stopped = false;

	const on = <D>(name: string, handle: (data: D) => void): void => {
		source?.addEventListener(name, (event) => {
			if (event.lastEventId) last = event.lastEventId;
			handle(JSON.parse(event.data as string) as D);
		});
	};

	function connect(): void {
		if (stopped) return;
		source = new EventSource('/v1/events' + (last ? `?after=${encodeURIComponent(last)}` : ''));
		source.onopen = () => {
			wait = 500;
			handlers.state(true);
			if (opened++ > 0) handlers.reset();
		};
		source.onerror = () => {
			handlers.state(false);
			if (source?.readyState === EventSource.CLOSED) {
				timer = setTimeout(connect, wait);
				wait = Math.min(wait * 2, LONGEST_WAIT_MS);
			}
		};
		on<Job>('job', handlers.job);
		on<Progress & { job: string }>('progress', handlers.progress);
		on<Picture>('file', handlers.file);
		on<{ id: string }>('file-gone', ({ id }) => handlers.fileGone(id));
		on<{ id: string }>('job-gone', ({ id }) => handlers.jobGone(id));
		on<object>('reset', () => {
			last = '';
			handlers.reset();
		});
	}
	connect();
	return () => {
		stopped = true;
		clearTimeout(timer);
		source?.close();
	};
}
