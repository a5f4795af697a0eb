// What is on the easel: the photograph, the styles and every setting of the painting to be.
import { api, Problem } from '#lib/api/client.ts';
import type { Adjust, Format, KeepColour, PaintRequest, Picture, Request, StylizeRequest, TranslateRequest, Values } from '#lib/api/types.ts';
import { MOST_STYLES, beside, choicesOf, paintable, stylesOf, type Choice, type ChoiceKind } from './choices';
import { jobs } from './jobs.svelte';
import { library } from './library.svelte';
import { mask } from './mask.svelte';
import { recall, remember } from './stored';
import { attempt, toasts } from './toasts.svelte';

const fresh = () => ({
	strength: 1,
	preserve: 'none' as KeepColour,
	method: null as string | null,
	settings: {} as Values,
	feather: 0,
	size: null as number | null,
	styleSize: null as number | null,
	adjust: {} as Adjust,
	seed: 0,
	/** Of translators between two kinds of pictures: which way. */
	back: false,
	format: 'png' as Format,
	quality: 95
});
type Settings = ReturnType<typeof fresh>;

interface Kept {
	content: string | null;
	pile: string[];
	choices: Choice[];
	set: Settings;
	mask: string | null;
	job: string | null;
	jobKey: string;
}

class Paint {
	content = $state<Picture | null>(null);
	/** Photographs brought together: painted as one batch. Holds `content` where it is not empty. */
	pile = $state<Picture[]>([]);
	choices = $state<Choice[]>([]);
	set = $state<Settings>(fresh());
	/** Upload in progress, 0 to 1, with what it is. */
	upload = $state<{ name: string; part: number; left: number } | null>(null);
	/** The last full painting asked for, and what it was to be. */
	job = $state<string | null>(null);
	jobKey = $state('');
	/** The photograph on the easel was taken from the server in the meantime. */
	restored = $state(false);

	/** The translator that paints, instead of styles. */
	translator = $derived(this.choices.find((choice) => choice.kind === 'translator')?.id ?? null);
	/** What would be painted, without the photograph: presets are made of this. */
	settings = $derived.by((): StylizeRequest | TranslateRequest => {
		const set = this.set;
		const request: StylizeRequest = { kind: 'stylize', ...stylesOf(this.choices) };
		if (set.method) request.method = set.method;
		if (set.method && Object.keys(set.settings).length) request.settings = $state.snapshot(set.settings) as Values;
		if (set.strength !== 1) request.strength = set.strength;
		if (set.preserve !== 'none') request.preserve_color = set.preserve;
		if (set.size) request.size = set.size;
		if (set.styleSize) request.style_size = set.styleSize;
		if (Object.keys(set.adjust).length) request.adjust = $state.snapshot(set.adjust) as Adjust;
		if (set.seed) request.seed = set.seed;
		if (set.format !== 'png') request.output = { format: set.format, ...(hasQuality(set.format) && { jpeg_quality: set.quality }) };
		if (!this.translator) return request;
		const { styles: _, model: __, method: ___, settings: ____, style_size: _____, ...rest } = request;
		return { ...rest, kind: 'translate', model: this.translator, ...(set.back && { direction: 'back' as const }) };
	});

	/** The whole request, or null while there is nothing to do. */
	request = $derived.by((): PaintRequest | null => (this.content ? this.requestFor(this.content, true) : null));
	key = $derived(this.request ? JSON.stringify(this.request) : '');

	/** What the preview asks for: the same, but never by a method that takes minutes. */
	previewRequest = $derived.by((): Request | null => {
		if (!this.request) return null;
		const { output: _, ...request } = this.request;
		if (request.kind === 'adjust') return request;
		const { size: __, ...seen } = request;
		if (seen.kind === 'translate' || !this.slow) return seen;
		const { method: ___, settings: ____, ...quick } = seen;
		return quick;
	});
	/** Whether the chosen method is too slow to be previewed. */
	slow = $derived(this.set.method !== null && library.method(this.set.method)?.quick === false);
	lacking = $derived(this.choices.filter((choice) => choice.kind === 'missing'));
	current = $derived(jobs.get(this.job));
	/** The full painting, as long as nothing was changed since. */
	result = $derived(this.current?.state === 'done' && this.jobKey === this.key ? (this.current.results[0] ?? null) : null);
	/** What is on the easel is being painted right now. */
	asked = $derived((this.current?.state === 'queued' || this.current?.state === 'running') && this.jobKey === this.key);
	working = $derived(this.current?.state === 'queued' || this.current?.state === 'running');

