// How a generator's picture was made, as rows of a name and a value.
import type { ExploreRequest } from './api/explore';
import type { GenerateRequest } from './api/types';

type Row = [string, string | number | false | undefined];
const share = (value: number): string => `${Math.round(value * 100)} %`;
const counted = (count: number, one: string, many: string): string => (count === 1 ? `1 ${one}` : `${count} ${many}`);

export function explored(request: GenerateRequest | ExploreRequest): Row[] {
	const rows: Row[] = [['Generator', request.model]];
	if (request.kind === 'project') return [...rows, ['Found in', `${request.steps ?? 400} steps, ${counted(request.starts ?? 3, 'start', 'starts')}`]];
	if (request.kind === 'directions') return [...rows, ['Directions', 'looked for']];
	const codes = request.codes?.length ?? 0;
	if (request.kind === 'evolve') rows.push(['Parents', counted(request.seeds.length + codes, 'picture', 'pictures')]);
	else if (request.kind === 'walk') rows.push(['Stations', request.seeds.length + codes]);
	else if (codes) rows.push(['From', counted(codes, 'stored picture', 'stored pictures')]);
	rows.push(['Seeds', request.seeds.join(', ')], ['Truncation', (request.trunc ?? 1) !== 1 && request.trunc]);
	rows.push(['Classes', request.classes?.map((use) => `${use.class} ${share(use.weight ?? 1)}`).join(', ')]);
	if (request.kind === 'evolve') rows.push(['Mutation', share(request.mutation ?? 0.3)], ['Diversity', share(request.diversity ?? 0.3)]);
	if (request.kind === 'walk') {
		rows.push(['Frames', `${request.steps ?? 24} from one to the next, ${request.fps ?? 20} a second`], ['Pace', request.ease === 'linear' ? 'even' : 'smooth']);
		rows.push(['Loop', request.closed === false && 'no']);
	}
	if (request.kind === 'generate') {
		const { moves = [], mix } = request;
		rows.push(['Directions', moves.map(({ direction, amount }) => `${direction} ${amount > 0 ? '+' : ''}${amount}`).join(', ')]);
		if (mix) rows.push(['Styles of', `${mix.seed === undefined ? 'a stored picture' : `seed ${mix.seed}`} in ${mix.layers.length === 1 ? 'layer' : 'layers'} ${mix.layers.map((layer) => layer + 1).join(', ')}`]);
		rows.push(['Mirrored', request.mirror && 'yes'], ['Tiles without seams', request.tile && 'yes']);
	}
	return rows;
}
