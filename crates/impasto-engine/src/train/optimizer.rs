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
    /// Steps with gradients above this global norm are left out: normalised again and again, a picture without any
    /// detail gives a direction of nothing but rounding errors.
    pub skip_norm: f32,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, eps: 1e-8, clip_norm: 1.0, skip_norm: 1e4 }
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
    /// finite or above the limit, nothing is changed.
    pub fn step<M: Module>(&mut self, module: M, grads: &ParamGrads, rate: f32) -> (M, f32) {
        let norm = grads.norm();
        if norm.is_nan() || norm > self.config.skip_norm {
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

/// The gradients of a module's parameters by path, flat.
#[derive(Debug, Clone)]
pub struct ParamGrads(BTreeMap<String, Tensor<1>>);

impl ParamGrads {
    /// Takes a module's gradients out of those of a loss.
    pub fn of<M: Module>(module: &M, grads: &Gradients) -> Self {
        struct Collect<'a> {
            grads: &'a Gradients,
            path: Vec<String>,
            slopes: BTreeMap<String, Tensor<1>>,
        }
        impl ModuleVisitor for Collect<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if let Some(grad) = param.val().grad(self.grads) {
                    let count = grad.shape().num_elements();
                    self.slopes.insert(self.path.join("."), grad.reshape([count]));
                }
            }
            fn enter_module(&mut self, name: &str, _: &str) {
                self.path.push(name.to_owned());
            }
            fn exit_module(&mut self, _: &str, _: &str) {
                self.path.pop();
            }
        }
        let mut collect = Collect { grads, path: Vec::new(), slopes: BTreeMap::new() };
        module.visit(&mut collect);
        Self(collect.slopes)
    }

    /// The mean of the gradients of equal parts of a batch, in their order.
    pub fn mean(parts: Vec<Self>) -> Self {
        let share = 1.0 / parts.len().max(1) as f32;
        let mut parts = parts.into_iter();
        let Some(mut sum) = parts.next() else { return Self(BTreeMap::new()) };
        for Self(part) in parts {
            for (path, slope) in part {
                let total = match sum.0.remove(&path) {
                    Some(known) => known + slope,
                    None => slope,
                };
                sum.0.insert(path, total);
            }
        }
        Self(sum.0.into_iter().map(|(path, slope)| (path, slope * share)).collect())
    }

    /// By path, flat.
    pub fn into_tensors(self) -> Vec<(String, Tensor<1>)> {
        self.0.into_iter().collect()
    }

    /// Euclidean norm of all together.
    fn norm(&self) -> f32 {
        let squares = self.0.values().map(|slope| f64::from(tensor::scalar(slope.clone().square().sum())));
        squares.sum::<f64>().sqrt() as f32
    }
}

/// A copy of a module with parameters of its own: gradients of losses through the copy can be computed on another thread
/// while the original is in use.
pub fn fork<M: Module>(module: &M) -> M {
    struct Fork;
    impl ModuleMapper for Fork {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            Param::from_tensor(Tensor::from_inner(param.val().inner()).require_grad())
        }
    }
    module.clone().map(&mut Fork)
}

struct Update<'a> {
    adam: &'a mut Adam,
    grads: &'a ParamGrads,
    rate: f32,
    clip: f32,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(grad) = self.grads.0.get(&self.path.join(".")) else { return param };
        let AdamConfig { beta1, beta2, eps, .. } = self.adam.config;
        let shape = param.lazy_shape();
        let count = shape.num_elements();
        let grad = grad.clone() * self.clip;
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