	requestFor(content: Picture, own: boolean): PaintRequest | null {
		if (this.lacking.length) return null;
		const request: PaintRequest = { ...this.settings, content: content.id };
		if (!this.choices.length) {
			if (!request.adjust) return null;
			return { kind: 'adjust', content: content.id, adjust: request.adjust, ...(request.output && { output: request.output }) };
		}
		// A mask belongs to one photograph.
		if (own && mask.file) {
			request.mask = mask.file;
			if (this.set.feather) request.feather = this.set.feather;
		}
		return request;
	}

	has = (kind: ChoiceKind, id: string): boolean => this.choices.some((choice) => choice.kind === kind && choice.id === id);

	/** A click on a style: it alone, or no longer; with `add`, beside the others. */
	choose(kind: ChoiceKind, id: string, add: boolean): void {
		if (this.has(kind, id)) {
			if (add || this.choices.length === 1) this.drop(kind, id);
			else this.choices = this.choices.filter((choice) => choice.kind === kind && choice.id === id).map((c) => ({ ...c, weight: 1 }));
			return;
		}
		const choice: Choice = { kind, id, weight: 1, layers: [] };
		if (add && this.choices.length >= MOST_STYLES) {
			toasts.show(`At most ${MOST_STYLES} styles go into one picture.`);
			return;
		}
		const { kept, why } = beside(choice, this.choices);
		if (add && why) toasts.show(why);
		this.choices = [...(add ? kept : []), choice];
	}
	drop(kind: ChoiceKind, id: string): void {
		this.choices = this.choices.filter((choice) => choice.kind !== kind || choice.id !== id);
	}

	async bring(list: File[], role: 'content' | 'style'): Promise<void> {
		const stored: Picture[] = [];
		for (const [index, file] of list.entries()) {
			this.upload = { name: file.name, part: 0, left: list.length - index };
			const picture = await attempt(() =>
				api.upload(file, file.name, role, {
					onProgress: (part) => {
						if (this.upload) this.upload.part = part;
					}
				})
			);
			if (picture) stored.push(picture);
		}
		this.upload = null;
		if (!stored.length) return;
		if (role === 'style') {
			for (const [index, picture] of stored.entries()) {
				library.addOwn(picture);
				if (!this.has('file', picture.id)) this.choose('file', picture.id, index > 0 || this.choices.length > 0);
			}
		} else if (stored.length === 1 && stored[0]?.request) await this.restore(stored[0]);
		else this.place(stored);
	}

	/** Puts photographs on the easel. */
	place(list: Picture[]): void {
		const [first] = list;
		if (!first) return;
		this.pile = list.length > 1 ? list : [];
		this.show(first);
	}
	show(picture: Picture): void {
		if (this.content?.id !== picture.id) mask.forget();
		this.content = picture;
	}
	clear(): void {
		this.content = null;
		this.pile = [];
		this.job = null;
		mask.forget();
	}
	reset(): void {
		this.choices = [];
		this.set = fresh();
		mask.forget();
	}

	/** Takes over the settings of a picture that impasto made. */
	async restore(picture: Picture): Promise<void> {
		const request = picture.request;
		if (!paintable(request)) {
			this.place([picture]);
			return;
		}
		const content = request.content ? await api.file(request.content).catch(() => null) : null;
		this.adopt(request);
		if (content) this.place([content]);
		else if (!this.content) this.place([picture]);
		if (request.kind !== 'adjust' && request.mask && content) {
			await mask.load(request.mask, content, request.invert_mask ?? false).catch((error: unknown) => toasts.error(error));
		}
		const missing = picture.missing.length ? picture.missing.join(', ') : null;
		const words = [
			`Settings restored from ${picture.name}.`,
			content ? '' : 'Its photograph is not here.',
			missing ? `Not here either: ${missing}.` : ''
		];
		toasts.show(words.filter(Boolean).join(' '), {
			ms: 9000,
			action: { label: 'Paint on it instead', run: () => this.place([picture]) }
		});
	}

