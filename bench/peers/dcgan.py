"""A conditional DCGAN (Radford et al. 2016) as one would write it in PyTorch: trained on the same pictures for as many
images as impasto's, then sampled."""

import time

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import nn

LATENT = 100


class Generator(nn.Module):
    """Latent and class to a picture in [-1, 1] of 28 px, by strided transposed convolutions."""

    def __init__(self, classes, width):
        super().__init__()
        self.classes = classes
        widths = [4 * width, 2 * width]
        layers = [nn.ConvTranspose2d(LATENT + classes, widths[0], 7, 1, 0, bias=False)]
        for before, after in zip(widths, widths[1:]):
            layers += [nn.BatchNorm2d(before), nn.ReLU(True), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU(True), nn.ConvTranspose2d(widths[-1], 1, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, latent, labels):
        labels = nn.functional.one_hot(labels, self.classes).float()
        return self.layers(torch.cat([latent, labels], 1)[:, :, None, None])


class Discriminator(nn.Module):
    """A picture and its class, as planes, to a logit."""

    def __init__(self, classes, width):
        super().__init__()
        self.classes = classes
        widths = [width, 2 * width]
        layers = [nn.Conv2d(1 + classes, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for before, after in zip(widths, widths[1:]):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, True)]
        layers += [nn.Conv2d(widths[-1], 1, 7, 1, 0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, image, labels):
        planes = nn.functional.one_hot(labels, self.classes).float()[:, :, None, None]
        return self.layers(torch.cat([image, planes.expand(-1, -1, *image.shape[2:])], 1)).flatten()


def initialise(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def run(request):
    """Trains for `images` pictures on `data` (`images` [n, 1, 28, 28] in [0, 1] and `labels` [n]), then writes
    `samples` pictures of every class, [classes * samples, 1, 28, 28] in [0, 1], to `out`. Returns what it took."""
    torch.manual_seed(request["seed"])
    torch.set_num_threads(request["threads"])
    data = load_file(request["data"])
    images = torch.from_numpy(data["images"]) * 2 - 1
    labels = torch.from_numpy(data["labels"].astype(np.int64))
    classes, batch = int(labels.max()) + 1, request["batch"]
    generator, discriminator = Generator(classes, request["width"]), Discriminator(classes, request["width"])
    generator.apply(initialise)
    discriminator.apply(initialise)
    rates = {"lr": 2e-4, "betas": (0.5, 0.999)}
    steps = [torch.optim.Adam(net.parameters(), **rates) for net in (generator, discriminator)]
    loss = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(batch), torch.zeros(batch)
    started = time.time()
    for step in range(request["images"] // batch):
        chosen = torch.randint(len(images), (batch,))
        real, classes_of = images[chosen], labels[chosen]
        fake = generator(torch.randn(batch, LATENT), classes_of)
        steps[1].zero_grad()
        judged = loss(discriminator(real, classes_of), ones) + loss(discriminator(fake.detach(), classes_of), zeros)
        judged.backward()
        steps[1].step()
        steps[0].zero_grad()
        loss(discriminator(fake, classes_of), ones).backward()
        steps[0].step()
        if step % 500 == 0:
            print(f"dcgan: step {step} of {request['images'] // batch}", flush=True, file=__import__("sys").stderr)
    seconds = time.time() - started
    generator.eval()
    with torch.no_grad():
        each = torch.arange(classes).repeat_interleave(request["samples"])
        made = torch.cat([generator(torch.randn(len(part), LATENT), part) for part in each.split(200)])
    save_file({"images": ((made + 1) / 2).clamp(0, 1).numpy()}, request["out"])
    count = sum(p.numel() for p in generator.parameters())
    return {"seconds": seconds, "parameters": count, "images_per_second": request["images"] / seconds}
