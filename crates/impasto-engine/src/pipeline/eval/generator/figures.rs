//! What is measured of samples beside real pictures.

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use crate::error::Result;
use crate::metrics::{self, Embeddings, Neighbour};
use crate::pipeline::eval::report::{Better, Figure, IntervalKind};
use crate::pipeline::eval::spaces::{self, Defined, Space, Spaces, defined, distances, measure_distances};
use crate::pipeline::eval::{BOOTSTRAP_ROUNDS, Evaluator, NetworkKind};

use super::pixels::{PixelFigures, Pixels};
use super::samples::{PAIRS, STEP};

/// Neighbours of precision, recall, density and coverage.
const NEIGHBOURS: usize = 5;

/// Parts of the score, and of jackknives.
const PARTS: usize = 10;

/// How their intervals are found.
const TENTHS: &str = "intervals by a jackknife over tenths of the samples";

/// The metric of files that are among the real pictures.
pub(super) const IDENTICAL: &str = "identical";

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
            forms.extend(["swd", "diversity", "duplicates", "nearest"]);
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
pub(super) fn metrics_of((spaces, pixels): (&Spaces, &Pixels), samples: usize, real: usize, seed: u64) -> Vec<Defined> {
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
    found.push(defined(
        IDENTICAL.into(),
        "samples that are files of the real pictures, %",
        (Better::Lower, 2),
        "share of samples whose file is one of the real pictures, byte for byte",
        None,
        &[],
    ));
    found.extend(pixels.metrics());
    found
}

fn score(space: &Space, samples: usize) -> Defined {
    defined(
        "score-googlenet".into(),
        "clear and varied, by a classifier",
        (Better::Higher, 2),
        "exp of the mean divergence of GoogLeNet's class probabilities from their mean (the form of Salimans et al. \
         2016 on another classifier), mean over parts that the seed draws from samples in the order of their contents; \
         intervals by a jackknife over the parts",
        Some(space.network.clone()),
        &[("parts", json!(PARTS)), ("samples", json!(samples))],
    )
}

