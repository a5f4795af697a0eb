//! The discriminator of a training, to be asked what it reacts to.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::discriminator::Discriminator;
use crate::tensor::ImageTensor;
use crate::train::State;
use crate::weights;

/// The patch discriminator of a checkpoint, frozen.
#[derive(Debug)]
pub struct Critic {
    network: Discriminator,
}

impl Critic {
    /// Takes the discriminator out of a training's state onto `device`.
    ///
    /// # Errors
    /// A line that says what does not fit.
    pub fn new(state: &State, device: &Device) -> Result<Self, String> {
        let arrays = state.under("discriminator");
        if arrays.is_empty() {
            return Err("holds no discriminator; it is no checkpoint of a training of fusion".to_owned());
        }
        Ok(Self { network: weights::apply(Discriminator::new(0, device), &arrays)?.no_grad() })
    }
}

impl crate::train::Critic for Critic {
    fn size(&self) -> Option<[usize; 2]> {
        None
    }

    fn classes(&self) -> &[String] {
        &[]
    }

    fn score(&self, image: ImageTensor, _: Option<usize>) -> Tensor<1> {
        self.network.forward(image).mean()
    }
}
