// The mask: where it is light, the style goes; elsewhere the photograph stays. Kept as a list of steps that are painted
// anew after an undo, so that undo costs no memory and reaches back to the beginning.
import { api, urls } from '#lib/api/client.ts';
import type { Picture } from '#lib/api/types.ts';
import { toasts } from './toasts.svelte';

const LONG_SIDE = 1024;
const SETTLE_MS = 150;
/** A stroke is drawn this far outside and only its shadow falls inside: blurred strokes in every browser. */
const FAR = 8192;

export interface Point {
	x: number;
	y: number;
}
interface Stroke {
	kind: 'stroke';
	points: Point[];
	/** In pixels of the mask. */
	width: number;
	soft: number;
	erase: boolean;
}
type Step = Stroke | { kind: 'invert' } | { kind: 'clear' } | { kind: 'base'; image: ImageBitmap };

class Mask {
	active = $state(false);
	visible = $state(true);
	erase = $state(false);
	/** Of the picture's long side. */
	size = $state(0.08);
	softness = $state(0.5);
	/** As it is stored on the server; null while there is none. */
	file = $state<string | null>(null);
	width = $state(0);
	height = $state(0);
	/** Counts changes, for those who show the pixels. */
	version = $state(0);
	#steps = $state.raw<Step[]>([]);
	#undone = $state.raw<Step[]>([]);
	canUndo = $derived(this.#steps.length > 0);
	canRedo = $derived(this.#undone.length > 0);
	empty = $derived(this.#steps.length === 0 || this.#steps.at(-1)?.kind === 'clear');
	#done: HTMLCanvasElement | null = null;
	#live: Stroke | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#upload: AbortController | null = null;
	#ready: Promise<void> = Promise.resolve();
	#settle: (() => void) | null = null;

	/** Makes room for a mask of this picture's proportions. */
	prepare(picture: Picture): void {
		const scale = Math.min(1, LONG_SIDE / Math.max(picture.width, picture.height));
		const width = Math.max(1, Math.round(picture.width * scale));
		const height = Math.max(1, Math.round(picture.height * scale));
		if (this.#done && this.width === width && this.height === height) return;
		this.#done = document.createElement('canvas');
		this.#done.width = this.width = width;
		this.#done.height = this.height = height;
		this.version++;
	}
	forget(): void {
		this.#steps = this.#undone = [];
		this.#done = null;
		this.#live = null;
		this.file = null;
		this.active = false;
		clearTimeout(this.#timer);
		this.#upload?.abort();
		this.#settle?.();
		this.version++;
	}
	async load(id: string, picture: Picture, invert: boolean): Promise<void> {
		const blob = await (await fetch(urls.view(id))).blob();
		const image = await createImageBitmap(blob);
		this.prepare(picture);
		this.#steps = [{ kind: 'base', image: await lightToAlpha(image) }, ...(invert ? [{ kind: 'invert' } as const] : [])];
		this.#undone = [];
		this.#redraw();
		this.file = id;
		if (invert) this.#store();
	}

	begin(at: Point): void {
		const long = Math.max(this.width, this.height);
		this.#live = { kind: 'stroke', points: [at], width: Math.max(1, this.size * long), soft: this.softness, erase: this.erase };
		this.version++;
	}
	move(at: Point): void {
		const last = this.#live?.points.at(-1);
		if (!last || Math.hypot(at.x - last.x, at.y - last.y) < 1.5) return;
		this.#live?.points.push(at);
		this.version++;
	}
	end(): void {
		const stroke = this.#live;
		this.#live = null;
		if (stroke) this.#add(stroke);
	}
	/** A second finger came: this was to be a pinch. */
	abandon(): void {
		this.#live = null;
		this.version++;
	}
	invert = (): void => this.#add({ kind: 'invert' });
	clear = (): void => {
		if (!this.empty) this.#add({ kind: 'clear' });
	};
	undo = (): void => {
		const step = this.#steps.at(-1);
		if (!step) return;
		this.#steps = this.#steps.slice(0, -1);
		this.#undone = [...this.#undone, step];
		this.#redraw();
		this.#store();
	};
	redo = (): void => {
		const step = this.#undone.at(-1);
		if (!step) return;
		this.#undone = this.#undone.slice(0, -1);
		this.#steps = [...this.#steps, step];
		this.#redraw();
		this.#store();
	};
	grow = (factor: number): void => {
		this.size = Math.min(0.5, Math.max(0.005, this.size * factor));
	};

	#add(step: Step): void {
		this.#steps = [...this.#steps, step];
		this.#undone = [];
		const context = this.#done?.getContext('2d');
		if (context) draw(context, step);
		this.version++;
		this.#store();
	}
	#redraw(): void {
		const context = this.#done?.getContext('2d');
		if (!context) return;
		context.clearRect(0, 0, this.width, this.height);
		for (const step of this.#steps) draw(context, step);
		this.version++;
	}

	/** Paints the mask, with the stroke that is being made, as light on nothing. */
	paintOn(context: CanvasRenderingContext2D): void {
		context.clearRect(0, 0, this.width, this.height);
		if (this.#done) context.drawImage(this.#done, 0, 0);
		if (this.#live) draw(context, this.#live);
	}

	/** Sends the mask a moment after the last change. */
	#store(): void {
		clearTimeout(this.#timer);
		this.#upload?.abort();
		this.#settle?.();
		if (this.empty) {
			this.file = null;
			return;
		}
		const { promise, resolve } = newPromise();
		this.#ready = promise;
		this.#settle = resolve;
		this.#timer = setTimeout(() => void this.#send().finally(resolve), SETTLE_MS);
	}
	/** Waits until the server has the last stroke. */
	async settled(): Promise<void> {
		for (let ready: Promise<void> | null = null; ready !== this.#ready; ) {
			ready = this.#ready;
			await ready;
		}
	}
	async #send(): Promise<void> {
		if (!this.#done) return;
		const flat = document.createElement('canvas');
		flat.width = this.width;
		flat.height = this.height;
		const context = flat.getContext('2d');
		if (!context) return;
		context.fillStyle = '#000';
		context.fillRect(0, 0, flat.width, flat.height);
		context.drawImage(this.#done, 0, 0);
		const blob = await new Promise<Blob | null>((resolve) => flat.toBlob(resolve, 'image/png'));
		if (!blob) return;
		const abort = new AbortController();
		this.#upload = abort;
		try {
			const file = await api.upload(blob, 'mask.png', 'mask', { signal: abort.signal });
			if (!abort.signal.aborted) this.file = file.id;
		} catch (error) {
			toasts.error(error);
		}
	}
}

function newPromise(): { promise: Promise<void>; resolve: () => void } {
	let resolve = () => {};
	const promise = new Promise<void>((done) => (resolve = done));
	return { promise, resolve };
}

function draw(context: CanvasRenderingContext2D, step: Step): void {
	const { width, height } = context.canvas;
	context.save();
	if (step.kind === 'clear') context.clearRect(0, 0, width, height);
	else if (step.kind === 'base') context.drawImage(step.image, 0, 0, width, height);
	else if (step.kind === 'invert') {
		context.globalCompositeOperation = 'source-out';
		context.fillStyle = '#fff';
		context.fillRect(0, 0, width, height);
	} else {
		context.globalCompositeOperation = step.erase ? 'destination-out' : 'source-over';
		context.lineCap = context.lineJoin = 'round';
		context.strokeStyle = context.shadowColor = '#fff';
		context.shadowBlur = step.width * step.soft;
		context.shadowOffsetX = FAR;
		context.lineWidth = Math.max(1, step.width * (1 - step.soft / 2));
		context.beginPath();
		for (const [index, point] of step.points.entries()) {
			if (index === 0) context.moveTo(point.x - FAR, point.y);
			else context.lineTo(point.x - FAR, point.y);
		}
		const [only] = step.points;
		if (step.points.length === 1 && only) context.lineTo(only.x - FAR + 0.01, only.y);
		context.stroke();
	}
	context.restore();
}

/** A stored mask is grey; here light is opacity. */
async function lightToAlpha(image: ImageBitmap): Promise<ImageBitmap> {
	const canvas = new OffscreenCanvas(image.width, image.height);
	const context = canvas.getContext('2d');
	if (!context) return image;
	context.drawImage(image, 0, 0);
	const pixels = context.getImageData(0, 0, image.width, image.height);
	for (let i = 0; i < pixels.data.length; i += 4) {
		pixels.data[i + 3] = pixels.data[i] ?? 0;
		pixels.data.fill(255, i, i + 3);
	}
	context.putImageData(pixels, 0, 0);
	return createImageBitmap(canvas);
}

export const mask = new Mask();
