// Settings saved under a name.
import { api } from '#lib/api/client.ts';
import type { Preset, Request } from '#lib/api/types.ts';
import { attempt, toasts } from './toasts.svelte';

class Presets {
	list = $state<Preset[]>([]);

	load = (): Promise<unknown> => attempt(async () => (this.list = (await api.presets()).presets));
	async save(name: string, request: Request): Promise<boolean> {
		const done = await attempt(() => api.savePreset(name, request));
		if (done) toasts.show(`Saved “${name}”.`);
		await this.load();
		return done !== undefined;
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