fn neighbour_metrics(space: &Space) -> [Defined; 4] {
    let metric = |name: &str, about: &str, definition: &str| {
        defined(
            format!("{name}-{}", space.name),
            about,
            (Better::Higher, 3),
            &format!("{definition}; {TENTHS}"),
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

fn spread_metrics(space: &Space, seed: u64) -> [Defined; 4] {
    let network = || Some(space.network.clone());
    [
        defined(
            format!("swd-{}", space.name),
            "sliced Wasserstein distance",
            (Better::Lower, 4),
            &format!("mean earth mover's distance over random directions (Rabin et al. 2011); {TENTHS}"),
            network(),
            &[("projections", json!(PROJECTIONS)), ("seed", json!(seed))],
        ),
        defined(
            format!("diversity-{}", space.name),
            "mean distance between samples",
            (Better::Neither, 3),
            &format!(
                "mean distance over all pairs of samples, to be compared with that of the real pictures; {TENTHS}"
            ),
            network(),
            &[],
        ),
        defined(
            format!("duplicates-{}", space.name),
            "samples with a near copy among them, %",
            (Better::Lower, 2),
            &format!(
                "share of samples whose nearest other sample is nearer than a share of the median distance between \
                 real neighbours; {TENTHS}"
            ),
            network(),
            &[("share", json!(DUPLICATE))],
        ),
        defined(
            format!("nearest-{}", space.name),
            "nearness to single real pictures, 1 as they are",
            (Better::Neither, 3),
            &format!(
                "mean distance of samples to the nearest real picture over the mean distance of real pictures to the \
                 nearest other one, 0 for copies, about 1 for other pictures of the same kind, above it for what is \
                 unlike them; {TENTHS}"
            ),
            network(),
            &[],
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
        "mean distance of percept's unit vectors at all levels over a part of the straight way between two styles of \
         one class, at a place drawn evenly, divided by the part's square (the form of Karras et al. 2019 in another \
         network)",
        network,
        &[("pairs", json!(PAIRS)), ("part", json!(STEP)), ("seed", json!(seed))],
    )
}

/// The figure of [`path_metric`].
pub(super) fn path_length(lengths: &[f64], seed: u64) -> (String, Figure) {
    let found = metrics::mean_interval(lengths, BOOTSTRAP_ROUNDS, seed);
    (PATH_LENGTH.to_owned(), Figure::with(found, 1.0, IntervalKind::Bootstrap))
}

/// One side of a comparison: what is known of each picture, in one order.
#[derive(Debug, Clone)]
pub(super) struct Side {
    /// The content of each.
    pub(super) contents: Vec<blake3::Hash>,
    /// The vector of each in every space.
    pub(super) vectors: Vec<Embeddings>,
    /// What was measured of each alone.
    pub(super) pixels: Vec<PixelFigures>,
}

impl Side {
    /// Pictures.
    pub(super) fn len(&self) -> usize {
        self.contents.len()
    }

    /// Those at `rows`.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        Self {
            contents: rows.iter().map(|&row| self.contents[row]).collect(),
            vectors: spaces::select(&self.vectors, rows),
            pixels: rows.iter().map(|&row| self.pixels[row].clone()).collect(),
        }
    }
}

/// Figures of samples beside real pictures; what the sets are too small for is left out. Intervals of all but the Fréchet and
/// the kernel distance are over the samples: the real pictures are the protocol's.
pub(super) fn figures(
    (spaces, pixels): (&Spaces, &Pixels),
    real: &Side,
    fake: &Side,
    intervals: bool,
    evaluator: &Evaluator<'_>,
) -> Result<BTreeMap<String, Figure>> {
    let mut figures = BTreeMap::from([(IDENTICAL.to_owned(), Figure::of(100.0 * identical(real, fake)))]);
    pixels.figures(&fake.pixels, evaluator.seed, &mut figures);
    for (index, space) in spaces.all.iter().enumerate() {
        evaluator.control.check()?;
        let (real, fake, name) = (&real.vectors[index], &fake.vectors[index], &space.name);
        if name.starts_with("googlenet") {
            if name == "googlenet-1000" && fake.len() >= 2 * PARTS {
                let found = metrics::inception_score_interval(fake, evaluator.seed)?;
                let figure = Figure { note: few_of_classes(fake), ..Figure::with(found, 1.0, IntervalKind::Jackknife) };
                figures.insert("score-googlenet".to_owned(), figure);
            }
            continue;
        }
        measure_distances(space, fake, real, intervals, evaluator.seed, &mut figures)?;
        let samples = Samples { space, fake, intervals, seed: evaluator.seed };
        if has_neighbours(name) && real.len().min(fake.len()) > NEIGHBOURS {
            samples.add(NEIGHBOUR_METRICS, &mut figures, |fake| {
                let found = metrics::neighbourhoods(real, fake, NEIGHBOURS)?;
                Ok([found.precision, found.recall, found.density, found.coverage])
            })?;
            note(&mut figures, &format!("coverage-{name}"), fewer(real, fake));
        }
        if has_spread(name) {
            samples.add(["swd"], &mut figures, |fake| {
                Ok([metrics::sliced_wasserstein(real, fake, PROJECTIONS, evaluator.seed)?])
            })?;
            if fake.len() >= 2 {
                samples.add(["diversity"], &mut figures, |fake| Ok([metrics::pairwise_diversity(fake)?]))?;
            }
            if real.len().min(fake.len()) >= 2 {
                let usual = gaps(real)?;
                samples.add(["duplicates", "nearest"], &mut figures, |fake| {
                    Ok([100.0 * duplicates(&usual, fake)?, nearness(&usual, real, fake)?])
                })?;
                note(&mut figures, &format!("duplicates-{name}"), fewer(real, fake));
            }
        }
    }
    Ok(figures)
}

/// Samples in one space.
struct Samples<'a> {
    space: &'a Space,
    fake: &'a Embeddings,
    intervals: bool,
    seed: u64,
}

impl Samples<'_> {
    /// Adds what `statistic` says of them, with intervals where they are wanted and there are enough; what is not a number
    /// is left out.
    fn add<const N: usize>(
        &self,
        names: [&str; N],
        figures: &mut BTreeMap<String, Figure>,
        statistic: impl Fn(&Embeddings) -> Result<[f64; N]> + Sync,
    ) -> Result<()> {
        let found: [Figure; N] = if self.intervals && self.fake.len() >= 2 * PARTS {
            let found = metrics::jackknife_intervals(self.fake, self.seed, statistic)?;
            found.map(|interval| Figure::with(interval, 1.0, IntervalKind::Jackknife))
        } else {
            statistic(self.fake)?.map(Figure::of)
        };
        for (name, mut figure) in names.into_iter().zip(found).filter(|(_, figure)| !figure.value.is_nan()) {
            let [least, most] = range(name);
            // Shares of none or all have no spread to learn from: that is no certainty.
            match figure.interval.filter(|[low, high]| low < high) {
                Some(ends) => figure.interval = Some(ends.map(|end| end.clamp(least, most))),
                None => (figure.interval, figure.interval_by) = (None, None),
            }
            figures.insert(format!("{name}-{}", self.space.name), figure);
        }
        Ok(())
    }
}

