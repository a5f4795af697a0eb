// What the page remembers in the browser. Storage may be full, forbidden or hold nonsense: then it starts afresh.

export function recall<V>(key: string, fallback: V): V {
	try {
		const text = localStorage.getItem(`impasto.${key}`);
		return text === null ? fallback : (JSON.parse(text) as V);
	} catch {
		return fallback;
	}
}

export function remember(key: string, value: unknown): void {
	try {
		localStorage.setItem(`impasto.${key}`, JSON.stringify(value));
	} catch {
		// Remembering is a comfort, not a need.
	}
}
