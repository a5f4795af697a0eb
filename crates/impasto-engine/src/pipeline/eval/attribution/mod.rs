//! Whose hand: a picture's style against folders of pictures by known hands, with what the same method says of those
//! pictures when each is left out, so that its word can be weighed.

mod heat;
mod saliency;
mod space;

use std::path::{Path, PathBuf};

use impasto_image::{Limits, Picture, crop};
use serde::Serialize;

pub use heat::Heat;
pub use saliency::{RunCritic, reaction};
pub use space::StyleSpace;

use super::{Cache, PictureSet};
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::metrics::{Embeddings, RidgeClassifier};

/// Nearest pictures of a corpus whose mean distance says how near a picture is to it.
const NEIGHBOURS: usize = 3;

/// Fewest pictures of a corpus: as many neighbours and the picture itself.
const FEWEST: usize = NEIGHBOURS + 1;

/// Side of the parts of a picture that are judged on their own, as a share of its sides.
const PART: f32 = 0.75;

/// Pictures by one hand.
#[derive(Debug, Clone, Serialize)]
pub struct Corpus {
    /// The folder's name.
    pub name: String,
    /// Pictures used.
    pub pictures: usize,
    /// Files left out and why.
    pub rejected: Vec<(PathBuf, String)>,
}

/// How well the corpora are told apart, each of their pictures judged as if it were not in them.
#[derive(Debug, Clone, Serialize)]
pub struct Reliability {
    /// Share of pictures given to their own corpus.
    pub accuracy: f64,
    /// The same, corpora weighted alike.
    pub balanced_accuracy: f64,
    /// What always naming the largest corpus would get.
    pub baseline_largest: f64,
    /// What the same classifier gets from the mean and covariance of the colours alone.
    pub baseline_colours: f64,
    /// Mean probability given to the corpus that was named: near the accuracy where probabilities can be trusted.
    pub confidence: f64,
    /// Mean of `-ln` of the probability given to the right corpus.
    pub log_loss: f64,
    /// Pictures of a corpus (row) given to a corpus (column).
    pub confusion: Vec<Vec<usize>>,
    /// Pictures of a corpus (row) whose three nearest pictures are nearer in a corpus (column) than in any other. The
    /// larger a corpus, the nearer its nearest pictures are to everything.
    pub confusion_nearest: Vec<Vec<usize>>,
}

impl Reliability {
    /// Share of pictures whose nearest pictures are of their own corpus; see [`Reliability::confusion_nearest`].
    pub fn accuracy_nearest(&self) -> f64 {
        let table = &self.confusion_nearest;
        let own: usize = table.iter().enumerate().map(|(class, row)| row[class]).sum();
        own as f64 / table.iter().flatten().sum::<usize>() as f64
    }
}

/// How a picture stands to one corpus.
#[derive(Debug, Clone, Serialize)]
pub struct Likeness {
    /// The corpus.
    pub corpus: String,
    /// Probability that the picture is of this corpus, supposing that it is of one of them; `None` for one corpus only.
    pub probability: Option<f64>,
    /// Lowest and highest probability over five overlapping parts of the picture.
    pub parts: Option<[f64; 2]>,
    /// Mean style distance to the three nearest pictures of the corpus, in deviations over all corpora.
    pub distance: f64,
    /// Share of the corpus' own pictures that are farther from the rest of it: 0.62 is as near as 62 % are not; near 0 the
    /// picture is unlike anything in it.
    pub nearness: f64,
    /// The nearest pictures, nearest first.
    pub nearest: Vec<(PathBuf, f64)>,
}

/// What was found about a picture.
#[derive(Debug, Clone, Serialize)]
pub struct Attribution {
    /// BLAKE3 of the perception network's weights.
    pub network: String,
    /// Shorter side in pixels at which styles are compared.
    pub side: u32,
    /// The corpora in the order given.
    pub corpora: Vec<Corpus>,
    /// How well they are told apart; `None` for one corpus.
    pub reliability: Option<Reliability>,
    /// The picture against each, the most probable (the nearest, for one corpus) first.
    pub likenesses: Vec<Likeness>,
    /// Files of the corpora that are the picture itself and were left out.
    pub left_out: Vec<PathBuf>,
}

