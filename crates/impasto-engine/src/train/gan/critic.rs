//! The discriminator of a generator's training, to be asked what it reacts to.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::{Architecture, Build, DiscriminatorNet, GanTraining};
use crate::tensor::ImageTensor;
use crate::train::{Critic, State};
use crate::weights;

/// Shares of red, green and blue in the brightness that a training without colours sees.
const BRIGHTNESS: [f32; 3] = [0.299, 0.587, 0.114];

/// The frozen discriminator of the architecture `A`.
pub struct GanCritic<A: Architecture> {
    network: A::Discriminator,
    build: Build<A::Config>,
    device: Device,
}

impl<A: Architecture> GanCritic<A> {
    /// Takes the discriminator out of a training's state onto `device`.
    ///
    /// # Errors
    /// A line that says which setting or tensor does not fit.
    pub fn new(settings: &GanTraining<A::Config>, state: &State, device: &Device) -> Result<Self, String> {
        let build = settings.build();
        A::validate(&build)?;
        let fresh = A::discriminator(&build, settings.seed, device);
        let network = weights::apply(fresh, &state.under("discriminator"))?.no_grad();
        Ok(Self { network, build, device: device.clone() })
    }
}

impl<A: Architecture> Critic for GanCritic<A> {
    fn size(&self) -> Option<[usize; 2]> {
        Some(self.build.size)
    }

    fn classes(&self) -> &[String] {
        &self.build.classes
    }

    fn score(&self, image: ImageTensor, class: Option<usize>) -> Tensor<1> {
        let image = match self.build.grey {
            true => {
                let [n, _, h, w] = image.dims();
                let shares = Tensor::<1>::from_floats(BRIGHTNESS, &self.device).reshape([1, 3, 1, 1]);
                (image * shares).sum_dim(1).expand([n, 3, h, w]) // [n, 3, h, w]
            }
            false => image,
        };
        let count = self.build.classes.len();
        let labels = class.filter(|_| count > 0).map(|class| {
            let one = (0..count).map(|place| f32::from(u8::from(place == class))).collect();
            Tensor::<2>::from_data(TensorData::new::<f32, _>(one, [1, count]), &self.device) // [1, classes]
        });
        self.network.judge(image, labels).logits.mean()
    }
}
