// The gallery's pictures: results, newest first, fetched page by page and kept fresh by the event stream.
import { api } from '#lib/api/client.ts';
import type { Picture } from '#lib/api/types.ts';
import { known } from './known.svelte';
import { go } from '#lib/go.ts';
import { library } from './library.svelte';
import { attempt, toasts } from './toasts.svelte';

const PAGE = 40;
const UNDO_MS = 6000;

class Files {
	list = $state<Picture[]>([]);
	next = $state<string | null>(null);
	search = $state('');
	favourites = $state(false);
	loading = $state(false);
	loaded = $state(false);
	shown = $derived(this.favourites ? this.list.filter((file) => file.favourite) : this.list);
	/** The one that is shown large. */
	open = $state<string | null>(null);
	/** Deleted on the page, kept by the server until the moment for second thoughts is over. */
	#leaving = new Map<string, ReturnType<typeof setTimeout>>();
	#fetch = 0;

	async reload(): Promise<void> {
		this.next = null;
		await this.#page(true);
	}
	/** Only the marked ones, or all again: those of pages not fetched yet are asked for. */
	async filter(favourites: boolean): Promise<void> {
		this.favourites = favourites;
		await attempt(() => this.reload());
	}
	async more(): Promise<void> {
		if (this.next && !this.loading) await attempt(() => this.#page(false));
	}
	async #page(first: boolean): Promise<void> {
		const mine = ++this.#fetch;
		this.loading = true;
		try {
			const page = await api.files({ role: 'result', q: this.search.trim(), before: first ? null : this.next, limit: PAGE, favourite: this.favourites || undefined });
			if (mine !== this.#fetch) return;
			const fresh = page.files.filter((file) => !this.#leaving.has(file.id));
			const known = new Set(fresh.map((file) => file.id));
			this.list = first ? fresh : [...this.list.filter((file) => !known.has(file.id)), ...fresh];
			this.next = page.next;
			this.loaded = true;
		} finally {
			if (mine === this.#fetch) this.loading = false;
		}
	}

	put(file: Picture): void {
		if (file.role === 'style') library.addOwn(file);
		if (file.role !== 'result' || this.#leaving.has(file.id)) return;
		const index = this.list.findIndex((other) => other.id === file.id);
		if (index >= 0) this.list[index] = file;
		else if (!this.search.trim()) this.list.unshift(file);
	}
	/** Makes sure that a picture is among the shown ones. */
	include(file: Picture): void {
		if (this.favourites) void this.filter(false);
		if (!this.list.some((other) => other.id === file.id)) {
			const later = this.list.findIndex((other) => other.created < file.created);
			this.list.splice(later < 0 ? this.list.length : later, 0, file);
		}
	}
	/** Shows a picture large, in the gallery, wherever the page is now. */
	show(file: Picture): void {
		this.include(file);
		this.open = file.id;
		go('#/gallery');
	}
	gone(id: string): void {
		this.list = this.list.filter((file) => file.id !== id);
		library.dropOwn(id);
		known.gone(id);
	}

	async favour(file: Picture): Promise<void> {
		await attempt(async () => this.put(await api.changeFile(file.id, { favourite: !file.favourite })));
	}
	rename = (file: Picture, name: string): Promise<void> =>
		attempt(async () => this.put(await api.changeFile(file.id, { name })));

	/** Takes a picture away at once, and from the server only when nobody wanted it back. */
	remove(file: Picture): void {
		const index = this.list.findIndex((other) => other.id === file.id);
		if (index < 0) return;
		this.list.splice(index, 1);
		const timer = setTimeout(() => void this.#delete(file), UNDO_MS);
		this.#leaving.set(file.id, timer);
		const note = toasts.show(`Deleted ${file.name}.`, {
			ms: UNDO_MS,
			action: {
				label: 'Undo',
				run: () => {
					clearTimeout(timer);
					this.#leaving.delete(file.id);
					this.list.splice(Math.min(index, this.list.length), 0, file);
					toasts.close(note);
				}
			}
		});
	}
	async #delete(file: Picture): Promise<void> {
		const done = await attempt(() => api.deleteFile(file.id));
		this.#leaving.delete(file.id);
		if (!done) this.put(file);
	}
	/** The page is being left: what was deleted is deleted now. */
	flush(): void {
		for (const [id, timer] of this.#leaving) {
			clearTimeout(timer);
			void api.deleteFile(id, true).catch(() => undefined);
		}
		this.#leaving.clear();
	}
}

export const files = new Files();
