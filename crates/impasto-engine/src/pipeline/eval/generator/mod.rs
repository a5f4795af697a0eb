//! `eval generator`: samples of generators beside the real pictures, and beside what other real pictures would score.

mod figures;
mod findings;
mod pixels;
mod samples;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use self::samples::{Making, Samples};

use self::figures::{Side, figures, metrics_of, needing, path_length, path_metric};
use self::pixels::Pixels;
use super::judges;
use super::protocol::{DataProtocol, Protocol, VERSION};
use super::report::{Example, FORMAT, Finding, Report, Row, RowKind, Source, Tone};
use super::spaces::{Defined, Spaces};
use super::{BOOTSTRAP_ROUNDS, Evaluator, NetworkKind, PictureSet, folder_name, rejected, source};
use crate::error::{EngineError, Result};
use crate::metrics::shuffled;

/// The sanity row: some of the real pictures judged as if they were made by a generator, beside the rest. As many as there
/// are samples where that leaves as many again, else one half.
pub const REAL_SPLIT: &str = "real beside real";

/// Pictures in the page, of the real ones and of each candidate.
const SHOWN: usize = 12;

/// Times by which real pictures may be larger than samples before that is said.
const MUCH_LARGER: f64 = 1.25;

/// What is to be judged.
#[derive(Debug, Clone)]
pub struct GeneratorEvaluation {
    /// Folder of real pictures, with a folder for each class where there are classes.
    pub real: PathBuf,
    /// Folders of samples, at least one, with the same classes where there are classes.
    pub fakes: Vec<PathBuf>,
    /// Rows and columns to which real pictures are brought as training does; their own size where absent.
    pub size: Option<[usize; 2]>,
    /// Samples judged of each folder, drawn by the seed; all where absent.
    pub samples: Option<usize>,
    /// What is known of the generators that made the samples in some of these folders.
    pub made: BTreeMap<PathBuf, Making>,
}

/// Pictures with what was seen in them.
struct Judged {
    set: PictureSet,
    root: PathBuf,
    side: Side,
}

