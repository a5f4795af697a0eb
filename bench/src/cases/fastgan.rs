//! A generator and a discriminator of the kind of FastGAN (Liu et al. 2021): upsampling blocks with gated linear units,
//! skip-layer excitation, a residual downsampling discriminator, hinge losses. Instance in place of batch normalisation,
//! since this case is older than the engine's.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use impasto_engine::blocks::{Conv, avg_pool2, gated, relu, scaled};
use impasto_engine::rng;
use impasto_engine::weights::Arrays;

use super::layers::{ConvNorm, Norm, drawn, zero};
use super::{Case, Game, Peers, SEED, Slopes, Workload, noise, weight_file};

/// Side of the pictures.
const SIDE: usize = 128;
/// Pictures of a step.
const BATCH: usize = 4;
/// Numbers of a latent vector.
const LATENT: usize = 256;
/// Channels of the generator at 4, 8, 16, 32, 64 and 128 px.
const GENERATOR: [usize; 6] = [256, 256, 128, 128, 64, 32];
/// Which of them are excited by which.
const EXCITED: [(usize, usize); 2] = [(4, 1), (5, 2)];
/// Channels of the discriminator at 64, 32, 16, 8 and 4 px.
const DISCRIMINATOR: [usize; 5] = [32, 64, 128, 128, 256];

pub(super) const STEPS: Case = Case {
    name: "fastgan-step",
    network: "fastgan-step",
    title: "steps of a FastGAN-type discriminator and generator, batch 4",
    side: Some(SIDE),
    small: SIDE,
    peers: Peers::PyTorch,
    weights: |material| weight_file(material, "fastgan", &Gan::new(&Device::flex())),
    inputs: |_, side| {
        let mut real = noise("fastgan.real", &[BATCH, 3, side, side]);
        real.values.iter_mut().for_each(|v| *v = v.tanh());
        let latent = noise("fastgan.latent", &[BATCH, LATENT]);
        Ok(Arrays::from([("latent".to_owned(), latent), ("real".to_owned(), real)]))
    },
    open: |file, inputs, device| Ok(Box::new(Game::new(Gan::new, file, &inputs, device)?)),
    work: |_| None,
};

/// Both networks.
#[derive(Module, Debug)]
struct Gan {
    generator: Generator,
    discriminator: Discriminator,
}

impl Gan {
    fn new(device: &Device) -> Self {
        Self { generator: Generator::new(device), discriminator: Discriminator::new(device) }
    }
}

/// A fully connected layer.
#[derive(Module, Debug)]
struct Dense {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

/// A gate behind a normalisation.
#[derive(Module, Debug)]
struct Start {
    norm: Norm,
}

#[derive(Module, Debug)]
struct Excite {
    first: Conv,
    second: Conv,
}

impl Excite {
    fn new(i: usize, from: usize, to: usize, device: &Device) -> Self {
        let name = |part| format!("fastgan.excite.{i}.{part}");
        Self {
            first: drawn(&name("first"), zero(from, to, 4).padding(0), device),
            second: drawn(&name("second"), zero(to, to, 1), device),
        }
    }

    /// Small features `[n, from, s, s]` to factors for the channels of large ones, `[n, to]`.
    fn forward(&self, mut x: Tensor<4>) -> Tensor<2> {
        while x.dims()[2] > 4 {
            x = avg_pool2(x); // [n, from, s/2, s/2]
        }
        let factors = sigmoid(self.second.forward(self.first.forward_leaky(x, 0.1))); // [n, to, 1, 1]
        let [n, to, _, _] = factors.dims();
        factors.reshape([n, to])
    }
}

#[derive(Module, Debug)]
struct Generator {
    first: Dense,
    start: Start,
    up: Vec<ConvNorm>,
    excite: Vec<Excite>,
    leave: Conv,
}

impl Generator {
    fn new(device: &Device) -> Self {
        let [widest, .., narrowest] = GENERATOR;
        let outputs = 2 * widest * 16;
        let draws = rng::normal(&mut rng::stream(SEED, "fastgan.first", 0), LATENT * outputs);
        let scale = (LATENT as f32).sqrt().recip();
        let weights: Vec<f32> = draws.into_iter().map(|v| v * scale).collect();
        let up = |i: usize| {
            let config = zero(GENERATOR[i], 2 * GENERATOR[i + 1], 3).upsampled();
            ConvNorm::new(&format!("fastgan.up.{i}"), config, device)
        };
        let excite =
            |(i, (large, small)): (usize, (usize, usize))| Excite::new(i, GENERATOR[small], GENERATOR[large], device);
        Self {
            first: Dense {
                weight: Param::from_data(TensorData::new(weights, [LATENT, outputs]), device),
                bias: Param::from_data(TensorData::zeros::<f32, _>([outputs]), device),
            },
            start: Start { norm: Norm::new("fastgan.start", 2 * widest, device) },
            up: (0..GENERATOR.len() - 1).map(up).collect(),
            excite: EXCITED.into_iter().enumerate().map(excite).collect(),
            leave: drawn("fastgan.leave", zero(narrowest, 3, 3), device),
        }
    }

