// Dark, light, or as the system has it. The choice stands as data-theme on <html>.
import { recall, remember } from './stored';

export type Theme = 'system' | 'dark' | 'light';

class ThemeState {
	choice = $state<Theme>(recall<Theme>('theme', 'system'));
	#system = $state(matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark');
	now = $derived(this.choice === 'system' ? this.#system : this.choice);

	constructor() {
		matchMedia('(prefers-color-scheme: light)').addEventListener('change', (event) => {
			this.#system = event.matches ? 'light' : 'dark';
		});
		this.#apply();
	}
	toggle(): void {
		const wanted = this.now === 'dark' ? 'light' : 'dark';
		this.choice = wanted === this.#system ? 'system' : wanted;
		remember('theme', this.choice);
		this.#apply();
	}
	#apply(): void {
		if (this.choice === 'system') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = this.choice;
	}
}

export const theme = new ThemeState();
