//! The authors' weights (as safetensors, with their names) to impasto's.

use std::path::Path;

use burn::tensor::Device;

use super::network::Network;
use super::{DESCRIPTOR, MicroAstConfig};
use crate::error::{EngineError, Result};
use crate::weights::{self, Arrays, FORMAT_VERSION, Header};

/// The authors' layer names and impasto's; `{}.weight` and `{}.bias` follow.
const ENCODER: [(&str, &str); 9] = [
    ("enc1.0", "stem"),
    ("enc1.2", "down.0"),
    ("enc1.4", "down.1"),
    ("enc1.6", "down.2"),
    ("enc1.8", "down.3"),
    ("enc1.10.conv1", "shallow.first"),
    ("enc1.10.conv2", "shallow.second"),
    ("enc2.0.conv1", "deep.first"),
    ("enc2.0.conv2", "deep.second"),
];

/// See [`ENCODER`].
const REST: [(&str, &str); 13] = [
    ("modulator.weight1.0", "modulator.weights.0"),
    ("modulator.weight2.0", "modulator.weights.1"),
    ("modulator.bias1.0", "modulator.biases.0"),
    ("modulator.bias2.0", "modulator.biases.1"),
    ("decoder.dec1.conv1", "decoder.deep.first"),
    ("decoder.dec1.conv2", "decoder.deep.second"),
    ("decoder.dec2.conv1", "decoder.shallow.first"),
    ("decoder.dec2.conv2", "decoder.shallow.second"),
    ("decoder.dec3.1", "decoder.up.0"),
    ("decoder.dec3.3", "decoder.up.1"),
    ("decoder.dec3.6", "decoder.up.2"),
    ("decoder.dec3.8", "decoder.up.3"),
    ("decoder.dec3.10", "decoder.paint"),
];

/// Reads the authors' weights from a safetensors file (`content_encoder.enc1.0.weight`, ...) and gives them the header
/// and names of an impasto weights file. The network is built once on `device` to check every shape.
///
/// # Errors
/// [`EngineError::File`] when the file cannot be read or is not this network.
pub fn import(path: &Path, device: &Device) -> Result<(Header, Arrays)> {
    let (foreign, _) = weights::read_arrays(path)?;
    convert(&foreign, device).map_err(|reason| EngineError::file(path, reason))
}

/// What [`import`] does, on arrays.
///
/// # Errors
/// A line that names the first tensor that is missing, superfluous, misshapen or not finite.
pub fn convert(foreign: &Arrays, device: &Device) -> Result<(Header, Arrays), String> {
    let encoders = ["content_encoder", "style_encoder"]
        .into_iter()
        .flat_map(|encoder| ENCODER.map(|(theirs, ours)| (format!("{encoder}.{theirs}"), format!("{encoder}.{ours}"))));
    let rest = REST.into_iter().map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()));
    let mut arrays = Arrays::new();
    for (theirs, ours) in encoders.chain(rest) {
        for part in ["weight", "bias"] {
            let name = format!("{theirs}.{part}");
            let array = foreign.get(&name).ok_or_else(|| format!("not MicroAST: tensor '{name}' is missing"))?;
            arrays.insert(format!("{ours}.{part}"), array.clone());
        }
    }
    if foreign.len() != arrays.len() {
        return Err(format!("not MicroAST: it has {} tensors, the network {}", foreign.len(), arrays.len()));
    }
    let config = config_of(&arrays)?;
    weights::apply(Network::new(&config, 0, device), &arrays)?;
    let header = Header {
        version: FORMAT_VERSION,
        algorithm: DESCRIPTOR.name.to_owned(),
        title: "MicroAST".to_owned(),
        licence: DESCRIPTOR.licence.to_owned(),
        config: serde_json::to_value(&config).map_err(|e| e.to_string())?,
        training: serde_json::json!({
            "source": "EndyWon/MicroAST, weights of 160,000 iterations, imported",
            "data": "MS-COCO and WikiArt, by the authors",
        }),
    };
    Ok((header, arrays))
}

fn config_of(arrays: &Arrays) -> Result<MicroAstConfig, String> {
    let width = |layer: &str| {
        let bias = arrays.get(&format!("content_encoder.{layer}.bias"));
        bias.map(|array| array.values.len()).ok_or_else(|| format!("layer '{layer}' is missing"))
    };
    let config = MicroAstConfig { widths: [width("stem")?, width("down.1")?, width("down.3")?] };
    config.validate()?;
    Ok(config)
}
