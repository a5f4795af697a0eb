//! The search as a report.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::protocol::{DataProtocol, MetricProtocol, Protocol, VERSION};
use super::super::report::{
    Better, Example, FORMAT, Figure, Finding, IntervalKind, Metric, Missing, NearestPicture, NearestRow, Report, Row,
    RowKind, Tone,
};
use super::super::{BOOTSTRAP_ROUNDS, Evaluator, PictureSet, folder_name, rejected, source};
use super::{EmbeddingView, Memorised, MemorisedEvaluation, Sample};
use crate::error::{EngineError, Result};
use crate::metrics::Interval;

/// The row that is the yardstick: the training pictures among themselves.
const WITHIN_REAL: &str = "real, each beside the others";

const COPIES: &str = "copies";
const REPEATS: &str = "repeats";

impl Memorised {
    /// The report of a search, with the `shown` most suspicious samples beside the training pictures they are most like.
    pub fn report(&self, request: &MemorisedEvaluation, evaluator: &Evaluator<'_>, shown: usize) -> Report {
        let mut sources = vec![source("real", &self.real, &request.real), source("fake", &self.fake, &request.fake)];
        let mut rejections = rejected("real", &self.real, &request.real);
        rejections.extend(rejected("fake", &self.fake, &request.fake));
        let mut data = BTreeMap::from([("real".to_owned(), data(&self.real))]);
        if let (Some(set), Some(root)) = (&self.held_out, &request.held_out) {
            sources.push(source("held out", set, root));
            rejections.extend(rejected("held out", set, root));
            data.insert("held out".to_owned(), self::data(set));
        }
        let metrics = self.metrics();
        let protocol = Protocol {
            version: VERSION,
            job: "memorised".into(),
            data,
            rules: BTreeMap::from([(
                "copies".to_owned(),
                "thumbnails of 12 x 12 under 11 crops of the picture and of its middle square, mirrored too, choose four \
                 candidates; details at 32 x 32 under the best crop decide"
                    .to_owned(),
            )]),
            metrics: metrics.iter().map(|(metric, protocol)| (metric.name.clone(), protocol.clone())).collect(),
            bootstrap_rounds: BOOTSTRAP_ROUNDS,
            seed: evaluator.seed,
        };
        let missing = self.missing.iter().map(|(kind, reason)| Missing {
            metrics: vec![format!("nearest-{}", kind.name())],
            reason: reason.clone(),
        });
        Report {
            format: FORMAT,
            impasto: env!("CARGO_PKG_VERSION").to_owned(),
            title: format!("{} beside what it was trained on", folder_name(&request.fake)),
            protocol_hash: protocol.hash(),
            protocol,
            device: evaluator.device.clone(),
            sources,
            metrics: metrics.into_iter().map(|(metric, _)| metric).collect(),
            rows: self.rows(&folder_name(&request.fake)),
            findings: self.findings(),
            missing: missing.collect(),
            rejected: rejections,
            pairs: Vec::new(),
            samples: self.nearest_rows(request),
            examples: self.samples.iter().take(shown).map(example).collect(),
        }
    }

    /// Every sample with the training pictures it is most like, the most suspicious first.
    pub fn nearest_rows(&self, request: &MemorisedEvaluation) -> Vec<NearestRow> {
        let below = |path: &Path, root: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
        let row = |sample: &Sample| {
            let seen = self.views.iter().zip(&sample.nearest).map(|(view, (path, distance))| {
                let nearest = NearestPicture { file: below(path, &request.real), distance: *distance };
                (format!("{}-{}", view.network.name, view.network.layer), nearest)
            });
            NearestRow {
                file: below(&sample.file, &request.fake),
                nearest: below(&sample.like, &request.real),
                distance: sample.found.distance,
                copy: sample.copy,
                mirrored: sample.found.mirrored,
                region: sample.found.region,
                networks: seen.collect(),
            }
        };
        self.samples.iter().map(row).collect()
    }

