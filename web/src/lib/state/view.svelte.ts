// How the picture is looked at: how near, where, and how much of the photograph before.
import { recall, remember } from './stored';

const NEAREST = 16;

class View {
	/** 1 shows all of the picture. */
	zoom = $state(1);
	/** Where the picture's middle lies, in screen pixels from that of the stage. */
	x = $state(0);
	y = $state(0);
	compare = $state(recall('compare', true));
	/** How much of the width shows the photograph. */
	split = $state(0.5);
	/** While held, only the photograph is shown. */
	peek = $state(false);

	fit = (): void => {
		this.zoom = 1;
		this.x = this.y = 0;
	};
	/** Zooms by a factor, keeping what lies at (px, py) from the stage's middle where it is. */
	zoomBy = (factor: number, px = 0, py = 0): void => {
		const zoom = Math.min(NEAREST, Math.max(1, this.zoom * factor));
		const ratio = zoom / this.zoom;
		this.x = px - (px - this.x) * ratio;
		this.y = py - (py - this.y) * ratio;
		this.zoom = zoom;
		if (zoom === 1) this.x = this.y = 0;
	};
	/** Moves the picture, but never out of sight. */
	pan = (dx: number, dy: number, width: number, height: number): void => {
		const far = (size: number) => (size * this.zoom) / 2;
		this.x = Math.min(far(width), Math.max(-far(width), this.x + dx));
		this.y = Math.min(far(height), Math.max(-far(height), this.y + dy));
	};
	toggleCompare = (): void => {
		this.compare = !this.compare;
		remember('compare', this.compare);
	};
}

export const view = new View();
