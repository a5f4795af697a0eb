//! The evaluator: metrics that name their protocol, sanity rows, intervals, and reports that can be compared.

pub mod attribution;
mod cache;
pub mod compare;
mod definitions;
mod embed;
mod frames;
mod generator;
mod judges;
pub mod memorised;
mod networks;
mod pair;
pub mod protocol;
pub mod report;
mod set;
mod spaces;
mod style;

pub use cache::{Cache, Topic};
pub use embed::embed;
pub use frames::{FramesEvaluation, evaluate_frames};
pub use generator::{GeneratorEvaluation, Making, REAL_SPLIT, Samples, evaluate_generator};
pub use networks::{EvalNetworks, NetworkIdentity, NetworkKind, Unavailable};
pub use pair::{PairFigure, PairFigures, PairOptions, evaluate_pair};
pub use set::{PictureFile, PictureSet};
pub use style::{IDENTITY, OutFolder, Painting, STYLE_COPY, StyleCandidate, StyleEvaluation, evaluate_style};

use std::path::Path;

use impasto_image::Limits;

use self::report::{Rejected, Source};
use crate::control::Control;

/// Resamples of every bootstrap interval.
pub const BOOTSTRAP_ROUNDS: usize = 2000;

/// What every evaluation works with.
#[derive(Debug, Clone)]
pub struct Evaluator<'a> {
    /// Where networks are found and run.
    pub networks: &'a EvalNetworks,
    /// Where features and figures are kept between runs; nowhere when absent.
    pub cache: Option<&'a Cache>,
    /// How large pictures may be.
    pub limits: Limits,
    /// Seed of everything random.
    pub seed: u64,
    /// The device's name, for reports.
    pub device: String,
    /// Progress and cancellation.
    pub control: &'a Control,
}

/// A folder's own name, as it may be published.
fn folder_name(folder: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let resolved = || folder.canonicalize().ok().and_then(|path| name(&path));
    name(folder).or_else(resolved).unwrap_or_else(|| folder.display().to_string())
}

/// The files of a set that are not used, under the set's name.
fn rejected(name: &str, set: &PictureSet, root: &Path) -> Vec<Rejected> {
    let one = |file: &crate::data::Rejected| {
        let below = file.path.strip_prefix(root).unwrap_or(&file.path);
        Rejected { file: format!("{name}: {}", below.display()), reason: file.reason.clone() }
    };
    set.rejected().iter().map(one).collect()
}

/// A set as reports list it.
fn source(role: &str, set: &PictureSet, root: &Path) -> Source {
    Source { role: role.to_owned(), name: folder_name(root), used: set.len(), rejected: set.rejected().len() }
}

#[cfg(test)]
mod tests;