/// The styles of corpora.
pub struct Corpora {
    space: StyleSpace,
    corpora: Vec<Corpus>,
    files: Vec<(PathBuf, blake3::Hash)>,
    labels: Vec<usize>,
    styles: Embeddings,
    colours: Embeddings,
}

/// Corpora without one picture, and what was learnt from them.
pub struct Judge<'a> {
    corpora: &'a Corpora,
    /// The rows that are used.
    rows: Vec<usize>,
    labels: Vec<usize>,
    classifier: Option<RidgeClassifier>,
    reliability: Option<Reliability>,
    scale: RidgeScale,
}

/// One over the deviation of each feature and the root of their number.
type RidgeScale = Vec<f64>;

impl Corpora {
    /// Reads folders, one corpus each, and takes the style of every picture.
    ///
    /// # Errors
    /// [`EngineError::File`] when a folder is missing or holds fewer than four usable pictures; [`EngineError::Caller`]
    /// without folders or with one of them twice; [`EngineError::Cancelled`].
    pub fn read(
        folders: &[PathBuf],
        space: StyleSpace,
        limits: &Limits,
        cache: Option<&Cache>,
        control: &Control,
    ) -> Result<Self> {
        if folders.is_empty() {
            return Err(EngineError::Caller("give at least one folder of pictures to compare with".into()));
        }
        let same = |a: &PathBuf, b: &PathBuf| match (a.canonicalize(), b.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => a == b,
        };
        if let Some(folder) = (1..folders.len()).find(|&i| folders[..i].iter().any(|other| same(other, &folders[i]))) {
            let text = format!("{} is given twice: a picture cannot be told from itself", folders[folder].display());
            return Err(EngineError::Caller(text));
        }
        let (mut corpora, mut files, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let (mut styles, mut colours) = (Vec::new(), Vec::new());
        for (label, folder) in folders.iter().enumerate() {
            let set = PictureSet::read(std::slice::from_ref(folder), limits, cache, control)?;
            if set.len() < FEWEST {
                let text = format!("holds {} usable pictures; a corpus needs at least {FEWEST}", set.len());
                return Err(EngineError::file(folder, text));
            }
            for (style, colour) in space.vectors(&set, cache, control)? {
                styles.extend(style);
                colours.extend(colour);
                labels.push(label);
            }
            files.extend(set.files().iter().map(|file| (file.path.clone(), file.blake3)));
            let rejected = set.rejected().iter().map(|r| (r.path.clone(), r.reason.clone())).collect();
            corpora.push(Corpus { name: name(folder), pictures: set.len(), rejected });
        }
        let count = labels.len();
        let width = |values: &Vec<f32>| values.len() / count;
        let (wide, narrow) = (width(&styles), width(&colours));
        let (styles, colours) = (Embeddings::new(styles, wide)?, Embeddings::new(colours, narrow)?);
        Ok(Self { space, corpora, files, labels, styles, colours })
    }

    /// Learns to tell the corpora apart, without the picture of this content, should it be in one of them.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when a corpus is too small without it.
    pub fn judge(&self, without: Option<&blake3::Hash>) -> Result<Judge<'_>> {
        let rows: Vec<usize> = (0..self.files.len()).filter(|&row| Some(&self.files[row].1) != without).collect();
        let labels: Vec<usize> = rows.iter().map(|&row| self.labels[row]).collect();
        for (label, corpus) in self.corpora.iter().enumerate() {
            if labels.iter().filter(|l| **l == label).count() < FEWEST {
                let text = format!("without the picture itself {} is too small a corpus", corpus.name);
                return Err(EngineError::Caller(text));
            }
        }
        let (styles, colours) = (self.styles.select(&rows), self.colours.select(&rows));
        let classes = self.corpora.len();
        let fit = |examples: &Embeddings| RidgeClassifier::fit(examples, &labels, classes);
        let by_colour = if classes > 1 { Some(fit(&colours)?.held_out()) } else { None };
        let classifier = if classes > 1 { Some(fit(&styles)?) } else { None };
        let scale = crate::metrics::standard_scale(&styles);
        let mut judge = Judge { corpora: self, rows, labels, classifier, reliability: None, scale };
        if let (Some(classifier), Some(colours)) = (&judge.classifier, by_colour) {
            let held_out = classifier.held_out();
            let all = 0..judge.rows.len();
            let nearest: Vec<usize> =
                all.map(|i| judge.nearest_corpus(self.styles.row(judge.rows[i]), Some(i))).collect();
            judge.reliability = Some(reliability(&held_out, &colours, &nearest, &judge.labels, classes));
        }
        Ok(judge)
    }

