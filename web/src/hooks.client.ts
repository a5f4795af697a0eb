// The server may open the page with `#token=...`. It is taken out of the address before the router sees it.
import { keepToken } from '#lib/state/connection.svelte.ts';

const match = /^#token=(.+)$/.exec(location.hash);
if (match?.[1]) {
	keepToken(decodeURIComponent(match[1]));
	history.replaceState(history.state, '', location.pathname + location.search);
}
