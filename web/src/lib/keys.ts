// What keys do, said once: the views act on it and the help shows it.

/** Whether keys belong to what has the focus, not to the page. */
export function typing(event: KeyboardEvent): boolean {
	const at = event.target as HTMLElement | null;
	if (document.querySelector('dialog[open]')) return true;
	if (!at?.matches) return false;
	return at.matches('textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio], [type=file])');
}
/** Whether what has the focus uses plain keys such as space and arrows itself. */
export function onControl(event: KeyboardEvent): boolean {
	const at = event.target as HTMLElement | null;
	return !!at?.matches?.('button, a, summary, input, select, textarea, [role=slider], [role=application]');
}

export const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);
const ctrl = mac ? '⌘' : 'Ctrl';

export const help: { title: string; keys: [string, string][] }[] = [
	{
		title: 'Everywhere',
		keys: [
			['1 2 3 4 5', 'Paint, Generate, Train, Gallery, Queue'],
			['?', 'This help'],
			['T', 'Dark or light']
		]
	},
	{
		title: 'Paint',
		keys: [
			[`${ctrl} V`, 'Paste a photograph'],
			[`${ctrl} Enter`, 'Paint full size'],
			[`${ctrl} S`, 'Save the painting'],
			['Space', 'Hold to see the photograph'],
			['C', 'Compare before and after'],
			['← →', 'Move the divider'],
			['+ − 0', 'Nearer, farther, all of it'],
			['Shift click', 'Mix a style in'],
			['Backspace', 'On a slider: back to neutral']
		]
	},
	{
		title: 'Mask',
		keys: [
			['M', 'Brush a mask, and done'],
			['[ ]', 'Smaller, larger brush'],
			['X', 'Erase, and brush again'],
			['I', 'Invert'],
			[`${ctrl} Z`, `Undo; with Shift, redo`],
			['Arrows, Enter', 'Brush by keyboard']
		]
	},
	{
		title: 'Generate',
		keys: [
			['Arrows, Enter', 'From picture to picture, enlarge'],
			['F', 'Mark'],
			['M', 'Mix with another'],
			['W', 'Into the walk, or out'],
			['Delete', 'Off the wall, out of the walk'],
			['Shift ← →', 'Move a station of the walk']
		]
	},
	{
		title: 'Train',
		keys: [
			['← →', 'On a chart: step by step'],
			['Home End', 'The first, the newest'],
			['Esc', 'Follow the newest again']
		]
	},
	{
		title: 'Gallery',
		keys: [
			['← →', 'Next, previous'],
			['F', 'Favourite'],
			['E', 'Edit again'],
			['Delete', 'Delete'],
			['Esc', 'Close']
		]
	}
];
