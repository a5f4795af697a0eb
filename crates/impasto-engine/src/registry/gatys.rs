//! The registry's line for `gatys`, and the settings of its use after another stylizer.

use burn::tensor::Device;

use super::settings::{complete, typed};
use super::{Build, Entry, SettingsType};
use crate::algorithms::gatys::{DESCRIPTOR, Gatys, GatysConfig};
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::traits::Stylizer;

pub(super) const ENTRY: Entry = Entry {
    descriptor: &DESCRIPTOR,
    build: Build::Optimisation { settings: SettingsType::of::<GatysConfig>(), build },
    tiny: || serde_json::json!({"steps": 2, "levels": 1}),
    trainer: None,
    import: None,
};

/// `GatysConfig` with the defaults of [`GatysConfig::refine`].
pub(super) const REFINE_SETTINGS: SettingsType = SettingsType {
    complete: |given| {
        let text = toml::to_string(&GatysConfig::refine()).map_err(|e| e.to_string())?;
        let mut settings: toml::Table = toml::from_str(&text).map_err(|e| e.to_string())?;
        settings.extend(given.clone());
        complete::<GatysConfig>(&settings)
    },
    schema: || schemars::schema_for!(GatysConfig).to_value(),
};

fn build(settings: &toml::Table, features: Box<dyn Features>, device: &Device) -> Result<Box<dyn Stylizer>> {
    Ok(Box::new(optimiser(settings, features, device)?))
}

/// The optimisation itself, for those who start it from a picture.
pub(crate) fn optimiser(settings: &toml::Table, features: Box<dyn Features>, device: &Device) -> Result<Gatys> {
    let config: GatysConfig = typed(settings).map_err(EngineError::Caller)?;
    Gatys::new(config, features, device)
}
