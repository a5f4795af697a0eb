"""The networks of `impasto train gan --cfg dcgan` with their default widths, and the relativistic losses."""

import torch.nn.functional as F

from network import Step

# Doublings from the base grid of 4 to 32 px.
LEVELS = 3


class Steps(Step):
    """The discriminator's and the generator's step, without penalty, augmentation and updates."""

    inputs = ("latent", "real")
    trained = ("discriminator", "generator")

    def batch_norm(self, name, x):
        gain, shift = self.weight(f"{name}.gain"), self.weight(f"{name}.shift")
        return F.batch_norm(x, None, None, gain, shift, training=True, eps=1e-5)

    def generate(self, latent):
        x = self.dense("generator.project", latent).reshape(len(latent), -1, 4, 4)
        x = F.relu(self.batch_norm("generator.first", x))
        for i in range(LEVELS):
            name = f"generator.stages.{i}"
            x = F.relu(self.batch_norm(f"{name}.norm", self.conv(f"{name}.conv", x, pad="zero", upsample=2)))
        return self.conv("generator.colour", x, pad="zero").tanh() * 0.5 + 0.5

    def judge(self, picture):
        x = (picture - 0.5) * 2
        for i in range(LEVELS):
            x = F.leaky_relu(self.conv(f"discriminator.stages.{i}.conv", x, stride=2, pad="zero", padding=1), 0.2)
        x = F.leaky_relu(self.dense("discriminator.head.hidden", x.flatten(1)), 0.2)
        return self.dense("discriminator.head.logit", x)

    def losses(self, latent, real):
        fake = self.generate(latent)
        yield "discriminator", F.softplus(self.judge(fake.detach()) - self.judge(real)).mean()
        yield "generator", F.softplus(self.judge(real) - self.judge(fake)).mean()
