//! What is measured of samples beside real pictures.

use std::collections::BTreeMap;

use serde_json::json;

use crate::error::Result;
use crate::metrics::{self, Embeddings};
use crate::pipeline::eval::report::{Better, Figure};
use crate::pipeline::eval::spaces::{Defined, Space, Spaces, defined, distances, measure_distances};
use crate::pipeline::eval::{BOOTSTRAP_ROUNDS, Evaluator, NetworkKind};

use super::samples::{PAIRS, STEP};

/// Neighbours of precision, recall, density and coverage.
const NEIGHBOURS: usize = 5;

/// Parts of the score's deviation.
const SPLITS: usize = 10;

/// Directions of the sliced Wasserstein distance.
const PROJECTIONS: usize = 256;

/// Samples nearer to each other than this share of the median distance between real neighbours count as duplicates.
const DUPLICATE: f64 = 0.2;

/// The metrics that need a network.
pub(super) fn needing(kind: NetworkKind) -> Vec<String> {
    let spaces: &[&str] = match kind {
        NetworkKind::Inception => &["inception-768", "inception-1280"],
        NetworkKind::GoogLeNet => return vec!["score-googlenet".into()],
        _ => &["percept"],
    };
    let forms = |space: &&str| {
        let mut forms = vec!["fd", "kid"];
        if has_neighbours(space) {
            forms.extend(NEIGHBOUR_METRICS);
        }
        if has_spread(space) {
            forms.extend(["swd", "diversity", "duplicates"]);
        }
        forms.into_iter().map(|form| format!("{form}-{space}")).collect::<Vec<_>>()
    };
    spaces.iter().flat_map(forms).collect()
}

/// What [`metrics::Neighbourhoods`] says, in its order.
const NEIGHBOUR_METRICS: [&str; 4] = ["precision", "recall", "density", "coverage"];

/// Where precision, recall and their like are measured.
fn has_neighbours(space: &str) -> bool {
    matches!(space, "inception-1280" | "percept")
}

/// Where spread and duplicates are measured.
fn has_spread(space: &str) -> bool {
    matches!(space, "inception-768" | "percept")
}

/// The metrics, for at least `samples` samples and `real` real pictures.
pub(super) fn metrics_of(spaces: &Spaces, samples: usize, real: usize, seed: u64) -> Vec<Defined> {
    let mut found = Vec::new();
    for space in &spaces.all {
        if space.name.starts_with("googlenet") {
            if space.name == "googlenet-1000" {
                found.push(score(space, samples));
            }
            continue;
        }
        found.extend(distances(space, samples, real, "the real pictures"));
        if has_neighbours(&space.name) {
            found.extend(neighbour_metrics(space));
        }
        if has_spread(&space.name) {
            found.extend(spread_metrics(space, seed));
        }
    }
    found
}

fn score(space: &Space, samples: usize) -> Defined {
    defined(
        "score-googlenet".into(),
        "clear and varied, by a classifier",
        (Better::Higher, 2),
        "exp of the mean divergence of GoogLeNet's class probabilities from their mean (the form of Salimans et al. 2016 on \
         another classifier); the interval is the deviation over parts",
        Some(space.network.clone()),
        &[("splits", json!(SPLITS)), ("samples", json!(samples))],
    )
}

fn neighbour_metrics(space: &Space) -> [Defined; 4] {
    let metric = |name: &str, about: &str, definition: &str| {
        defined(
            format!("{name}-{}", space.name),
            about,
            (Better::Higher, 3),
            definition,
            Some(space.network.clone()),
            &[("neighbours", json!(NEIGHBOURS))],
        )
    };
    [
        metric(
            "precision",
            "samples that look real",
            "share of samples in a real picture's ball (Kynkäänniemi et al. 2019)",
        ),
        metric(
            "recall",
            "real pictures that can be made",
            "share of real pictures in a sample's ball (Kynkäänniemi et al. 2019)",
        ),
        metric(
            "density",
            "samples where many are real",
            "mean number of real balls around a sample, over k (Naeem et al. 2020)",
        ),
        metric(
            "coverage",
            "real pictures with a sample near",
            "share of real balls with a sample inside (Naeem et al. 2020)",
        ),
    ]
}

