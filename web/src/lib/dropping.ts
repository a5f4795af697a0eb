// Pictures from outside: dropped, pasted or chosen, also whole folders of them.

const TYPES = /^image\//;
const ENDINGS = /\.(png|jpe?g|webp|tiff?|bmp|gif|impraw)$/i;

export const isPicture = (file: File): boolean => TYPES.test(file.type) || ENDINGS.test(file.name);
export function picturesOf(transfer: DataTransfer | null): File[] {
	return [...(transfer?.files ?? [])].filter(isPicture);
}
export const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
export const ACCEPT = 'image/*,.tif,.tiff,.impraw';

/** Files, and the name of the folder they came in where it was one. */
export interface Load {
	files: File[];
	folder: string | null;
}

/** What a folder dialog or a file dialog gave. */
export function chosen(files: File[]): Load {
	const folders = new Set(files.map((file) => file.webkitRelativePath.split('/')[0] ?? ''));
	const [folder] = folders;
	return { files: files.filter(seen), folder: folders.size === 1 && folder ? folder : null };
}

/** All that was dropped, with what lies in folders. To be called within the event, which forgets its entries. */
export async function dropped(transfer: DataTransfer | null): Promise<Load> {
	const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
	const plain = [...(transfer?.files ?? [])];
	if (!entries.length) return { files: plain, folder: null };
	const [first] = entries;
	const found = await Promise.all(entries.map(within));
	return { files: found.flat().filter(seen), folder: entries.length === 1 && first?.isDirectory ? first.name : null };
}

/** Files that systems hide are no pictures of anyone. */
const seen = (file: File): boolean => !file.name.startsWith('.') && file.name !== 'Thumbs.db' && file.name !== 'desktop.ini';

async function within(entry: FileSystemEntry): Promise<File[]> {
	if (entry.isFile) {
		const file = await new Promise<File | null>((resolve) => (entry as FileSystemFileEntry).file(resolve, () => resolve(null)));
		return file ? [file] : [];
	}
	const reader = (entry as FileSystemDirectoryEntry).createReader();
	const files: File[] = [];
	// A reader gives a part at a time, and nothing when it is through.
	for (;;) {
		const part = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
		if (!part.length) return files;
		for (const one of part) files.push(...(await within(one)));
	}
}
