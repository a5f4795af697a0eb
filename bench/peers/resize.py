"""Pictures resized by Pillow, as networks for metrics see them.

    python bench/peers/resize.py SIDE OUT PICTURE...

Writes for picture number N, as raw values row by row in the order red, green, blue:

    OUT/N.decoded  the pixels as Pillow reads them, after a line with width and height, 8 bit
    OUT/N.float    resized to SIDE x SIDE, every channel alone in mode F, clipped to [0, 255], f32: what clean-fid does
    OUT/N.bytes    resized to SIDE x SIDE in 8 bit
"""

import sys

import numpy as np
from PIL import Image, __version__


def main():
    side, out, *pictures = sys.argv[1:]
    size = (int(side), int(side))
    for number, path in enumerate(pictures):
        picture = Image.open(path).convert("RGB")
        pixels = np.asarray(picture)
        with open(f"{out}/{number}.decoded", "wb") as file:
            file.write(f"{picture.width} {picture.height}\n".encode())
            file.write(pixels.tobytes())
        channels = [Image.fromarray(pixels[:, :, channel].astype(np.float32)) for channel in range(3)]
        resized = [np.asarray(channel.resize(size, Image.BICUBIC)).clip(0, 255) for channel in channels]
        np.stack(resized, axis=-1).astype("<f4").tofile(f"{out}/{number}.float")
        np.asarray(picture.resize(size, Image.BICUBIC)).tofile(f"{out}/{number}.bytes")
    print(__version__)


if __name__ == "__main__":
    main()
