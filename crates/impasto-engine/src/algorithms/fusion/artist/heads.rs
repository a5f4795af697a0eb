//! The discriminator of one artist: small heads on the frozen features of a perception network, a logit for each patch of
//! each level (Projected GANs, Sauer et al. 2021). What a patch of a painting is like is known to the features already, so
//! that it learns from few works.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::blocks::{Conv, ConvConfig};
use crate::losses::AdversarialLoss;

/// The levels it sees: strokes, edges and small forms, not what is depicted.
pub(super) const SEEN: [usize; 3] = [1, 2, 3];

/// Channels between the features and the logits.
const WIDTH: usize = 48;

/// Length of the differences that gradients are estimated from, where features have the root mean square 1.
const SIGMA: f32 = 0.05;

/// Two convolutions for each level.
#[derive(Module, Debug)]
pub(super) struct Heads {
    enter: Vec<Conv>,
    logit: Vec<Conv>,
}

impl Heads {
    /// For features of `channels` at each of the levels seen.
    pub(super) fn new(channels: &[usize], seed: u64, name: &str, device: &Device) -> Self {
        let conv = |kind: &str, i: usize, config: ConvConfig| config.init(seed, &format!("{name}.{kind}.{i}"), device);
        let enter = |(i, &c): (usize, &usize)| conv("enter", i, ConvConfig::same(c, WIDTH, 1));
        let logit = |i: usize| conv("logit", i, ConvConfig::same(WIDTH, 1, 3).init_gain(0.3));
        Self {
            enter: channels.iter().enumerate().map(enter).collect(),
            logit: (0..channels.len()).map(logit).collect(),
        }
    }

    /// Features of the levels seen, `[n, c, h, w]` each, to the logits of their patches, `[n, h * w]` each.
    pub(super) fn forward(&self, features: &[Tensor<4>]) -> Vec<Tensor<2>> {
        let layers = features.iter().zip(&self.enter).zip(&self.logit);
        let logits = layers.map(|((x, enter), logit)| {
            let x = logit.forward(enter.forward_leaky(x.clone(), 0.2)); // [n, 1, h, w]
            let [n, _, h, w] = x.dims();
            x.reshape([n, h * w])
        });
        logits.collect()
    }

    /// What the generator lowers: mean over the levels.
    pub(super) fn generator_loss(&self, real: &[Tensor<4>], fake: &[Tensor<4>]) -> Tensor<1> {
        let pairs = self.forward(real).into_iter().zip(self.forward(fake));
        mean(pairs.map(|(real, fake)| AdversarialLoss::Relativistic.generator(Some(real), fake)))
    }

    /// What the discriminator lowers: mean over the levels.
    pub(super) fn discriminator_loss(&self, [real, fake]: [&[Tensor<4>]; 2]) -> Tensor<1> {
        relativistic(&self.forward(real), &self.forward(fake))
    }

    /// The same and the squared slope of logits by the features (R1 and R2, for each patch instead of each picture),
    /// by differences along `noise`, which has the features' shape; both means over the levels.
    pub(super) fn discriminator_loss_and_penalty(
        &self,
        [real, fake]: [&[Tensor<4>]; 2],
        mut noise: impl FnMut(&Tensor<4>) -> Tensor<4>,
    ) -> [Tensor<1>; 2] {
        let [at_real, at_fake] = [real, fake].map(|features| self.forward(features));
        let mut slope = |features: &[Tensor<4>], at: &[Tensor<2>]| {
            let beside: Vec<_> = features.iter().map(|x| x.clone() + noise(x) * SIGMA).collect();
            let pairs = self.forward(&beside).into_iter().zip(at);
            mean(pairs.map(|(beside, at)| (beside - at.clone()).square().mean() / (SIGMA * SIGMA)))
        };
        let penalty = (slope(real, &at_real) + slope(fake, &at_fake)) * 0.5;
        [relativistic(&at_real, &at_fake), penalty]
    }
}

fn relativistic(real: &[Tensor<2>], fake: &[Tensor<2>]) -> Tensor<1> {
    let pairs = real.iter().cloned().zip(fake.iter().cloned());
    mean(pairs.map(|(real, fake)| AdversarialLoss::Relativistic.discriminator(real, fake)))
}

/// The mean of at least one loss.
fn mean(losses: impl Iterator<Item = Tensor<1>>) -> Tensor<1> {
    let losses: Vec<_> = losses.collect();
    let count = losses.len();
    Tensor::cat(losses, 0).sum() / count as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use crate::tensor::{like, scalar, values};

    /// The mean over patches of the squared norm of each logit's gradient, one backward pass each.
    fn exact(heads: &Heads, features: &Tensor<4>) -> f32 {
        let [_, patches] = heads.forward(std::slice::from_ref(features))[0].dims();
        let square = |patch: usize| {
            let x = features.clone().detach().require_grad();
            let logits = heads.forward(std::slice::from_ref(&x)).remove(0); // [1, patches]
            let grads = logits.slice([0..1, patch..patch + 1]).sum().backward();
            values(x.grad(&grads).unwrap()).iter().map(|v| v * v).sum::<f32>()
        };
        (0..patches).map(square).sum::<f32>() / patches as f32
    }

    #[test]
    fn the_penalty_is_the_squared_slope_of_patches() {
        let device = Device::flex().autodiff();
        let heads = Heads::new(&[5], 3, "test", &device);
        let mut rng = rng::stream(4, "features", 0);
        let mut map = || {
            Tensor::<4>::from_data(
                burn::tensor::TensorData::new(rng::normal(&mut rng, 5 * 6 * 4), [1, 5, 6, 4]),
                &device,
            )
        };
        let (real, fake) = (map(), map());
        let expected = (exact(&heads, &real) + exact(&heads, &fake)) / 2.0;
        let draws = 400;
        let estimate: f32 = (0..draws)
            .map(|draw| {
                let mut rng = rng::stream(5, "noise", draw);
                let noise = |x: &Tensor<4>| like(rng::signs(&mut rng, 120), [1, 5, 6, 4], x);
                let (real, fake) = (std::slice::from_ref(&real), std::slice::from_ref(&fake));
                let [loss, penalty] = heads.discriminator_loss_and_penalty([real, fake], noise);
                let alone = heads.discriminator_loss([real, fake]);
                assert_eq!(scalar(loss), scalar(alone));
                scalar(penalty)
            })
            .sum::<f32>()
            / draws as f32;
        assert!((estimate / expected - 1.0).abs() < 0.1, "{estimate} instead of {expected}");
    }
}
