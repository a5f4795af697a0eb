"""Universal style transfer by whitening and colouring on five levels (WCT, Li et al. 2017), written from the paper, with
encoders and decoders that collaborative distillation (Wang et al. 2020) made 16 times smaller.

    python bench/peers/wct.py WEIGHTS --contents DIR --styles DIR --out DIR [--size 512] [--alpha 1]

paints every content in every style as OUT/CONTENT-STYLE.png, the names under which `impasto eval style --outputs OUT`
finds them. Pictures are seen with a shorter side of `--size` pixels; those that were painted before are left as they are.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from network import Network
from PIL import Image
from safetensors.torch import load_file

# Convolutions of each level of the VGG-19 up to the first of the fifth.
COUNTS = [2, 2, 4, 4, 1]
# Eigenvalues below this are noise of dead channels (the authors' choice).
LEAST = 1e-5


class Wct(Network):
    """A content and a style picture, `[1, 3, h, w]` in `[0, 1]`, to a painted one."""

    def encode(self, level, x):
        x = self.conv(f"enc{level}.conv0", x)
        for block, count in enumerate(COUNTS[:level], 1):
            if block > 1:
                x = F.max_pool2d(x, 2)
            last = 1 if block == level else count
            for number in range(1, last + 1):
                x = F.relu(self.conv(f"enc{level}.conv{block}{number}", x))
        return x

    def decode(self, level, x):
        for block in range(level, 0, -1):
            numbers = [1] if block == level else range(COUNTS[block - 1], 0, -1)
            if block < level:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            for number in numbers:
                x = self.conv(f"dec{level}.conv{block}{number}", x)
                if (block, number) != (1, 1):
                    x = F.relu(x)
        return x

    def style(self, style):
        """What painting takes of a style, level by level: the root of its features' covariance and their mean."""
        targets = {}
        for level in range(5, 0, -1):
            target, mean = centred(self.encode(level, style))
            targets[level] = power(target, 0.5), mean
        return targets

    def forward(self, content, targets, alpha=1.0):
        for level in range(5, 0, -1):
            source = self.encode(level, content)
            painted = alpha * coloured(source, *targets[level]) + (1 - alpha) * source
            content = self.decode(level, painted).clamp(0, 1)
        return content


def centred(features):
    """Features `[1, c, h, w]` as `[c, h * w]` less their mean, and the mean `[c, 1]`, in f64."""
    x = features[0].flatten(1).double()
    mean = x.mean(1, keepdim=True)
    return x - mean, mean


def power(x, exponent):
    """A power of the covariance of `[c, n]`, `[c, c]`."""
    values, vectors = torch.linalg.eigh(x @ x.T / (x.shape[1] - 1))
    kept = values > LEAST
    return (vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].T


def coloured(content, root, mean):
    """The content's features with a style's covariance, of which `root` is the root, and `mean`."""
    source, _ = centred(content)
    return (root @ (power(source, -0.5) @ source) + mean).float().reshape(content.shape)


def picture(path, size):
    image = Image.open(path).convert("RGB")
    scale = size / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.LANCZOS)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255


def files(folder):
    known = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
    return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in known)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    for name in ("contents", "styles", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--alpha", type=float, default=1.0)
    args = parser.parse_args()
    network = Wct({name: array.float() for name, array in load_file(args.weights).items()})
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    seconds = []
    place = lambda content, style: out / f"{content.stem}-{style.stem}.png"
    with torch.inference_mode():
        for style_path in files(args.styles):
            left = [path for path in files(args.contents) if not place(path, style_path).exists()]
            targets = network.style(picture(style_path, args.size)) if left else None
            for content_path in left:
                content = picture(content_path, args.size)
                begin = time.perf_counter()
                painted = network(content, targets, args.alpha)
                seconds.append(time.perf_counter() - begin)
                # Five halvings lose what does not divide; the evaluator compares pictures of one size.
                painted = F.interpolate(painted, size=content.shape[2:], mode="bilinear", antialias=True)
                pixels = (painted[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy()
                target = place(content_path, style_path)
                part = target.with_suffix(".part")
                Image.fromarray(pixels).save(part, format="png")
                part.rename(target)
    if seconds:
        print(f"{len(seconds)} pictures, median {sorted(seconds)[len(seconds) // 2]:.3f} s each")


if __name__ == "__main__":
    main()
