//! The registry's lines for generators that are trained against a discriminator: the same functions for every
//! architecture.

use burn::tensor::Device;

use super::settings::typed;
use super::{Build, BuildParts, Entry, Role, SettingsType, Takes, TrainParts, Trainer};
use crate::algorithms::dcgan::Dcgan;
use crate::algorithms::fastgan::Fastgan;
use crate::algorithms::stylegan::Stylegan;
use crate::error::{EngineError, Result};
use crate::generator::Generator;
use crate::train::gan::{Architecture, GanCritic, GanObjective, GanTraining, Made};
use crate::train::{Critic, Objective, State};

pub(super) const DCGAN: Entry = entry::<Dcgan>(|| {
    serde_json::json!({
        "size": [16, 16],
        "network": {"latent": 6, "width": 4, "most": 8, "discriminator_width": 4, "discriminator_most": 8},
    })
});

pub(super) const FASTGAN: Entry = entry::<Fastgan>(|| {
    serde_json::json!({
        "size": [16, 16],
        "network": {
            "latent": 6, "width": 4, "most": 8, "discriminator_width": 4, "discriminator_most": 8, "decoder_width": 2,
        },
    })
});

pub(super) const STYLEGAN: Entry = entry::<Stylegan>(|| {
    serde_json::json!({
        "size": [16, 16],
        "network": {
            "latent": 6, "style_width": 8, "width": 4, "most": 8, "discriminator_width": 4, "discriminator_most": 8,
        },
    })
});

/// The line of an architecture; `tiny` is a configuration small enough for tests.
const fn entry<A: Architecture>(tiny: fn() -> serde_json::Value) -> Entry {
    Entry {
        descriptor: A::DESCRIPTOR,
        build: Build::Generator(build::<A>),
        tiny,
        trainer: Some(Trainer {
            roles: &[Role { name: "data", stream: "gallery", about: "folders or archives of pictures of one kind" }],
            takes: Takes::Gallery,
            perception: None,
            judges: None,
            settings: SettingsType::of::<GanTraining<A::Config>>(),
            presets: &[],
            check: |settings| typed::<GanTraining<A::Config>>(settings)?.check::<A>(),
            macs_per_pixel: macs_per_pixel::<A>,
            build: train::<A>,
            critic: Some(critic::<A>),
        }),
        import: None,
    }
}

fn build<A: Architecture>(parts: BuildParts<'_>) -> Result<Box<dyn Generator>, String> {
    Ok(Box::new(Made::<A>::new(parts.config, parts.arrays, parts.seed, parts.device)?))
}

fn train<A: Architecture>(parts: TrainParts) -> Result<Box<dyn Objective>> {
    let settings: GanTraining<A::Config> = typed(&parts.settings).map_err(EngineError::Caller)?;
    let gallery = parts.material.into_gallery()?;
    Ok(Box::new(GanObjective::<A>::new(settings, gallery, parts.provenance, &parts.device)?))
}

fn critic<A: Architecture>(settings: &toml::Table, state: &State, device: &Device) -> Result<Box<dyn Critic>, String> {
    Ok(Box::new(GanCritic::<A>::new(&typed(settings)?, state, device)?))
}

fn macs_per_pixel<A: Architecture>(settings: &toml::Table) -> Result<f64, String> {
    let settings: GanTraining<A::Config> = typed(settings)?;
    let build = settings.build();
    A::validate(&build)?;
    Ok(A::macs_per_pixel(&build))
}
