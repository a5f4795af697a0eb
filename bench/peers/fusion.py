"""impasto's own network `fusion`, written again from `crates/impasto-engine/src/algorithms/fusion`, whose names and
weights it uses."""

import numpy as np
import torch
import torch.nn.functional as F

from network import Network

EPS = 1e-5
RIDGE = 0.05
ITERATIONS = 12
GRID = 6
CORRELATED = 4
FLAT = 0.02
SHARES = (1.0, 0.5)
CODE = ("moments", "tokens", *(f"correlations.{level}" for level in range(CORRELATED)))


def moments(x):
    """Mean, deviation and compressed skewness of the channels: `[n, c, h, w]` to three `[n, c]`."""
    flat = x.flatten(2)
    mean = flat.mean(2)
    centred = flat - mean[:, :, None]
    deviation = (centred.square().mean(2) + EPS).sqrt()
    skewness = (centred.pow(3).mean(2) / deviation.pow(3)).detach()
    return mean, deviation, skewness / (skewness.abs() + 1)


def modulated(x, gain, shift):
    return F.instance_norm(x) * gain[:, :, None, None] + shift[:, :, None, None]


def correlations_of(flat):
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def roots(matrices):
    """Square root and inverse square root by the coupled Newton-Schulz iteration."""
    identity = torch.eye(int(matrices.shape[1]), dtype=matrices.dtype)[None]
    ridged = matrices + identity * RIDGE
    norm = ridged.square().sum((1, 2), keepdim=True).sqrt()
    root, inverse = ridged / norm, identity.expand(matrices.shape[0], -1, -1)
    for _ in range(ITERATIONS):
        step = (identity * 3 - inverse @ root) * 0.5
        root, inverse = root @ step, step @ inverse
    return root * norm.sqrt(), inverse / norm.sqrt()


def recorrelate(x, target):
    flat = F.instance_norm(x).flatten(2)
    _, whiten = roots(correlations_of(flat))
    colour, _ = roots(target)
    return (colour @ whiten @ flat).reshape(x.shape)


# The exporter takes constants from numpy as they are; those that PyTorch computes it writes as operations.


def pooling(size, dtype):
    """The matrix of an adaptive mean over `GRID` cells, `[GRID, size]`: ONNX knows it for sizes it divides only."""
    matrix = np.zeros((GRID, size))
    for i in range(GRID):
        begin, end = i * size // GRID, -(-(i + 1) * size // GRID)
        matrix[i, begin:end] = 1 / (end - begin)
    return torch.from_numpy(matrix).to(dtype)


def below_diagonal(matrices):
    """What lies under the diagonals, row by row: `[n, c, c]` to `[n, c (c - 1) / 2]`."""
    c = int(matrices.shape[1])  # a tensor while exporting
    rows, columns = np.tril_indices(c, -1)
    return matrices.flatten(1)[:, torch.from_numpy(rows * c + columns)]


def symmetric(below, c):
    """The symmetric matrices with ones on their diagonals and `below` under them."""
    count = c * (c - 1) // 2
    index = np.full((c, c), count)
    rows, columns = np.tril_indices(c, -1)
    index[rows, columns] = index[columns, rows] = np.arange(count)
    values = torch.cat([below, torch.ones_like(below[:, :1])], 1)
    return values[:, torch.from_numpy(index.ravel())].reshape(-1, c, c)


