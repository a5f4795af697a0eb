//! Figures of every pair: one pair at a time, so that memory is bounded, with what was measured before from the cache.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use impasto_image::Picture;

use super::pairing::Pair;
use crate::control::Event;
use crate::error::{EngineError, Result};
use crate::metrics::StyleStatistics;
use crate::pipeline::eval::cache::Topic;
use crate::pipeline::eval::judges::{self, Judges, Subject};
use crate::pipeline::eval::protocol::VERSION;
use crate::pipeline::eval::{Evaluator, PictureSet};
use crate::tensor::ImageTensor;

/// Styles that are held at the same time; contents are seen anew for every so many styles.
const STYLES_AT_ONCE: usize = 8;

/// Stretched styles that are held at the same time: as many as styles at once, where contents have one size.
const STRETCHED_AT_ONCE: usize = 12;

/// Figures of one pair: of each candidate, of the copied content, of the copied style, each as [`Judges::metrics`].
pub(super) type PairFigures = Vec<Vec<f32>>;

/// The sets of an evaluation and which outputs of each candidate belong to a pair.
pub(super) struct Grid<'a> {
    pub(super) contents: &'a PictureSet,
    pub(super) styles: &'a PictureSet,
    pub(super) candidates: &'a [PictureSet],
    /// The pairs, in order, with the output of each candidate.
    pub(super) pairs: &'a [(Pair, Vec<usize>)],
}

/// A style as figures need it, and stretched as a copy.
struct Styles<'a> {
    set: &'a PictureSet,
    judges: &'a Judges,
    seen: HashMap<usize, Rc<(ImageTensor, Vec<StyleStatistics>)>>,
    stretched: HashMap<(usize, u32, u32), Rc<Subject>>,
}

impl Styles<'_> {
    fn seen(&mut self, style: usize) -> Result<Rc<(ImageTensor, Vec<StyleStatistics>)>> {
        if let Some(known) = self.seen.get(&style) {
            return Ok(Rc::clone(known));
        }
        let seen = Rc::new(self.judges.style(&judges::seen_style(&self.set.open(style)?)?));
        self.seen.insert(style, Rc::clone(&seen));
        Ok(seen)
    }

    fn stretched(&mut self, style: usize, (width, height): (u32, u32)) -> Result<Rc<Subject>> {
        if let Some(known) = self.stretched.get(&(style, width, height)) {
            return Ok(Rc::clone(known));
        }
        if self.stretched.len() >= STRETCHED_AT_ONCE {
            self.stretched.clear();
        }
        let copy = judges::fitted(&self.set.open(style)?, (width, height))?;
        let subject = Rc::new(self.judges.subject(&copy)?);
        self.stretched.insert((style, width, height), Rc::clone(&subject));
        Ok(subject)
    }

    fn forget(&mut self) {
        self.seen.clear();
        self.stretched.clear();
    }
}

/// The content seen last, at the size it was asked for.
struct LastContent {
    index: usize,
    picture: Picture,
    fitted: Option<((u32, u32), Rc<Subject>)>,
}

impl LastContent {
    fn at(&mut self, size: (u32, u32), judges: &Judges) -> Result<Rc<Subject>> {
        if let Some((known, subject)) = &self.fitted
            && *known == size
        {
            return Ok(Rc::clone(subject));
        }
        let subject = Rc::new(judges.subject(&judges::fitted(&self.picture, size)?)?);
        self.fitted = Some((size, Rc::clone(&subject)));
        Ok(subject)
    }
}