	/** Takes over settings without touching the photograph. */
	adopt(request: Request): void {
		if (!paintable(request)) return;
		const set = fresh();
		set.adjust = library.changes(request.adjust);
		set.format = request.output?.format ?? set.format;
		set.quality = request.output?.jpeg_quality ?? set.quality;
		if (request.kind !== 'adjust') {
			set.strength = request.strength ?? set.strength;
			set.preserve = request.preserve_color ?? set.preserve;
			set.feather = request.feather ?? 0;
			set.size = request.size ?? null;
			set.seed = request.seed ?? 0;
		}
		if (request.kind === 'stylize') {
			set.method = request.method ?? null;
			set.settings = { ...request.settings };
			set.styleSize = request.style_size ?? null;
		}
		if (request.kind === 'translate') set.back = request.direction === 'back';
		this.choices = choicesOf(request);
		this.set = set;
		for (const choice of this.choices) if (choice.kind === 'file') void this.#learn(choice.id);
	}
	/** Own paintings may be older than those that were listed. */
	/** Makes a picture known by name before it is among the listed. */
	know = async (file: Picture): Promise<void> => library.addOwn(file);
	async #learn(id: string): Promise<void> {
		if (library.own.some((file) => file.id === id)) return;
		await api.file(id).then(
			(file) => library.addOwn(file),
			(error: unknown) => error instanceof Problem && error.status === 404 && this.drop('file', id)
		);
	}

	/** Asks for the full painting; of a pile, for all of them. */
	async paint(): Promise<void> {
		await mask.settled();
		if (!this.content || !this.request || this.asked) return;
		if (this.pile.length > 1) return this.#paintPile();
		const key = this.key;
		await attempt(async () => {
			const job = await jobs.make(this.request as Request);
			this.job = job.id;
			this.jobKey = key;
		});
	}
	async #paintPile(): Promise<void> {
		const clock = new Date().toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
		const batch = `${this.pile.length} photographs, ${clock}`;
		let made = 0;
		for (const picture of this.pile) {
			const request = this.requestFor(picture, picture.id === this.content?.id);
			if (request && (await attempt(() => jobs.make(request, { batch })))) made++;
		}
		if (made) toasts.show(`${made} paintings are on their way.`, { ms: 3500, action: { label: 'See the queue', to: '#/queue' } });
	}

	keep(): void {
		remember('paint', {
			content: this.content?.id ?? null,
			pile: this.pile.map((picture) => picture.id),
			choices: $state.snapshot(this.choices),
			set: $state.snapshot(this.set) as Settings,
			mask: mask.file,
			job: this.job,
			jobKey: this.jobKey
		} satisfies Kept);
	}
	/** What was on the easel when the page was left. */
	async recall(): Promise<void> {
		const kept = recall<Partial<Kept>>('paint', {});
		this.choices = (kept.choices ?? []).filter((choice) => choice.kind !== 'missing');
		this.set = { ...fresh(), ...kept.set };
		for (const choice of this.choices) if (choice.kind === 'file') void this.#learn(choice.id);
		if (!kept.content || this.content) return;
		const content = await api.file(kept.content).catch(() => null);
		if (!content || this.content) return;
		const pile = await Promise.all((kept.pile ?? []).map((id) => api.file(id).catch(() => null)));
		this.pile = pile.filter((picture) => picture !== null);
		this.content = content;
		if (kept.mask) await mask.load(kept.mask, content, false).catch(() => mask.forget());
		if (kept.job) {
			const job = await api.job(kept.job).catch(() => null);
			if (job) {
				jobs.put(job);
				this.job = job.id;
				this.jobKey = kept.jobKey ?? '';
			}
		}
	}
}

export const hasQuality = (format: Format): boolean => format === 'jpeg' || format === 'webp';

export const paint = new Paint();