class Fusion(Network):
    def levels(self, picture):
        """The picture and the features of the shared encoder, finest first."""
        x1 = F.relu(self.conv("encode1", (picture - 0.5) * 4))
        x2 = F.relu(self.conv("encode2", x1, stride=2))
        x3 = F.relu(self.conv("encode3", x2, stride=2))
        x4 = F.relu(self.conv("encode4", x3, stride=2))
        return picture, x1, x2, x3, x4

    def code(self, levels):
        """Moments, tokens, and the correlations of the finer levels as whole matrices."""
        coarsest = levels[-1]
        rows, columns = (pooling(int(size), coarsest.dtype) for size in coarsest.shape[2:])
        tokens = (rows @ coarsest @ columns.T).flatten(2).transpose(1, 2)
        correlations = [correlations_of(F.instance_norm(x).flatten(2)) for x in levels[:CORRELATED]]
        return torch.cat([part for x in levels for part in moments(x)], 1), tokens, correlations

    def adapt(self, name, x, mean, deviation, correlations, style):
        gain, shift = self.dense(f"{name}.correct", style).chunk(2, 1)
        x = x if correlations is None else recorrelate(x, correlations)
        return modulated(x, deviation * (gain + 1), mean + deviation * shift)

    def styled(self, name, x, style):
        gain, shift = self.dense(f"{name}.affine", style).chunk(2, 1)
        branch = modulated(self.conv(f"{name}.first", x), gain + 1, shift)
        return x + self.conv(f"{name}.second", F.relu(branch))

    def fuse(self, name, x, content, share, target, style):
        keep = (self.dense(f"{name}.keep", style) + 1) * share
        x = F.instance_norm(self.conv(f"{name}.up", x, upsample=2)) + modulated(content, keep, torch.zeros_like(keep))
        x = self.adapt(f"{name}.adapt", x, *target, style)
        return self.styled(f"{name}.refine", F.relu(x), style)

    def attend(self, x, tokens):
        positions = F.instance_norm(x).flatten(2).transpose(1, 2)
        centred = tokens - tokens.mean(1, keepdim=True)
        normalised = centred / (centred.square().mean(1, keepdim=True) + EPS).sqrt()
        query, key = self.dense("attention.query", positions), self.dense("attention.key", normalised)
        scores = query @ key.transpose(1, 2) / query.shape[2] ** 0.5
        mixed = self.dense("attention.output", scores.softmax(2) @ self.dense("attention.value", tokens))
        return mixed.transpose(1, 2).reshape(x.shape)

    def paint(self, levels, moments_, tokens, correlations):
        """The content's levels in one style."""
        style = self.dense("style_output", F.leaky_relu(self.dense("style_hidden", moments_), 0.2))
        targets, start = [], 0
        for level, x in enumerate(levels):
            c = int(x.shape[1])
            mean, deviation = moments_[:, start : start + c], moments_[:, start + c : start + 2 * c]
            targets.append((mean, deviation, correlations[level] if level < CORRELATED else None))
            start += 3 * c
        picture, _, x2, x3, x4 = levels
        x = self.adapt("adapt4", x4, *targets[4], style)
        x = x + self.attend(x, tokens)
        block = 0
        while f"bottleneck_{block}_first_weight" in self._parameters:
            x = self.styled(f"bottleneck.{block}", x, style)
            block += 1
        x = self.fuse("fuse3", x, x3, SHARES[0], targets[3], style)
        x = self.fuse("fuse2", x, x2, SHARES[1], targets[2], style)
        x = F.relu(self.adapt("adapt1", self.conv("up1", x, upsample=2), *targets[1], style))
        mean, deviation, own = targets[0]
        lively = (moments(picture)[1].mean(1, keepdim=True) - EPS**0.5).clamp(0, FLAT) / FLAT
        return self.adapt("colours", self.conv("paint", x), mean, deviation * lively, own, style)


class Encode(Fusion):
    """A style picture to its code; of the symmetric correlations what lies below the diagonal."""

    outputs = CODE

    def forward(self, picture):
        moments_, tokens, correlations = self.code(self.levels(picture))
        return (moments_, tokens, *(below_diagonal(matrices) for matrices in correlations))


class Paint(Fusion):
    """A content picture and a code to a picture."""

    inputs = ("picture", *CODE)

    def forward(self, picture, moments_, tokens, *below):
        levels = self.levels(picture)
        correlations = [symmetric(part, int(x.shape[1])) for part, x in zip(below, levels)]
        return (self.paint(levels, moments_, tokens, correlations),)
