// The page as it is built here, in front of a server that was built before it.
//
//   node mock/proxy.mjs [--port 7897] [--server http://127.0.0.1:7899]
import { existsSync, readFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CSP, TYPES } from './headers.mjs';

const studio = join(dirname(fileURLToPath(import.meta.url)), '../../crates/impasto-server/studio');
const option = (name, fallback) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : fallback);
const port = Number(option('--port', '7897'));
const server = new URL(option('--server', 'http://127.0.0.1:7899'));

createServer((request, response) => {
	const path = new URL(request.url, server).pathname;
	const file = normalize(join(studio, path === '/' ? 'index.html' : path));
	if (!path.startsWith('/v1/') && file.startsWith(studio) && existsSync(file)) {
		response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP });
		response.end(readFileSync(file));
		return;
	}
	// The server looks at both: they are to be its own.
	const headers = { ...request.headers, host: server.host };
	if (headers.origin) headers.origin = server.origin;
	const onward = ask(new URL(request.url, server), { method: request.method, headers }, (answer) => {
		response.writeHead(answer.statusCode, answer.headers);
		answer.pipe(response);
	});
	onward.on('error', () => response.headersSent || response.writeHead(502).end());
	response.on('close', () => onward.destroy());
	request.pipe(onward);
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
