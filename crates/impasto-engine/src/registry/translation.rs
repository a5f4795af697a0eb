//! The registry's lines for algorithms that translate between two kinds of pictures: the same functions for all of them,
//! and the methods by which they are known.

use super::settings::typed;
use super::{Build, BuildParts, Entry, Role, SettingsType, Takes, TrainParts, Trainer, suggest};
use crate::algorithms::cut::Cut;
use crate::algorithms::cyclegan::Cyclegan;
use crate::algorithms::pix2pix::Pix2pix;
use crate::data::Crops;
use crate::error::{EngineError, Result};
use crate::train::Objective;
use crate::traits::Stylizer;
use crate::translate::{GeneratorConfig, PatchCritic, Scheme, TranslationObjective, TranslationTraining, Translator};

pub(super) const CUT: Entry = entry::<Cut>(APART, residual);
pub(super) const CYCLEGAN: Entry = entry::<Cyclegan>(APART, residual);
pub(super) const PIX2PIX: Entry =
    entry::<Pix2pix>(TOGETHER, || serde_json::json!({"kind": "unet", "width": 4, "halvings": 2}));

/// A generator small enough for tests.
fn residual() -> serde_json::Value {
    serde_json::json!({"width": 4, "blocks": 1, "halvings": 2})
}

/// Pictures of two kinds that have nothing to do with each other.
const APART: &[Role] = &[
    Role { name: "a", stream: "a", about: "folders of pictures that are to be translated" },
    Role { name: "b", stream: "b", about: "folders of pictures like those that translations shall be" },
];

/// Pairs: the same draws for both.
const TOGETHER: &[Role] = &[
    Role { name: "a", stream: "pairs", about: "folders of pictures that are to be translated, named like those of b" },
    Role { name: "b", stream: "pairs", about: "folders of their translations, named like those of a" },
];

/// A way to learn translation: an algorithm with settings.
#[derive(Debug, Clone, Copy)]
pub struct TranslationMethod {
    /// What users call it.
    pub name: &'static str,
    /// Registry name of the algorithm.
    pub algorithm: &'static str,
    /// Settings that differ from the algorithm's own, in TOML.
    pub settings: &'static str,
    /// What it is for, a line.
    pub about: &'static str,
}

/// All methods, the usual one first.
pub const TRANSLATION_METHODS: &[TranslationMethod] = &[
    TranslationMethod {
        name: "cut",
        algorithm: "cut",
        settings: "",
        about: "unpaired, one way; half the work of cyclegan",
    },
    TranslationMethod {
        name: "fastcut",
        algorithm: "cut",
        settings: "terms = { nce = 10.0, nce_identity = false, flip = true }",
        about: "unpaired, one way, quicker and closer to the content than cut",
    },
    TranslationMethod {
        name: "single",
        algorithm: "cut",
        settings: "short_side = 512\ncrop = 64\nbatch = 8\nterms = { nce = 4.0, identity = 10.0 }",
        about: "one picture each: crops of one are translated into the look of the other",
    },
    TranslationMethod { name: "cyclegan", algorithm: "cyclegan", settings: "", about: "unpaired, both ways" },
    TranslationMethod { name: "pix2pix", algorithm: "pix2pix", settings: "", about: "paired" },
];

/// The method called `name`.
///
/// # Errors
/// [`EngineError::Caller`] that suggests near names.
pub fn translation_method(name: &str) -> Result<&'static TranslationMethod> {
    TRANSLATION_METHODS.iter().find(|method| method.name == name).ok_or_else(|| {
        let near = suggest(name, TRANSLATION_METHODS.iter().map(|method| method.name));
        EngineError::Caller(format!("there is no method of translation '{name}'{near}"))
    })
}

/// The line of an algorithm; `tiny` is a configuration small enough for tests.
const fn entry<S: Scheme>(roles: &'static [Role], tiny: fn() -> serde_json::Value) -> Entry {
    Entry {
        descriptor: S::DESCRIPTOR,
        build: Build::Network(build::<S>),
        tiny,
        trainer: Some(Trainer {
            roles,
            takes: if S::PAIRED { Takes::Pairs } else { Takes::Crops },
            perception: None,
            judges: None,
            settings: SettingsType::over::<TranslationTraining<S>>(),
            presets: &[],
            check: |settings| typed::<TranslationTraining<S>>(settings)?.check(),
            macs_per_pixel: |settings| Ok(typed::<TranslationTraining<S>>(settings)?.network.macs_per_pixel()),
            build: train::<S>,
            critic: Some(|settings, state, device| {
                Ok(Box::new(PatchCritic::new(&typed::<TranslationTraining<S>>(settings)?, state, device)?))
            }),
        }),
        import: None,
    }
}

fn build<S: Scheme>(parts: BuildParts<'_>) -> Result<Box<dyn Stylizer>, String> {
    let config: GeneratorConfig =
        serde_json::from_value(parts.config.clone()).map_err(|e| format!("its configuration does not fit ({e})"))?;
    let BuildParts { arrays, direction, seed, device, .. } = parts;
    Ok(Box::new(Translator::new::<S>(&config, arrays, direction, seed, device)?))
}

fn train<S: Scheme>(parts: TrainParts) -> Result<Box<dyn Objective>> {
    let settings: TranslationTraining<S> = typed(&parts.settings).map_err(EngineError::Caller)?;
    let crops: Result<[Crops; 2], _> = parts.material.into_crops()?.try_into();
    let crops = crops.map_err(|_| EngineError::Internal("translation is learnt from two kinds of pictures".into()))?;
    Ok(Box::new(TranslationObjective::<S>::new(settings, crops, parts.provenance, &parts.device)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::find;

    #[test]
    fn every_method_is_an_algorithm_with_settings_that_fit() {
        for method in TRANSLATION_METHODS {
            let trainer = find(method.algorithm).unwrap().trainer.as_ref().unwrap();
            let settings = trainer.settings.complete(&toml::from_str(method.settings).unwrap()).unwrap();
            assert!((trainer.check)(&settings).unwrap().is_empty(), "{}", method.name);
        }
        assert!(translation_method("fastcat").unwrap_err().to_string().contains("'fastcut'"));
    }

    #[test]
    fn there_is_a_way_back_only_where_it_was_learnt() {
        let device = crate::Device::flex();
        let config = (CUT.tiny)();
        let build = |entry: &Entry| {
            let Build::Network(build) = entry.build else { panic!("a translator is a network") };
            let direction = crate::Direction::BToA;
            build(BuildParts { config: &config, arrays: None, seed: 1, direction, device: &device }).map(drop)
        };
        build(&CYCLEGAN).unwrap();
        assert!(build(&CUT).unwrap_err().contains("leave out --direction"));
    }
}
