// Every call to the server, typed. Failures are thrown as `Problem`s, whose text is fit for people.
import type * as T from './types';

export class Problem extends Error {
	constructor(
		readonly status: number,
		readonly title: string,
		detail: string,
		/** Seconds after which trying again makes sense. */
		readonly retryAfter: number | null = null
	) {
		super(detail || title);
	}
	/** The server could not be reached at all. */
	get away(): boolean {
		return this.status === 0;
	}
	get busy(): boolean {
		return this.status === 429 || this.status === 503;
	}
}

export const aborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

/** Called whenever the server asks who we are. */
let onUnauthorised: () => void = () => {};
export function whenUnauthorised(call: () => void): void {
	onUnauthorised = call;
}

function problemOf(status: number, text: string, retryAfter: string | null): Problem {
	if (status === 401) onUnauthorised();
	let body: Partial<T.ProblemBody> = {};
	try {
		body = JSON.parse(text) as Partial<T.ProblemBody>;
	} catch {
		// Not from impasto itself, a proxy perhaps: the status has to do.
	}
	const wait = retryAfter === null ? null : Number(retryAfter) || 1;
	return new Problem(status, body.title ?? `Error ${status}`, body.detail ?? '', wait);
}

interface Options {
	json?: unknown;
	headers?: Record<string, string>;
	signal?: AbortSignal;
	keepalive?: boolean;
}

export async function send(method: string, path: string, options: Options = {}): Promise<Response> {
	const headers: Record<string, string> = { ...options.headers };
	if (options.json !== undefined) headers['Content-Type'] = 'application/json';
	let response: Response;
	try {
		response = await fetch(`/v1/${path}`, {
			method,
			headers,
			body: options.json === undefined ? undefined : JSON.stringify(options.json),
			signal: options.signal,
			keepalive: options.keepalive,
			credentials: 'same-origin'
		});
	} catch (error) {
		if (aborted(error)) throw error;
		throw new Problem(0, 'No answer', 'The server does not answer.');
	}
	if (!response.ok) {
		throw problemOf(response.status, await response.text().catch(() => ''), response.headers.get('Retry-After'));
	}
	return response;
}

export async function json<R>(method: string, path: string, options?: Options): Promise<R> {
	return (await (await send(method, path, options)).json()) as R;
}

export function query(values: Record<string, string | number | boolean | null | undefined>): string {
	const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== '');
	return given.length ? '?' + new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString() : '';
}

export const at = encodeURIComponent;

/** Uploads with progress, which fetch cannot tell. */
function upload(
	bytes: Blob,
	name: string,
	role: T.Role,
	options: { onProgress?: (part: number) => void; signal?: AbortSignal } = {}
): Promise<T.Picture> {
	return new Promise((resolve, reject) => {
		const xhr = new XMLHttpRequest();
		xhr.open('POST', `/v1/files${query({ name, role })}`);
		xhr.setRequestHeader('Content-Type', bytes.type || 'application/octet-stream');
		xhr.upload.onprogress = (event) => {
			if (event.lengthComputable) options.onProgress?.(event.loaded / event.total);
		};
		xhr.onload = () => {
			if (xhr.status >= 200 && xhr.status < 300) resolve(JSON.parse(xhr.responseText) as T.Picture);
			else reject(problemOf(xhr.status, xhr.responseText, xhr.getResponseHeader('Retry-After')));
		};
		xhr.onerror = () => reject(new Problem(0, 'No answer', 'The server does not answer.'));
		xhr.onabort = () => reject(new DOMException('aborted', 'AbortError'));
		options.signal?.addEventListener('abort', () => xhr.abort());
		xhr.send(bytes);
	});
}

export const api = {
	session: (token: string) => send('POST', 'session', { json: { token } }),
	status: () => json<T.Status>('GET', 'status'),

	upload,
	file: (id: string) => json<T.Picture>('GET', `files/${at(id)}`),
	files: (values: { role?: T.Role; q?: string; before?: string | null; limit?: number; favourite?: true }, signal?: AbortSignal) =>
		json<{ files: T.Picture[]; next: string | null }>('GET', `files${query(values)}`, { signal }),
	changeFile: (id: string, change: { name?: string; favourite?: boolean }) =>
		json<T.Picture>('PATCH', `files/${at(id)}`, { json: change }),
	deleteFile: (id: string, keepalive = false) => send('DELETE', `files/${at(id)}`, { keepalive }),

	makeJob: (body: { request: T.Request; batch?: string; title?: string }, key: string) =>
		json<T.Job>('POST', 'jobs', { json: body, headers: { 'Idempotency-Key': key } }),
	job: (id: string) => json<T.Job>('GET', `jobs/${at(id)}`),
	jobs: (values: { state?: string; batch?: string; before?: string | null; limit?: number }) =>
		json<{ jobs: T.Job[]; next: string | null }>('GET', `jobs${query(values)}`),
	dropJob: (id: string) => send('DELETE', `jobs/${at(id)}`),
	retryJob: (id: string) => json<T.Job>('POST', `jobs/${at(id)}/retry`),
	frontJob: (id: string) => json<T.Job>('POST', `jobs/${at(id)}/front`),

	preview: async (request: T.Request, side: number, signal: AbortSignal) => {
		const response = await send('POST', 'preview', { json: { request, side }, signal });
		return { blob: await response.blob(), seconds: Number(response.headers.get('X-Seconds')) || null };
	},

	styles: () => json<{ styles: T.Style[] }>('GET', 'styles'),
	artists: () => json<{ artists: T.Artist[] }>('GET', 'artists'),
	models: () => json<{ generators: T.Generator[]; others?: T.OtherModel[] }>('GET', 'models'),
	methods: () => json<{ methods: T.Method[]; default: string }>('GET', 'methods'),
	adjustments: () => json<T.Schema>('GET', 'adjustments'),
	presets: () => json<{ presets: T.Preset[] }>('GET', 'presets'),
	savePreset: (name: string, request: T.Request) => send('PUT', `presets/${at(name)}`, { json: { request } }),
	deletePreset: (name: string) => send('DELETE', `presets/${at(name)}`)
};

/** Addresses of pictures, for `src` and `href`. */
export const urls = {
	view: (id: string) => `/v1/files/${at(id)}/view`,
	thumb: (id: string) => `/v1/files/${at(id)}/thumb`,
	content: (id: string) => `/v1/files/${at(id)}/content`,
	download: (id: string) => `/v1/files/${at(id)}/content?download=1`,
	style: (name: string) => `/v1/styles/${at(name)}/thumb`,
	artist: (name: string) => `/v1/artists/${at(name)}/thumb`
};

/** A fresh key under which the server does the same work only once. Kept simple: crypto.randomUUID needs https. */
export function freshKey(): string {
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
