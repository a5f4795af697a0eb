//! interim, replaced by C's
use super::{AugmentSettings, augment::Augment};
use crate::train::State;
use burn::tensor::Tensor;
pub struct Ada {
    augment: Augment,
    p: f32,
}
impl Ada {
    pub fn new(s: &AugmentSettings, size: [usize; 2]) -> Self {
        Self { augment: s.policy.augment(size), p: s.probability }
    }
    pub fn augment(&self, x: Tensor<4>, seed: u64, stream: &str, first: u64) -> Tensor<4> {
        self.augment.apply(x, self.p, seed, stream, first)
    }
    pub fn steer(&mut self, _: f32, _: usize) {}
    pub fn probability(&self) -> f32 {
        self.p
    }
    pub fn save(&self, _: &str, _: &mut State) {}
    pub fn restore(&mut self, _: &str, _: &State) -> Result<(), String> {
        Ok(())
    }
}
