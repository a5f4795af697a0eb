//! What is measured of each picture alone, without a network.

use std::collections::BTreeMap;

use serde_json::json;

use crate::control::Event;
use crate::error::{EngineError, Result};
use crate::metrics;
use crate::pipeline::eval::cache::Topic;
use crate::pipeline::eval::definitions::checkerboard_metric;
use crate::pipeline::eval::judges::opaque;
use crate::pipeline::eval::protocol::VERSION;
use crate::pipeline::eval::report::{Better, Figure, IntervalKind, Missing};
use crate::pipeline::eval::spaces::{Defined, defined};
use crate::pipeline::eval::{BOOTSTRAP_ROUNDS, Evaluator, PictureSet};
use crate::tensor;

/// Shorter side from which checkerboards are looked for, in pixels.
const CHECKERBOARD_SIDE: usize = 64;

/// Shorter side from which pictures have seams, in pixels.
const SEAM_SIDE: usize = 4;

/// Pictures that are read at a time.
const BLOCK: usize = 64;

/// The figures of one picture, in the order of [`Pixels::metrics`]; in single precision, which is what caches keep.
pub(super) type PixelFigures = Vec<f32>;

/// Which of them all sets are large enough for.
#[derive(Debug)]
pub(super) struct Pixels {
    names: Vec<&'static str>,
    missing: Vec<Missing>,
}

impl Pixels {
    /// For sets whose smallest picture has this shorter side.
    pub(super) fn of(side: usize) -> Self {
        let mut found = Self { names: Vec::new(), missing: Vec::new() };
        for (name, least) in [("checkerboard", CHECKERBOARD_SIDE), ("seam", SEAM_SIDE)] {
            if side >= least {
                found.names.push(name);
            } else {
                let reason =
                    format!("needs pictures of at least {least} px on the shorter side; the smallest has {side} px");
                found.missing.push(Missing { metrics: vec![name.to_owned()], reason });
            }
        }
        found
    }

    /// What is left out, and why.
    pub(super) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The metrics.
    pub(super) fn metrics(&self) -> impl Iterator<Item = Defined> {
        self.names.iter().map(|&name| match name {
            "checkerboard" => checkerboard_metric(),
            _ => defined(
                name.to_owned(),
                "step where a picture meets itself, 1 none",
                (Better::Neither, 2),
                "mean step across the opposite borders of a picture set side by side, over the steps beside them, the \
                 larger of both directions; about 1 for patterns that repeat without a seam, to be compared with the \
                 real pictures",
                None,
                &[("tile", json!(null))],
            ),
        })
    }

    /// The figures of every picture of a set, from the cache where it has them.
    ///
    /// # Errors
    /// [`EngineError::File`] when a picture has changed; [`EngineError::Cancelled`].
    pub(super) fn measure(&self, set: &PictureSet, evaluator: &Evaluator<'_>) -> Result<Vec<PixelFigures>> {
        let topic = Topic::new("pixels", &(VERSION, &self.names, &evaluator.device, set.frame()))?;
        let kept = |file: &crate::pipeline::eval::PictureFile| {
            let kept = evaluator.cache.and_then(|cache| cache.get(&topic, &file.blake3));
            kept.filter(|kept| kept.len() == self.names.len())
        };
        let mut found: Vec<Option<PixelFigures>> = set.files().iter().map(kept).collect();
        let missing: Vec<usize> = (0..found.len()).filter(|&index| found[index].is_none()).collect();
        let (stage, total) = (format!("measuring {} pictures", missing.len()), missing.len() as u64);
        evaluator.control.emit(Event::Started { stage: stage.clone(), total });
        let begun = std::time::Instant::now();
        let mut keep = evaluator.cache;
        for (block, some) in (1..).zip(missing.chunks(BLOCK)) {
            evaluator.control.check()?;
            let files: Vec<_> = some.iter().map(|&index| &set.files()[index]).collect();
            let measured = set.each(&files, |picture| self.of_picture(&picture, evaluator))?;
            for (&index, figures) in some.iter().zip(measured) {
                let figures = figures?;
                if let Some(Err(problem)) = keep.map(|cache| cache.put(&topic, &set.files()[index].blake3, &figures)) {
                    evaluator.control.warn(format!("{problem}; figures of this run are not kept"));
                    keep = None;
                }
                found[index] = Some(figures);
            }
            let done = (block * BLOCK as u64).min(total);
            evaluator.control.emit(Event::Progress { done, total, message: String::new() });
        }
        evaluator.control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
        let all: Option<Vec<_>> = found.into_iter().collect();
        all.ok_or_else(|| EngineError::Internal("a picture was not measured".into()))
    }

    fn of_picture(&self, picture: &impasto_image::Picture, evaluator: &Evaluator<'_>) -> Result<PixelFigures> {
        let image = tensor::from_picture(&opaque(picture)?, evaluator.networks.device()); // [1, 3, h, w]
        let figure = |name: &&str| match *name {
            "checkerboard" => metrics::checkerboard_score(image.clone()),
            _ => metrics::seam_score(image.clone(), None),
        };
        self.names.iter().map(|name| figure(name).map(|value| value as f32)).collect()
    }

    /// The means over a set.
    pub(super) fn figures(&self, all: &[PixelFigures], seed: u64, figures: &mut BTreeMap<String, Figure>) {
        for (place, name) in self.names.iter().enumerate() {
            let values: Vec<f64> = all.iter().map(|own| f64::from(own[place])).collect();
            let found = metrics::mean_interval(&values, BOOTSTRAP_ROUNDS, seed);
            figures.insert((*name).to_owned(), Figure::with(found, 1.0, IntervalKind::Bootstrap));
        }
    }
}
