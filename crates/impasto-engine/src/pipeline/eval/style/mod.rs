//! `eval style`: outputs of stylizers beside their contents and styles, and beside what copying would score.

mod figures;
mod findings;
mod measure;
mod painting;
mod pairing;

pub use painting::Painting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::figures::{artfid, artfid_metric, mean, set_metric_names};
use self::measure::{Grid, PairFigures, measure};
pub use self::painting::OutFolder;
use self::pairing::{Pair, Pairing, stem};
use super::judges::{self, Judges, MIN_SIDE, Scope, judged_size};
use super::protocol::{DataProtocol, Protocol, VERSION};
use super::report::{Example, FORMAT, Finding, MadeBy, Metric, PairName, Report, Row, RowKind, Tone, number};
use super::spaces::{self, Defined, Spaces, distances, measure_distances};
use super::{BOOTSTRAP_ROUNDS, Evaluator, NetworkKind, PictureSet, folder_name, rejected, source};
use crate::error::{EngineError, Result};
use crate::metrics::Embeddings;
use crate::pipeline::Resources;

/// The row whose output is the content itself.
pub const IDENTITY: &str = "identity copy";

/// The row whose output is the painting, stretched to the content's size.
pub const STYLE_COPY: &str = "style copy";

/// What is to be judged.
#[derive(Debug, Clone)]
pub struct StyleEvaluation {
    /// Folder of contents.
    pub contents: PathBuf,
    /// Folder of styles.
    pub styles: PathBuf,
    /// The candidates, at least one.
    pub candidates: Vec<StyleCandidate>,
    /// A table with the columns output, content and style; where absent, outputs are paired by their names.
    pub pairs: Option<PathBuf>,
    /// The tiles that outputs were painted in, in pixels, whose seams are to be looked for.
    pub tile: Option<u32>,
}

/// A stylizer's outputs.
#[derive(Debug, Clone)]
pub enum StyleCandidate {
    /// A folder of outputs that are there.
    Outputs(PathBuf),
    /// A stylizer whose outputs are made first.
    Model(Painting),
}

impl StyleCandidate {
    fn label(&self) -> String {
        match self {
            Self::Outputs(folder) => folder_name(folder),
            Self::Model(painting) => painting.label(),
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Outputs(folder) => folder,
            Self::Model(painting) => &painting.folder,
        }
    }
}

/// Runs the evaluation.
///
/// # Errors
/// [`EngineError::File`] for folders without usable pictures and for outputs that belong to no pair;
/// [`EngineError::Caller`] for names that do not tell pairs apart, and for what [`Painting`] refuses;
/// [`EngineError::Cancelled`].
pub fn evaluate_style(request: &StyleEvaluation, evaluator: &Evaluator<'_>, resources: &Resources) -> Result<Report> {
    let labels = labels(&request.candidates)?;
    let read =
        |folder: &Path| PictureSet::read(&[folder.to_owned()], &evaluator.limits, evaluator.cache, evaluator.control);
    // By content, so that intervals do not depend on what files are called.
    let (contents, styles) = (read(&request.contents)?.by_content(), read(&request.styles)?.by_content());
    let judges = Judges::open(evaluator.networks)?;
    let (mut candidates, mut made_by) = (Vec::new(), Vec::new());
    for candidate in &request.candidates {
        made_by.push(match candidate {
            StyleCandidate::Model(painting) => Some(painting.paint(evaluator, resources, &contents, &styles)?),
            StyleCandidate::Outputs(_) => None,
        });
        candidates.push(read(candidate.folder())?);
    }
    let sets = Sets {
        request,
        contents: &contents,
        styles: &styles,
        candidates: &candidates,
        labels: &labels,
        made_by: &made_by,
    };
    let mut rejections = sets.rejections();
    let (pairs, notes) = sets.pairs(&mut rejections)?;
    let grid = Grid { contents: &contents, styles: &styles, candidates: &candidates, pairs: &pairs };
    let judges = judges.within(Scope::of(sets.judged(&pairs), request.tile));
    let measured = measure(evaluator, &judges, &grid)?;
    let (set_metrics, mut rows, missing) = sets.rows(evaluator, &judges, &pairs, &measured)?;
    artfid(&set_metrics, &mut rows);
    let defined: Vec<Defined> = judges.metrics.iter().cloned().chain(set_metrics).collect();
    let protocol = sets.protocol(evaluator, &defined, &pairs);
    let name = |set: &PictureSet, index: usize| stem(&set.files()[index].path);
    let mut report = Report {
        format: FORMAT,
        impasto: env!("CARGO_PKG_VERSION").to_owned(),
        title: format!("{}: {} pairs of a content and a style", labels.join(", "), pairs.len()),
        protocol_hash: protocol.hash(),
        protocol,
        device: evaluator.device.clone(),
        sources: sets.sources(),
        metrics: defined.into_iter().map(|(metric, _)| metric).collect(),
        rows,
        findings: Vec::new(),
        missing: judges.missing.iter().cloned().chain(missing).collect(),
        rejected: rejections,
        pairs: pairs
            .iter()
            .map(|(pair, _)| PairName { content: name(&contents, pair.content), style: name(&styles, pair.style) })
            .collect(),
        samples: Vec::new(),
        examples: Vec::new(),
    };
    report.findings = findings::findings(&report);
    report.findings.extend(notes.into_iter().map(|note| Finding::new(Tone::Note, note)));
    report.examples = sets.examples(&report, &pairs);
    Ok(report)
}

