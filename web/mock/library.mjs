// What the mock offers: a likeness of the bundled styles, artists, generators and methods.
const style = (name, title, artist, year) => ({ name, title, artist, year, licence: 'Public domain' });

export const STYLES = [
	style('garden-at-bougival', 'The Garden at Bougival', 'Berthe Morisot', '1884'),
	style('great-wave', 'The Great Wave off Kanagawa', 'Katsushika Hokusai', 'about 1831'),
	style('harvesters', 'The Harvesters', 'Pieter Bruegel the Elder', '1565'),
	style('houses-of-parliament', 'The Houses of Parliament, Sunset', 'Claude Monet', '1903'),
	style('ocean-waves', 'Waves (Hato zu)', 'Uehara Konen', 'about 1910'),
	style('peasant-woman', 'Head of a Peasant Woman with White Cap', 'Vincent van Gogh', '1885'),
	style('red-fuji', 'Fine Wind, Clear Morning (Red Fuji)', 'Katsushika Hokusai', 'about 1831'),
	style('shipwreck', 'The Wreck of a Transport Ship', 'J. M. W. Turner', 'about 1810'),
	style('starry-night', 'The Starry Night', 'Vincent van Gogh', '1889'),
	style('the-moon', 'The Moon', 'Pamela Colman Smith', '1909'),
	style('the-scream', 'The Scream', 'Edvard Munch', '1893'),
	style('water-lilies', 'The Water Lily Pond', 'Claude Monet', '1904'),
	style('wheat-field', 'Wheat Field with Cypresses', 'Vincent van Gogh', '1889'),
	style('woman-with-a-hat', 'Woman with a Hat', 'Henri Matisse', '1905')
];
export const ARTISTS = [
	{ name: 'hokusai', title: 'Katsushika Hokusai' },
	{ name: 'monet', title: 'Claude Monet' },
	{ name: 'tarot', title: 'Pamela Colman Smith' },
	{ name: 'van-gogh', title: 'Vincent van Gogh' },
	{ name: 'van-gogh-early', title: 'Van Gogh, early' }
];
const generator = (name, title, side, layers, classes = [], own = false) => ({
	name, title, licence: own ? 'yours' : 'MIT OR Apache-2.0', algorithm: layers > 2 ? 'stylegan' : layers > 1 ? 'fastgan' : 'dcgan', width: side, height: side, layers, classes, own
});
export const GENERATORS = [
	generator('garments', 'Garments of ten classes, 28 x 28 px', 28, 1, ['top', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot']),
	generator('icons', 'Flat icons on white: faces, animals, things', 64, 2),
	generator('my-meadows', 'Learned from 412 photographs of meadows', 96, 6, [], true),
	generator('paintings', 'Small paintings in the manner of late van Gogh', 64, 2),
	generator('tiles', 'Sprites on slate, 32 x 32 px', 32, 1),
	generator('wardrobe', 'Garments whose styles can be mixed by layers, 28 px', 28, 5)
];
const number = (description, neutral, minimum, maximum) => ({ type: 'number', description, default: neutral, minimum, maximum });
const optimised = {
	$schema: 'https://json-schema.org/draft/2020-12/schema',
	type: 'object',
	properties: {
		steps: { type: 'integer', description: 'Optimisation steps in all', default: 40, minimum: 1, maximum: 2000 },
		content_weight: { type: 'number', description: 'Weight of the content’s shapes', default: 1, minimum: 0 },
		style_weight: { type: 'number', description: 'Weight of the style’s texture', default: 10, minimum: 0 },
		style_scale: number('Size at which the style is seen', 1, 0.1, 4),
		optimiser: { type: 'string', enum: ['lbfgs', 'adam'], description: 'What moves the pixels', default: 'lbfgs' },
		init: { type: 'string', enum: ['content', 'noise'], description: 'Where to start', default: 'content' }
	}
};
export const METHODS = [
	{ name: 'fusion', summary: 'paints any picture in the style of any other, in one pass', quick: true, settings: null },
	{ name: 'artist', summary: 'paints any picture as the artists would whose works it learned', quick: true, settings: null },
	{ name: 'refine', summary: 'fusion, then some optimisation', quick: false, settings: optimised },
	{ name: 'gatys', summary: 'optimises the picture itself towards the style', quick: false, settings: optimised }
];
const adjust = (title, description, neutral, minimum, maximum) => ({ title, ...number(description, neutral, minimum, maximum) });
export const ADJUSTMENTS = {
	$schema: 'https://json-schema.org/draft/2020-12/schema',
	type: 'object',
	properties: {
		temperature: adjust('Temperature', 'Warmer above 0, cooler below', 0, -1, 1),
		brightness: adjust('Brightness', 'Added to every value', 0, -1, 1),
		contrast: adjust('Contrast', 'Factor on the distance from middle grey', 1, 0, 4),
		gamma: adjust('Gamma', 'Brighter mid-tones above 1', 1, 0.1, 10),
		saturation: adjust('Saturation', 'Factor on the distance from grey', 1, 0, 4),
		hue: adjust('Hue', 'Turns colours by so many degrees', 0, -180, 180),
		sharpen: adjust('Sharpen', 'Fine contrast above 0, softer below', 0, -5, 5),
		grain: adjust('Grain', 'Grain as film has it', 0, 0, 1),
		grain_seed: { title: 'Grain seed', description: 'Seed of the grain', type: 'integer', default: 0, minimum: 0, maximum: 4294967295 }
	}
};
