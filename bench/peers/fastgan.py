"""A generator and a discriminator of the kind of FastGAN (Liu et al. 2021): upsampling blocks with gated linear units,
skip-layer excitation, a residual downsampling discriminator, hinge losses. Instance in place of batch normalisation."""

import torch
import torch.nn.functional as F

from network import Step

# Levels of the generator after the first of 4 px, and which is excited by which.
LEVELS = 5
EXCITED = {3: 1, 4: 2}


class Steps(Step):
    """The discriminator's and the generator's step, without the updates."""

    inputs = ("latent", "real")
    trained = ("discriminator", "generator")

    def gated(self, name, x):
        return F.glu(self.norm(f"{name}.norm", x), 1)

    def generate(self, latent):
        x = self.dense("generator.first", latent)
        x = self.gated("generator.start", x.reshape(len(latent), -1, 4, 4))
        features = [x]
        for i in range(LEVELS):
            name = f"generator.up.{i}"
            x = self.gated(name, self.conv(f"{name}.conv", x, pad="zero", upsample=2))
            if i in EXCITED:
                x = x * self.excite(f"generator.excite.{i - min(EXCITED)}", features[EXCITED[i]])
            features.append(x)
        return self.conv("generator.leave", x, pad="zero").tanh()

    def excite(self, name, x):
        while x.shape[2] > 4:
            x = F.avg_pool2d(x, 2)
        return self.conv(f"{name}.second", F.leaky_relu(self.conv(f"{name}.first", x, padding=0), 0.1)).sigmoid()

    def judge(self, picture):
        x = F.leaky_relu(self.conv("discriminator.enter", picture, stride=2, pad="zero", padding=1), 0.2)
        block = lambda name, x, **geometry: F.leaky_relu(
            self.norm(f"{name}.norm", self.conv(f"{name}.conv", x, pad="zero", **geometry)), 0.2
        )
        for i in range(LEVELS - 1):
            name = f"discriminator.down.{i}"
            main = block(f"{name}.second", block(f"{name}.first", x, stride=2, padding=1))
            x = (main + block(f"{name}.direct", F.avg_pool2d(x, 2))) * 0.5
        return self.conv("discriminator.logit", x, padding=0)

    def losses(self, latent, real):
        fake = self.generate(latent)
        beyond = F.relu(1 - self.judge(real)).mean() + F.relu(1 + self.judge(fake.detach())).mean()
        yield "discriminator", beyond
        yield "generator", -self.judge(fake).mean()
