"""MicroAST (Wang et al. 2023), written from the paper and the names in its authors' weights."""

import torch.nn.functional as F

from network import Network

CODE = tuple(f"{level}.{part}" for level in ("level0", "level1") for part in ("mean", "deviation", "weight", "bias"))


def moments(x):
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True, unbiased=True) + 1e-5).sqrt()


class Part(Network):
    """A half of the network. The weights are those of the whole; what the other half needs is left unused."""

    heads = ()

    def __init__(self, weights):
        super().__init__({name: array for name, array in weights.items() if name.split(".")[0] in self.heads})

    def residual(self, layer, x):
        return x + self.conv(f"{layer}.conv2", F.relu(self.conv(f"{layer}.conv1", x)))

    def encode(self, name, x):
        x = F.relu(self.conv(f"{name}.enc1.0", x))
        x = F.relu(self.conv(f"{name}.enc1.2", x, stride=2, groups=x.shape[1]))
        x = F.relu(self.conv(f"{name}.enc1.4", x))
        x = F.relu(self.conv(f"{name}.enc1.6", x, stride=2, groups=x.shape[1]))
        x = F.relu(self.conv(f"{name}.enc1.8", x))
        shallow = self.residual(f"{name}.enc1.10", x)
        return shallow, self.residual(f"{name}.enc2.0", shallow)


class Encode(Part):
    """A style picture to its code."""

    heads = ("style_encoder", "modulator")
    outputs = CODE

    def forward(self, picture):
        code = []
        for level, x in enumerate(self.encode("style_encoder", picture), 1):
            code += moments(x)
            for kind in ("weight", "bias"):
                code.append(self.conv(f"modulator.{kind}{level}.0", x, groups=x.shape[1]).mean((2, 3), keepdim=True))
        return tuple(part.flatten(1) for part in code)


class Paint(Part):
    """A content picture and a code to a picture."""

    heads = ("content_encoder", "decoder")
    inputs = ("picture", *CODE)

    def block(self, name, x, mean, deviation, weight, bias):
        own, spread = moments(x)
        x = (x - own) / spread * deviation + mean
        styled = lambda layer, x: self.conv(f"{name}.{layer}", x) * weight + x * bias
        return x + styled("conv2", F.relu(styled("conv1", x)))

    def forward(self, picture, *code):
        code = [part[:, :, None, None] for part in code]
        _, x = self.encode("content_encoder", picture)
        x = self.block("decoder.dec1", x, *code[4:])
        x = self.block("decoder.dec2", x, *code[:4])
        for spatial, pointwise in ((1, 3), (6, 8)):
            x = F.interpolate(x, scale_factor=2, mode="bilinear")
            x = F.relu(self.conv(f"decoder.dec3.{spatial}", x, groups=x.shape[1] // 2))
            x = F.relu(self.conv(f"decoder.dec3.{pointwise}", x))
        return (self.conv("decoder.dec3.10", x),)
