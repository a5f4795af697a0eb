// What was made becomes what is painted with.
import { api } from '#lib/api/client.ts';
import type { Picture } from '#lib/api/types.ts';
import { go } from '#lib/go.ts';
import { paint } from './paint.svelte';
import { attempt } from './toasts.svelte';

const goPaint = () => go('#/');

/** A picture that is here as the style of the next painting, or as what is painted on. */
export async function useAs(role: 'content' | 'style', file: Picture): Promise<void> {
	await attempt(async () => {
		if (role === 'content') paint.place([file]);
		else if (!paint.has('file', file.id)) {
			paint.choose('file', file.id, false);
			await paint.know(file);
		}
		goPaint();
	});
}

/** All settings of a picture, back on the easel. */
export async function editAgain(file: Picture): Promise<void> {
	await attempt(async () => {
		await paint.restore(await api.file(file.id));
		goPaint();
	});
}
