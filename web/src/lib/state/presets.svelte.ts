// Settings saved under a name.
import { api } from '#lib/api/client.ts';
import type { Preset, Request } from '#lib/api/types.ts';
import type { PresetFile } from '#lib/api/train.ts';
import { attempt, toasts } from './toasts.svelte';

const NO_PRESET = 'That file holds no preset of impasto.';

function parsed(text: string): Partial<PresetFile> | null {
	try {
		return JSON.parse(text) as Partial<PresetFile> | null;
	} catch {
		return null;
	}
}

class Presets {
	list = $state<Preset[]>([]);

	load = (): Promise<unknown> => attempt(async () => (this.list = (await api.presets()).presets));
	async save(name: string, request: Request): Promise<boolean> {
		const done = await attempt(() => api.savePreset(name, request));
		if (done) toasts.show(`Saved “${name}”.`);
		await this.load();
		return done !== undefined;
	}
	/** Takes settings over from a file as `Save as file` writes it; gives them. */
	async open(file: File): Promise<Preset | undefined> {
		return attempt(async () => {
			const read = parsed(await file.text());
			const request = read?.request as Request | undefined;
			if (read?.impasto_preset !== 1 || typeof read.name !== 'string' || typeof request?.kind !== 'string') throw new Error(NO_PRESET);
			await api.savePreset(read.name, request);
			await this.load();
			toasts.show(`Opened “${read.name}”.`);
			// As the server understood it.
			return this.list.find((preset) => preset.name === read.name);
		});
	}
	async remove(preset: Preset): Promise<void> {
		if (!(await attempt(() => api.deletePreset(preset.name)))) return;
		await this.load();
		toasts.show(`Removed “${preset.name}”.`, {
			action: { label: 'Undo', run: () => void this.save(preset.name, preset.request) }
		});
	}
}

export const presets = new Presets();
