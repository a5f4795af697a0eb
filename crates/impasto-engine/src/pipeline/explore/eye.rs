//! How different two pictures look.

use std::path::Path;

use burn::tensor::{Device, Tensor};

use crate::blocks::{avg_pool2, upsample_bilinear2};
use crate::error::{EngineError, Result};
use crate::features::{Features, LpipsMaps, LpipsSqueeze, unit};
use crate::models::PerceptionSpec;
use crate::pipeline::eval::{EvalNetworks, Unavailable};
use crate::tensor::ImageTensor;

/// Pictures with a smaller side are enlarged before they are looked at.
const LEAST: usize = 64;

/// Pictures whose smaller side is twice this are halved before they are looked at.
const MOST: usize = 256;

/// A frozen network that says how different two pictures look: LPIPS over SqueezeNet, or the built-in perception network,
/// by the same distance with all channels counting alike. Differentiable.
pub struct Eye(Network);

enum Network {
    Lpips(Box<LpipsSqueeze>),
    Percept(Box<dyn Features>),
}

/// What an eye sees in pictures, `[n, c, h, w]` for each of its levels.
pub(in crate::pipeline) enum Seen {
    Lpips(LpipsMaps),
    Percept(Vec<Tensor<4>>),
}

impl Eye {
    /// LPIPS, if its weights are in `folder` or where the evaluation's networks are found; otherwise the built-in network.
    ///
    /// # Errors
    /// [`EngineError::File`] when `folder` is none or a file is not the network; without the weights where
    /// `folder` is given.
    pub fn open(folder: Option<&Path>, device: &Device) -> Result<Self> {
        match EvalNetworks::open(folder, device)?.lpips() {
            Ok(lpips) => Ok(Self(Network::Lpips(Box::new(lpips)))),
            Err(Unavailable::Missing(_)) if folder.is_none() => Self::percept(device),
            Err(problem) => Err(problem.into()),
        }
    }

    /// The built-in network.
    ///
    /// # Errors
    /// As [`PerceptionSpec::bundled`].
    pub fn percept(device: &Device) -> Result<Self> {
        Ok(Self(Network::Percept(PerceptionSpec::bundled("perception")?.open(device)?)))
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self.0 {
            Network::Lpips(_) => "LPIPS over SqueezeNet",
            Network::Percept(_) => "impasto's percept",
        }
    }

    /// What is seen in pictures `[n, 3, h, w]` in `[0, 1]`.
    ///
    /// # Errors
    /// As [`LpipsSqueeze::maps`].
    pub(in crate::pipeline) fn see(&self, images: ImageTensor) -> Result<Seen> {
        let images = at_sight(images);
        Ok(match &self.0 {
            Network::Lpips(lpips) => Seen::Lpips(lpips.maps(images)?),
            Network::Percept(percept) => Seen::Percept(percept.extract(images).into_iter().map(unit).collect()),
        })
    }

    /// The distance between each picture of one batch and its partner in another of the same size, `[n]`; from 0, around
    /// 0.5 for unrelated ones.
    ///
    /// # Errors
    /// [`EngineError::Internal`] for what another eye saw.
    pub(in crate::pipeline) fn between(&self, a: &Seen, b: &Seen) -> Result<Tensor<1>> {
        match (&self.0, a, b) {
            (Network::Lpips(lpips), Seen::Lpips(a), Seen::Lpips(b)) => Ok(lpips.between(a, b)),
            (Network::Percept(_), Seen::Percept(a), Seen::Percept(b)) => Ok(apart(a, b)),
            _ => Err(EngineError::Internal("what one network saw was given to another".into())),
        }
    }
}

/// The mean over all levels of the squared distance of the vectors at each place: `[n]`.
fn apart(a: &[Tensor<4>], b: &[Tensor<4>]) -> Tensor<1> {
    let level = |(a, b): (&Tensor<4>, &Tensor<4>)| {
        let n = a.dims()[0];
        let squares = (a.clone() - b.clone()).square().sum_dim(1); // [n, 1, h, w]
        squares.mean_dims(&[2, 3]).reshape([n])
    };
    let share = 1.0 / a.len().max(1) as f32;
    let parts: Vec<Tensor<1>> = a.iter().zip(b).map(level).collect();
    Tensor::stack::<2>(parts, 0).sum_dim(0).squeeze_dim(0) * share // [levels, n] to [n]
}

/// Pictures at a size at which the networks see best.
fn at_sight(mut images: ImageTensor) -> ImageTensor {
    let side = |images: &ImageTensor| images.dims()[2].min(images.dims()[3]);
    while side(&images) < LEAST {
        images = upsample_bilinear2(images); // [n, 3, 2h, 2w]
    }
    while side(&images) >= 2 * MOST {
        images = avg_pool2(images); // [n, 3, h / 2, w / 2]
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{self, DeviceSpec};
    use crate::tensor::values;

    #[test]
    fn what_differs_more_is_further_apart() {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let eye = Eye::percept(&device).unwrap();
        let picture = |seed: u64, share: f32| {
            let draw = |seed| crate::rng::normal(&mut crate::rng::stream(seed, "eye", 0), 3 * 20 * 28);
            let mixed = draw(1).into_iter().zip(draw(seed)).map(|(a, b)| 0.5 + 0.2 * (a * (1.0 - share) + b * share));
            crate::tensor::from_planar(mixed.collect(), 1, 20, 28, &device)
        };
        let of = |share: f32| {
            let (a, b) = (eye.see(picture(1, 0.0)).unwrap(), eye.see(picture(2, share)).unwrap());
            values(eye.between(&a, &b).unwrap())[0]
        };
        assert_eq!(of(0.0), 0.0);
        assert!(of(0.2) > 0.0 && of(0.2) < of(0.6) && of(0.6) < of(1.0));
        // Of a batch each with its own partner.
        let two = |a: f32, b: f32| eye.see(Tensor::cat(vec![picture(2, a), picture(2, b)], 0)).unwrap();
        let both = values(eye.between(&two(0.0, 0.0), &two(0.2, 1.0)).unwrap());
        assert!((both[0] - of(0.2)).abs() < 1e-5 && (both[1] - of(1.0)).abs() < 1e-5, "{both:?}");
    }
}
