//! `fusion`'s own training, as `impasto train` runs it: perception losses, discriminator, penalties, both updates. It has
//! no peers; how fast it is, whether its memory grows and whether it gives the same bits is asked of it alone.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use impasto_engine::algorithms::fusion::{FusionObjective, FusionTraining};
use impasto_engine::data::{Augment, Crops, Folder};
use impasto_engine::models::PerceptionSpec;
use impasto_engine::train::Objective;
use impasto_engine::weights::{self, Array, Arrays};
use impasto_engine::{Control, Device};
use impasto_image::{EncodeOptions, Format, Picture};

use super::{Case, Peers, Workload};

/// Samples of a step.
const BATCH: usize = 4;

pub(super) const TRAINING: Case = Case {
    name: "fusion-training",
    network: "fusion-training",
    title: "training step of fusion with its discriminator and both updates, batch 4",
    side: Some(128),
    small: 64,
    peers: Peers::None,
    weights: |material| material.fusion(),
    inputs: |material, side| {
        // Twice the crop, so that crops differ.
        let (content, style) = (material.content(2 * side)?, material.style(2 * side)?);
        Ok(Arrays::from([("content".to_owned(), content), ("style".to_owned(), style)]))
    },
    open: |file, inputs, device| Ok(Box::new(Training::new(file, &inputs, device)?)),
    work: |_| None,
};

struct Training {
    objective: FusionObjective,
    step: u64,
}

impl Training {
    fn new(file: &Path, inputs: &Arrays, device: &Device) -> Result<Self> {
        let device = device.clone().autodiff();
        let side = inputs.get("content").and_then(|array| array.shape.last()).context("no content")? / 2;
        let settings = FusionTraining { batch: BATCH, crop: side, adversarial_from: 0, ..FusionTraining::default() };
        let features = PerceptionSpec::bundled("perception")?.open(&device)?;
        let crops = |name| crops(inputs.get(name).context("a picture is missing")?, side, name);
        let (contents, styles) = (crops("content")?, crops("style")?);
        let mut objective =
            FusionObjective::new(settings, features, contents, styles, serde_json::Value::Null, &device);
        let (_, arrays) = weights::load(file)?;
        objective.begin_from(&arrays).map_err(|problem| anyhow!("{}: {problem}", file.display()))?;
        Ok(Self { objective, step: 0 })
    }
}

/// Crops of one picture, `[1, 3, h, w]`, with a random stream of its own.
pub(super) fn crops(picture: &Array, side: usize, stream: &'static str) -> Result<Crops> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (height, width) = (picture.shape[2] as u32, picture.shape[3] as u32);
    let picture = Picture::from_planar(width, height, &picture.values)?;
    impasto_image::save(&picture, &folder.path().join("picture.png"), &EncodeOptions::new(Format::Png), false)?;
    let pictures = Folder::load(&[folder.path().to_owned()], height, side as u32, &Control::silent())?;
    Ok(Crops::new(pictures, side, Augment { mirror: true, half_size: 0.2 }, 1, stream))
}

impl Workload for Training {
    fn run(&mut self) -> Result<()> {
        self.objective.step(self.step)?;
        self.step += 1;
        Ok(())
    }

    /// Weights, optimisers' moments and averages.
    fn outputs(&self) -> Result<Arrays> {
        Ok(self.objective.state().arrays)
    }
}
