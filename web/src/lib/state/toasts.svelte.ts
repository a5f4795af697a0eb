// Short messages in a corner. Errors stay longer; what can be undone offers it.
import { aborted, Problem } from '#lib/api/client.ts';
import { go } from '#lib/go.ts';

export interface Toast {
	id: number;
	text: string;
	kind: 'note' | 'error';
	action?: Action;
}
export interface Action {
	label: string;
	/** What it does: something, or go to another view. Who is there already need not be told. */
	run?: () => void;
	to?: string;
}

const NOTE_MS = 4500;
const ERROR_MS = 9000;
const MOST = 4;

class Toasts {
	list = $state<Toast[]>([]);
	#next = 1;

	show(text: string, options: { kind?: Toast['kind']; action?: Action; ms?: number } = {}): number {
		const kind = options.kind ?? 'note';
		const same = this.list.find((toast) => toast.text === text && !toast.action);
		if (same) return same.id;
		const id = this.#next++;
		this.list = [...this.list, { id, text, kind, action: options.action }].slice(-MOST);
		setTimeout(() => this.close(id), options.ms ?? (kind === 'error' ? ERROR_MS : NOTE_MS));
		return id;
	}
	/** Says what went wrong. Silent where nothing has to be said: what was aborted on purpose, a server that is away
	 * (the header says that) and a missing token (a screen of its own). */
	error(error: unknown): void {
		if (aborted(error)) return;
		if (error instanceof Problem && (error.away || error.status === 401)) return;
		this.show(error instanceof Error ? error.message : String(error), { kind: 'error' });
	}
	/** The view that a message leads to is open: it would only be in the way. */
	arrived(hash: string): void {
		this.list = this.list.filter((toast) => toast.action?.to !== hash);
	}
	act(toast: Toast): void {
		toast.action?.run?.();
		if (toast.action?.to) go(toast.action.to);
		this.close(toast.id);
	}
	close(id: number): void {
		this.list = this.list.filter((toast) => toast.id !== id);
	}
}

export const toasts = new Toasts();

/** Runs something the user asked for, and says so if it fails. */
export async function attempt<R>(work: () => Promise<R>): Promise<R | undefined> {
	try {
		return await work();
	} catch (error) {
		toasts.error(error);
		return undefined;
	}
}
