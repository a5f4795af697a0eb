// What the server offers: styles, artists, generators, methods, adjustments. Fetched once, and again after a gap.
import { api } from '#lib/api/client.ts';
import type { Adjust, Artist, Generator, Method, OtherModel, Picture, Schema, Status, Style } from '#lib/api/types.ts';

class Library {
	styles = $state<Style[]>([]);
	artists = $state<Artist[]>([]);
	generators = $state<Generator[]>([]);
	/** Kept models that are no generators. */
	others = $state<OtherModel[]>([]);
	methods = $state<Method[]>([]);
	defaultMethod = $state('fusion');
	adjustments = $state<Schema>({});
	status = $state<Status | null>(null);
	/** Paintings that were brought here, newest first. */
	own = $state<Picture[]>([]);
	loaded = $state(false);

	async load(): Promise<void> {
		const [styles, artists, models, methods, adjustments, status, own] = await Promise.all([
			api.styles(),
			api.artists(),
			api.models(),
			api.methods(),
			api.adjustments(),
			api.status(),
			api.files({ role: 'style', limit: 50 })
		]);
		this.styles = styles.styles;
		this.artists = artists.artists;
		this.generators = models.generators;
		this.others = models.others ?? [];
		this.methods = methods.methods;
		this.defaultMethod = methods.default;
		this.adjustments = adjustments;
		this.status = status;
		this.own = own.files;
		this.loaded = true;
	}

	style = (name: string): Style | undefined => this.styles.find((style) => style.name === name);
	translator = (name: string): OtherModel | undefined => this.others.find((model) => model.name === name && model.task === 'translator');
	method = (name: string): Method | undefined => this.methods.find((method) => method.name === name);

	/** The adjustments that change something. The server writes all of them into what it made. */
	changes(adjust: Adjust | undefined): Adjust {
		const neutral = (name: string) => this.adjustments.properties?.[name]?.default;
		return Object.fromEntries(Object.entries(adjust ?? {}).filter(([name, value]) => value !== neutral(name)));
	}

	addOwn(file: Picture): void {
		this.own = [file, ...this.own.filter((other) => other.id !== file.id)];
	}
	dropOwn(id: string): void {
		this.own = this.own.filter((other) => other.id !== id);
	}
}

export const library = new Library();