    /// [`Memorised::nearest_rows`] as a table in CSV.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when it cannot be written.
    pub fn csv(&self, request: &MemorisedEvaluation) -> Result<Vec<u8>> {
        let failed = |reason: String| EngineError::Internal(format!("cannot write a table: {reason}"));
        let names: Vec<String> =
            self.views.iter().map(|view| format!("{}-{}", view.network.name, view.network.layer)).collect();
        let mut head = ["file", "nearest", "distance", "copy", "mirrored", "left", "top", "right", "bottom"]
            .map(str::to_owned)
            .to_vec();
        head.extend(names.iter().flat_map(|name| [format!("nearest-{name}"), format!("distance-{name}")]));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&head).map_err(|e| failed(e.to_string()))?;
        for row in self.nearest_rows(request) {
            let mut record = vec![row.file, row.nearest, row.distance.to_string()];
            record.extend([row.copy, row.mirrored].map(|yes| yes.to_string()));
            record.extend(row.region.map(|share| share.to_string()));
            let seen = names.iter().filter_map(|name| row.networks.get(name));
            record.extend(seen.flat_map(|seen| [seen.file.clone(), seen.distance.to_string()]));
            writer.write_record(&record).map_err(|e| failed(e.to_string()))?;
        }
        writer.into_inner().map_err(|e| failed(e.to_string()))
    }

    fn metrics(&self) -> Vec<(Metric, MetricProtocol)> {
        let metric = |name: &str, about: &str, better: Better, digits: usize| Metric {
            name: name.into(),
            about: about.into(),
            better,
            digits,
        };
        let plain = |definition: &str| MetricProtocol {
            definition: definition.into(),
            network: None,
            settings: BTreeMap::from([("limit".to_owned(), self.copies.limit.distance.into())]),
        };
        let mut metrics = vec![
            (
                metric(COPIES, "% that copy a training picture", Better::Lower, 2),
                plain("share of pictures whose details correlate with those of a training picture beyond the limit"),
            ),
            (
                metric(REPEATS, "% that repeat another one of their set", Better::Lower, 2),
                plain("share of pictures that copy another one of the same set, by the same rule"),
            ),
        ];
        for view in &self.views {
            let protocol = |definition: &str| MetricProtocol {
                definition: definition.into(),
                network: Some(view.network.clone()),
                settings: BTreeMap::new(),
            };
            metrics.push((
                metric(&nearest_name(view), "distance to the nearest training picture", Better::Neither, 3),
                protocol("mean Euclidean distance to the nearest training picture, exact search"),
            ));
            if let Some(gap) = &view.gap {
                let mut protocol = protocol(
                    "mean distance to the nearest held-out picture over that to the nearest training picture, minus 1, \
                     in %; of the larger set the expectation over all subsets of the size of the smaller",
                );
                protocol.settings.insert("pictures".to_owned(), gap.pictures.into());
                metrics.push((
                    metric(&gap_name(view), "% nearer to training than to held out", Better::Lower, 2),
                    protocol,
                ));
            }
        }
        metrics
    }

    fn rows(&self, label: &str) -> Vec<Row> {
        let share = |count: usize, of: usize| Figure::of(100.0 * count as f64 / of as f64);
        let mut own = BTreeMap::from([
            (COPIES.to_owned(), with(self.copies.share, 100.0)),
            (REPEATS.to_owned(), share(self.copies.duplicates_within_fake, self.fake.len())),
        ]);
        let mut real =
            BTreeMap::from([(REPEATS.to_owned(), share(self.copies.duplicates_within_real, self.real.len()))]);
        for view in &self.views {
            own.insert(nearest_name(view), with(view.to_real, 1.0));
            real.insert(nearest_name(view), with(view.within_real, 1.0));
            if let Some(gap) = &view.gap {
                own.insert(gap_name(view), with(gap.excess, 100.0));
            }
        }
        let samples = Row::new(label, RowKind::Candidate, self.fake.len());
        vec![
            Row { figures: own, pictures_blake3: Some(self.fake.blake3()), ..samples },
            Row { figures: real, ..Row::new(WITHIN_REAL, RowKind::Sanity, self.real.len()) },
        ]
    }

    fn findings(&self) -> Vec<Finding> {
        let copies = &self.copies;
        let mut findings = vec![match copies.copies {
            0 => Finding::new(Tone::Good, format!("None of {} samples copies a training picture.", self.fake.len())),
            count => {
                let text = format!("{count} of {} samples copy a training picture.", self.fake.len());
                Finding::new(Tone::Warning, text)
            }
        }];
        if let Some(count) = copies.copies_of_held_out.filter(|count| *count > 0) {
            let text = format!(
                "{count} samples copy a picture that was held out: either it was not, or the sets share pictures."
            );
            findings.push(Finding::new(Tone::Warning, text));
        }
        if copies.duplicates_within_real > 0 {
            let text = format!(
                "{} training pictures repeat another one; what repeats is memorised first.",
                copies.duplicates_within_real
            );
            findings.push(Finding::new(Tone::Note, text));
        }
        if copies.limit.strangers.is_none() {
            let text = "Fewer than 20 training pictures: how near strangers come could not be learnt from them, and the \
                        limit for copies is the general one.";
            findings.push(Finding::new(Tone::Note, text));
        }
        for view in &self.views {
            if let Some(floor) = view.floor.filter(|_| view.below_floor > 0) {
                let text = format!(
                    "{} samples are nearer to a training picture than two different ones are to each other ({floor:.3} in \
                     the eyes of {} {}).",
                    view.below_floor, view.network.name, view.network.layer
                );
                findings.push(Finding::new(Tone::Warning, text));
            }
            if let Some(gap) = view.gap.filter(|gap| gap.excess.low > 0.0) {
                let text = format!(
                    "In the eyes of {} {} samples are nearer to the training pictures than to as many held out: by {:.1} % \
                     (95 % interval {:.1} to {:.1} %).",
                    view.network.name,
                    view.network.layer,
                    100.0 * gap.excess.value,
                    100.0 * gap.excess.low,
                    100.0 * gap.excess.high
                );
                findings.push(Finding::new(Tone::Warning, text));
            }
        }
        findings
    }
}

fn nearest_name(view: &EmbeddingView) -> String {
    format!("nearest-{}-{}", view.network.name, view.network.layer)
}

fn gap_name(view: &EmbeddingView) -> String {
    format!("gap-{}-{}", view.network.name, view.network.layer)
}

fn with(interval: Interval, factor: f64) -> Figure {
    Figure::with(interval, factor, IntervalKind::Bootstrap)
}

fn data(set: &PictureSet) -> DataProtocol {
    DataProtocol { count: set.len(), blake3: set.blake3() }
}

fn example(sample: &Sample) -> Example {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let verdict = match (sample.copy, sample.found.mirrored) {
        (true, true) => "a copy, mirrored",
        (true, false) => "a copy",
        (false, _) => "no copy",
    };
    let mut pictures = vec![
        (format!("sample {}", name(&sample.file)), sample.file.clone()),
        (format!("training {}", name(&sample.like)), sample.like.clone()),
    ];
    if let Some((path, distance)) = sample.nearest.first().filter(|(path, _)| *path != sample.like) {
        pictures.push((format!("nearest by a network, {} at {distance:.3}", name(path)), path.clone()));
    }
    Example { title: format!("{verdict}: distance {:.3}", sample.found.distance), pictures }
}