/// Runs the evaluation.
///
/// # Errors
/// [`EngineError::File`] for folders without usable pictures; [`EngineError::Caller`] for fewer samples than asked for,
/// fewer than four real pictures or fewer than two samples, and for folders of one name; [`EngineError::Cancelled`].
pub fn evaluate_generator(request: &GeneratorEvaluation, evaluator: &Evaluator<'_>) -> Result<Report> {
    let labels: Vec<String> = request.fakes.iter().map(|folder| folder_name(folder)).collect();
    check_labels(&labels)?;
    let kinds = [NetworkKind::Inception, NetworkKind::Percept, NetworkKind::GoogLeNet];
    let (spaces, mut missing) = Spaces::open(evaluator, &kinds, needing)?;
    let read = |root: &Path, samples: Option<usize>, size: Option<[usize; 2]>| -> Result<PictureSet> {
        let set = PictureSet::read(&[root.to_owned()], &evaluator.limits, evaluator.cache, evaluator.control)?;
        let set = match size {
            Some(size) => set.framed(size)?,
            None => set,
        };
        draw(set.by_content(), samples, root, evaluator.seed)
    };
    let real = read(&request.real, None, request.size)?;
    if real.len() < 4 {
        let text = format!("{} real pictures are too few to be split in halves: at least four are needed", real.len());
        return Err(EngineError::Caller(text));
    }
    let mut rejections = rejected("real", &real, &request.real);
    let mut fakes = Vec::new();
    for (folder, label) in request.fakes.iter().zip(&labels) {
        let fake = read(folder, request.samples, None)?;
        if fake.len() < 2 {
            return Err(EngineError::file(
                folder,
                "holds one usable picture; distances between sets need at least two",
            ));
        }
        rejections.extend(rejected(label, &fake, folder));
        fakes.push(fake);
    }
    let smallest = fakes.iter().chain([&real]).map(PictureSet::least_side).min().unwrap_or_default();
    let pixels = Pixels::of(smallest);
    missing.extend(pixels.missing().iter().cloned());
    let judge = |set: PictureSet, root: &Path| -> Result<Judged> {
        let side = Side {
            contents: set.files().iter().map(|file| file.blake3).collect(),
            vectors: spaces.vectors(evaluator, &set)?,
            pixels: pixels.measure(&set, evaluator)?,
        };
        Ok(Judged { set, root: root.to_owned(), side })
    };
    let real = judge(real, &request.real)?;
    let fakes: Vec<Judged> =
        fakes.into_iter().zip(&request.fakes).map(|(set, root)| judge(set, root)).collect::<Result<_>>()?;
    let least = fakes.iter().map(|fake| fake.set.len()).min().unwrap_or_default();
    let measures = (&spaces, &pixels);
    let mut metrics = metrics_of(measures, least, real.set.len(), evaluator.seed);
    metrics.extend((!request.made.is_empty()).then(|| path_metric(&spaces, evaluator.seed)));
    let mut rows = Vec::new();
    for (fake, label) in fakes.iter().zip(&labels) {
        evaluator.control.check()?;
        let mut row = Row::new(label, RowKind::Candidate, fake.set.len());
        row.figures = figures(measures, &real.side, &fake.side, true, evaluator)?;
        row.pictures_blake3 = Some(fake.set.blake3());
        if let Some(making) = request.made.get(&fake.root) {
            row.figures.extend([path_length(&making.lengths, evaluator.seed)]);
            row.made_by = Some(making.made_by.clone());
        }
        rows.push(row);
        rows.extend(class_rows(measures, &real, fake, label, evaluator)?);
    }
    rows.push(split_row(measures, &real, least, evaluator)?);
    let protocol = protocol(evaluator, &metrics, &real.set);
    let mut report = Report {
        format: FORMAT,
        impasto: env!("CARGO_PKG_VERSION").to_owned(),
        title: format!("{} beside {} real pictures", labels.join(", "), real.set.len()),
        protocol_hash: protocol.hash(),
        protocol,
        device: evaluator.device.clone(),
        sources: sources(request, &real, &fakes),
        metrics: metrics.into_iter().map(|(metric, _)| metric).collect(),
        rows,
        findings: Vec::new(),
        missing,
        rejected: rejections,
        pairs: Vec::new(),
        samples: Vec::new(),
        examples: examples(&real, &fakes, &labels),
    };
    report.findings = findings::findings(&report);
    report.findings.extend(unequal(&fakes));
    report.findings.extend(larger(&real.set, &fakes));
    Ok(report)
}

fn check_labels(labels: &[String]) -> Result<()> {
    if labels.is_empty() {
        return Err(EngineError::Caller("give --fake DIR, a folder of samples, or --model".into()));
    }
    let repeated = labels.iter().enumerate().find(|(index, label)| labels[..*index].contains(label));
    match repeated {
        Some((_, label)) => {
            Err(EngineError::Caller(format!("two rows would be called '{label}'; give folders of different names")))
        }
        None => Ok(()),
    }
}

/// Rows are fair beside each other at equal numbers only.
fn unequal(fakes: &[Judged]) -> Option<Finding> {
    let counts: Vec<usize> = fakes.iter().map(|fake| fake.set.len()).collect();
    let text = "the folders hold different numbers of samples; Fréchet distances depend on the number: give --samples N to \
                judge as many of each";
    (counts.iter().any(|&count| count != counts[0])).then(|| Finding::new(Tone::Note, text))
}

/// Real pictures that are larger than samples also differ from them in sharpness.
fn larger(real: &PictureSet, fakes: &[Judged]) -> Option<Finding> {
    let (real, fake) = (real.short_side(), fakes.iter().map(|fake| fake.set.short_side()).min()?);
    let text = format!(
        "Real pictures are larger than samples ({real} and {fake} px on the shorter side), so that sharpness is judged along: \
         --res {fake} brings them to that size as training does."
    );
    (real as f64 > MUCH_LARGER * fake as f64).then(|| Finding::new(Tone::Warning, text))
}

