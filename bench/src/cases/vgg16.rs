//! VGG16 (Simonyan and Zisserman 2015) up to relu4_3, with weights drawn at random: what perceptual losses look through.

use anyhow::Result;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use impasto_engine::blocks::{Conv, max_pool2};
use impasto_engine::weights::Arrays;

use super::layers::{drawn, zero};
use super::{Case, Peers, Workload, array, input, weight_file, weighted};
use crate::floor::{Layer, Work, layer};

/// Channels and convolutions of each level; every level is half the size of the one before.
const LEVELS: [(usize, usize); 4] = [(64, 2), (128, 2), (256, 3), (512, 3)];

pub(super) const FEATURES: Case = Case {
    name: "vgg16",
    network: "vgg16",
    title: "VGG16 to relu4_3",
    side: None,
    small: 64,
    peers: Peers::All,
    weights: |material| weight_file(material, "vgg16", &Vgg16::new(&Device::flex())),
    inputs: |material, side| Ok(Arrays::from([("picture".to_owned(), material.content(side)?)])),
    open: |file, inputs, device| {
        let network = weighted(Vgg16::new(device), file)?;
        Ok(Box::new(Extract { network, picture: input(&inputs, "picture", device)?, features: None }))
    },
    work: |side| Some(Work::forward(&Vgg16::layers()).at(side)),
};

/// The network.
#[derive(Module, Debug)]
pub(super) struct Vgg16 {
    layers: Vec<Conv>,
}

impl Vgg16 {
    /// Channels of relu4_3.
    pub(super) const WIDTH: usize = 512;
    /// Picture pixels for each of its rows or columns.
    pub(super) const SCALE: usize = 8;

    pub(super) fn new(device: &Device) -> Self {
        let conv = |(i, (from, to, _)): (usize, (usize, usize, usize))| {
            drawn(&format!("vgg16.{i}"), zero(from, to, 3), device)
        };
        Self { layers: convolutions().enumerate().map(conv).collect() }
    }

    /// `[n, 3, h, w]` to `[n, 512, h/8, w/8]`.
    pub(super) fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        let mut convs = self.layers.iter();
        let mut x = picture;
        for (level, (_, count)) in LEVELS.into_iter().enumerate() {
            if level > 0 {
                x = max_pool2(x); // [n, c, h / 2^level, w / 2^level]
            }
            for conv in convs.by_ref().take(count) {
                x = conv.forward_relu(x);
            }
        }
        x
    }

    /// Its convolutions, for the floor.
    pub(super) fn layers() -> Vec<Layer> {
        convolutions().map(|(from, to, level)| layer((from, to), (1 << (2 * level), 1 << (2 * level)), 3, 1)).collect()
    }
}

/// Channels in, channels out and level of every convolution.
fn convolutions() -> impl Iterator<Item = (usize, usize, usize)> {
    let mut from = 3;
    LEVELS.into_iter().enumerate().flat_map(|(level, (width, count))| vec![(width, level); count]).map(
        move |(width, level)| {
            let conv = (from, width, level);
            from = width;
            conv
        },
    )
}

struct Extract {
    network: Vgg16,
    picture: Tensor<4>,
    features: Option<Tensor<4>>,
}

impl Workload for Extract {
    fn run(&mut self) -> Result<()> {
        self.features = None;
        self.features = Some(self.network.forward(self.picture.clone()));
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(self.features.iter().map(|features| ("relu4_3".to_owned(), array(features.clone()))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_convolutions() {
        let convolutions: Vec<_> = convolutions().collect();
        assert_eq!(convolutions.len(), 10);
        assert_eq!((convolutions[0], convolutions[9]), ((3, 64, 0), (512, Vgg16::WIDTH, 3)));
    }
}
