//! What is compared: networks and training steps, each with its weights, inputs and outputs by name, so that every
//! program can run it and what comes out can be compared.

mod dcgan;
mod fastgan;
mod fusion_step;
mod fusion_training;
mod johnson;
mod layers;
mod registry;
mod stylizers;
mod vgg16;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use impasto_engine::weights::{self, Array, Arrays, Precision};
use impasto_engine::{Device, rng, tensor};

use crate::floor::Work;
pub(crate) use stylizers::{Material, STYLE_SIDE};

/// Every case, those of one network together.
pub(crate) const CASES: [Case; 13] = [
    johnson::PAINT,
    stylizers::MICROAST_ENCODE,
    stylizers::MICROAST,
    stylizers::FUSION_ENCODE,
    stylizers::FUSION,
    registry::PERCEPT,
    registry::GATYS,
    vgg16::FEATURES,
    johnson::STEP,
    fusion_step::STEP,
    fastgan::STEPS,
    dcgan::STEPS,
    fusion_training::TRAINING,
];

/// Something that impasto and its peers do with the same weights and inputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Its name in requests, here and in `peers/engines.py`.
    pub(crate) name: &'static str,
    /// The network it belongs to, as `--networks` names it.
    pub(crate) network: &'static str,
    /// What the tables call it.
    pub(crate) title: &'static str,
    /// The only side in pixels it is run at; the sides asked for where there is none.
    pub(crate) side: Option<usize>,
    /// A small side in pixels, for repeating it many times.
    pub(crate) small: usize,
    /// Who else runs it.
    pub(crate) peers: Peers,
    /// Writes or finds its weights.
    pub(crate) weights: fn(&Material) -> Result<WeightFiles>,
    /// Its inputs at a side in pixels.
    pub(crate) inputs: fn(&Material, usize) -> Result<Arrays>,
    /// Gets ready to run it in this process.
    pub(crate) open: fn(&Path, Arrays, &Device) -> Result<Box<dyn Workload>>,
    /// What it must at least do at a side in pixels, where that is known.
    pub(crate) work: fn(usize) -> Option<Work>,
}

/// Who runs a case beside impasto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    /// PyTorch and ONNX Runtime.
    All,
    /// PyTorch: training steps, which ONNX Runtime does not run.
    PyTorch,
    /// Nobody: a training that goes on from run to run.
    None,
}

impl Peers {
    /// Relative L2 distance to the reference in f64 above which a program computes something else. Gradients lose digits:
    /// a value near zero may pass a rectifier in one program and not in the other.
    pub(crate) fn most_error(self) -> f64 {
        match self {
            Self::All => 1e-4,
            Self::PyTorch | Self::None => 1e-2,
        }
    }
}

/// The weights of a case. The files may differ by names of tensors only.
#[derive(Debug, Clone)]
pub(crate) struct WeightFiles {
    /// As impasto reads them.
    pub(crate) own: PathBuf,
    /// As the peers do.
    pub(crate) peers: PathBuf,
}

/// A case ready to run.
pub(crate) trait Workload: Send {
    /// Runs it once and keeps what comes out.
    fn run(&mut self) -> Result<()>;

    /// What came out of the last run.
    fn outputs(&self) -> Result<Arrays>;
}

/// The case called `name`.
pub(crate) fn find(name: &str) -> Result<&'static Case> {
    CASES.iter().find(|case| case.name == name).ok_or_else(|| {
        let known: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        anyhow!("there is no case '{name}'; there are {}", known.join(", "))
    })
}

/// The cases of these names; all for which `else_if` holds where there are no names.
pub(crate) fn choose(names: &[String], else_if: impl Fn(&Case) -> bool) -> Result<Vec<&'static Case>> {
    match names {
        [] => Ok(CASES.iter().filter(|case| else_if(case)).collect()),
        names => names.iter().map(|name| find(name)).collect(),
    }
}

/// Reads the side of a picture in pixels; networks halve it up to three times.
pub(crate) fn side(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(side) if side >= 64 && side % 8 == 0 => Ok(side),
        _ => Err("a side is a multiple of 8 from 64 on".to_owned()),
    }
}

/// The networks that have cases, in their order.
pub(crate) fn networks() -> Vec<&'static str> {
    let mut names: Vec<&str> = CASES.iter().map(|case| case.network).collect();
    names.dedup();
    names
}

/// Reads tensors.
pub(crate) fn read(path: &Path) -> Result<Arrays> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (arrays, _) = weights::from_bytes(&bytes).map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
    Ok(arrays)
}

