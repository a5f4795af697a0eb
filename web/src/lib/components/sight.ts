// Attachments that tell when something comes into sight.

/** Calls `enter` when the node is near the screen, `leave` when it is far again. */
export function sight(enter: () => void, leave?: () => void, margin = '200px') {
	return (node: Element) => {
		const observer = new IntersectionObserver(
			(entries) => {
				for (const entry of entries) (entry.isIntersecting ? enter : leave)?.();
			},
			{ rootMargin: margin }
		);
		observer.observe(node);
		return () => {
			observer.disconnect();
			leave?.();
		};
	};
}
