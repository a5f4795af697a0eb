//! The generator's part of a training step of `fusion` as its training computes it: perception losses through `percept`,
//! without the discriminator and the update, so that gradients can be compared.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use burn::tensor::Tensor;
use impasto_engine::algorithms::fusion::{FusionObjective, FusionTraining};
use impasto_engine::models::{PerceptionSpec, bundled_weights};
use impasto_engine::train::Objective;
use impasto_engine::weights::{self, Array, Arrays};
use impasto_engine::{Device, tensor};

use super::fusion_training::crops;
use super::{Case, Material, Peers, WeightFiles, Workload, array, input};

/// Samples of a step.
const BATCH: usize = 4;
/// The directions of Wasserstein distances by the number of their level, with that level's channels; the last is that of
/// the colours.
const DIRECTIONS: [(usize, usize); 3] = [(2, 64), (3, 128), (5, 3)];

pub(super) const STEP: Case = Case {
    name: "fusion-step",
    network: "fusion-step",
    title: "training step of fusion's generator through percept, batch 4",
    side: Some(128),
    small: 64,
    peers: Peers::PyTorch,
    weights: both,
    inputs,
    open: |file, inputs, device| Ok(Box::new(Step::new(file, &inputs, device)?)),
    work: |_| None,
};

/// The generator's weights and percept's in one file.
fn both(material: &Material) -> Result<WeightFiles> {
    let (_, generator) = weights::load(&material.fusion()?.own)?;
    let bytes = bundled_weights("percept").context("no weights of percept are built in")?;
    let (_, percept) = weights::decode(bytes).map_err(|problem| anyhow!("bundled weights of percept: {problem}"))?;
    let under = |prefix: &'static str, arrays: Arrays| {
        arrays.into_iter().map(move |(name, array)| (format!("{prefix}.{name}"), array))
    };
    // Its heads belong to another use.
    let percept = under("percept", percept).filter(|(name, _)| name.starts_with("percept.levels."));
    let own = material.scratch.join("fusion-step-weights.safetensors");
    super::write(&own, &under("generator", generator).chain(percept).collect())?;
    Ok(WeightFiles { peers: own.clone(), own })
}

fn inputs(material: &Material, side: usize) -> Result<Arrays> {
    let batch = |picture: Array, name| -> Result<Array> {
        Ok(array(crops(&picture, side, name)?.batch(0, BATCH, &Device::flex())))
    };
    let content = batch(material.content(2 * side)?, "content")?;
    let style = batch(material.style(2 * side)?, "style")?;
    let mut inputs = Arrays::from([("content".to_owned(), content), ("style".to_owned(), style)]);
    let objective = objective(&inputs, &Device::flex().autodiff())?;
    for (level, channels) in DIRECTIONS {
        inputs.insert(format!("directions.{level}"), array(objective.directions(0, level, channels)));
    }
    Ok(inputs)
}

/// The training state with drawn weights. Its own pictures are never looked at.
fn objective(inputs: &Arrays, device: &Device) -> Result<FusionObjective> {
    let content = inputs.get("content").context("the input 'content' is missing")?;
    let side = *content.shape.last().context("the shape of 'content'")?;
    let picture = Array { shape: vec![1, 3, side, side], values: content.values[..3 * side * side].to_vec() };
    let crops = |name| crops(&picture, side, name);
    let settings = FusionTraining { batch: BATCH, crop: side, adversarial_weight: 0.0, ..FusionTraining::default() };
    let features = PerceptionSpec::bundled("perception")?.open(device)?;
    let (contents, styles) = (crops("content")?, crops("style")?);
    Ok(FusionObjective::new(settings, features, contents, styles, serde_json::Value::Null, device))
}

struct Step {
    objective: FusionObjective,
    content: tensor::ImageTensor,
    style: tensor::ImageTensor,
    /// Shapes of the parameters.
    shapes: Arrays,
    /// The last run's loss and gradients, flat and by name.
    found: Option<(f32, Vec<(String, Tensor<1>)>)>,
}

impl Step {
    fn new(file: &Path, inputs: &Arrays, device: &Device) -> Result<Self> {
        let device = &device.clone().autodiff();
        let mut objective = objective(inputs, device)?;
        let mut shapes = super::read(file)?;
        shapes.retain(|name, _| name.starts_with("generator."));
        let weights: Arrays =
            shapes.iter().map(|(name, array)| (name["generator.".len()..].to_owned(), array.clone())).collect();
        objective.begin_from(&weights).map_err(|problem| anyhow!("{}: {problem}", file.display()))?;
        let (content, style) = (input(inputs, "content", device)?, input(inputs, "style", device)?);
        Ok(Self { objective, content, style, shapes, found: None })
    }
}

impl Workload for Step {
    fn run(&mut self) -> Result<()> {
        self.found = None;
        let (loss, grads) = self.objective.slopes(0, self.content.clone(), self.style.clone());
        self.found = Some((loss, grads.into_tensors()));
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        let (loss, grads) = self.found.as_ref().context("nothing was run yet")?;
        let mut outputs = Arrays::from([("loss.generator".to_owned(), Array { shape: vec![1], values: vec![*loss] })]);
        for (name, grad) in grads {
            let name = format!("generator.{name}");
            let shape = self.shapes.get(&name).context("a gradient of no parameter")?.shape.clone();
            outputs.insert(format!("grad.{name}"), Array { shape, values: tensor::values(grad.clone()) });
        }
        Ok(outputs)
    }
}
