//! The registry's line for `fusion`.

use super::settings::typed;
use super::{Build, BuildParts, Entry, Role, SettingsType, Takes, TrainParts, Trainer};
use crate::algorithms::fusion::{Critic, DESCRIPTOR, Fusion, FusionConfig, FusionObjective, FusionTraining};
use crate::error::{EngineError, Result};
use crate::train::Objective;
use crate::traits::Stylizer;

pub(super) const ENTRY: Entry = Entry {
    descriptor: &DESCRIPTOR,
    build: Build::Network(build),
    tiny: || serde_json::json!({"widths": [4, 4, 6, 8], "style_width": 8, "attention_width": 4, "blocks": 1}),
    trainer: Some(Trainer {
        roles: &[
            Role { name: "content", stream: "contents", about: "folders of photographs" },
            Role { name: "styles", stream: "styles", about: "folders of paintings" },
        ],
        takes: Takes::Crops,
        perception: Some("perception"),
        judges: None,
        settings: SettingsType::of::<FusionTraining>(),
        presets: &[],
        check,
        macs_per_pixel: |settings| Ok(typed::<FusionTraining>(settings)?.network.macs_per_pixel()),
        build: train,
        critic: Some(|_, state, device| Ok(Box::new(Critic::new(state, device)?))),
    }),
    import: None,
};

fn build(parts: BuildParts<'_>) -> Result<Box<dyn Stylizer>, String> {
    let config: FusionConfig =
        serde_json::from_value(parts.config.clone()).map_err(|e| format!("its configuration does not fit ({e})"))?;
    Ok(Box::new(Fusion::new(config, parts.arrays, parts.seed, parts.device)?))
}

fn check(settings: &toml::Table) -> Result<Vec<String>, String> {
    let network = typed::<FusionTraining>(settings)?.network;
    network.validate().map(|()| Vec::new()).map_err(|problem| format!("network: {problem}"))
}

fn train(parts: TrainParts) -> Result<Box<dyn Objective>> {
    check(&parts.settings).map_err(EngineError::Caller)?;
    let settings: FusionTraining = typed(&parts.settings).map_err(EngineError::Caller)?;
    let internal = |what: &str| EngineError::Internal(format!("training fusion without {what}"));
    let features = parts.features.ok_or_else(|| internal("a perception network"))?;
    let mut crops = parts.material.into_crops()?.into_iter();
    let (Some(contents), Some(styles)) = (crops.next(), crops.next()) else { return Err(internal("pictures")) };
    Ok(Box::new(FusionObjective::new(settings, features, contents, styles, parts.provenance, &parts.device)))
}
