//! The discriminator of a training, to be asked what it reacts to.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{PatchDiscriminator, Scheme, TranslationTraining};
use crate::tensor::ImageTensor;
use crate::train::{Critic, State};
use crate::weights;

/// The frozen discriminator of pictures of kind b.
#[derive(Debug)]
pub struct PatchCritic {
    network: PatchDiscriminator,
}

impl PatchCritic {
    /// Takes the discriminator out of a training's state onto `device`.
    ///
    /// # Errors
    /// A line that says what does not fit.
    pub fn new<S: Scheme>(settings: &TranslationTraining<S>, state: &State, device: &Device) -> Result<Self, String> {
        if S::PAIRED {
            let name = S::DESCRIPTOR.name;
            return Err(format!("the discriminator of {name} judges pairs of pictures: it cannot be asked about one"));
        }
        settings.check()?;
        let fresh = PatchDiscriminator::new(&settings.discriminator, 3, 0, "discriminator", device);
        Ok(Self { network: weights::apply(fresh, &state.under("discriminator.0"))?.no_grad() })
    }
}

impl Critic for PatchCritic {
    fn size(&self) -> Option<[usize; 2]> {
        None
    }

    fn classes(&self) -> &[String] {
        &[]
    }

    fn score(&self, image: ImageTensor, _: Option<usize>) -> Tensor<1> {
        let scales = self.network.forward(image);
        let count = scales.len() as f32;
        let sum = scales.into_iter().map(Tensor::mean).reduce(|sum, mean| sum + mean);
        sum.expect("a discriminator has a scale") / count
    }
}
