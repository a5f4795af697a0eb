// A server of a journey's own, in a folder that goes with it. IMPASTO names the program.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = process.env.IMPASTO;
/** What a test without a program is told. */
export const needsProgram = program ? {} : { skip: 'IMPASTO names no program to start' };

/** A server on a port, not yet started; tests find it at STUDIO_URL, which this sets. */
export function ownServer(port, options = []) {
	const url = `http://127.0.0.1:${port}`;
	const data = mkdtempSync(join(tmpdir(), 'impasto-own-'));
	let server;
	process.env.STUDIO_URL = url;
	const stop = () => new Promise((done) => (server ? server.once('exit', done) && server.kill('SIGKILL') : done()));
	return {
		async start() {
			server = spawn(program, ['serve', '--port', `${port}`, '--data-dir', data, ...options], { stdio: 'ignore' });
			for (let tries = 0; tries < 200; tries++) {
				if (await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false)) return;
				await new Promise((done) => setTimeout(done, 50));
			}
			throw new Error('the server does not start');
		},
		/** Kills it, as a crash would. */
		async kill() {
			await stop();
			server = undefined;
		},
		async end() {
			await stop();
			rmSync(data, { recursive: true, force: true });
		}
	};
}
