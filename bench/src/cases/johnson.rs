//! The network of Johnson et al. 2016 as it is used today (reflection padding, instance normalisation, resize before
//! convolving), painting and a training step through VGG16.

use std::path::Path;

use anyhow::Result;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use impasto_engine::blocks::{Conv, ConvConfig, Map};
use impasto_engine::losses;
use impasto_engine::weights::Arrays;

use super::layers::{ConvNorm, drawn};
use super::vgg16::Vgg16;
use super::{Case, Peers, Slopes, Workload, array, input, noise, weight_file, weighted};
use crate::floor::{Layer, Work, layer};

/// Channels at full, half and quarter size.
const WIDTHS: [usize; 3] = [32, 64, 128];
/// Residual blocks at a quarter of the size.
const RESIDUAL_BLOCKS: usize = 5;

pub(super) const PAINT: Case = Case {
    name: "johnson",
    network: "johnson",
    title: "Johnson network",
    side: None,
    small: 64,
    peers: Peers::All,
    weights: |material| weight_file(material, "johnson", &Johnson::new(&Device::flex())),
    inputs: |material, side| Ok(Arrays::from([("picture".to_owned(), material.content(side)?)])),
    open: |file, inputs, device| {
        let network = weighted(Johnson::new(device), file)?;
        Ok(Box::new(Paint { network, picture: input(&inputs, "picture", device)?, painted: None }))
    },
    work: |side| Some(Work::forward(&layers()).at(side)),
};

pub(super) const STEP: Case = Case {
    name: "johnson-step",
    network: "johnson-step",
    title: "training step of the Johnson network through VGG16 to relu4_3",
    side: Some(256),
    small: 64,
    peers: Peers::PyTorch,
    weights: |material| weight_file(material, "johnson-step", &Trained::new(&Device::flex())),
    inputs: |material, side| {
        // Any features of the right size do; those of a picture are not negative.
        let mut target = noise("johnson.target", &[1, Vgg16::WIDTH, side / Vgg16::SCALE, side / Vgg16::SCALE]);
        target.values.iter_mut().for_each(|v| *v = v.max(0.0));
        Ok(Arrays::from([("picture".to_owned(), material.content(side)?), ("target".to_owned(), target)]))
    },
    open: |file, inputs, device| Ok(Box::new(Step::new(file, &inputs, device)?)),
    work: |side| Some(Work::trained(&layers()).plus(Work::frozen(&Vgg16::layers())).at(side)),
};

/// The network.
#[derive(Module, Debug)]
struct Johnson {
    enter: ConvNorm,
    down1: ConvNorm,
    down2: ConvNorm,
    residual: Vec<Residual>,
    up1: ConvNorm,
    up2: ConvNorm,
    leave: Conv,
}

#[derive(Module, Debug)]
struct Residual {
    first: ConvNorm,
    second: ConvNorm,
}

impl Johnson {
    fn new(device: &Device) -> Self {
        let [full, half, quarter] = WIDTHS;
        let block = |name: &str, config| ConvNorm::new(&format!("johnson.{name}"), config, device);
        let residual = |i| {
            let half = |part| block(&format!("residual.{i}.{part}"), ConvConfig::same(quarter, quarter, 3));
            Residual { first: half("first"), second: half("second") }
        };
        Self {
            enter: block("enter", ConvConfig::same(3, full, 9)),
            down1: block("down1", ConvConfig::same(full, half, 3).stride(2)),
            down2: block("down2", ConvConfig::same(half, quarter, 3).stride(2)),
            residual: (0..RESIDUAL_BLOCKS).map(residual).collect(),
            up1: block("up1", ConvConfig::same(quarter, half, 3).upsampled()),
            up2: block("up2", ConvConfig::same(half, full, 3).upsampled()),
            leave: drawn("johnson.leave", ConvConfig::same(full, 3, 9), device),
        }
    }

    /// `[n, 3, h, w]` to `[n, 3, h, w]`, sides multiples of 4.
    fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        let x = self.enter.forward(picture).relu(); // [n, 32, h, w]
        let x = self.down1.forward(x).relu(); // [n, 64, h/2, w/2]
        let mut x = self.down2.forward(x).relu().settle(); // [n, 128, h/4, w/4]
        for block in &self.residual {
            let branch = block.second.forward(block.first.forward(x.clone()).relu());
            x = Map::from(x).plus(branch);
        }
        let x = self.up1.forward(x).relu(); // [n, 64, h/2, w/2]
        let x = self.up2.forward(x).relu(); // [n, 32, h, w]
        self.leave.forward_map(x, None) // [n, 3, h, w]
    }
}

/// Its convolutions, for the floor.
fn layers() -> Vec<Layer> {
    let [full, half, quarter] = WIDTHS;
    let mut layers = vec![
        layer((3, full), (1, 1), 9, 1),
        layer((full, half), (1, 4), 3, 1),
        layer((half, quarter), (4, 16), 3, 1),
        layer((quarter, half), (16, 4), 3, 1),
        layer((half, full), (4, 1), 3, 1),
        layer((full, 3), (1, 1), 9, 1),
    ];
    layers.extend([layer((quarter, quarter), (16, 16), 3, 1); 2 * RESIDUAL_BLOCKS]);
    layers
}

struct Paint {
    network: Johnson,
    picture: Tensor<4>,
    painted: Option<Tensor<4>>,
}

impl Workload for Paint {
    fn run(&mut self) -> Result<()> {
        self.painted = None;
        self.painted = Some(self.network.forward(self.picture.clone()));
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(self.painted.iter().map(|painted| ("painted".to_owned(), array(painted.clone()))).collect())
    }
}

/// The network that is trained and the one it is seen through.
#[derive(Module, Debug)]
struct Trained {
    johnson: Johnson,
    vgg: Vgg16,
}

impl Trained {
    fn new(device: &Device) -> Self {
        Self { johnson: Johnson::new(device), vgg: Vgg16::new(device) }
    }
}

struct Step {
    networks: Trained,
    picture: Tensor<4>,
    target: Tensor<4>,
    slopes: Vec<Slopes>,
}

impl Step {
    fn new(file: &Path, inputs: &Arrays, device: &Device) -> Result<Self> {
        let device = &device.clone().autodiff();
        let Trained { johnson, vgg } = weighted(Trained::new(device), file)?;
        let networks = Trained { johnson, vgg: vgg.no_grad() };
        let (picture, target) = (input(inputs, "picture", device)?, input(inputs, "target", device)?);
        Ok(Self { networks, picture, target, slopes: Vec::new() })
    }
}

impl Workload for Step {
    fn run(&mut self) -> Result<()> {
        self.slopes.clear();
        let Trained { johnson, vgg } = &self.networks;
        let features = vgg.forward(johnson.forward(self.picture.clone())); // [1, 512, h/8, w/8]
        let loss = losses::mean_squared_error(features, self.target.clone());
        self.slopes.push(Slopes::of("johnson", johnson, loss));
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(Slopes::arrays(&self.slopes))
    }
}