/// The figures of every pair of a grid, in its order.
///
/// # Errors
/// Those of networks and metrics; [`EngineError::Cancelled`]. What was measured before that stays in the cache.
pub(super) fn measure(evaluator: &Evaluator<'_>, judges: &Judges, grid: &Grid<'_>) -> Result<Vec<PairFigures>> {
    let protocols: Vec<_> = judges.metrics.iter().map(|(metric, protocol)| (&metric.name, protocol)).collect();
    let topic = Topic::new("pair", &(VERSION, &evaluator.device, judges::rules(), protocols))?;
    let width = judges.metrics.len();
    let mut found: Vec<Option<PairFigures>> = vec![None; grid.pairs.len()];
    let mut order: Vec<usize> = (0..grid.pairs.len()).collect();
    order.sort_by_key(|&index| {
        let pair = grid.pairs[index].0;
        (pair.style / STYLES_AT_ONCE, pair.content, pair.style)
    });
    if let Some(cache) = evaluator.cache {
        for &index in &order {
            let kept =
                cache.get(&topic, &grid.key(index)).filter(|kept| kept.len() == width * (grid.candidates.len() + 2));
            found[index] = kept.map(|kept| kept.chunks(width).map(<[f32]>::to_vec).collect());
        }
    }
    order.retain(|&index| found[index].is_none());
    let stage = format!("measuring {} pairs", order.len());
    let (total, begun) = (order.len() as u64, Instant::now());
    evaluator.control.emit(Event::Started { stage: stage.clone(), total });
    let mut styles = Styles { set: grid.styles, judges, seen: HashMap::default(), stretched: HashMap::default() };
    let mut content: Option<LastContent> = None;
    let (mut block, mut keep) = (usize::MAX, evaluator.cache);
    for (done, &index) in (1..).zip(&order) {
        evaluator.control.check()?;
        let pair = grid.pairs[index].0;
        if pair.style / STYLES_AT_ONCE != block {
            block = pair.style / STYLES_AT_ONCE;
            styles.forget();
        }
        let content = match &mut content {
            Some(last) if last.index == pair.content => last,
            other => other.insert(LastContent {
                index: pair.content,
                picture: grid.contents.open(pair.content)?,
                fitted: None,
            }),
        };
        let figures = grid.one(index, judges, content, &mut styles)?;
        if let Some(Err(problem)) = keep.map(|cache| cache.put(&topic, &grid.key(index), &figures.concat())) {
            evaluator.control.warn(format!("{problem}; figures of this run are not kept"));
            keep = None;
        }
        found[index] = Some(figures);
        evaluator.control.emit(Event::Progress { done, total, message: String::new() });
    }
    evaluator.control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
    found
        .into_iter()
        .map(|figures| figures.ok_or_else(|| EngineError::Internal("a pair was not measured".into())))
        .collect()
}

impl Grid<'_> {
    /// What the figures of a pair depend on besides the protocol: the contents of all its files.
    fn key(&self, index: usize) -> blake3::Hash {
        let (pair, outputs) = &self.pairs[index];
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.contents.files()[pair.content].blake3.as_bytes());
        hasher.update(self.styles.files()[pair.style].blake3.as_bytes());
        for (set, &output) in self.candidates.iter().zip(outputs) {
            hasher.update(set.files()[output].blake3.as_bytes());
        }
        hasher.finalize()
    }

    fn one(
        &self,
        index: usize,
        judges: &Judges,
        content: &mut LastContent,
        styles: &mut Styles<'_>,
    ) -> Result<PairFigures> {
        let (pair, outputs) = &self.pairs[index];
        let style = styles.seen(pair.style)?;
        let mut figures = Vec::with_capacity(outputs.len() + 2);
        // Copies have the size of the first candidate's output.
        let mut size = None;
        for (set, &output) in self.candidates.iter().zip(outputs) {
            let picture = judges::judged(&set.open(output)?)?;
            let own = (picture.width, picture.height);
            size.get_or_insert(own);
            figures.push(judges.figures(&judges.subject(&picture)?, &*content.at(own, judges)?, &style)?);
        }
        let size = size.ok_or_else(|| EngineError::Internal("a pair without outputs".into()))?;
        let copy = content.at(size, judges)?;
        figures.push(judges.figures(&copy, &copy, &style)?);
        let stretched = styles.stretched(pair.style, size)?;
        figures.push(judges.figures(&stretched, &copy, &style)?);
        Ok(figures)
    }
}
