//! `eval pair`: everything that can be said of two pictures.

use std::collections::BTreeMap;

use impasto_image::{Limits, resize};
use serde::Serialize;

use super::definitions;
use super::judges::{self, opaque};
use super::protocol::{DataProtocol, Protocol, VERSION};
use super::report::{Better, optional_number};
use super::spaces::Defined;
use super::{EvalNetworks, NetworkKind, Unavailable};
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::losses;
use crate::metrics::{self, StyleStatistics};
use crate::pipeline::Input;
use crate::tensor::{self, ImageTensor};

/// Networks of style and content distances, and their names in metrics.
const PERCEPTIONS: [(NetworkKind, &str); 2] = [(NetworkKind::PocketVgg, "vgg"), (NetworkKind::Percept, "percept")];

/// Figures of two pictures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairFigures {
    /// Width and height at which they were compared, in pixels.
    pub size: (u32, u32),
    /// The figures, in the order they are shown.
    pub figures: Vec<PairFigure>,
    /// [`Protocol::hash`].
    pub protocol_hash: String,
    /// What makes the figures comparable: the second picture, the metrics with their networks and layers, the rules.
    pub protocol: Protocol,
}

/// How two pictures are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairOptions {
    /// Resize the second picture to the first's size where they differ.
    pub fit: bool,
    /// The tiles that the first picture was painted in, in pixels, whose seams are to be looked for.
    pub tile: Option<u32>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairFigure {
    /// The metric.
    pub name: String,
    /// Its value; `None` where it could not be had. JSON has `inf` for infinite values, as reports have.
    #[serde(serialize_with = "optional_number")]
    pub value: Option<f64>,
    /// Digits behind the point.
    pub digits: usize,
    /// What it says, a few words.
    pub about: String,
    /// Which way is nearer.
    pub better: Better,
    /// SHA-256 of the network's weights, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_sha256: Option<String>,
    /// Why there is no value, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// A metric's value with the SHA-256 of its network, or why there is none.
type Outcome = Result<(f64, Option<String>), String>;

/// Compares two pictures. Both are laid over white. They must have one size, unless [`PairOptions::fit`] asks for the second
/// to be resized to the first's. Metrics that the pictures are too small for, or whose network is not there, say so in place of
/// a value.
///
/// # Errors
/// [`EngineError::Picture`] for what cannot be read, [`EngineError::Caller`] for different sizes without `fit`, and for
/// weights files that are damaged.
pub fn evaluate_pair(
    (first, second): (&Input, &Input),
    options: PairOptions,
    networks: &EvalNetworks,
    limits: &Limits,
    control: &Control,
) -> Result<PairFigures> {
    let (a, b) = (first.open(limits, control)?, second.open(limits, control)?);
    let against = b.origin.blake3;
    let (a, mut b) = (opaque(&a.picture)?, opaque(&b.picture)?);
    let size = (a.width, a.height);
    if size != (b.width, b.height) {
        if !options.fit {
            let text = format!(
                "{} is {}x{}, {} is {}x{}: only pictures of one size can be compared; give --resize to resize the \
                 second to the first's size",
                first.path().display(),
                a.width,
                a.height,
                second.path().display(),
                b.width,
                b.height
            );
            return Err(EngineError::Caller(text));
        }
        b = resize(&b, size.0, size.1);
    }
    let (a, b) = (tensor::from_picture(&a, networks.device()), tensor::from_picture(&b, networks.device()));
    let figures = measure(&a, &b, options.tile, networks)?;
    let protocol = protocol(&against, options, networks, &figures)?;
    Ok(PairFigures { size, figures, protocol_hash: protocol.hash(), protocol })
}

/// The protocol of those figures that could be had, the first picture as an output and the second as content and style.
fn protocol(against: &str, options: PairOptions, networks: &EvalNetworks, figures: &[PairFigure]) -> Result<Protocol> {
    let mut rules = judges::rules();
    rules.retain(|name, _| name == "reading");
    let sizes = match options.fit {
        true => "the second resized to the first's, Lanczos-3 to shrink, Catmull-Rom to enlarge, on sRGB values",
        false => "of one size, as they are",
    };
    rules.insert("sizes".into(), sizes.into());
    let had = |name: &str| figures.iter().any(|figure| figure.name == name && figure.value.is_some());
    let mut metrics: Vec<Defined> = vec![
        definitions::psnr_metric(),
        definitions::ssim_metric(),
        definitions::ms_ssim_metric(),
        definitions::histogram_metric(),
    ];
    metrics.extend(options.tile.map(definitions::seam_metric));
    if had("lpips") {
        metrics.push(definitions::lpips_metric(definitions::lpips_network(networks)?));
    }
    for (kind, short) in PERCEPTIONS.into_iter().filter(|(_, short)| had(&format!("gram-{short}"))) {
        if let Ok(features) = networks.features(kind) {
            metrics.extend(definitions::perception_metrics(short, kind, &*features, networks)?);
        }
    }
    metrics.retain(|(metric, _)| had(&metric.name));
    Ok(Protocol {
        version: VERSION,
        job: "pair".into(),
        data: BTreeMap::from([("second".to_owned(), DataProtocol::of([against]))]),
        rules,
        metrics: metrics.into_iter().map(|(metric, protocol)| (metric.name, protocol)).collect(),
        bootstrap_rounds: 0,
        seed: 0,
    })
}

fn measure(a: &ImageTensor, b: &ImageTensor, tile: Option<u32>, networks: &EvalNetworks) -> Result<Vec<PairFigure>> {
    let pictures = || (a.clone(), b.clone());
    let pixels = |metric: fn(ImageTensor, ImageTensor) -> Result<f64>| -> Result<Outcome> {
        let (a, b) = pictures();
        told(metric(a, b)).map(|value| value.map(|value| (value, None)))
    };
    let mut figures = vec![
        figure("psnr", pixels(|a, b| metrics::psnr(a, b).map(f64::from))?, 2, "dB", Better::Higher),
        figure("ssim", pixels(metrics::ssim)?, 4, "structure, 1 equal", Better::Higher),
        figure("ms-ssim", pixels(metrics::ms_ssim)?, 4, "structure at five scales, 1 equal", Better::Higher),
        figure("lpips", lpips(a, b, networks)?, 4, "as people see it, 0 equal", Better::Lower),
    ];
    for (kind, short) in PERCEPTIONS {
        let [content, gram, moments] = perception(a, b, kind, networks)?;
        figures.push(figure(&format!("content-{short}"), content, 4, "what is where, 0 equal", Better::Lower));
        figures.push(figure(&format!("gram-{short}"), gram, 4, "texture, 0 equal", Better::Lower));
        figures.push(figure(&format!("moments-{short}"), moments, 4, "style statistics, 0 equal", Better::Lower));
    }
    figures.push(figure("histogram", pixels(metrics::histogram_distance)?, 4, "colours, CIELAB units", Better::Lower));
    if let Some(tile) = tile {
        let seam = told(metrics::seam_score(a.clone(), Some(tile as usize)))?.map(|value| (value, None));
        figures.push(figure("seam", seam, 3, "steps across tiles of the first, 1 none", Better::Lower));
    }
    Ok(figures)
}

fn figure(name: &str, outcome: Outcome, digits: usize, about: &str, better: Better) -> PairFigure {
    let (value, network_sha256, missing) = match outcome {
        Ok((value, sha256)) => (Some(value), sha256, None),
        Err(reason) => (None, None, Some(reason)),
    };
    PairFigure { name: name.to_owned(), value, digits, about: about.to_owned(), better, network_sha256, missing }
}

/// What a metric cannot take of these pictures becomes its line; other errors are errors.
fn told<T>(result: Result<T>) -> Result<Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(EngineError::Caller(reason)) => Ok(Err(reason)),
        Err(error) => Err(error),
    }
}

