//! What the metrics of single pictures are called and how they are defined.

use serde_json::json;

use super::protocol::NetworkProtocol;
use super::report::Better;
use super::spaces::{Defined, defined};
use super::{EvalNetworks, NetworkKind};
use crate::error::{EngineError, Result};
use crate::features::Features;

/// A network's name and hash.
pub(super) fn identity(networks: &EvalNetworks, kind: NetworkKind, layer: &str) -> Result<NetworkProtocol> {
    let identity = networks.identity(kind).map_err(EngineError::from)?;
    Ok(NetworkProtocol {
        name: identity.name,
        sha256: identity.sha256,
        layer: layer.to_owned(),
        resizer: String::new(),
    })
}

/// LPIPS's network, which is there.
///
/// # Errors
/// When it is not.
pub(super) fn lpips_network(networks: &EvalNetworks) -> Result<NetworkProtocol> {
    identity(networks, NetworkKind::LpipsSqueeze, "seven maps with learnt weights")
}

pub(super) fn lpips_metric(network: NetworkProtocol) -> Defined {
    defined(
        "lpips".into(),
        "perceived distance to the content",
        (Better::Lower, 4),
        "LPIPS 0.1 over SqueezeNet (Zhang et al. 2018) between output and content; 0 equal, about 0.7 unrelated",
        Some(network),
        &[],
    )
}

pub(super) fn psnr_metric() -> Defined {
    defined(
        "psnr".into(),
        "signal to noise beside the content, dB",
        (Better::Higher, 2),
        "peak signal-to-noise ratio between output and content on sRGB values, in decibels",
        None,
        &[("peak", json!(1))],
    )
}

pub(super) fn ssim_metric() -> Defined {
    defined(
        "ssim".into(),
        "structure kept of the content",
        (Better::Higher, 4),
        "structural similarity (Wang et al. 2004) between output and content, Gaussian window of deviation 1.5, each \
         colour channel",
        None,
        &[],
    )
}

pub(super) fn ms_ssim_metric() -> Defined {
    defined(
        "ms-ssim".into(),
        "structure kept at five scales",
        (Better::Higher, 4),
        "structural similarity at five scales (Wang et al. 2003) between output and content, windows as for ssim, each \
         colour channel",
        None,
        &[],
    )
}

pub(super) fn histogram_metric() -> Defined {
    defined(
        "histogram".into(),
        "distance of colours to the style",
        (Better::Lower, 2),
        "sliced earth mover's distance between the colours of output and style in CIELAB",
        None,
        &[],
    )
}

/// Traces of uneven upsampling.
pub(super) fn checkerboard_metric() -> Defined {
    defined(
        "checkerboard".into(),
        "strongest pattern of 2 or 4 px, dB",
        (Better::Lower, 2),
        "power of the picture at multiples of a quarter of the sampling rate over the median of its surroundings; \
         above 6 where a pattern can be seen",
        None,
        &[],
    )
}

/// Seams of a grid of tiles.
pub(super) fn seam_metric(tile: u32) -> Defined {
    defined(
        "seam".into(),
        "step across the edges of tiles, 1 none",
        (Better::Lower, 3),
        "mean step across the lines at multiples of the tile's side, at the output's own size, over the steps beside \
         them, the larger of both directions; about 1 without seams",
        None,
        &[("tile", json!(tile))],
    )
}

/// Content, Gram and moment distance in a network that is there.
///
/// # Errors
/// When it is not.
pub(super) fn perception_metrics(
    short: &str,
    kind: NetworkKind,
    features: &dyn Features,
    networks: &EvalNetworks,
) -> Result<[Defined; 3]> {
    let network = identity(networks, kind, "five levels")?;
    let content = NetworkProtocol { layer: format!("level {}", features.content_level() + 1), ..network.clone() };
    Ok([
        defined(
            format!("content-{short}"),
            "distance to the content's features",
            (Better::Lower, 3),
            "squared difference of features of output and content over the variance of the content's; 1 is as far as \
             their mean",
            Some(content),
            &[],
        ),
        defined(
            format!("gram-{short}"),
            "texture's distance to the style",
            (Better::Lower, 2),
            "mean over the levels of 100 |G_o - G_s| / |G_s| with G the Gram matrix over positions (Gatys et al. 2016)",
            Some(network.clone()),
            &[],
        ),
        defined(
            format!("moments-{short}"),
            "distance of channel moments to the style",
            (Better::Lower, 2),
            "mean over the levels of 100 times the relative squared differences of channel means and of deviations \
             (Huang and Belongie 2017)",
            Some(network),
            &[],
        ),
    ])
}
