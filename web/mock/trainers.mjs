// What can be learnt, as the server would list it.
const whole = (title, description, neutral, minimum, maximum) => ({ title, type: 'integer', description, default: neutral, minimum, ...(maximum && { maximum }) });
const number = (title, description, neutral, minimum, maximum) => ({ title, type: 'number', description, default: neutral, minimum, ...(maximum !== undefined && { maximum }) });
const flag = (title, description, neutral) => ({ title, type: 'boolean', description, default: neutral });
const choice = (title, description, neutral, list) => ({ title, type: 'string', description, default: neutral, enum: list });
const form = (properties) => ({ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', properties });

const common = {
	steps: whole('Steps', 'Steps of training in all', 20000, 1),
	batch: whole('Pictures a step', 'More are calmer and slower', 8, 1, 64),
	seed: whole('Seed', 'Decides everything that is drawn by lot', 0, 0),
	sample_every: whole('Samples every', 'Steps between two grids of samples', 500, 1),
	checkpoint_every: whole('Checkpoints every', 'Steps between two places one can go back to', 1000, 1),
	'optimizer.rate': number('Learning rate', 'How large a step is', 0.0002, 0, 0.01),
	'optimizer.beta1': number('First beta', 'How long the gradient is remembered', 0.5, 0, 0.999)
};
const gan = form({
	...common,
	mirror: flag('Mirrored pictures', 'Half of the pictures are turned left to right', true),
	augment: choice('Changes at random', 'What the discriminator sees of pictures', 'diffaugment', ['none', 'diffaugment', 'ada']),
	'loss.kind': choice('Loss', 'How real and made are told apart', 'hinge', ['hinge', 'logistic', 'least-squares', 'wasserstein']),
	'loss.penalty': number('Gradient penalty', 'What keeps the discriminator from becoming too steep', 1, 0, 100),
	'watch.patience': whole('Patience', 'Times in a row that trouble must be seen before going back', 2, 1, 10),
	'watch.grace': whole('Grace', 'Steps in the beginning that are not judged', 1000, 0, 20000)
});
const artist = form({ ...common, 'terms.content': number('Content', 'Weight of the photograph’s shapes', 1, 0, 10), 'terms.style': number('Style', 'Weight of the paintings’ strokes', 5, 0, 20), 'terms.adversarial': number('Hand', 'Weight of what tells the hand from others', 1, 0, 10) });
const translate = form({ ...common, 'terms.nce_weight': number('Same place', 'How strongly a place stays what it was', 1, 0, 10), 'terms.identity': number('Identity', 'How little pictures of the second kind change', 1, 0, 10) });

const role = (name, about, several = false, optional = false) => ({ name, about, several, optional });
const ab = [role('a', 'Pictures of the kind to start from'), role('b', 'Pictures of the kind to end with')];
const preset = (name, about) => ({ name, about });

export const TRAINERS = [
	{
		name: 'gan', title: 'A generator of pictures like these', task: 'generator', roles: [role('data', 'Pictures that new ones shall be like')],
		summary: 'Learns what a set of pictures has in common, and makes as many new ones as you like. Everything is chosen from the pictures.',
		presets: [preset('quick', 'A look at what will come, in a tenth of the time'), preset('careful', 'Twice as long, half as bold')], settings: gan
	},
	{
		name: 'artist', title: 'An artist’s hand', task: 'stylizer', presets: [],
		summary: 'Learns how one or several artists paint, and paints any photograph as they would.',
		roles: [role('photos', 'Photographs of what will be painted'), role('paintings', 'Works of an artist; several collections are several artists', true)], settings: artist
	},
	{ name: 'cut', title: 'A translator between two kinds of pictures', task: 'translator', summary: 'Makes pictures of one kind into pictures of another, from two loose heaps of pictures.', roles: ab, presets: [], settings: translate },
	{ name: 'fastcut', title: 'A translator, quickly', task: 'translator', summary: 'As the other, lighter and bolder: good for strong changes.', roles: ab, presets: [], settings: translate },
	{ name: 'cyclegan', title: 'A translator there and back', task: 'translator', summary: 'Learns both ways at once: slower, and what was one kind can become it again.', roles: ab, presets: [], settings: translate },
	{ name: 'single', title: 'A translator from one painting', task: 'translator', summary: 'Learns from one picture of each kind, part by part.', roles: ab, presets: [], settings: translate },
	{
		name: 'pix2pix', title: 'A translator from pairs', task: 'translator', summary: 'Learns from pairs that show the same in both kinds: drawings and what was drawn.',
		roles: [...ab.map((one) => ({ ...one, optional: true })), role('pairs', 'Pictures with both kinds side by side, instead of two collections', false, true)], presets: [], settings: translate
	}
];
