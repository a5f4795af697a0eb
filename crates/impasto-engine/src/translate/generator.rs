//! The generator, of either build.

use std::convert::Infallible;

use burn::module::Module;
use burn::tensor::activation::tanh;
use burn::tensor::{Device, Tensor};

use super::residual::Residual;
use super::unet::Unet;
use super::{GeneratorConfig, GeneratorKind};
use crate::blocks::Whole;
use crate::tensor::ImageTensor;

/// Translates pictures.
#[derive(Module, Debug)]
pub struct Generator {
    residual: Option<Residual>,
    unet: Option<Unet>,
}

/// What a generator makes of a picture, and the features of the picture on the way there.
#[derive(Debug, Clone)]
pub struct Translated {
    /// `[n, 3, h, w]` in `[0, 1]`
    pub image: ImageTensor,
    /// As of [`Generator::features`].
    pub features: Vec<Tensor<4>>,
}

impl Generator {
    /// Fresh weights from streams of `seed` whose names begin with `name`.
    pub fn new(config: &GeneratorConfig, seed: u64, name: &str, device: &Device) -> Self {
        match config.kind {
            GeneratorKind::Residual => Self { residual: Some(Residual::new(config, seed, name, device)), unet: None },
            GeneratorKind::Unet => Self { residual: None, unet: Some(Unet::new(config, seed, name, device)) },
        }
    }

    /// Channels of [`Generator::features`].
    pub fn feature_channels(config: &GeneratorConfig) -> Vec<usize> {
        match config.kind {
            GeneratorKind::Residual => Residual::taps(config),
            GeneratorKind::Unet => Unet::taps(config),
        }
    }

    /// A picture `[n, 3, h, w]` in `[0, 1]`, its sides multiples of [`super::MULTIPLE`] (or of what the configuration
    /// halves), to its translation and features.
    pub fn translate(&self, image: ImageTensor) -> Translated {
        let x = centred(image);
        let (y, features) = match (&self.residual, &self.unet) {
            (Some(network), _) => {
                let mut taps = Vec::new();
                let inner = network.encode(x, &mut taps, false);
                (sure(network.decode(inner, &mut Whole)), taps)
            }
            (None, Some(network)) => network.forward(x),
            (None, None) => (x, Vec::new()),
        };
        Translated { image: limited(y), features }
    }

    /// The network of residual blocks, where it is one.
    pub(super) fn residual(&self) -> Option<&Residual> {
        self.residual.as_ref()
    }

    /// The translation alone.
    pub fn forward(&self, image: ImageTensor) -> ImageTensor {
        self.translate(image).image
    }

    /// Features of a picture at several depths of the encoder, the picture itself in `[-1, 1]` first: `[n, c, h', w']` each.
    pub fn features(&self, image: ImageTensor) -> Vec<Tensor<4>> {
        let x = centred(image);
        match (&self.residual, &self.unet) {
            (Some(network), _) => {
                let mut taps = Vec::new();
                network.encode(x, &mut taps, true);
                taps
            }
            (None, Some(network)) => network.encode(x),
            (None, None) => vec![x],
        }
    }
}

/// What networks take.
pub(super) fn centred(image: Tensor<4>) -> Tensor<4> {
    image * 2.0 - 1.0
}

/// What networks give, as a picture in `[0, 1]`.
pub(super) fn limited(y: Tensor<4>) -> Tensor<4> {
    tanh(y) * 0.5 + 0.5
}

/// What cannot fail.
pub(super) fn sure<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// What is shipped: the generator from the first kind of pictures to the second, and the one back where there is one.
#[derive(Module, Debug)]
pub struct Generators {
    /// From a to b.
    pub forward: Generator,
    /// From b to a.
    pub backward: Option<Generator>,
}

impl Generators {
    /// Fresh weights; `both` for two generators.
    pub fn new(config: &GeneratorConfig, both: bool, seed: u64, device: &Device) -> Self {
        Self {
            forward: Generator::new(config, seed, "forward", device),
            backward: both.then(|| Generator::new(config, seed, "backward", device)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use crate::tensor;

    fn image(side: [usize; 2], device: &Device) -> ImageTensor {
        let draws = rng::normal(&mut rng::stream(1, "image", 0), 2 * 3 * side[0] * side[1]);
        tensor::from_planar(
            draws.into_iter().map(|v| (v * 0.2 + 0.5).clamp(0.0, 1.0)).collect(),
            2,
            side[0],
            side[1],
            device,
        )
    }

    #[test]
    fn both_builds_keep_the_size_and_tap_what_they_say() {
        let device = Device::flex();
        for config in [
            GeneratorConfig { width: 4, blocks: 2, ..GeneratorConfig::default() },
            GeneratorConfig { width: 4, blocks: 1, halvings: 1, ..GeneratorConfig::default() },
            GeneratorConfig { width: 4, ..GeneratorConfig::unet() },
            GeneratorConfig { width: 4, halvings: 1, ..GeneratorConfig::unet() },
        ] {
            let generator = Generator::new(&config, 1, "g", &device);
            let x = image([32, 64], &device);
            let Translated { image, features } = generator.translate(x.clone());
            assert_eq!(image.dims(), [2, 3, 32, 64], "{config:?}");
            let channels: Vec<usize> = features.iter().map(|f| f.dims()[1]).collect();
            assert_eq!(channels, Generator::feature_channels(&config), "{config:?}");
            let values = tensor::values(image);
            assert!(values.iter().all(|v| (0.0..=1.0).contains(v)), "{config:?}");
            for (alone, beside) in generator.features(x).into_iter().zip(features) {
                assert_eq!(tensor::values(alone), tensor::values(beside), "{config:?}");
            }
        }
    }
}