/// The names of the candidates, which must differ.
fn labels(candidates: &[StyleCandidate]) -> Result<Vec<String>> {
    let labels: Vec<String> = candidates.iter().map(StyleCandidate::label).collect();
    for (index, label) in labels.iter().enumerate() {
        if labels[..index].contains(label) || [IDENTITY, STYLE_COPY].contains(&label.as_str()) {
            let text = format!("two rows would be called '{label}'; give folders of different names");
            return Err(EngineError::Caller(text));
        }
    }
    if labels.is_empty() {
        return Err(EngineError::Caller("give --outputs DIR or --model NAME: what shall be judged".into()));
    }
    Ok(labels)
}

/// The sets of an evaluation.
struct Sets<'a> {
    request: &'a StyleEvaluation,
    contents: &'a PictureSet,
    styles: &'a PictureSet,
    candidates: &'a [PictureSet],
    labels: &'a [String],
    /// What made the outputs that were painted for this.
    made_by: &'a [Option<MadeBy>],
}

/// Pairs with the output of each candidate.
type PairList = Vec<(Pair, Vec<usize>)>;

impl Sets<'_> {
    fn rejections(&self) -> Vec<super::report::Rejected> {
        let mut found = rejected("contents", self.contents, &self.request.contents);
        found.extend(rejected("styles", self.styles, &self.request.styles));
        for ((set, candidate), label) in self.candidates.iter().zip(&self.request.candidates).zip(self.labels) {
            found.extend(rejected(label, set, candidate.folder()));
        }
        found
    }

    /// The pairs that every candidate has an output of, and what was left out.
    fn pairs(&self, rejections: &mut Vec<super::report::Rejected>) -> Result<(PairList, Vec<String>)> {
        let mut pairings = Vec::new();
        for ((set, candidate), label) in self.candidates.iter().zip(&self.request.candidates).zip(self.labels) {
            let mut pairing = match &self.request.pairs {
                Some(table) => pairing::by_table(
                    table,
                    (self.contents, &self.request.contents),
                    (self.styles, &self.request.styles),
                    (set, candidate.folder()),
                )?,
                None => pairing::by_name(self.contents, self.styles, set, candidate.folder())?,
            };
            let mut leave = |index: usize, reason: String| {
                let file = &set.files()[index].path;
                let below = file.strip_prefix(candidate.folder()).unwrap_or(file);
                rejections.push(super::report::Rejected { file: format!("{label}: {}", below.display()), reason });
            };
            for &index in &pairing.strangers {
                leave(index, "belongs to no pair of a content and a style".into());
            }
            pairing.outputs.retain(|_, &mut index| {
                let file = &set.files()[index];
                let (width, height) = judged_size((file.width, file.height));
                let small = width.min(height) < MIN_SIDE;
                if small {
                    leave(index, format!("is judged at {width}x{height}; sides of at least {MIN_SIDE} px are needed"));
                }
                !small
            });
            pairings.push(pairing);
        }
        let all: Vec<Pair> = pairings[0].outputs.keys().copied().collect();
        let output = |pairing: &Pairing, pair: &Pair| pairing.outputs.get(pair).copied();
        let complete = |pair: Pair| {
            let outputs: Option<Vec<usize>> = pairings.iter().map(|pairing| output(pairing, &pair)).collect();
            outputs.map(|outputs| (pair, outputs))
        };
        let pairs: PairList = all.into_iter().filter_map(complete).collect();
        if pairs.is_empty() {
            let text = "there is no pair of a content and a style that every candidate has an output of";
            return Err(EngineError::Caller(text.into()));
        }
        let possible = self.contents.len() * self.styles.len();
        let mut notes = Vec::new();
        if pairs.len() < possible && self.request.pairs.is_none() {
            let text = format!(
                "{} of {possible} pairs of a content and a style have an output of every candidate; the others are left out.",
                pairs.len()
            );
            notes.push(text);
        }
        Ok((pairs, notes))
    }

    /// Widths and heights of all outputs that are judged.
    fn judged<'a>(&'a self, pairs: &'a PairList) -> impl Iterator<Item = (u32, u32)> + 'a {
        pairs.iter().flat_map(|(_, outputs)| {
            self.candidates.iter().zip(outputs).map(|(set, &output)| {
                let file = &set.files()[output];
                (file.width, file.height)
            })
        })
    }

    fn rows(
        &self,
        evaluator: &Evaluator<'_>,
        judges: &Judges,
        pairs: &PairList,
        measured: &[PairFigures],
    ) -> Result<(Vec<Defined>, Vec<Row>, Vec<super::report::Missing>)> {
        let names = |kind| set_metric_names(kind, judges.lpips_is_there());
        let (spaces, mut missing) = Spaces::open(evaluator, &[NetworkKind::Inception, NetworkKind::Percept], names)?;
        let labels = self.labels.iter().map(String::as_str).chain([IDENTITY, STYLE_COPY]);
        let mut rows = Vec::new();
        let places: Vec<(usize, usize)> = pairs.iter().map(|(pair, _)| (pair.content, pair.style)).collect();
        for (index, label) in labels.enumerate() {
            let kind = if index < self.labels.len() { RowKind::Candidate } else { RowKind::Sanity };
            let mut row = Row::new(label, kind, pairs.len());
            if let Some(set) = self.candidates.get(index) {
                let outputs: Vec<usize> = pairs.iter().map(|(_, outputs)| outputs[index]).collect();
                row.pictures_blake3 = Some(set.select(&outputs).blake3());
                row.made_by = self.made_by[index].clone();
            }
            for (metric, (Metric { name, .. }, _)) in judges.metrics.iter().enumerate() {
                let values: Vec<f64> = measured.iter().map(|pair| f64::from(pair[index][metric])).collect();
                row.figures.insert(name.clone(), mean(&values, &places, evaluator.seed)?);
                row.values.insert(name.clone(), values);
            }
            rows.push(row);
        }
        // Sets: the outputs, and the copies with each content and style as often as it has outputs.
        let used = |index: fn(&Pair) -> usize| pairs.iter().map(|(pair, _)| index(pair)).collect::<Vec<_>>();
        let (content_rows, style_rows) = (used(|pair| pair.content), used(|pair| pair.style));
        let mut reference_rows = style_rows.clone();
        reference_rows.sort_unstable();
        reference_rows.dedup();
        let styles = spaces.vectors(evaluator, self.styles)?;
        let reference = spaces::select(&styles, &reference_rows);
        let mut vectors: Vec<Vec<Embeddings>> = Vec::new();
        for (index, set) in self.candidates.iter().enumerate() {
            let outputs: Vec<usize> = pairs.iter().map(|(_, outputs)| outputs[index]).collect();
            vectors.push(spaces.vectors(evaluator, &set.select(&outputs))?);
        }
        vectors.push(spaces::select(&spaces.vectors(evaluator, self.contents)?, &content_rows));
        vectors.push(spaces::select(&styles, &style_rows));
        let mut defined_metrics = Vec::new();
        for (place, space) in spaces.all.iter().enumerate() {
            evaluator.control.check()?;
            let metrics = distances(space, pairs.len(), reference_rows.len(), "the styles");
            if reference_rows.len() < 2 || pairs.len() < 2 {
                let names = metrics.iter().map(|(metric, _)| metric.name.clone()).collect();
                let reason = "distances between sets need at least two styles and two outputs".to_owned();
                missing.push(super::report::Missing { metrics: names, reason });
                continue;
            }
            for (row, vectors) in rows.iter_mut().zip(&vectors) {
                let intervals = row.kind == RowKind::Candidate;
                let (own, reference) = (&vectors[place], &reference[place]);
                measure_distances(space, own, reference, intervals, evaluator.seed, &mut row.figures)?;
            }
            defined_metrics.extend(metrics);
            if judges.lpips_is_there() {
                defined_metrics.push(artfid_metric(space));
            }
        }
        Ok((defined_metrics, rows, missing))
    }

    fn protocol(&self, evaluator: &Evaluator<'_>, metrics: &[Defined], pairs: &PairList) -> Protocol {
        let hashes =
            |set: &PictureSet| set.files().iter().map(|file| file.blake3.to_hex().to_string()).collect::<Vec<_>>();
        let (contents, styles) = (hashes(self.contents), hashes(self.styles));
        let pair_hashes: Vec<String> =
            pairs.iter().map(|(pair, _)| format!("{} {}", contents[pair.content], styles[pair.style])).collect();
        let data = |hashes: &[String]| DataProtocol::of(hashes.iter().map(String::as_str));
        Protocol {
            version: VERSION,
            job: "style".into(),
            data: BTreeMap::from([
                ("contents".to_owned(), data(&contents)),
                ("styles".to_owned(), data(&styles)),
                ("pairs".to_owned(), data(&pair_hashes)),
            ]),
            rules: judges::rules(),
            metrics: metrics.iter().map(|(metric, protocol)| (metric.name.clone(), protocol.clone())).collect(),
            bootstrap_rounds: BOOTSTRAP_ROUNDS,
            seed: evaluator.seed,
        }
    }

    fn sources(&self) -> Vec<super::report::Source> {
        let mut sources = vec![
            source("contents", self.contents, &self.request.contents),
            source("styles", self.styles, &self.request.styles),
        ];
        for (set, candidate) in self.candidates.iter().zip(&self.request.candidates) {
            sources.push(source("outputs", set, candidate.folder()));
        }
        sources
    }

    /// Pairs from the middle and from the ends of the first candidate's figures.
    fn examples(&self, report: &Report, pairs: &PairList) -> Vec<Example> {
        let row = &report.rows[0];
        let metric = |names: &[&str]| {
            let name = names.iter().find(|name| row.values.contains_key(**name))?;
            Some((report.metrics.iter().find(|metric| metric.name == **name)?, &row.values[*name]))
        };
        let (content, style) = (metric(&["lpips", "content-percept"]), metric(&["gram-vgg", "gram-percept"]));
        let mut chosen: Vec<(String, usize)> = Vec::new();
        for (title, found) in [("content", content), ("style", style)] {
            let Some((metric, values)) = found else { continue };
            let mut order: Vec<usize> = (0..values.len()).collect();
            order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
            let last = order.len() - 1;
            for (what, place) in [("In the middle", last / 2), ("Nearest", 0), ("Farthest", last)] {
                let index = order[place];
                if chosen.iter().all(|(_, known)| *known != index) {
                    chosen.push((format!("{what} by distance to the {title} ({})", metric.name), index));
                }
            }
        }
        chosen.into_iter().map(|(title, index)| self.example(report, title, &pairs[index], index)).collect()
    }

    fn example(&self, report: &Report, title: String, (pair, outputs): &(Pair, Vec<usize>), index: usize) -> Example {
        let (content, style) = (&self.contents.files()[pair.content].path, &self.styles.files()[pair.style].path);
        let mut pictures = vec![
            (format!("content: {}", stem(content)), content.clone()),
            (format!("style: {}", stem(style)), style.clone()),
        ];
        for (row, (set, &output)) in report.rows.iter().zip(self.candidates.iter().zip(outputs)) {
            let figures: Vec<String> = ["lpips", "gram-vgg", "gram-percept"]
                .into_iter()
                .filter_map(|name| {
                    let metric = report.metrics.iter().find(|metric| metric.name == name)?;
                    Some(format!("{name} {}", number(row.values.get(name)?[index], metric.digits)))
                })
                .take(2)
                .collect();
            pictures.push((format!("{}: {}", row.label, figures.join(", ")), set.files()[output].path.clone()));
        }
        Example { title, pictures }
    }
}
