//! The registry's line for `artist`.

use super::settings::typed;
use super::{Build, BuildParts, Entry, Preset, Role, SettingsType, Takes, TrainParts, Trainer};
use crate::algorithms::fusion::{ARTIST_DESCRIPTOR, ArtistObjective, ArtistTraining, Fusion, FusionConfig};
use crate::error::{EngineError, Result};
use crate::models;
use crate::train::Objective;
use crate::traits::Stylizer;
use crate::weights;

pub(super) const ENTRY: Entry = Entry {
    descriptor: &ARTIST_DESCRIPTOR,
    build: Build::Network(build),
    tiny: super::fusion::ENTRY.tiny,
    trainer: Some(Trainer {
        roles: &[
            Role { name: "photos", stream: "contents", about: "folders of photographs" },
            Role {
                name: "paintings",
                stream: "styles",
                about: "a folder of paintings for each artist, called as the artist",
            },
        ],
        takes: Takes::Crops,
        perception: Some("perception"),
        judges: Some("judge"),
        settings: SettingsType::of::<ArtistTraining>(),
        presets: &[
            Preset { name: "full", about: "an hour or more", settings: &[] },
            Preset { name: "quick", about: "some minutes", settings: &["steps=600", "ema=0.99"] },
        ],
        check,
        macs_per_pixel: |settings| Ok(typed::<ArtistTraining>(settings)?.network.macs_per_pixel()),
        build: train,
        critic: None,
    }),
    import: None,
};

fn build(parts: BuildParts<'_>) -> Result<Box<dyn Stylizer>, String> {
    let config: FusionConfig =
        serde_json::from_value(parts.config.clone()).map_err(|e| format!("its configuration does not fit ({e})"))?;
    Ok(Box::new(Fusion::with_artists(config, parts.arrays, parts.seed, parts.device)?))
}

fn check(settings: &toml::Table) -> Result<Vec<String>, String> {
    let settings = typed::<ArtistTraining>(settings)?;
    settings.network.validate().map_err(|problem| format!("network: {problem}"))?;
    if settings.bank == 0 {
        return Err("bank is 0; an artist needs at least one style code".to_owned());
    }
    let known = base(&settings.network).map_err(|e| e.to_string())?.is_some();
    Ok(match known {
        true => Vec::new(),
        false => vec!["dimensions are not those of the bundled fusion: training begins with drawn weights".to_owned()],
    })
}

/// The weights of the bundled `fusion`, where it has these dimensions.
fn base(network: &FusionConfig) -> Result<Option<weights::Arrays>> {
    let Some(bytes) = models::bundled_weights("fusion") else { return Ok(None) };
    let (header, arrays) = weights::decode(bytes).map_err(EngineError::Internal)?;
    let config: FusionConfig =
        serde_json::from_value(header.config).map_err(|e| EngineError::Internal(format!("bundled fusion: {e}")))?;
    Ok((config == *network).then_some(arrays))
}

fn train(parts: TrainParts) -> Result<Box<dyn Objective>> {
    check(&parts.settings).map_err(EngineError::Caller)?;
    let settings: ArtistTraining = typed(&parts.settings).map_err(EngineError::Caller)?;
    let internal = |what: &str| EngineError::Internal(format!("training artists without {what}"));
    let features = parts.features.ok_or_else(|| internal("a perception network"))?;
    let networks = std::iter::once(features).chain(parts.judges).collect();
    let mut crops = parts.material.into_crops()?.into_iter();
    let (Some(photos), Some(works)) = (crops.next(), crops.next()) else { return Err(internal("pictures")) };
    let base = base(&settings.network)?;
    let objective =
        ArtistObjective::new(settings, base.as_ref(), networks, photos, works, parts.provenance, &parts.device)?;
    Ok(Box::new(objective))
}
