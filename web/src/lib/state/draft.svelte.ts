// The training that is about to be started: what, from which pictures, and how.
import type { Recipe, Role, TrainRequest, Trainer } from '#lib/api/train.ts';
import type { Schema, Values } from '#lib/api/types.ts';
import { roleTitle } from '#lib/components/train/words.ts';
import { collections } from './collections.svelte';
import { runs } from './runs.svelte';
import { recall, remember } from './stored';

const fresh = () => ({
	what: '',
	sources: {} as Record<string, string[]>,
	preset: null as string | null,
	settings: {} as Values,
	name: '',
	minutes: null as number | null,
	side: null as number | null,
	architecture: null as string | null
});

/** Settings that are changed most. */
const FIRST = ['steps', 'batch', 'rate', 'seed'];

class Draft {
	set = $state({ ...fresh(), ...recall('training', {}) });
	starting = $state(false);

	trainer = $derived(runs.trainer(this.set.what));
	/** Collections by role, without those that are no longer here. */
	sources = $derived.by((): Record<string, string[]> => {
		const roles = this.trainer?.roles ?? [];
		return Object.fromEntries(roles.map((role) => [role.name, (this.set.sources[role.name] ?? []).filter((id) => collections.get(id))]));
	});
	chosen = $derived([...new Set(Object.values(this.sources).flat())]);
	/** What is recommended for the pictures, where that is known: generators are drawn up by it. */
	recipe = $derived.by((): Recipe | null => {
		const [id] = this.trainer?.task === 'generator' ? this.chosen : [];
		return (id && collections.report(id)?.report?.recipe) || null;
	});
	/** The settings' form, with what the recipe recommends as neutral. */
	schema = $derived.by((): Schema | null => {
		const schema = this.trainer?.settings;
		if (!schema?.properties) return null;
		const { recipe } = this;
		const advice: Record<string, unknown> = { ...recipe, 'augment.policy': recipe?.augment, 'vary.mirror': recipe?.mirror };
		// A size has a choice of its own.
		const own = this.trainer?.task === 'generator' ? ['size'] : [];
		const known = Object.entries(schema.properties).filter(([name]) => !own.includes(name));
		const properties = known.map(([name, of]) => {
			const value = advice[name];
			return [name, ['number', 'boolean', 'string'].includes(typeof value) ? { ...of, default: value } : of];
		});
		const names = schema['x-order'] ?? Object.keys(schema.properties);
		const order = [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name))];
		return { ...schema, properties: Object.fromEntries(properties), 'x-order': order };
	});
	/** A name that says what it is, until one is typed. */
	suggested = $derived.by(() => {
		const names = this.chosen.map((id) => collections.get(id)?.name).filter(Boolean);
		if (!names.length) return '';
		const name = names.slice(0, 2).join(' and ');
		const taken = (one: string) => runs.list.some((run) => run.name === one);
		for (let number = 2, one = name; ; number++) {
			if (!taken(one)) return one;
			one = `${name}, ${number}`;
		}
	});
	name = $derived(this.set.name.trim() || this.suggested);
	/** What is still missing, in words; empty when it can begin. */
	why = $derived.by(() => {
		if (!this.trainer) return 'Choose what to make.';
		const roles = this.trainer.roles;
		if (roles.some((role) => role.optional) && !this.sources.pairs?.length && !this.#both) return 'Choose pictures of both kinds, or pairs of them.';
		const lacking = roles.find((role) => !role.optional && !this.sources[role.name]?.length);
		if (lacking) return `Choose pictures for “${roleTitle(lacking)}”.`;
		const empty = this.chosen.map((id) => collections.get(id)).find((one) => one && one.pictures === 0);
		if (empty) return `“${empty.name}” holds no pictures.`;
		if (!this.name) return 'Give it a name.';
		return '';
	});
	#both = $derived(['a', 'b'].every((role) => this.sources[role]?.length));

	begin(collection?: string): void {
		if (collection) this.set.sources = { data: [collection], paintings: [collection], styles: [collection], b: [collection] };
		this.set.name = '';
	}
	choose(trainer: Trainer): void {
		if (this.set.what === trainer.name) return;
		this.set.what = trainer.name;
		this.set.preset = null;
		this.set.settings = {};
		this.set.side = null;
		this.set.architecture = null;
	}
	toggle(role: Role, id: string): void {
		const now = this.sources[role.name] ?? [];
		// Pairs stand instead of two kinds, where a trainer takes either.
		if (role.optional) for (const other of this.trainer?.roles ?? []) if ((other.name === 'pairs') !== (role.name === 'pairs')) this.set.sources[other.name] = [];
		this.set.sources[role.name] = now.includes(id) ? now.filter((one) => one !== id) : role.several ? [...now, id] : [id];
	}

	get request(): TrainRequest {
		const set = $state.snapshot(this.set);
		const sources = Object.entries($state.snapshot(this.sources)).filter(([, ids]) => ids.length);
		return {
			kind: 'train',
			what: set.what,
			sources: Object.fromEntries(sources),
			...(set.preset && { preset: set.preset }),
			...(Object.keys(set.settings).length > 0 && { settings: set.settings as Values }),
			...(set.side && { size: [set.side, set.side] as [number, number] }),
			...(set.architecture && { architecture: set.architecture }),
			...(set.minutes && { minutes: set.minutes })
		};
	}
	/** Starts it; gives the run's id. */
	async start(): Promise<string | undefined> {
		if (this.why || this.starting) return undefined;
		this.starting = true;
		const id = await runs.start(this.name, this.request);
		this.starting = false;
		if (id) this.set.name = '';
		return id;
	}
	/** The same again, as a start for changes. */
	adopt(name: string, request: TrainRequest): void {
		this.set = {
			...fresh(),
			what: request.what,
			sources: { ...request.sources },
			preset: request.preset ?? null,
			settings: { ...request.settings },
			name,
			minutes: request.minutes ?? null,
			side: request.size?.[0] ?? null,
			architecture: request.architecture ?? null
		};
	}
	keep(): void {
		remember('training', $state.snapshot(this.set));
	}
}

export const draft = new Draft();
