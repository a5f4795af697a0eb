// A run's configuration as rows to be read.
import type { Run } from './api/train';

/** All that it was begun with, under dotted names; where its pictures lie is said elsewhere. */
export function configRows(run: Run): [string, string][] {
	const { data: _, ...config } = run.config ?? {};
	return flat(config, '');
}

function flat(of: Record<string, unknown>, under: string): [string, string][] {
	return Object.entries(of).flatMap(([name, value]): [string, string][] => {
		const full = under ? `${under}.${name}` : name;
		if (value === null || value === undefined) return [];
		if (Array.isArray(value)) return [[full, value.map(String).join(', ')]];
		return typeof value === 'object' ? flat(value as Record<string, unknown>, full) : [[full, String(value)]];
	});
}