/// Where the values of a metric can lie: an interval that is the same on both sides may not reach beyond.
fn range(name: &str) -> [f64; 2] {
    match name {
        "precision" | "recall" | "coverage" => [0.0, 1.0],
        "duplicates" => [0.0, 100.0],
        _ => [0.0, f64::INFINITY],
    }
}

/// Notes something about a figure that is there.
fn note(figures: &mut BTreeMap<String, Figure>, name: &str, text: Option<String>) {
    if let Some(figure) = figures.get_mut(name) {
        figure.note = text;
    }
}

/// Samples in each part for each class from which a score is taken as it is: those of the usual 50,000 samples.
const FOR_EACH_CLASS: usize = 5;

/// Why a score of few samples is too low.
fn few_of_classes(fake: &Embeddings) -> Option<String> {
    let (part, classes) = (fake.len() / PARTS, fake.width());
    (part < FOR_EACH_CLASS * classes).then(|| {
        format!(
            "{} samples are {part} in each tenth, for {classes} classes: the score is too low by an amount that \
             depends on the number of samples; compare it at equal numbers only",
            fake.len()
        )
    })
}

/// Why fewer samples than real pictures cover fewer of them, and meet each other less often.
fn fewer(real: &Embeddings, fake: &Embeddings) -> Option<String> {
    (fake.len() < real.len()).then(|| {
        format!(
            "{} samples beside {} real pictures: fewer samples cover fewer real pictures, and come near each other \
             less often; compare at equal numbers only",
            fake.len(),
            real.len()
        )
    })
}

/// The share of samples that are a file of the real pictures.
fn identical(real: &Side, fake: &Side) -> f64 {
    let known: HashSet<blake3::Hash> = real.contents.iter().copied().collect();
    fake.contents.iter().filter(|content| known.contains(*content)).count() as f64 / fake.len() as f64
}

/// Distances to the nearest other vector, sorted.
fn gaps(set: &Embeddings) -> Result<Vec<f64>> {
    let mut gaps = firsts(&metrics::nearest(set, set, 1, true)?);
    gaps.sort_by(f64::total_cmp);
    Ok(gaps)
}

/// The distance to the nearest of each.
fn firsts(found: &[Vec<Neighbour>]) -> Vec<f64> {
    found.iter().filter_map(|near| near.first()).map(|near| near.distance).collect()
}

/// The share of samples with a near copy among them; `usual` are the gaps between real pictures.
fn duplicates(usual: &[f64], fake: &Embeddings) -> Result<f64> {
    let limit = DUPLICATE * usual[usual.len() / 2];
    let gaps = gaps(fake)?;
    Ok(gaps.iter().filter(|&&gap| gap < limit).count() as f64 / gaps.len() as f64)
}

/// The mean distance of samples to the nearest real picture over that between real pictures, whose gaps are `usual`; not a
/// number where all real pictures are the same.
fn nearness(usual: &[f64], real: &Embeddings, fake: &Embeddings) -> Result<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let among = mean(usual);
    let own = mean(&firsts(&metrics::nearest(fake, real, 1, false)?));
    Ok(if among > 0.0 { own / among } else { f64::NAN })
}
