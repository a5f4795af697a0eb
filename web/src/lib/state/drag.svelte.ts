// Pictures that are dragged: with the mouse at once, with a finger after it rested on one, so that walls still scroll.
import { walk } from './walk.svelte';
import { mix } from './mix.svelte';

const FAR_PX = 6;
const REST_MS = 320;
const EDGE_PX = 60;
/** Who picks a picture up near an edge does not want the wall to move yet. */
const MEANT_PX = 20;

/** What can be dropped on says so in `data-drop`: `tile KEY`, `station INDEX` or `tray`. */
type Source = 'wall' | 'tray';

class Drag {
	key = $state<string | null>(null);
	source = $state<Source>('wall');
	x = $state(0);
	y = $state(0);
	/** What lies beneath. */
	over = $state<string | null>(null);

	begin(key: string, source: Source): void {
		this.key = key;
		this.source = source;
		this.over = null;
	}
	move(x: number, y: number): void {
		this.x = x;
		this.y = y;
		const target = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-drop]')?.dataset.drop ?? null;
		this.over = target === `tile ${this.key}` ? null : target;
	}
	drop(): void {
		const [key, over, source] = [this.key, this.over, this.source];
		this.end();
		if (!key || !over) return;
		const [kind, name = ''] = over.split(' ');
		if (kind === 'tile' && source === 'wall') mix.open(name, key);
		else if (kind === 'station') walk.put(key, Number(name));
		else if (kind === 'tray') walk.put(key);
	}
	end(): void {
		this.key = null;
		this.over = null;
	}
}

export const drag = new Drag();

/** The nearest around it that scrolls up and down. */
function scrollerOf(node: HTMLElement): HTMLElement | null {
	for (let at = node.parentElement; at; at = at.parentElement) if (/auto|scroll/.test(getComputedStyle(at).overflowY) && at.scrollHeight > at.clientHeight) return at;
	return null;
}

/** An attachment: the picture `key` can be dragged by this node. */
export function draggable(key: string, source: Source) {
	return (node: HTMLElement) => {
		let from: { id: number; x: number; y: number } | null = null;
		let timer: ReturnType<typeof setTimeout> | undefined;
		let dragging = false;
		let frame = 0;
		/** Where it was picked up. */
		let rose = 0;
		let box: HTMLElement | null = null;

		function start(x: number, y: number): void {
			dragging = true;
			rose = y;
			box = scrollerOf(node);
			if (from) node.setPointerCapture(from.id);
			drag.begin(key, source);
			drag.move(x, y);
			frame = requestAnimationFrame(scroll);
		}
		/** Near an edge the wall moves along. */
		function scroll(): void {
			if (box) {
				const { top, bottom } = box.getBoundingClientRect();
				if (drag.y < Math.min(top + EDGE_PX, rose - MEANT_PX) && drag.y > top) box.scrollTop -= 10;
				if (drag.y > Math.max(bottom - EDGE_PX, rose + MEANT_PX) && drag.y < bottom) box.scrollTop += 10;
			}
			frame = requestAnimationFrame(scroll);
		}
		function stop(): void {
			clearTimeout(timer);
			cancelAnimationFrame(frame);
			from = null;
			if (!dragging) return;
			dragging = false;
			// The click that follows belongs to the drag.
			addEventListener('click', swallow, { capture: true, once: true });
			setTimeout(() => removeEventListener('click', swallow, { capture: true }));
		}
		function swallow(event: Event): void {
			event.stopPropagation();
			event.preventDefault();
		}
		function down(event: PointerEvent): void {
			if (event.button !== 0) return;
			from = { id: event.pointerId, x: event.clientX, y: event.clientY };
			if (event.pointerType === 'touch') timer = setTimeout(() => from && start(from.x, from.y), REST_MS);
		}
		function move(event: PointerEvent): void {
			if (!from || event.pointerId !== from.id) return;
			const far = Math.hypot(event.clientX - from.x, event.clientY - from.y) > FAR_PX;
			if (dragging) drag.move(event.clientX, event.clientY);
			else if (far && event.pointerType === 'touch') stop();
			else if (far) start(event.clientX, event.clientY);
		}
		function up(): void {
			const was = dragging;
			stop();
			if (was) drag.drop();
		}
		function cancel(): void {
			const was = dragging;
			stop();
			if (was) drag.end();
		}
		function keydown(event: KeyboardEvent): void {
			if (dragging && event.key === 'Escape') cancel();
		}
		const hold = (event: Event) => dragging && event.preventDefault();
		const menu = (event: Event) => (from || dragging) && matchMedia('(pointer: coarse)').matches && event.preventDefault();

		node.addEventListener('pointerdown', down);
		node.addEventListener('pointermove', move);
		node.addEventListener('pointerup', up);
		node.addEventListener('pointercancel', cancel);
		// A finger that drags must not scroll: only a listener that is not passive can say so.
		node.addEventListener('touchmove', hold, { passive: false });
		node.addEventListener('contextmenu', menu);
		addEventListener('keydown', keydown);
		return () => {
			const was = dragging;
			stop();
			if (was) drag.end();
			node.removeEventListener('pointerdown', down);
			node.removeEventListener('pointermove', move);
			node.removeEventListener('pointerup', up);
			node.removeEventListener('pointercancel', cancel);
			node.removeEventListener('touchmove', hold);
			node.removeEventListener('contextmenu', menu);
			removeEventListener('keydown', keydown);
		};
	};
}
