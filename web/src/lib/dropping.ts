// Pictures from outside: dropped, pasted or chosen.

const TYPES = /^image\//;
const ENDINGS = /\.(png|jpe?g|webp|tiff?|bmp|gif|impraw)$/i;

export function picturesOf(transfer: DataTransfer | null): File[] {
	return [...(transfer?.files ?? [])].filter((file) => TYPES.test(file.type) || ENDINGS.test(file.name));
}
export const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
export const ACCEPT = 'image/*,.tif,.tiff,.impraw';
