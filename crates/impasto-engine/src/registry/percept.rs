//! The registry's line for `percept`.

use super::settings::typed;
use super::{Build, BuildParts, Entry, Role, SettingsType, Takes, TrainParts, Trainer};
use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::error::{EngineError, Result};
use crate::features::percept::{NAME, PerceptObjective, PerceptTraining};
use crate::features::{Features, Percept, PerceptWidth};
use crate::train::Objective;
use crate::weights::{FORMAT_VERSION, Header};

const DESCRIPTOR: Descriptor = Descriptor {
    name: NAME,
    summary: "sees pictures as losses compare them; distilled from the VGG-19",
    task: Task::Features,
    paper: "impasto's own; after perceptual losses (Johnson et al. 2016) and distillation (Hinton et al. 2015)",
    licence: "MIT OR Apache-2.0",
    style_input: StyleInput::None,
    min_side: 32,
    size_multiple: 16,
    margin: 0,
    differentiable: true,
    trainable: true,
    bytes_per_pixel: 500,
    tile_bytes_per_pixel: 0,
    kept_bytes: USUALLY_KEPT,
};

pub(super) const ENTRY: Entry = Entry {
    descriptor: &DESCRIPTOR,
    build: Build::Features(build),
    tiny: || serde_json::json!({"widths": [2, 2, 3, 3, 4], "convolutions": [2, 1, 1, 1, 1], "outputs": [4, 4, 4, 4, 4]}),
    trainer: Some(Trainer {
        roles: &[Role { name: "data", stream: "pictures", about: "folders of pictures of any kind" }],
        takes: Takes::Crops,
        perception: Some("teacher"),
        judges: None,
        settings: SettingsType::of::<PerceptTraining>(),
        presets: &[],
        check: |_| Ok(Vec::new()),
        macs_per_pixel: |settings| Ok(typed::<PerceptTraining>(settings)?.network.macs_per_pixel()),
        build: train,
        critic: None,
    }),
    import: None,
};

fn build(parts: BuildParts<'_>) -> Result<Box<dyn Features>, String> {
    let arrays = parts.arrays.ok_or("a perception network without weights sees nothing")?;
    let header = Header {
        version: FORMAT_VERSION,
        algorithm: NAME.to_owned(),
        title: NAME.to_owned(),
        licence: DESCRIPTOR.licence.to_owned(),
        config: parts.config.clone(),
        training: serde_json::Value::Null,
    };
    Ok(Box::new(Percept::new(&header, arrays, PerceptWidth::Taps, parts.device)?))
}

fn train(parts: TrainParts) -> Result<Box<dyn Objective>> {
    let settings: PerceptTraining = typed(&parts.settings).map_err(EngineError::Caller)?;
    let internal = |what: &str| EngineError::Internal(format!("training percept without {what}"));
    let teacher = parts.features.ok_or_else(|| internal("a teacher"))?;
    let pictures = parts.material.into_crops()?.into_iter().next().ok_or_else(|| internal("pictures"))?;
    Ok(Box::new(PerceptObjective::new(settings, teacher, pictures, parts.provenance, &parts.device)?))
}