    /// `[n, LATENT]` to `[n, 3, SIDE, SIDE]` in `[-1, 1]`.
    fn forward(&self, latent: Tensor<2>) -> Tensor<4> {
        let n = latent.dims()[0];
        let x = latent.matmul(self.first.weight.val()) + self.first.bias.val().unsqueeze(); // [n, 2c * 16]
        let x = x.reshape([n, 2 * GENERATOR[0], 4, 4]); // [n, 2c, 4, 4]
        let mut features = vec![gated(self.start.norm.forward(x).settle())]; // [n, c, 4, 4]
        for (i, up) in self.up.iter().enumerate() {
            let mut x = gated(up.forward(features[i].clone()).settle()); // [n, c, 8 << i, 8 << i]
            if let Some(at) = EXCITED.iter().position(|(large, _)| *large == i + 1) {
                x = scaled(x, self.excite[at].forward(features[EXCITED[at].1].clone()));
            }
            features.push(x);
        }
        self.leave.forward(features.swap_remove(self.up.len())).tanh() // [n, 3, SIDE, SIDE]
    }
}

#[derive(Module, Debug)]
struct Down {
    first: ConvNorm,
    second: ConvNorm,
    direct: ConvNorm,
}

impl Down {
    fn new(i: usize, from: usize, to: usize, device: &Device) -> Self {
        let block = |part: &str, config| ConvNorm::new(&format!("fastgan.down.{i}.{part}"), config, device);
        Self {
            first: block("first", zero(from, to, 4).padding(1).stride(2)),
            second: block("second", zero(to, to, 3)),
            direct: block("direct", zero(from, to, 1)),
        }
    }

    /// `[n, from, h, w]` to `[n, to, h/2, w/2]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let first = self.first.forward(x.clone()).leaky(0.2); // [n, to, h/2, w/2]
        let main = self.second.forward(first).leaky(0.2); // [n, to, h/2, w/2]
        main.plus(self.direct.forward(avg_pool2(x)).leaky(0.2)) * 0.5
    }
}

#[derive(Module, Debug)]
struct Discriminator {
    enter: Conv,
    down: Vec<Down>,
    logit: Conv,
}

impl Discriminator {
    fn new(device: &Device) -> Self {
        let [first, .., last] = DISCRIMINATOR;
        let down = |i: usize| Down::new(i, DISCRIMINATOR[i], DISCRIMINATOR[i + 1], device);
        Self {
            enter: drawn("fastgan.enter", zero(3, first, 4).padding(1).stride(2), device),
            down: (0..DISCRIMINATOR.len() - 1).map(down).collect(),
            logit: drawn("fastgan.logit", zero(last, 1, 4).padding(0), device),
        }
    }

    /// `[n, 3, SIDE, SIDE]` to logits `[n, 1, 1, 1]`.
    fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        let x = self.enter.forward_leaky(picture, 0.2); // [n, 32, SIDE/2, SIDE/2]
        self.logit.forward(self.down.iter().fold(x, |x, down| down.forward(x)))
    }
}

impl Workload for Game<Gan> {
    fn run(&mut self) -> Result<()> {
        self.slopes.clear();
        let Gan { generator, discriminator } = &self.networks;
        let fake = generator.forward(self.latent.clone()); // [n, 3, SIDE, SIDE]
        let (at_real, at_fake) =
            (discriminator.forward(self.real.clone()), discriminator.forward(fake.clone().detach()));
        let hinge = relu(-at_real + 1.0).mean() + relu(at_fake + 1.0).mean();
        self.slopes.push(Slopes::of("discriminator", discriminator, hinge));
        let judge = discriminator.clone().no_grad();
        self.slopes.push(Slopes::of("generator", generator, -judge.forward(fake).mean()));
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(Slopes::arrays(&self.slopes))
    }
}
