// The little of Markdown that model cards are written in, as plain data: what is shown of it are texts, nothing else.

export interface Span {
	text: string;
	kind: 'plain' | 'strong' | 'code';
}
export type Block =
	| { kind: 'heading'; level: number; spans: Span[] }
	| { kind: 'text'; spans: Span[] }
	| { kind: 'list'; items: Span[][] }
	| { kind: 'code'; text: string }
	| { kind: 'table'; rows: Span[][][] };

export function blocksOf(markdown: string): Block[] {
	const blocks: Block[] = [];
	const lines = markdown.replace(/^---\n[\s\S]*?\n---\n/, '').split('\n');
	let text: string[] = [];
	const flush = () => {
		if (text.length) blocks.push({ kind: 'text', spans: spansOf(text.join(' ')) });
		text = [];
	};
	for (let at = 0; at < lines.length; at++) {
		const line = (lines[at] ?? '').trimEnd();
		const heading = /^(#{1,6})\s+(.*)$/.exec(line);
		const last = blocks.at(-1);
		if (line.startsWith('```')) {
			flush();
			const end = lines.findIndex((other, index) => index > at && other.startsWith('```'));
			blocks.push({ kind: 'code', text: lines.slice(at + 1, end < 0 ? undefined : end).join('\n') });
			at = end < 0 ? lines.length : end;
		} else if (heading) {
			flush();
			blocks.push({ kind: 'heading', level: heading[1]?.length ?? 1, spans: spansOf(heading[2] ?? '') });
		} else if (/^\s*[-*]\s+/.test(line)) {
			flush();
			const item = spansOf(line.replace(/^\s*[-*]\s+/, ''));
			if (last?.kind === 'list' && !text.length && (lines[at - 1] ?? '').trim()) last.items.push(item);
			else blocks.push({ kind: 'list', items: [item] });
		} else if (/^\|.*\|$/.test(line)) {
			flush();
			const row = line.slice(1, -1).split('|').map((cell) => spansOf(cell.trim()));
			if (/^[|\s:-]+$/.test(line)) continue;
			if (last?.kind === 'table') last.rows.push(row);
			else blocks.push({ kind: 'table', rows: [row] });
		} else if (!line.trim()) flush();
		else text.push(line.trim());
	}
	flush();
	return blocks;
}

function spansOf(text: string): Span[] {
	return text
		.split(/(\*\*[^*]+\*\*|`[^`]+`)/)
		.filter(Boolean)
		.map((part) => {
			if (part.startsWith('**') && part.length > 4) return { text: part.slice(2, -2), kind: 'strong' };
			if (part.startsWith('`') && part.length > 2) return { text: part.slice(1, -1), kind: 'code' };
			return { text: part, kind: 'plain' };
		});
}
