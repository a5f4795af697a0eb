"""What the networks share: weights by name, padding, normalisation."""

import torch
import torch.nn.functional as F

# Patches of a convolution in f64 that are held at a time, in bytes.
PATCH_BYTES = 256 << 20


class Network(torch.nn.Module):
    """A network whose weights keep the names that impasto's file gives them.

    `inputs` and `outputs` name what `forward` takes and returns, in this order.
    """

    inputs = ("picture",)
    outputs = ("painted",)

    def __init__(self, weights):
        super().__init__()
        for name, array in weights.items():
            self.register_parameter(name.replace(".", "_"), torch.nn.Parameter(array, requires_grad=False))

    def weight(self, name):
        return getattr(self, name.replace(".", "_"))

    def conv(self, name, x, stride=1, groups=1, pad="reflect", padding=None, upsample=1):
        weight = self.weight(f"{name}.weight")
        if upsample > 1:
            x = F.interpolate(x, scale_factor=upsample, mode="nearest")
        padding = weight.shape[-1] // 2 if padding is None else padding
        if padding and (pad == "reflect" or x.dtype == torch.float64):
            x = F.pad(x, [padding] * 4, mode="reflect" if pad == "reflect" else "constant")
            padding = 0
        return convolve(x, weight, self.weight(f"{name}.bias"), stride, padding, groups)

    def dense(self, name, x):
        return x @ self.weight(f"{name}.weight") + self.weight(f"{name}.bias")

    def norm(self, name, x):
        return F.instance_norm(x, weight=self.weight(f"{name}.gain"), bias=self.weight(f"{name}.shift"))


class Step(Network):
    """A training step: `losses` gives pairs of a loss and the prefix of the parameters that it trains. What comes out
    are the losses (`loss.PREFIX`) and the gradients of those parameters (`grad.NAME`)."""

    def __init__(self, weights):
        super().__init__(weights)
        self.names = list(weights)

    def losses(self, *inputs):
        raise NotImplementedError

    def run(self, *inputs):
        trained = {}
        for prefix in self.trained:
            # Standing statistics are not trained.
            own = [name for name in self.names if name.startswith(prefix + ".")]
            trained[prefix] = [name for name in own if not name.endswith((".mean", ".variance"))]
            for name in trained[prefix]:
                self.weight(name).requires_grad_(True)
        found = {}
        for prefix, loss in self.losses(*inputs):
            grads = torch.autograd.grad(loss, [self.weight(name) for name in trained[prefix]])
            found[f"loss.{prefix}"] = loss.detach().reshape(1)
            found.update((f"grad.{name}", grad) for name, grad in zip(trained[prefix], grads))
        return found


def convolve(x, weight, bias, stride, padding, groups):
    """`F.conv2d`; in f64, for which PyTorch writes all patches into one matrix, over strips of rows."""
    if x.dtype != torch.float64:
        return F.conv2d(x, weight, bias, stride=stride, padding=padding, groups=groups)
    kernel = weight.shape[-1]
    rows, columns = ((side - kernel) // stride + 1 for side in x.shape[2:])
    strip = max(1, PATCH_BYTES // (8 * x.shape[1] * kernel * kernel * columns))
    cut = lambda y: x[:, :, y * stride : (min(y + strip, rows) - 1) * stride + kernel]
    return torch.cat([F.conv2d(cut(y), weight, bias, stride=stride, groups=groups) for y in range(0, rows, strip)], 2)
