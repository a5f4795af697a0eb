// What is learnt, in the words of those who make pictures. Where the server knows more than this page, its own words are
// shown.
import type { Role, Task, Trainer } from '#lib/api/train.ts';
import type { IconName } from '../Icon.svelte';

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const sentence = (text: string): string => (/[.!?]$/.test(text) || !text ? capital(text) : `${capital(text)}.`);

export const KINDS: Record<Task, { icon: IconName; title: string; text: string }> = {
	generator: {
		icon: 'spark',
		title: 'A generator of pictures like these',
		text: 'Learns what your pictures have in common, and makes as many new ones as you like.'
	},
	stylizer: { icon: 'brush', title: 'An artist’s hand', text: 'Learns how one or several artists paint, and paints any photograph as they would.' },
	translator: {
		icon: 'compare',
		title: 'A translator between two kinds of pictures',
		text: 'Learns to make one kind of picture into another: summer into winter, drawings into paintings.'
	}
};

const WAYS: Record<string, [title: string, text: string]> = {
	artist: ['An artist’s hand', KINDS.stylizer.text],
	fusion: ['Any style at once', 'Learns to paint in the style of any picture it is shown, as the bundled painter does. Needs many pictures and much time.'],
	cut: ['Two heaps, one way', 'From two loose heaps of pictures that need not show the same. Good for most things.'],
	fastcut: ['Quicker, closer', 'As from two heaps, but quicker, and closer to what is in the picture.'],
	single: ['From one picture each', 'From a single picture of either kind, piece by piece.'],
	cyclegan: ['There and back', 'Learns both ways at once, which takes twice as long.'],
	pix2pix: ['From pairs', 'From pairs that show the same in both kinds, such as drawings and what was drawn.']
};
export const wayTitle = (trainer: Trainer): string => WAYS[trainer.name]?.[0] ?? trainer.title;
export const wayText = (trainer: Trainer): string => WAYS[trainer.name]?.[1] ?? sentence(trainer.summary.replace(/^an? \w+: /, ''));
/** What a run learns, in a few words. */
export function runWords(trainer: Trainer | undefined, what: string): string {
	if (!trainer) return what;
	return trainer.task === 'translator' ? `A translator, ${wayTitle(trainer).toLowerCase()}` : trainer.task === 'generator' ? 'A generator' : wayTitle(trainer);
}

const ROLES: Record<string, [title: string, about: string]> = {
	data: ['Pictures', 'New ones will be like these.'],
	photos: ['Photographs', 'Of the kind that will be painted.'],
	content: ['Photographs', 'Of the kind that will be painted.'],
	paintings: ['Paintings', 'An artist’s works. Several collections are several artists, each called as its collection.'],
	styles: ['Paintings', 'The more various, the better.'],
	a: ['From', 'The kind of pictures to start with.'],
	b: ['To', 'The kind of pictures they become.'],
	pairs: ['Pairs', 'Pictures that hold both kinds side by side, instead of the two above.']
};
export const roleTitle = (role: Role): string => ROLES[role.name]?.[0] ?? capital(role.name);
export const roleAbout = (role: Role): string => ROLES[role.name]?.[1] ?? sentence(role.about);