/// What is not there becomes the metric's line; what is damaged is an error.
fn there<T>(network: Result<T, Unavailable>) -> Result<Result<T, String>> {
    match network {
        Ok(network) => Ok(Ok(network)),
        Err(Unavailable::Missing(reason)) => Ok(Err(reason)),
        Err(Unavailable::Unusable(error)) => Err(error),
    }
}

fn lpips(a: &ImageTensor, b: &ImageTensor, networks: &EvalNetworks) -> Result<Outcome> {
    let network = match there(networks.lpips())? {
        Ok(network) => network,
        Err(reason) => return Ok(Err(reason)),
    };
    let sha256 = networks.identity(NetworkKind::LpipsSqueeze).map_err(EngineError::from)?.sha256;
    Ok(told(metrics::lpips(&network, a.clone(), b.clone()))?.map(|value| (f64::from(value), Some(sha256))))
}

/// Content, Gram and moment distance.
fn perception(a: &ImageTensor, b: &ImageTensor, kind: NetworkKind, networks: &EvalNetworks) -> Result<[Outcome; 3]> {
    let absent = |reason: String| [(); 3].map(|()| Err(reason.clone()));
    let network: Box<dyn Features> = match there(networks.features(kind))? {
        Ok(network) => network,
        Err(reason) => return Ok(absent(reason)),
    };
    let [_, _, h, w] = a.dims();
    if h.min(w) < network.min_side() {
        return Ok(absent(format!(
            "{} needs sides of at least {} px, not {w}x{h}",
            network.name(),
            network.min_side()
        )));
    }
    let sha256 = networks.identity(kind).map_err(EngineError::from)?.sha256;
    let (a, b) = (network.extract(a.clone()), network.extract(b.clone()));
    let level = network.content_level();
    let content = tensor::scalar(losses::content_distance(a[level].clone(), b[level].clone()));
    let distances = StyleStatistics::of_levels(a).distances(&StyleStatistics::of_levels(b));
    let found = [f64::from(content), distances.gram, distances.moments];
    Ok(found.map(|value| Ok((value, Some(sha256.clone())))))
}