    /// The space in which styles are compared.
    pub fn space(&self) -> &StyleSpace {
        &self.space
    }

    /// The corpora's names, in the order given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.corpora.iter().map(|corpus| corpus.name.as_str())
    }
}

impl Judge<'_> {
    /// How well the corpora are told apart; `None` for one corpus.
    pub fn reliability(&self) -> Option<&Reliability> {
        self.reliability.as_ref()
    }

    /// Says how a picture stands to every corpus.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when the network gives values that are not finite.
    pub fn attribute(&self, picture: &Picture) -> Result<Attribution> {
        let space = &self.corpora.space;
        let style = space.style(picture)?;
        let probabilities = self.classifier.as_ref().map(|classifier| classifier.probabilities(&style));
        let mut parts: Vec<Vec<f64>> = Vec::new();
        if let Some(classifier) = &self.classifier {
            for part in parts_of(&space.prepared(picture)) {
                parts.push(classifier.probabilities(&space.style_of_prepared(&part)?));
            }
        }
        let mut likenesses: Vec<Likeness> = Vec::new();
        for (label, corpus) in self.corpora.corpora.iter().enumerate() {
            let own: Vec<usize> = (0..self.rows.len()).filter(|&i| self.labels[i] == label).collect();
            let nearest = self.nearest(&style, &own, None);
            let distance = mean(nearest.iter().map(|n| n.1));
            let within = own.iter().map(|&i| {
                let vector = self.corpora.styles.row(self.rows[i]);
                mean(self.nearest(vector, &own, Some(i)).iter().map(|n| n.1))
            });
            let farther = within.filter(|d| *d >= distance).count();
            let path = |&(i, d): &(usize, f64)| (self.corpora.files[self.rows[i]].0.clone(), d);
            likenesses.push(Likeness {
                corpus: corpus.name.clone(),
                probability: probabilities.as_ref().map(|p| p[label]),
                parts: (!parts.is_empty()).then(|| {
                    let of = parts.iter().map(|p| p[label]);
                    [of.clone().fold(f64::INFINITY, f64::min), of.fold(0.0, f64::max)]
                }),
                distance,
                nearness: farther as f64 / own.len() as f64,
                nearest: nearest.iter().map(path).collect(),
            });
        }
        likenesses.sort_by(|a, b| {
            let by_probability = b.probability.unwrap_or(0.0).total_cmp(&a.probability.unwrap_or(0.0));
            by_probability.then(a.distance.total_cmp(&b.distance))
        });
        let used: std::collections::HashSet<usize> = self.rows.iter().copied().collect();
        let left_out = (0..self.corpora.files.len()).filter(|row| !used.contains(row));
        Ok(Attribution {
            network: space.network().to_owned(),
            side: space::SIDE,
            corpora: self.corpora.corpora.clone(),
            reliability: self.reliability.clone(),
            likenesses,
            left_out: left_out.map(|row| self.corpora.files[row].0.clone()).collect(),
        })
    }

    /// How the evidence for a corpus (the logarithm of its odds against the others, or minus half the squared distance to
    /// the mean of the only one) changes with each feature of a style.
    pub(crate) fn slope(&self, style: &[f32], corpus: usize) -> Vec<f64> {
        match &self.classifier {
            Some(classifier) => classifier.gradient(style, corpus),
            None => {
                let centre = self.centre();
                style.iter().zip(&centre).zip(&self.scale).map(|((&v, c), s)| (c - f64::from(v)) * s * s).collect()
            }
        }
    }

    /// The mean style of all corpora.
    pub(crate) fn centre(&self) -> Vec<f64> {
        let styles = &self.corpora.styles;
        let mut mean = vec![0.0; styles.width()];
        for &row in &self.rows {
            mean.iter_mut().zip(styles.row(row)).for_each(|(m, &v)| *m += f64::from(v) / self.rows.len() as f64);
        }
        mean
    }

    /// The corpus with the least mean distance to the nearest of its pictures.
    fn nearest_corpus(&self, vector: &[f32], skip: Option<usize>) -> usize {
        let distance = |label: usize| {
            let own: Vec<usize> = (0..self.rows.len()).filter(|&i| self.labels[i] == label).collect();
            mean(self.nearest(vector, &own, skip).iter().map(|n| n.1))
        };
        let all = (0..self.corpora.corpora.len()).map(|label| (label, distance(label)));
        all.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(label, _)| label)
    }

    /// The nearest of some rows, by standardised features.
    fn nearest(&self, vector: &[f32], own: &[usize], skip: Option<usize>) -> Vec<(usize, f64)> {
        let distance = |i: usize| {
            let row = self.corpora.styles.row(self.rows[i]);
            let square = |((a, b), s): ((&f32, &f32), &f64)| (f64::from(a - b) * s).powi(2);
            vector.iter().zip(row).zip(&self.scale).map(square).sum::<f64>().sqrt()
        };
        let mut all: Vec<(usize, f64)> = own.iter().filter(|i| Some(**i) != skip).map(|&i| (i, distance(i))).collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1));
        all.truncate(NEIGHBOURS);
        all
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The folder's name, or its whole path where it has none.
fn name(folder: &Path) -> String {
    let whole = || folder.display().to_string();
    folder.file_name().map_or_else(whole, |name| name.to_string_lossy().into_owned())
}

