//! The step of `impasto train gan --cfg dcgan` at 32 px as it is by default: the very networks, relativistic losses, the
//! gradients of both. Without the penalty, which is due every fourth step, augmentation and updates.

use anyhow::Result;
use burn::module::Module;
use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor};
use impasto_engine::algorithms::dcgan::{Dcgan, DcganConfig, DcganDiscriminator, DcganGenerator};
use impasto_engine::generator::{Codes, Synthesis};
use impasto_engine::train::gan::{Architecture, Build, DiscriminatorNet, GeneratorNet, Mode};
use impasto_engine::weights::Arrays;

use super::{Case, Game, Peers, SEED, Slopes, Workload, noise, weight_file};

/// Side of the pictures.
const SIDE: usize = 32;
/// Pictures of a step.
const BATCH: usize = 32;

pub(super) const STEPS: Case = Case {
    name: "dcgan-step",
    network: "dcgan-step",
    title: "steps of dcgan's discriminator and generator, batch 32",
    side: Some(SIDE),
    small: SIDE,
    peers: Peers::PyTorch,
    weights: |material| weight_file(material, "dcgan", &Gan::new(&Device::flex())),
    inputs: |_, side| {
        let mut real = noise("dcgan.real", &[BATCH, 3, side, side]);
        real.values.iter_mut().for_each(|v| *v = 0.5 * v.tanh() + 0.5);
        let latent = noise("dcgan.latent", &[BATCH, DcganConfig::default().latent]);
        Ok(Arrays::from([("latent".to_owned(), latent), ("real".to_owned(), real)]))
    },
    open: |file, inputs, device| Ok(Box::new(Game::new(Gan::new, file, &inputs, device)?)),
    work: |_| None,
};

/// Both networks.
#[derive(Module, Debug)]
struct Gan {
    generator: DcganGenerator,
    discriminator: DcganDiscriminator,
}

impl Gan {
    fn new(device: &Device) -> Self {
        let (size, network) = ([SIDE; 2], DcganConfig::default());
        let build = Build { size, classes: Vec::new(), codes: Codes::default(), grey: false, network };
        Self {
            generator: Dcgan::generator(&build, SEED, device),
            discriminator: Dcgan::discriminator(&build, SEED, device),
        }
    }
}

impl Workload for Game<Gan> {
    fn run(&mut self) -> Result<()> {
        self.slopes.clear();
        let Gan { generator, discriminator } = &self.networks;
        let styles = generator.map(self.latent.clone(), None); // [n, 1, width]
        let fake = generator.synthesise(styles, &Synthesis::seeds(&[0; BATCH]), Mode::Train); // [n, 3, SIDE, SIDE]
        let logits = |net: &DcganDiscriminator, images: Tensor<4>| net.judge(images, None).logits; // [n, 1]
        let (at_real, at_fake) =
            (logits(discriminator, self.real.clone()), logits(discriminator, fake.clone().detach()));
        let told = softplus(at_fake - at_real, 1.0).mean();
        self.slopes.push(Slopes::of("discriminator", discriminator, told));
        let judge = discriminator.clone().no_grad();
        let fooled = softplus(logits(&judge, self.real.clone()) - logits(&judge, fake), 1.0).mean();
        self.slopes.push(Slopes::of("generator", generator, fooled));
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(Slopes::arrays(&self.slopes))
    }
}
