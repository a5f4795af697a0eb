"""Reference figures for the translators' losses and steps, by PyTorch in f64 from the papers' formulas.

Writes what crates/impasto-engine/tests/golden/translation.rs compares with:

    python bench/peers/translate.py > crates/impasto-engine/tests/golden/translation.json

Pictures and weights are given by formulas that the test has too, so that only results are kept. Each case is trained for
two steps: the first step's figures check every loss, its gradient's norm the backward pass, the second step's figures the
gradients' directions.
"""

import json
import math

import torch
import torch.nn.functional as F

SIDE = 32
WIDTH = 4
BLOCKS = 2
RATE = 2e-3
BETAS = (0.5, 0.999)


def values(name, shape):
    """Weights by a formula: chirps, so that no two rows are alike."""
    fan_in = math.prod(shape[1:]) if len(shape) == 4 else shape[0]
    amplitude = 0.1 if len(shape) == 1 else 1.2 / math.sqrt(fan_in)
    phase = sum(byte * (k + 1) for k, byte in enumerate(name.encode())) % 1000 * 0.01
    i = torch.arange(math.prod(shape), dtype=torch.float64)
    return (amplitude * torch.sin(phase + 0.7 * i + 0.013 * i * i)).float().double().reshape(shape)


def picture(kind):
    """The same when mirrored, in 8 bit."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    x = torch.minimum(x, SIDE - 1 - x).double()
    planes = [0.5 + 0.4 * torch.sin(0.3 * (c + 1 + 2 * kind) * x + 0.17 * (c + 2) * y + kind) for c in range(3)]
    # Halves never occur, so it does not matter how they are rounded.
    return (torch.stack(planes) * 255).round()[None] / 255


class Params(dict):
    """Parameters by name, made when first asked for."""

    def conv(self, name, cin, cout, k):
        for part, shape in [("weight", (cout, cin, k, k)), ("bias", (cout,))]:
            if f"{name}.{part}" not in self:
                self[f"{name}.{part}"] = values(f"{name}.{part}", shape).requires_grad_()
        return self[f"{name}.weight"], self[f"{name}.bias"]

    def dense(self, name, cin, cout):
        for part, shape in [("weight", (cin, cout)), ("bias", (cout,))]:
            if f"{name}.{part}" not in self:
                self[f"{name}.{part}"] = values(f"{name}.{part}", shape).requires_grad_()
        return self[f"{name}.weight"], self[f"{name}.bias"]


def conv(p, name, x, cout, k, stride=1, pad=None, reflect=True, up=False):
    if up:
        x = F.interpolate(x, scale_factor=2, mode="nearest")
    pad = k // 2 if pad is None else pad
    x = F.pad(x, (pad,) * 4, mode="reflect" if reflect else "constant")
    return F.conv2d(x, *p.conv(name, x.shape[1], cout, k), stride=stride)


def norm(x):
    return F.instance_norm(x, eps=1e-5)


def residual(p, name, image, only_features=False):
    """The generator of residual blocks: picture and features."""
    x = image * 2 - 1
    features = [x]
    x = F.relu(norm(conv(p, f"{name}.stem", x, WIDTH, 7)))
    for i in range(2):
        x = conv(p, f"{name}.halve.{i}", x, WIDTH << (i + 1), 3, stride=2)
        features.append(x)
        x = F.relu(norm(x))
    c = WIDTH << 2
    for i in range(BLOCKS):
        y = F.relu(norm(conv(p, f"{name}.blocks.{i}.first", x, c, 3)))
        x = x + norm(conv(p, f"{name}.blocks.{i}.second", y, c, 3))
        features.append(x)
    if only_features:
        return features
    for i in range(2):
        x = F.relu(norm(conv(p, f"{name}.double.{i}", x, WIDTH << (1 - i), 3, up=True)))
    x = conv(p, f"{name}.paint", x, 3, 7)
    return torch.tanh(x) * 0.5 + 0.5, features


def unet(p, name, image, depth=3):
    x = image * 2 - 1
    levels = []
    for i in range(depth):
        y = conv(p, f"{name}.halve.{i}", x, WIDTH << min(i, 3), 4, stride=2, pad=1)
        y = norm(y) if 0 < i < depth - 1 else y
        levels.append(y)
        x = F.leaky_relu(y, 0.2)
    y = None
    for step, i in enumerate(reversed(range(depth))):
        x = levels[i] if y is None else torch.cat([norm(y), levels[i]], 1)
        y = conv(p, f"{name}.double.{step}", F.relu(x), 3 if i == 0 else WIDTH << min(i - 1, 3), 3, up=True)
    return torch.tanh(y) * 0.5 + 0.5


def judge(p, image, layers=2, scales=2):
    """The discriminator of patches at two scales."""
    x = image * 2 - 1
    out = []
    for s in range(scales):
        if s:
            x = F.avg_pool2d(x, 2)
        y = x
        for i in range(layers + 1):
            stride = 2 if i < layers else 1
            y = conv(p, f"scales.{s}.layers.{i}", y, WIDTH << min(i, 3), 4, stride, 1, reflect=False)
            y = F.leaky_relu(y if i == 0 else norm(y), 0.2)
        out.append(conv(p, f"scales.{s}.logit", y, 1, 4, 1, 1, reflect=False).flatten(1))
    return out


def mean(losses):
    losses = list(losses)
    return sum(losses) / len(losses)


def least_squares_judge(real, made):
    return mean(0.5 * ((r - 1) ** 2).mean() + 0.5 * (m**2).mean() for r, m in zip(real, made))


def least_squares_generator(made):
    # As the papers' programs have it: no half.
    return mean(((m - 1) ** 2).mean() for m in made)


def cross_entropy_judge(real, made):
    bce = F.binary_cross_entropy_with_logits
    return mean(bce(r, torch.ones_like(r)) + bce(m, torch.zeros_like(m)) for r, m in zip(real, made))


def cross_entropy_generator(made):
    return mean(F.binary_cross_entropy_with_logits(m, torch.ones_like(m)) for m in made)


def head(p, level, features):
    """All positions of a level as unit vectors."""
    rows = features.flatten(2).permute(0, 2, 1)
    weight, bias = p.dense(f"heads.levels.{level}.first", rows.shape[2], 256)
    rows = F.relu(rows @ weight + bias)
    weight, bias = p.dense(f"heads.levels.{level}.second", 256, 256)
    return F.normalize(rows @ weight + bias, dim=2)


def nce(p, made, source, temperature=0.07):
    losses = []
    for level, (q, k) in enumerate(zip(made, source)):
        q, k = head(p, level, q), head(p, level, k.detach()).detach()
        logits = torch.bmm(q, k.transpose(1, 2)) / temperature
        target = torch.arange(logits.shape[1]).expand(logits.shape[0], -1)
        losses.append(F.cross_entropy(logits.transpose(1, 2), target))
    return mean(losses)


def l1(x, y):
    # Of pictures in [-1, 1].
    return F.l1_loss(x * 2 - 1, y * 2 - 1)


FORWARD, BACKWARD = "generators.forward", "generators.backward"


def cut(p, judges, a, b, terms):
    name = f"{FORWARD}.residual"
    flipped = terms.get("flipped", False)
    turn = (lambda x: x.flip(3)) if flipped else (lambda x: x)
    made, _ = residual(p, name, turn(a))
    figures = {"adversarial": least_squares_generator(judge(judges[0], made))}
    loss = figures["adversarial"]
    source = residual(p, name, a, True)
    figures["nce"] = nce(p, [turn(f) for f in residual(p, name, made, True)], source)
    contrast = figures["nce"]
    if terms["nce_identity"]:
        same, features = residual(p, name, b)
        figures["nce_identity"] = nce(p, residual(p, name, same, True), features)
        contrast = (contrast + figures["nce_identity"]) / 2
    if terms.get("identity"):
        same, _ = residual(p, name, b)
        figures["identity"] = l1(same, b)
        loss = loss + terms["identity"] * figures["identity"]
    return loss + terms["nce"] * contrast, figures, [(b, made)]


def cyclegan(p, judges, a, b, terms):
    names = [f"{FORWARD}.residual", f"{BACKWARD}.residual"]
    figures = dict.fromkeys(["adversarial", "cycle", "identity"], 0.0)
    loss, bouts = 0.0, []
    for which, (there, back, start, end) in enumerate([(*names, a, b), (*names[::-1], b, a)]):
        made, _ = residual(p, there, start)
        opinion = least_squares_generator(judge(judges[which], made))
        cycle = l1(residual(p, back, made)[0], start)
        identity = l1(residual(p, there, end)[0], end)
        figures["adversarial"] += opinion / 2
        figures["cycle"] += cycle
        figures["identity"] += identity
        loss = loss + opinion + terms["cycle"] * cycle + terms["cycle"] * terms["identity"] * identity
        bouts.append((end, made))
    return loss, figures, bouts


def pix2pix(p, judges, a, b, terms):
    made = unet(p, f"{FORWARD}.unet", a)
    opinion = cross_entropy_generator(judge(judges[0], torch.cat([a, made], 1)))
    figures = {"adversarial": opinion, "l1": l1(made, b)}
    return opinion + terms["l1"] * figures["l1"], figures, [(torch.cat([a, b], 1), torch.cat([a, made], 1))]


def trained(play, terms, judged, sides=1):
    """The figures of two steps."""
    p, judges = Params(), [Params() for _ in range(sides)]
    a, b = picture(0), picture(1)
    steps, optimisers = [], None
    for _ in range(2):
        loss, figures, bouts = play(p, judges, a, b, terms)
        bouts = [(real, made.detach()) for real, made in bouts]
        # Parameters exist once they have been used.
        judge_losses = [judged(judge(j, real), judge(j, made)) for j, (real, made) in zip(judges, bouts)]
        if optimisers is None:
            optimisers = [torch.optim.Adam(list(params.values()), RATE, BETAS) for params in [p, *judges]]
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        norm = math.sqrt(sum((w.grad**2).sum().item() for w in p.values() if w.grad is not None))
        optimisers[0].step()
        for optimiser, judge_loss in zip(optimisers[1:], judge_losses):
            optimiser.zero_grad()
            judge_loss.backward()
            optimiser.step()
        figures = {name: value.item() for name, value in figures.items()}
        figures |= {"generator": loss.item(), "gradient": norm, "discriminator": mean(judge_losses).item()}
        steps.append(figures)
    return steps


def main():
    cases = {
        "cut": trained(cut, {"nce": 1, "nce_identity": True}, least_squares_judge),
        "fastcut": trained(cut, {"nce": 10, "nce_identity": False}, least_squares_judge),
        "fastcut flipped": trained(cut, {"nce": 10, "nce_identity": False, "flipped": True}, least_squares_judge),
        "single": trained(cut, {"nce": 4, "nce_identity": True, "identity": 10}, least_squares_judge),
        "cyclegan": trained(cyclegan, {"cycle": 10, "identity": 0.5}, least_squares_judge, 2),
        "pix2pix": trained(pix2pix, {"l1": 100}, cross_entropy_judge),
    }
    rounded = {case: [{k: float(f"{v:.9g}") for k, v in step.items()} for step in steps] for case, steps in cases.items()}
    print(json.dumps(rounded, indent=1))


main()