/// The corners and the middle, overlapping.
fn parts_of(picture: &Picture) -> Vec<Picture> {
    let side = |length: u32| (length as f32 * PART).ceil() as u32;
    let (width, height) = (side(picture.width), side(picture.height));
    let (right, below) = (picture.width - width, picture.height - height);
    let places = [(0, 0), (right, 0), (0, below), (right, below), (right / 2, below / 2)];
    places.iter().map(|&(x, y)| crop(picture, x, y, width, height)).collect()
}

fn reliability(
    held_out: &[Vec<f64>],
    colours: &[Vec<f64>],
    nearest: &[usize],
    labels: &[usize],
    classes: usize,
) -> Reliability {
    let named = |p: &[f64]| (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap_or(0);
    let table = |to: &mut dyn Iterator<Item = usize>| {
        let mut counts = vec![vec![0; classes]; classes];
        to.zip(labels).for_each(|(to, &label)| counts[label][to] += 1);
        counts
    };
    let confusion = table(&mut held_out.iter().map(|p| named(p)));
    let count = labels.len() as f64;
    let sizes: Vec<usize> = confusion.iter().map(|row| row.iter().sum()).collect();
    let right = |classes: usize| (0..classes).map(|class| confusion[class][class]).sum::<usize>() as f64 / count;
    let recall = (0..classes).map(|class| confusion[class][class] as f64 / sizes[class] as f64);
    let by_colour = colours.iter().zip(labels).filter(|(p, label)| named(p) == **label).count();
    Reliability {
        accuracy: right(classes),
        balanced_accuracy: mean(recall.collect::<Vec<_>>().into_iter()),
        baseline_largest: sizes.iter().copied().max().unwrap_or(0) as f64 / count,
        baseline_colours: by_colour as f64 / count,
        confidence: held_out.iter().map(|p| p[named(p)]).sum::<f64>() / count,
        log_loss: held_out.iter().zip(labels).map(|(p, &l)| -p[l].max(f64::MIN_POSITIVE).ln()).sum::<f64>() / count,
        confusion,
        confusion_nearest: table(&mut nearest.iter().copied()),
    }
}

#[cfg(test)]
mod tests;
