//! Figures of every pair: one pair at a time, so that memory is bounded, with what was measured before from the cache.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use impasto_image::Picture;

use super::pairing::Pair;
use crate::control::Event;
use crate::error::{EngineError, Result};
use crate::metrics::StyleStatistics;
use crate::pipeline::eval::cache::{Cache, Topic};
use crate::pipeline::eval::judges::{self, Judges, SUBJECT_BYTES, Subject, judged_size};
use crate::pipeline::eval::protocol::VERSION;
use crate::pipeline::eval::{Evaluator, PictureSet};
use crate::tensor::ImageTensor;

/// Most styles that are held at the same time; contents are seen anew for every so many styles.
const STYLES_AT_ONCE: usize = 8;

/// Bytes that stretched styles may take at the same time.
const STRETCHED_BYTES: u64 = 768 << 20;

/// Figures of one output, as [`Judges::metrics`].
type Figures = Vec<f32>;

/// Figures of one pair: of each candidate, of the copied content, of the copied style.
pub(super) type PairFigures = Vec<Figures>;

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
    /// Styles that are held.
    most: usize,
    seen: HashMap<usize, Rc<(ImageTensor, Vec<StyleStatistics>)>>,
    stretched: HashMap<(usize, (u32, u32)), Rc<Subject>>,
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

    fn stretched(&mut self, style: usize, size: (u32, u32)) -> Result<Rc<Subject>> {
        if let Some(known) = self.stretched.get(&(style, size)) {
            return Ok(Rc::clone(known));
        }
        if self.stretched.len() >= self.most {
            self.stretched.clear();
        }
        let subject = Rc::new(self.judges.subject(&self.set.open(style)?, size)?);
        self.stretched.insert((style, size), Rc::clone(&subject));
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
        let subject = Rc::new(judges.subject(&self.picture, size)?);
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
    let mut store = Store { cache: evaluator.cache, topic, width: judges.metrics.len() };
    let mut found: Vec<Vec<Option<Figures>>> = (0..grid.pairs.len()).map(|index| store.kept(grid, index)).collect();
    let at_once = grid.styles_at_once();
    let mut order: Vec<usize> = (0..grid.pairs.len()).filter(|&i| found[i].iter().any(Option::is_none)).collect();
    order.sort_by_key(|&index| {
        let pair = grid.pairs[index].0;
        (pair.style / at_once, pair.content, pair.style)
    });
    let stage = format!("measuring {} pairs", order.len());
    let (total, begun) = (order.len() as u64, Instant::now());
    evaluator.control.emit(Event::Started { stage: stage.clone(), total });
    let mut styles =
        Styles { set: grid.styles, judges, most: at_once, seen: HashMap::default(), stretched: HashMap::default() };
    let mut content: Option<LastContent> = None;
    let mut block = usize::MAX;
    for (done, &index) in (1..).zip(&order) {
        evaluator.control.check()?;
        let pair = grid.pairs[index].0;
        if pair.style / at_once != block {
            block = pair.style / at_once;
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
        for place in (0..found[index].len()).filter(|&place| found[index][place].is_none()).collect::<Vec<_>>() {
            let figures = grid.one(index, place, judges, content, &mut styles)?;
            if let Err(problem) = store.keep(&grid.key(index, place), &figures) {
                evaluator.control.warn(format!("{problem}; figures of this run are not kept"));
            }
            found[index][place] = Some(figures);
        }
        evaluator.control.emit(Event::Progress { done, total, message: String::new() });
    }
    evaluator.control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
    let whole = |figures: Vec<Option<Figures>>| figures.into_iter().collect::<Option<PairFigures>>();
    let all: Option<Vec<PairFigures>> = found.into_iter().map(whole).collect();
    all.ok_or_else(|| EngineError::Internal("a pair was not measured".into()))
}

/// Figures of earlier runs.
struct Store<'a> {
    cache: Option<&'a Cache>,
    topic: Topic,
    width: usize,
}

impl Store<'_> {
    /// What is known of a pair: of every candidate and both copies on their own, so that another candidate changes nothing.
    fn kept(&self, grid: &Grid<'_>, index: usize) -> Vec<Option<Figures>> {
        let kept = |place: usize| self.cache?.get(&self.topic, &grid.key(index, place));
        (0..grid.candidates.len() + 2).map(|place| kept(place).filter(|kept| kept.len() == self.width)).collect()
    }

    /// Keeps figures; nothing more after the first that could not be.
    fn keep(&mut self, key: &blake3::Hash, figures: &[f32]) -> Result<()> {
        let outcome = self.cache.map_or(Ok(()), |cache| cache.put(&self.topic, key, figures));
        if outcome.is_err() {
            self.cache = None;
        }
        outcome
    }
}

impl Grid<'_> {
    /// Styles that are held at the same time, by what the largest one takes when it is stretched to an output.
    fn styles_at_once(&self) -> usize {
        let sizes = (0..self.pairs.len()).map(|index| judged_size(self.size(index)));
        let largest = sizes.map(|(w, h)| u64::from(w) * u64::from(h)).max().unwrap_or(1);
        at_once(largest)
    }

    /// Width and height of the first candidate's output of a pair: copies have its size.
    fn size(&self, index: usize) -> (u32, u32) {
        let file = &self.candidates[0].files()[self.pairs[index].1[0]];
        (file.width, file.height)
    }

    /// What the figures at a place depend on besides the protocol: content, style, and the output or the copy's size.
    fn key(&self, index: usize, place: usize) -> blake3::Hash {
        let (pair, outputs) = &self.pairs[index];
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.contents.files()[pair.content].blake3.as_bytes());
        hasher.update(self.styles.files()[pair.style].blake3.as_bytes());
        match self.candidates.get(place) {
            Some(set) => hasher.update(set.files()[outputs[place]].blake3.as_bytes()),
            None => {
                let copied = if place == self.candidates.len() { "content" } else { "style" };
                let (width, height) = self.size(index);
                hasher.update(format!("{copied} at {width}x{height}").as_bytes())
            }
        };
        hasher.finalize()
    }

    /// The figures of a candidate's output, of the copied content or of the copied style.
    fn one(
        &self,
        index: usize,
        place: usize,
        judges: &Judges,
        content: &mut LastContent,
        styles: &mut Styles<'_>,
    ) -> Result<Figures> {
        let (pair, outputs) = &self.pairs[index];
        let style = styles.seen(pair.style)?;
        if let Some(set) = self.candidates.get(place) {
            let picture = set.open(outputs[place])?;
            let size = (picture.width, picture.height);
            return judges.figures(&judges.subject(&picture, size)?, &*content.at(size, judges)?, &style);
        }
        let size = self.size(index);
        let copy = content.at(size, judges)?;
        if place == self.candidates.len() {
            return judges.figures(&copy, &copy, &style);
        }
        judges.figures(&*styles.stretched(pair.style, size)?, &copy, &style)
    }
}

/// Styles that are held at the same time where the largest output has so many pixels.
fn at_once(pixels: u64) -> usize {
    let fitting = STRETCHED_BYTES / (SUBJECT_BYTES * pixels.max(1));
    (fitting as usize).clamp(1, STYLES_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_bounds_what_is_held() {
        for (side, styles) in [(64, 8), (512, 8), (768, 7), (1024, 4), (100_000, 1)] {
            assert_eq!(at_once(side * side), styles, "{side}");
        }
    }
}
