//! Feature spaces in which sets of pictures are compared: the layers of the evaluator's networks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::protocol::{MetricProtocol, NetworkProtocol};
use super::report::{Better, Figure, IntervalKind, Metric, Missing};
use super::{Evaluator, NetworkKind, PictureSet, Unavailable, embed};
use crate::error::Result;
use crate::features::Embedder;
use crate::metrics::{self, Embeddings, Interval};

/// A metric as it is shown and as it is computed.
pub(super) type Defined = (Metric, MetricProtocol);

/// One layer of a network.
#[derive(Debug, Clone)]
pub(super) struct Space {
    /// Part of metrics' names: `inception-768`.
    pub(super) name: String,
    /// Numbers in a vector.
    pub(super) width: usize,
    pub(super) network: NetworkProtocol,
}

/// The layers of some networks, in order.
pub(super) struct Spaces {
    embedders: Vec<Box<dyn Embedder>>,
    pub(super) all: Vec<Space>,
}

impl Spaces {
    /// Opens those of `kinds` that are there; the others are given back with the metrics that need them, as `metrics`
    /// names them.
    ///
    /// # Errors
    /// When a network's file is there and damaged.
    pub(super) fn open(
        evaluator: &Evaluator<'_>,
        kinds: &[NetworkKind],
        metrics: impl Fn(NetworkKind) -> Vec<String>,
    ) -> Result<(Self, Vec<Missing>)> {
        let mut spaces = Self { embedders: Vec::new(), all: Vec::new() };
        let mut missing = Vec::new();
        for &kind in kinds {
            match evaluator.networks.embedder(kind) {
                Ok(embedder) => spaces.add(kind, embedder),
                Err(Unavailable::Missing(reason)) => missing.push(Missing { metrics: metrics(kind), reason }),
                Err(Unavailable::Unusable(error)) => return Err(error),
            }
        }
        Ok((spaces, missing))
    }

    fn add(&mut self, kind: NetworkKind, embedder: Box<dyn Embedder>) {
        let protocol = embedder.protocol();
        for layer in &protocol.layers {
            let name = match kind {
                NetworkKind::Percept => "percept".to_owned(),
                NetworkKind::GoogLeNet => format!("googlenet-{}", layer.width),
                _ => format!("inception-{}", layer.width),
            };
            let resizer =
                format!("{}-{} ({}; values {})", protocol.resizer, protocol.side, protocol.reader, protocol.range);
            let network = NetworkProtocol {
                name: protocol.name.clone(),
                sha256: protocol.weights_sha256.clone(),
                layer: layer.name.clone(),
                resizer,
            };
            self.all.push(Space { name, width: layer.width, network });
        }
        self.embedders.push(embedder);
    }

    /// The vectors of a set in every space.
    ///
    /// # Errors
    /// Those of [`embed`].
    pub(super) fn vectors(&self, evaluator: &Evaluator<'_>, set: &PictureSet) -> Result<Vec<Embeddings>> {
        let mut vectors = Vec::with_capacity(self.all.len());
        for embedder in &self.embedders {
            vectors.extend(embed(set, &**embedder, evaluator.cache, evaluator.control)?);
        }
        Ok(vectors)
    }
}

/// The same rows of every space.
pub(super) fn select(vectors: &[Embeddings], rows: &[usize]) -> Vec<Embeddings> {
    vectors.iter().map(|vectors| vectors.select(rows)).collect()
}

/// A metric of a space; settings are numbers that decide it.
pub(super) fn defined(
    name: String,
    about: &str,
    (better, digits): (Better, usize),
    definition: &str,
    network: Option<NetworkProtocol>,
    settings: &[(&str, Value)],
) -> Defined {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    (
        Metric { name, about: about.to_owned(), better, digits },
        MetricProtocol { definition: definition.to_owned(), network, settings },
    )
}

/// Fréchet and kernel distance in a space.
pub(super) fn distances(space: &Space, count: usize, reference: usize, against: &str) -> [Defined; 2] {
    let samples = [("samples", json!(count)), ("reference", json!(reference))];
    let network = Some(space.network.clone());
    [
        defined(
            format!("fd-{}", space.name),
            &format!("Fréchet distance to {against}"),
            (Better::Lower, if space.width > 1000 || space.name == "percept" { 2 } else { 3 }),
            "squared Fréchet distance between Gaussians with the sets' means and covariances (divisor n - 1) (Heusel \
             et al. 2017); intervals by a jackknife over tenths",
            network.clone(),
            &samples,
        ),
        defined(
            format!("kid-{}", space.name),
            &format!("kernel distance to {against}, x 1000"),
            (Better::Lower, 3),
            "1000 times the unbiased squared maximum mean discrepancy with the kernel (x.y / width + 1)^3, all pairs \
             of pictures (Binkowski et al. 2018); intervals by a jackknife over pictures",
            network,
            &samples,
        ),
    ]
}

/// The values of [`distances`]; what the sets are too small for is left out. Intervals of Fréchet distances take ten times
/// as long as the distance.
pub(super) fn measure_distances(
    space: &Space,
    candidate: &Embeddings,
    reference: &Embeddings,
    intervals: bool,
    seed: u64,
    figures: &mut BTreeMap<String, Figure>,
) -> Result<()> {
    let count = candidate.len().min(reference.len());
    if count < 2 {
        return Ok(());
    }
    let mut fd = if intervals && count >= 20 {
        let found = metrics::frechet_distance_interval(candidate, reference, seed)?;
        // The distance is never below 0, whatever its interval's other half is.
        Figure::with(Interval { low: found.low.max(0.0), ..found }, 1.0, IntervalKind::Jackknife)
    } else {
        Figure::of(metrics::frechet_distance(candidate, reference)?)
    };
    fd.note = metrics::sample_note(count, space.width);
    figures.insert(format!("fd-{}", space.name), fd);
    let kid = if count >= 3 {
        let found = metrics::kernel_distance_interval(candidate, reference)?;
        Figure::with(found, 1000.0, IntervalKind::Jackknife)
    } else {
        Figure::of(1000.0 * metrics::kernel_distance(candidate, reference)?)
    };
    figures.insert(format!("kid-{}", space.name), kid);
    Ok(())
}
