//! Adam with clipping by the global gradient norm.
//!
//! burn has optimisers of its own; their records are keyed by parameter ids that are drawn at random, while a
//! checkpoint here is named tensors that any later build can read. Hence these few lines over parameter paths.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use super::State;
use crate::tensor;
use crate::weights::Array;

/// Adam's settings (Kingma and Ba 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Decay of the first moment, in `[0, 1)`.
    pub beta1: f32,
    /// Decay of the second moment, in `[0, 1)`.
    pub beta2: f32,
    /// Added to the denominator.
    pub eps: f32,
    /// Gradients are scaled down to this global norm; infinite for no clipping.
    pub clip_norm: f32,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, eps: 1e-8, clip_norm: 1.0 }
    }
}

/// The optimiser of one module.
#[derive(Debug, Clone)]
pub struct Adam {
    config: AdamConfig,
    step: u32,
    /// First and second moments by parameter path, flat.
    moments: BTreeMap<String, [Tensor<1>; 2]>,
}

impl Adam {
    /// An optimiser that has seen no gradients.
    pub fn new(config: AdamConfig) -> Self {
        Self { config, step: 0, moments: BTreeMap::new() }
    }

    /// One step with learning rate `rate`. Returns the module and the gradient norm before clipping; where that is not
    /// finite, nothing is changed.
    pub fn step<M: Module>(&mut self, module: M, grads: &Gradients, rate: f32) -> (M, f32) {
        let norm = gradient_norm(&module, grads);
        if !norm.is_finite() {
            return (module, norm);
        }
        self.step += 1;
        let clip = if norm > self.config.clip_norm { self.config.clip_norm / norm } else { 1.0 };
        let mut update = Update { adam: self, grads, rate, clip, path: Vec::new() };
        (module.map(&mut update), norm)
    }

    /// Adds moments and step count to a checkpoint's state, under `prefix`.
    pub fn save(&self, prefix: &str, state: &mut State) {
        state.counters.insert(format!("{prefix}.step"), u64::from(self.step));
        for (path, moments) in &self.moments {
            for (name, moment) in ["m", "v"].iter().zip(moments) {
                let values = tensor::values(moment.clone());
                state.arrays.insert(format!("{prefix}.{name}.{path}"), Array { shape: vec![values.len()], values });
            }
        }
    }

    /// Puts back what [`Adam::save`] added under `prefix`.
    ///
    /// # Errors
    /// A line that says what is missing.
    pub fn restore(&mut self, prefix: &str, state: &State, device: &Device) -> Result<(), String> {
        let step = state.counters.get(&format!("{prefix}.step"));
        self.step = step.and_then(|&s| u32::try_from(s).ok()).ok_or("the optimiser's step is missing")?;
        self.moments.clear();
        let load =
            |array: &Array| Tensor::from_data(TensorData::new(array.values.clone(), [array.values.len()]), device);
        let (first, second) = (state.under(&format!("{prefix}.m")), state.under(&format!("{prefix}.v")));
        for (path, m) in &first {
            let v = second.get(path).ok_or_else(|| format!("optimiser moment '{prefix}.v.{path}' is missing"))?;
            self.moments.insert(path.clone(), [load(m), load(v)]);
        }
        Ok(())
    }
}

struct Update<'a> {
    adam: &'a mut Adam,
    grads: &'a Gradients,
    rate: f32,
    clip: f32,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(grad) = param.val().grad(self.grads) else { return param };
        let AdamConfig { beta1, beta2, eps, .. } = self.adam.config;
        let shape = grad.shape();
        let count = shape.num_elements();
        let grad: Tensor<1> = grad.reshape([count]) * self.clip;
        let [m, v] = self.adam.moments.remove(&self.path.join(".")).unwrap_or_else(|| {
            let zeros = Tensor::zeros([count], &grad.device());
            [zeros.clone(), zeros]
        });
        let m = m * beta1 + grad.clone() * (1.0 - beta1);
        let v = v * beta2 + grad.square() * (1.0 - beta2);
        let t = self.adam.step as i32;
        let (bias1, bias2) = (1.0 - beta1.powi(t), 1.0 - beta2.powi(t));
        let change = (m.clone() / bias1) / ((v.clone() / bias2).sqrt() + eps) * self.rate;
        self.adam.moments.insert(self.path.join("."), [m, v]);
        param.map(|value| Tensor::from_inner(value.inner() - change.reshape(shape)).require_grad())
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// Euclidean norm of all gradients of a module.
fn gradient_norm<M: Module>(module: &M, grads: &Gradients) -> f32 {
    struct Norm<'a> {
        grads: &'a Gradients,
        sum: f64,
    }
    impl ModuleVisitor for Norm<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = param.val().grad(self.grads) {
                self.sum += f64::from(tensor::scalar(grad.square().sum()));
            }
        }
    }
    let mut norm = Norm { grads, sum: 0.0 };
    module.visit(&mut norm);
    norm.sum.sqrt() as f32
}
