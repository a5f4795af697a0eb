"""What `fusion` is trained by, written again from its training in `crates/impasto-engine`: perception losses through
`percept`, without the discriminator."""

import torch
import torch.nn.functional as F

from fusion import EPS, Fusion
from network import Network, Step

CONTENT_SHARES = (0.0, 0.2, 0.4, 0.4, 0.0)
WASSERSTEIN_LEVELS = (2, 3)
CONTRASTIVE_LEVEL = 2
# Samples of a batch among which styles are told apart.
HALF = 2
WEIGHTS = {
    "content": 1.5,
    "moments": 1.0,
    "gram": 4.0,
    "wasserstein": 0.3,
    "contrastive": 0.05,
    "colour": 0.5,
    "tv": 0.1,
    "range": 10.0,
}


class Percept(Network):
    def forward(self, image):
        """The activation after the first convolution of each level."""
        x, taps = (image - 0.5) * 4, []
        for level in range(len(CONTENT_SHARES)):
            x = F.max_pool2d(x, 2) if level > 0 else x
            layer = 0
            while f"levels_{level}_{layer}_weight" in self._parameters:
                x = F.relu(self.conv(f"levels.{level}.{layer}", x))
                if layer == 0:
                    taps.append(x)
                    if level + 1 == len(CONTENT_SHARES):
                        break
                layer += 1
        return taps


def relative(a, b):
    norm = lambda x: (x.square().sum(1) + 1e-8).sqrt()
    return (norm(a - b) / norm(b)).mean()


def statistics(x):
    flat = x.flatten(2)
    return flat.mean(2), (flat.var(2, unbiased=False) + EPS).sqrt()


def moment_error(output, target):
    return sum(relative(a, b) for a, b in zip(statistics(output), statistics(target)))


def gram(x):
    flat = x.flatten(2)
    return (flat @ flat.transpose(1, 2) / flat.shape[2]).flatten(1)


def content_distance(output, target):
    return (F.instance_norm(output) - F.instance_norm(target)).square().mean()


def wasserstein(output, target, directions):
    project = lambda x: (x.flatten(2).transpose(1, 2) @ directions).sort(1).values
    rows = lambda x: (x.flatten(1).square().mean(1) + 1e-8).sqrt()
    target = project(target)
    return (rows(project(output) - target) / rows(target - target.mean(1, keepdim=True))).mean()


def contrastive(output, target):
    centre = target.mean(0, keepdim=True)

    def unit(x):
        x = x - centre
        return x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt()

    similarity = unit(output) @ unit(target).T / 0.2
    return -similarity.log_softmax(1).diagonal().mean()


class FusionStep(Step):
    inputs = ("content", "style", "directions.2", "directions.3", "directions.5")
    trained = ("generator",)

    def __init__(self, weights):
        torch.nn.Module.__init__(self)
        below = lambda prefix: {n[len(prefix) :]: array for n, array in weights.items() if n.startswith(prefix)}
        self.names = list(weights)
        self.generator, self.percept = Fusion(below("generator.")), Percept(below("percept."))

    def weight(self, name):
        part, rest = name.split(".", 1)
        return getattr(self, part).weight(rest)

    def losses(self, content, style, fine, coarse, colours):
        generator = self.generator
        output = generator.paint(generator.levels(content), *generator.code(generator.levels(style)))
        wanted, given, painted = self.percept(content), self.percept(style), self.percept(output)
        of_style = lambda x: torch.cat(statistics(x[CONTRASTIVE_LEVEL]), 1)
        halves = zip(of_style(painted).split(HALF), of_style(given).split(HALF))
        afar = lambda image: F.avg_pool2d(F.avg_pool2d(image, 2), 2)
        above, below = (output - 1).clamp(min=0), (-output).clamp(min=0)
        parts = {
            "content": sum(s * content_distance(a, b) for s, a, b in zip(CONTENT_SHARES, painted, wanted) if s > 0),
            "moments": sum(map(moment_error, painted, given)) / len(painted),
            "gram": sum(relative(gram(a), gram(b)) for a, b in zip(painted, given)) / len(painted),
            "wasserstein": sum(
                wasserstein(painted[level], given[level], directions)
                for level, directions in zip(WASSERSTEIN_LEVELS, (fine, coarse))
            ),
            "contrastive": sum(contrastive(a, b) for a, b in halves) * HALF / len(content),
            "colour": wasserstein(afar(output), afar(style), colours),
            "tv": output.diff(dim=2).abs().mean() + output.diff(dim=3).abs().mean(),
            "range": above.square().mean() + below.square().mean(),
        }
        yield "generator", sum(WEIGHTS[name] * loss for name, loss in parts.items())
