"""The network of Johnson et al. 2016 as it is used today: reflection padding, instance normalisation, resize before
convolving. And VGG16 (Simonyan and Zisserman 2015) up to relu4_3, which its training looks through."""

import torch.nn.functional as F

from network import Network, Step

RESIDUAL_BLOCKS = 5
# Convolutions of each of VGG16's first four levels.
VGG16 = (2, 2, 3, 3)


def johnson(net, x, prefix=""):
    """`net` holds the weights, below `prefix`."""
    block = lambda name, x, **geometry: net.norm(f"{prefix}{name}.norm", net.conv(f"{prefix}{name}.conv", x, **geometry))
    x = F.relu(block("enter", x))
    x = F.relu(block("down1", x, stride=2))
    x = F.relu(block("down2", x, stride=2))
    for i in range(RESIDUAL_BLOCKS):
        x = x + block(f"residual.{i}.second", F.relu(block(f"residual.{i}.first", x)))
    x = F.relu(block("up1", x, upsample=2))
    x = F.relu(block("up2", x, upsample=2))
    return net.conv(f"{prefix}leave", x)


def vgg16(net, x, prefix=""):
    layer = 0
    for level, count in enumerate(VGG16):
        if level > 0:
            x = F.max_pool2d(x, 2)
        for _ in range(count):
            x = F.relu(net.conv(f"{prefix}layers.{layer}", x, pad="zero"))
            layer += 1
    return x


class Johnson(Network):
    def forward(self, picture):
        return (johnson(self, picture),)


class Vgg16(Network):
    outputs = ("relu4_3",)

    def forward(self, picture):
        return (vgg16(self, picture),)


class JohnsonStep(Step):
    """Mean square difference of VGG16's features to given ones."""

    inputs = ("picture", "target")
    trained = ("johnson",)

    def losses(self, picture, target):
        yield "johnson", F.mse_loss(vgg16(self, johnson(self, picture, "johnson."), "vgg."), target)
