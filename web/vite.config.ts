import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig, type Plugin } from 'vite';

const out = '../crates/impasto-server/studio';
// Where `npm run dev` finds the server: one that runs, or the mock.
const server = 'http://127.0.0.1:7899';

/** SvelteKit's announcer for screen readers hides itself by a style attribute, which the server's Content-Security-Policy
 * forbids: it gets our class for that instead. */
const announcer: Plugin = {
	name: 'studio-announcer',
	enforce: 'pre',
	transform(code, id) {
		if (id.includes('@sveltejs/kit') && id.endsWith('root.svelte')) return code.replace(/style="position: absolute[^"]*"/, 'class="sr"');
	}
};

export default defineConfig({
	plugins: [
		announcer,
		sveltekit({
			compilerOptions: { runes: true },
			adapter: adapter({ pages: out, assets: out, fallback: 'index.html' }),
			// One page whose views live behind the '#': the server has a single address to answer.
			router: { type: 'hash' },
			output: { bundleStrategy: 'single' },
			// A fixed name: the same sources give the same bytes.
			version: { name: 'studio' }
		})
	],
	build: { target: 'es2022' },
	server: { proxy: { '/v1': { target: server } } }
});
