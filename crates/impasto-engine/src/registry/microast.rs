//! The registry's line for `microast`.

use super::{Build, BuildParts, Entry};
use crate::algorithms::microast::{DESCRIPTOR, MicroAst, MicroAstConfig, import};
use crate::traits::Stylizer;

pub(super) const ENTRY: Entry = Entry {
    descriptor: &DESCRIPTOR,
    build: Build::Network(build),
    tiny: || serde_json::json!({"widths": [4, 4, 8]}),
    trainer: None,
    import: Some(import),
};

fn build(parts: BuildParts<'_>) -> Result<Box<dyn Stylizer>, String> {
    let config: MicroAstConfig =
        serde_json::from_value(parts.config.clone()).map_err(|e| format!("its configuration does not fit ({e})"))?;
    Ok(Box::new(MicroAst::new(config, parts.arrays, parts.seed, parts.device)?))
}