/// Writes tensors.
pub(crate) fn write(path: &Path, arrays: &Arrays) -> Result<()> {
    let bytes = weights::to_bytes(arrays, HashMap::new(), Precision::F32)?;
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// The relative L2 distance of all arrays together: `|found - expected| / |expected|`, infinite where they are not the
/// same arrays.
pub(crate) fn distance(found: &Arrays, expected: &Arrays) -> f64 {
    let (mut error, mut norm) = (0.0, 0.0);
    for (name, expected) in expected {
        let Some(found) = found.get(name).filter(|found| found.shape == expected.shape) else { return f64::INFINITY };
        for (a, b) in found.values.iter().zip(&expected.values) {
            error += (f64::from(*a) - f64::from(*b)).powi(2);
            norm += f64::from(*b).powi(2);
        }
    }
    if found.len() == expected.len() && norm > 0.0 { (error / norm).sqrt() } else { f64::INFINITY }
}

/// A generator and a discriminator, ready for the steps of both: each step leaves two [`Slopes`].
struct Game<M> {
    networks: M,
    latent: Tensor<2>,
    real: Tensor<4>,
    slopes: Vec<Slopes>,
}

impl<M: Module> Game<M> {
    /// With the weights of a file, and the inputs `latent` and `real`.
    fn new(networks: impl Fn(&Device) -> M, file: &Path, inputs: &Arrays, device: &Device) -> Result<Self> {
        let device = &device.clone().autodiff();
        let networks = weighted(networks(device), file)?;
        let (latent, real) = (input(inputs, "latent", device)?, input(inputs, "real", device)?);
        Ok(Self { networks, latent, real, slopes: Vec::new() })
    }
}

/// Writes a module's weights into the scratch folder, under the case's name; both sides read them.
fn weight_file<M: Module>(material: &Material, name: &str, module: &M) -> Result<WeightFiles> {
    let own = material.scratch.join(format!("{name}-weights.safetensors"));
    write(&own, &weights::collect(module))?;
    Ok(WeightFiles { peers: own.clone(), own })
}

/// Puts the weights of a file into a module.
fn weighted<M: Module>(module: M, file: &Path) -> Result<M> {
    weights::apply(module, &read(file)?).map_err(|problem| anyhow!("{}: {problem}", file.display()))
}

/// Standard normal numbers from the stream `name`.
fn noise(name: &str, shape: &[usize]) -> Array {
    let values = rng::normal(&mut rng::stream(SEED, name, 0), shape.iter().product());
    Array { shape: shape.to_vec(), values }
}

/// Seed of all weights and inputs that are drawn.
const SEED: u64 = 1;

/// An input as a tensor.
fn input<const D: usize>(inputs: &Arrays, name: &str, device: &Device) -> Result<Tensor<D>> {
    let array = inputs.get(name).with_context(|| format!("the input '{name}' is missing"))?;
    let shape: [usize; D] = array.shape.as_slice().try_into().with_context(|| format!("the shape of '{name}'"))?;
    Ok(Tensor::from_data(TensorData::new(array.values.clone(), shape), device))
}

/// A tensor as an output.
fn array<const D: usize>(tensor: Tensor<D>) -> Array {
    Array { shape: tensor.dims().to_vec(), values: tensor::values(tensor) }
}

/// The gradients of one loss for the parameters that it trains.
struct Slopes {
    /// `loss.PREFIX`
    loss: (String, f32),
    /// `grad.PREFIX.PATH` and flat values, with the shape.
    grads: Vec<(String, Vec<usize>, Tensor<1>)>,
}

impl Slopes {
    /// Differentiates `loss` by the parameters of `module`, called `prefix` in files.
    fn of<M: Module>(prefix: &str, module: &M, loss: Tensor<1>) -> Self {
        struct Collect<'a> {
            from: &'a Gradients,
            path: Vec<String>,
            found: Vec<(String, Vec<usize>, Tensor<1>)>,
        }
        impl ModuleVisitor for Collect<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if let Some(grad) = param.val().grad(self.from) {
                    let shape = grad.dims().to_vec();
                    let grad = grad.reshape([shape.iter().product::<usize>()]);
                    self.found.push((format!("grad.{}", self.path.join(".")), shape, grad));
                }
            }
            fn enter_module(&mut self, name: &str, _: &str) {
                self.path.push(name.to_owned());
            }
            fn exit_module(&mut self, _: &str, _: &str) {
                self.path.pop();
            }
        }
        let value = tensor::scalar(loss.clone().inner());
        let from = loss.backward();
        let mut collect = Collect { from: &from, path: vec![prefix.to_owned()], found: Vec::new() };
        module.visit(&mut collect);
        Self { loss: (format!("loss.{prefix}"), value), grads: collect.found }
    }

    /// By name, as the peers name them.
    fn arrays(slopes: &[Self]) -> Arrays {
        let mut arrays = Arrays::new();
        for Self { loss: (name, value), grads } in slopes {
            arrays.insert(name.clone(), Array { shape: vec![1], values: vec![*value] });
            let grads = grads.iter().map(|(name, shape, grad)| {
                (name.clone(), Array { shape: shape.clone(), values: tensor::values(grad.clone()) })
            });
            arrays.extend(grads);
        }
        arrays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert_eq!(find("johnson").map(|case| case.network).ok(), Some("johnson"));
        let message = find("jonson").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("'jonson'") && message.contains("microast"), "{message}");
        assert_eq!(
            networks().len(),
            CASES.iter().map(|case| case.network).collect::<std::collections::BTreeSet<_>>().len()
        );
    }

    #[test]
    fn sides_are_multiples_of_eight() {
        assert_eq!(side("256"), Ok(256));
        for text in ["0", "8", "255", "x"] {
            assert!(side(text).is_err(), "{text}");
        }
    }

    #[test]
    fn distances_are_relative() {
        let arrays =
            |values: &[f32]| Arrays::from([("a".to_owned(), Array { shape: vec![2], values: values.to_vec() })]);
        let cases = [([3.0, 4.0], [3.0, 4.0], 0.0), ([3.0, 4.5], [3.0, 4.0], 0.1), ([0.0, 0.0], [3.0, 4.0], 1.0)];
        for (found, expected, by) in cases {
            assert!((distance(&arrays(&found), &arrays(&expected)) - by).abs() < 1e-9, "{found:?}");
        }
        assert_eq!(distance(&Arrays::new(), &arrays(&[1.0, 2.0])), f64::INFINITY);
        assert!(distance(&arrays(&[f32::NAN, 1.0]), &arrays(&[1.0, 1.0])).is_nan());
    }
}
