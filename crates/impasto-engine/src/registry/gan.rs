//! The registry's lines for generators that are trained against a discriminator.

use super::{Build, BuildParts, Entry};
use crate::algorithms::dcgan::Dcgan;
use crate::generator::Generator;
use crate::train::gan::{Architecture, Made};

pub(super) const DCGAN: Entry = entry::<Dcgan>(|| {
    serde_json::json!({
        "size": [16, 16],
        "network": {"latent": 6, "width": 4, "most": 8, "discriminator_width": 4, "discriminator_most": 8},
    })
});

const fn entry<A: Architecture>(tiny: fn() -> serde_json::Value) -> Entry {
    Entry { descriptor: A::DESCRIPTOR, build: Build::Generator(build::<A>), tiny, trainer: None, import: None }
}

fn build<A: Architecture>(parts: BuildParts<'_>) -> Result<Box<dyn Generator>, String> {
    Ok(Box::new(Made::<A>::new(parts.config, parts.arrays, parts.seed, parts.device)?))
}