/// `samples` of a set, drawn by the seed, in their order.
fn draw(set: PictureSet, samples: Option<usize>, root: &Path, seed: u64) -> Result<PictureSet> {
    match samples {
        Some(samples) if samples > set.len() => {
            let text = format!("holds {} usable pictures, fewer than the {samples} samples asked for", set.len());
            Err(EngineError::file(root, text))
        }
        Some(samples) if samples < set.len() => {
            let mut chosen = shuffled(set.len(), seed, "samples", 0);
            chosen.truncate(samples);
            chosen.sort_unstable();
            Ok(set.select(&chosen))
        }
        _ => Ok(set),
    }
}

/// Some of the real pictures beside the rest.
fn split_row(measures: (&Spaces, &Pixels), real: &Judged, samples: usize, evaluator: &Evaluator<'_>) -> Result<Row> {
    let order = shuffled(real.set.len(), evaluator.seed, "halves", 0);
    let (some, rest) = order.split_at(samples.min(order.len() / 2));
    let mut row = Row::new(REAL_SPLIT, RowKind::Sanity, some.len());
    row.figures = figures(measures, &real.side.select(rest), &real.side.select(some), true, evaluator)?;
    Ok(row)
}

/// Rows of the classes that both sides have: their first folder below the root.
fn class_rows(
    measures: (&Spaces, &Pixels),
    real: &Judged,
    fake: &Judged,
    label: &str,
    evaluator: &Evaluator<'_>,
) -> Result<Vec<Row>> {
    let (real_classes, fake_classes) = (classes(real), classes(fake));
    let mut rows = Vec::new();
    for (class, members) in &fake_classes {
        let Some(others) = real_classes.get(class) else { continue };
        let mut row = Row::new(format!("{label}: {class}"), RowKind::Part, members.len());
        row.figures = figures(measures, &real.side.select(others), &fake.side.select(members), false, evaluator)?;
        rows.push(row);
    }
    Ok(if rows.len() > 1 { rows } else { Vec::new() })
}

fn classes(judged: &Judged) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, file) in judged.set.files().iter().enumerate() {
        let below = file.path.strip_prefix(&judged.root).unwrap_or(&file.path);
        let mut parts = below.components();
        if let (Some(class), Some(_)) = (parts.next(), parts.next()) {
            found.entry(class.as_os_str().to_string_lossy().into_owned()).or_default().push(index);
        }
    }
    found
}

fn protocol(evaluator: &Evaluator<'_>, metrics: &[Defined], real: &PictureSet) -> Protocol {
    let hashes: Vec<String> = real.files().iter().map(|file| file.blake3.to_hex().to_string()).collect();
    let mut rules = judges::rules();
    rules.retain(|name, _| name == "reading");
    if let Some([rows, columns]) = real.frame() {
        let text = format!("real pictures cut to their middle and scaled to {columns}x{rows} px in 8 bit");
        rules.insert("real size".to_owned(), text);
    }
    Protocol {
        version: VERSION,
        job: "generator".into(),
        data: BTreeMap::from([("real".to_owned(), DataProtocol::of(hashes.iter().map(String::as_str)))]),
        rules,
        metrics: metrics.iter().map(|(metric, protocol)| (metric.name.clone(), protocol.clone())).collect(),
        bootstrap_rounds: BOOTSTRAP_ROUNDS,
        seed: evaluator.seed,
    }
}

fn sources(request: &GeneratorEvaluation, real: &Judged, fakes: &[Judged]) -> Vec<Source> {
    let mut sources = vec![source("real", &real.set, &request.real)];
    sources.extend(fakes.iter().map(|fake| source("samples", &fake.set, &fake.root)));
    sources
}

/// Pictures spread evenly over each set.
fn examples(real: &Judged, fakes: &[Judged], labels: &[String]) -> Vec<Example> {
    let spread = |judged: &Judged| {
        let count = judged.set.len().min(SHOWN);
        let path = |index: usize| judged.set.files()[index * judged.set.len() / count].path.clone();
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (0..count).map(path).map(|path| (name(&path), path)).collect()
    };
    let mut examples = vec![Example { title: "Real pictures".into(), pictures: spread(real) }];
    for (fake, label) in fakes.iter().zip(labels) {
        examples.push(Example { title: format!("Samples of {label}"), pictures: spread(fake) });
    }
    examples
}
