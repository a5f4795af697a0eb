"""Edges of pictures beside the pictures: pairs for 'impasto train translate --method pix2pix'.

    python bench/peers/edges.py FOLDER OUT [--side 64] [--held-out 100]

The middle square of every picture below FOLDER is scaled and its edges are drawn in black on white: local maxima of the
gradient of a smoothed picture, as Canny (1986) finds them, with hysteresis. OUT/train holds pairs side by side, edges at the
left; OUT/edges and OUT/real hold those that are held out (every n-th), apart and under the same names.
"""

import argparse
import pathlib

import numpy as np
from PIL import Image
from scipy import ndimage


def fitted(path, side):
    picture = Image.open(path).convert("RGB")
    short = min(picture.size)
    left, top = ((length - short) // 2 for length in picture.size)
    square = picture.resize((side, side), Image.Resampling.LANCZOS, (left, top, left + short, top + short))
    return np.asarray(square, dtype=np.float64) / 255


def edges(picture, sigma=0.8, high=0.9, low=0.7):
    grey = ndimage.gaussian_filter(picture.mean(2), sigma)
    gy, gx = ndimage.sobel(grey, 0), ndimage.sobel(grey, 1)
    size = np.hypot(gx, gy)
    # Along the gradient, to one of four neighbours.
    sector = np.round(np.arctan2(gy, gx) / (np.pi / 4)).astype(int) % 4
    thin = np.zeros_like(size, dtype=bool)
    for number, (dy, dx) in enumerate([(0, 1), (1, 1), (1, 0), (1, -1)]):
        before, behind = np.roll(size, (dy, dx), (0, 1)), np.roll(size, (-dy, -dx), (0, 1))
        thin |= (sector == number) & (size >= before) & (size > behind)
    strong, weak = thin & (size > np.quantile(size, high)), thin & (size > np.quantile(size, low))
    labels, _ = ndimage.label(weak, np.ones((3, 3)))
    kept = np.isin(labels, np.unique(labels[strong])) & weak
    return np.where(kept, 0.0, 1.0)[..., None].repeat(3, 2)


def save(values, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((values * 255).round().astype(np.uint8)).save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--held-out", type=int, default=100)
    args = parser.parse_args()
    files = sorted(path for path in args.folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    held_out = set(np.linspace(0, len(files) - 1, args.held_out).astype(int))
    for i, path in enumerate(files):
        picture = fitted(path, args.side)
        drawn = edges(picture)
        name = f"{i:04}.png"
        if i in held_out:
            save(drawn, args.out / "edges" / name)
            save(picture, args.out / "real" / name)
        else:
            save(np.concatenate([drawn, picture], 1), args.out / "train" / name)


main()