fn spread_metrics(space: &Space, seed: u64) -> [Defined; 3] {
    let network = || Some(space.network.clone());
    [
        defined(
            format!("swd-{}", space.name),
            "sliced Wasserstein distance",
            (Better::Lower, 4),
            "mean earth mover's distance over random directions (Rabin et al. 2011)",
            network(),
            &[("projections", json!(PROJECTIONS)), ("seed", json!(seed))],
        ),
        defined(
            format!("diversity-{}", space.name),
            "mean distance between samples",
            (Better::Neither, 3),
            "mean distance over all pairs of samples; to be compared with that of the real pictures in the last row",
            network(),
            &[],
        ),
        defined(
            format!("duplicates-{}", space.name),
            "samples with a near copy among them, %",
            (Better::Lower, 2),
            "share of samples whose nearest other sample is nearer than a share of the median distance between real \
             neighbours",
            network(),
            &[("share", json!(DUPLICATE))],
        ),
    ]
}

/// The name of the perceptual path length.
const PATH_LENGTH: &str = "ppl-percept";

/// How smoothly pictures change between styles, of a generator at hand.
pub(super) fn path_metric(spaces: &Spaces, seed: u64) -> Defined {
    let network = spaces.all.iter().find(|space| space.name == "percept").map(|space| space.network.clone());
    defined(
        PATH_LENGTH.to_owned(),
        "perceptual path length between styles",
        (Better::Lower, 2),
        "mean distance of percept's unit vectors at all levels over a part of the straight way between two styles of one \
         class, at a place drawn evenly, divided by the part's square (the form of Karras et al. 2019 in another network)",
        network,
        &[("pairs", json!(PAIRS)), ("part", json!(STEP)), ("seed", json!(seed))],
    )
}

/// The figure of [`path_metric`].
pub(super) fn path_length(lengths: &[f64], seed: u64) -> (String, Figure) {
    let found = metrics::mean_interval(lengths, BOOTSTRAP_ROUNDS, seed);
    (PATH_LENGTH.to_owned(), Figure { interval: Some([found.low, found.high]), ..Figure::of(found.value) })
}

/// Figures of samples beside real pictures; what the sets are too small for is left out.
pub(super) fn figures(
    spaces: &Spaces,
    real: &[Embeddings],
    fake: &[Embeddings],
    intervals: bool,
    evaluator: &Evaluator<'_>,
) -> Result<BTreeMap<String, Figure>> {
    let mut figures = BTreeMap::new();
    for (index, space) in spaces.all.iter().enumerate() {
        evaluator.control.check()?;
        let (real, fake, name) = (&real[index], &fake[index], &space.name);
        if name.starts_with("googlenet") {
            if name == "googlenet-1000" && fake.len() >= 2 {
                let (value, deviation) = metrics::inception_score(fake, SPLITS.min(fake.len()))?;
                let interval = Some([value - deviation, value + deviation]);
                figures.insert("score-googlenet".to_owned(), Figure { interval, ..Figure::of(value) });
            }
            continue;
        }
        measure_distances(space, fake, real, intervals, &mut figures)?;
        if has_neighbours(name) && real.len().min(fake.len()) > NEIGHBOURS {
            let found = metrics::neighbourhoods(real, fake, NEIGHBOURS)?;
            let values = [found.precision, found.recall, found.density, found.coverage];
            for (metric, value) in NEIGHBOUR_METRICS.into_iter().zip(values) {
                figures.insert(format!("{metric}-{name}"), Figure::of(value));
            }
        }
        if has_spread(name) {
            let distance = metrics::sliced_wasserstein(real, fake, PROJECTIONS, evaluator.seed)?;
            figures.insert(format!("swd-{name}"), Figure::of(distance));
            if fake.len() >= 2 {
                figures.insert(format!("diversity-{name}"), Figure::of(metrics::pairwise_diversity(fake)?));
            }
            if let Some(share) = duplicates(real, fake)? {
                figures.insert(format!("duplicates-{name}"), Figure::of(100.0 * share));
            }
        }
    }
    Ok(figures)
}

/// Distances to the nearest other vector, sorted.
fn gaps(set: &Embeddings) -> Result<Vec<f64>> {
    let found = metrics::nearest(set, set, 1, true)?;
    let mut gaps: Vec<f64> = found.iter().filter_map(|near| near.first()).map(|near| near.distance).collect();
    gaps.sort_by(f64::total_cmp);
    Ok(gaps)
}

fn duplicates(real: &Embeddings, fake: &Embeddings) -> Result<Option<f64>> {
    if real.len().min(fake.len()) < 2 {
        return Ok(None);
    }
    let usual = gaps(real)?;
    let limit = DUPLICATE * usual[usual.len() / 2];
    let gaps = gaps(fake)?;
    Ok(Some(gaps.iter().filter(|&&gap| gap < limit).count() as f64 / gaps.len() as f64))
}
