//! The optimisation as a [`Stylizer`]: sizes from coarse to fine, progress, previews, cancelling.

use std::time::Instant;

use burn::tensor::Device;
use impasto_image::{Picture, resize};

use super::lbfgs::{Lbfgs, LbfgsSettings};
use super::objective::{Objective, Parts, Weights};
use super::optimiser::{Adam, Optimiser, Outcome};
use super::{DESCRIPTOR, GatysConfig, OptimiserKind, Start};
use crate::control::{Control, Event};
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::rng;
use crate::tensor::{self, ImageTensor};
use crate::traits::{Style, StyleRequest, Stylizer};

/// The shorter side of the coarsest size is at least this.
const COARSEST: usize = 128;
/// Coarse sizes are rounded to this, which pooling divides evenly.
const MULTIPLE: usize = 16;
/// Steps between two previews.
const PREVIEW_EVERY: u64 = 10;
/// Deviation of the noise to start from, about 0.5.
const NOISE: f32 = 0.15;
/// Below this strength the content itself is blended in as well, so that 0 is exactly the content.
const BLEND_BELOW: f32 = 0.25;
const BOUNDS: [f32; 2] = [0.0, 1.0];
const STAGE: &str = "optimise";

/// Optimises pictures against a perception network.
pub struct Gatys {
    config: GatysConfig,
    features: Box<dyn Features>,
    device: Device,
}

impl std::fmt::Debug for Gatys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gatys").field("config", &self.config).field("features", &self.features.name()).finish()
    }
}

impl Gatys {
    /// Optimises with `config` against `features`, which live on `device`.
    ///
    /// # Errors
    /// [`EngineError::Caller`] that names the value of the configuration out of bounds.
    pub fn new(config: GatysConfig, features: Box<dyn Features>, device: &Device) -> Result<Self> {
        config.validate().map_err(EngineError::Caller)?;
        Ok(Self { config, features, device: device.clone().inner() })
    }

    /// The settings.
    pub fn config(&self) -> &GatysConfig {
        &self.config
    }

    /// Like [`Stylizer::stylize`], starting from `start` (`[1, 3, h, w]` in `[0, 1]`, resized to the content's size)
    /// in place of the configuration's `init`: improves what a fast network painted. [`GatysConfig::refine`] has the
    /// settings for it.
    ///
    /// # Errors
    /// As [`Stylizer::stylize`].
    pub fn refine(&self, start: ImageTensor, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor> {
        let start = single(start, "the picture to start from")?;
        self.paint(Some(start), request, control)
    }

    fn paint(&self, start: Option<Picture>, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor> {
        let strength = request.strength.clamp(0.0, 1.0);
        if strength == 0.0 {
            return Ok(request.content);
        }
        control.check()?;
        let content = single(request.content.clone(), "the content")?;
        let least = self.features.min_side() as u32;
        if content.width.min(content.height) < least {
            let (w, h) = (content.width, content.height);
            let name = self.features.name();
            return Err(EngineError::Caller(format!("the content is {w}x{h}: '{name}' needs {least} px on each side")));
        }
        let start = match (start, self.config.init) {
            (Some(start), _) => start,
            (None, Start::Content) => content.clone(),
            (None, Start::Noise) => noise(&content, request.seed)?,
        };
        let job = Job { gatys: self, styles: styles(&request.styles)?, content, strength, control };
        let painted = job.run(start, request.preview)?;
        let painted = tensor::from_picture(&painted, &request.content.device());
        let blend = (strength / BLEND_BELOW).min(1.0);
        Ok(if blend < 1.0 { request.content * (1.0 - blend) + painted * blend } else { painted })
    }
}

impl Stylizer for Gatys {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    /// Runs it. Once one step is done, cancelling returns the best picture so far, and so do values that stop being
    /// finite, with a warning. The result is within `[0, 1]`.
    fn stylize(&self, request: StyleRequest<'_>, control: &Control) -> Result<ImageTensor> {
        self.paint(None, request, control)
    }
}

/// One picture being painted.
struct Job<'a> {
    gatys: &'a Gatys,
    content: Picture,
    styles: Vec<(Picture, f32)>,
    strength: f32,
    control: &'a Control,
}

/// Why a level ended.
enum End {
    Done,
    Stop,
}

impl Job<'_> {
    fn run(&self, start: Picture, preview: Option<&(dyn Fn(u64, u64, ImageTensor) + Sync)>) -> Result<Picture> {
        let config = &self.gatys.config;
        let least = COARSEST.max(self.gatys.features.min_side());
        let sizes = sizes([self.content.height as usize, self.content.width as usize], config.levels, least);
        let total = u64::from(config.steps);
        self.control.emit(Event::Started { stage: STAGE.into(), total });
        let started = Instant::now();
        let mut picture = start;
        let count = sizes.len() as u64;
        for (i, size) in (0..).zip(sizes) {
            let (from, to) = (total * i / count, total * (i + 1) / count);
            if from == to {
                continue; // fewer steps than sizes
            }
            let (next, end) = self.level(picture, size, from..to, preview)?;
            picture = next;
            if let End::Stop = end {
                break;
            }
        }
        self.control.emit(Event::Finished { stage: STAGE.into(), seconds: started.elapsed().as_secs_f64() });
        Ok(resize(&picture, self.content.width, self.content.height))
    }

    /// Optimises at one size, steps `span` of the whole.
    fn level(
        &self,
        start: Picture,
        [h, w]: [usize; 2],
        span: std::ops::Range<u64>,
        preview: Option<&(dyn Fn(u64, u64, ImageTensor) + Sync)>,
    ) -> Result<(Picture, End)> {
        let config = &self.gatys.config;
        let objective = self.objective([h, w])?;
        let total = u64::from(config.steps);
        let x = resize(&start, w as u32, h as u32).to_planar();
        let mut optimiser: Box<dyn Optimiser> = match config.optimiser {
            OptimiserKind::Lbfgs => {
                Box::new(Lbfgs::new(x, LbfgsSettings { bounds: BOUNDS, ..LbfgsSettings::default() }))
            }
            OptimiserKind::Adam => Box::new(Adam::new(x, BOUNDS, config.rate, (span.end - span.start) as u32)),
        };
        let picture = |optimiser: &dyn Optimiser| {
            Picture::from_planar(w as u32, h as u32, optimiser.best())
                .map_err(|e| EngineError::Internal(format!("the optimised picture: {e}")))
        };
        let mut parts = Parts::default();
        for step in span.clone() {
            let outcome = optimiser.step(&mut |x, gradient| {
                self.control.check()?;
                parts = objective.evaluate(x, gradient);
                Ok(parts.total())
            });
            match outcome {
                Ok(Outcome::Moved) => {}
                Ok(Outcome::Converged) => break,
                Ok(Outcome::NotFinite) => {
                    self.control.warn(format!("step {step}: the loss is not finite; keeping the best picture so far"));
                    return Ok((picture(&*optimiser)?, End::Stop));
                }
                Err(EngineError::Cancelled) if step > 0 => return Ok((picture(&*optimiser)?, End::Stop)),
                Err(error) => return Err(error),
            }
            let done = step + 1;
            self.control.emit(Event::Progress { done, total, message: message(&parts, [h, w]) });
            if let Some(preview) = preview
                && (done % PREVIEW_EVERY == 0 || done == total)
            {
                let full = resize(&picture(&*optimiser)?, self.content.width, self.content.height);
                preview(done, total, tensor::from_picture(&full, &self.gatys.device));
            }
        }
        Ok((picture(&*optimiser)?, End::Done))
    }

    fn objective(&self, [h, w]: [usize; 2]) -> Result<Objective<'_>> {
        let Gatys { config, features, device } = self.gatys;
        let image = |picture: &Picture| tensor::from_picture(picture, device);
        let content = resize(&self.content, w as u32, h as u32);
        let least = features.min_side() as u32;
        let styles = self.styles.iter().map(|(style, share)| {
            let [height, width] = style_size(style, [h, w], config.style_scale, least);
            (image(&resize(style, width, height)), *share)
        });
        let weights =
            Weights { content: config.content_weight, style: config.style_weight, variation: config.tv_weight };
        Ok(Objective::new(&**features, weights, image(&content), styles.collect(), self.strength))
    }
}

fn message(parts: &Parts, [h, w]: [usize; 2]) -> String {
    let Parts { content, style, variation } = parts;
    format!("{w}x{h}  loss {:.4}  content {content:.4}  style {style:.4}  variation {variation:.4}", parts.total())
}

/// A batch of one picture.
fn single(image: ImageTensor, what: &str) -> Result<Picture> {
    let [n, c, h, w] = image.dims();
    if [n, c] != [1, 3] {
        return Err(EngineError::Caller(format!("{what} has shape [{n}, {c}, {h}, {w}], expected [1, 3, h, w]")));
    }
    tensor::to_picture(image)
}

/// The style pictures with weights that sum to 1.
fn styles(styles: &[(Style, f32)]) -> Result<Vec<(Picture, f32)>> {
    let sum: f32 = styles.iter().map(|(_, weight)| weight).sum();
    if !(sum.is_finite() && sum > 0.0) {
        return Err(EngineError::Caller("give at least one style with a weight above 0".into()));
    }
    let picture = |(style, weight): &(Style, f32)| match style {
        Style::Picture(image) => Ok((single(image.clone(), "the style")?, weight / sum)),
        Style::Code(_) | Style::Own(..) => Err(EngineError::Caller(
            "'gatys' needs the style as a picture: a style code holds too little of it; give the painting's file"
                .into(),
        )),
    };
    styles.iter().map(picture).collect()
}

/// Seeded noise about mid-grey of the content's size.
fn noise(content: &Picture, seed: u64) -> Result<Picture> {
    let mut draws = rng::normal(&mut rng::stream(seed, "gatys.noise", 0), content.rgb.len());
    draws.iter_mut().for_each(|v| *v = (0.5 + NOISE * *v).clamp(0.0, 1.0));
    Picture::from_rgb(content.width, content.height, draws)
        .map_err(|e| EngineError::Internal(format!("the noise to start from: {e}")))
}

/// Sizes `[h, w]` from the coarsest to the full one: each half of the next, at most `levels`, the shorter side at
/// least `least`.
pub(super) fn sizes([h, w]: [usize; 2], levels: u32, least: usize) -> Vec<[usize; 2]> {
    let shrunk = |level: u32| {
        [h, w].map(|side| {
            let side = side as f64 / f64::from(1_u32 << level);
            ((side / MULTIPLE as f64).round() as usize * MULTIPLE).max(MULTIPLE)
        })
    };
    let coarse = (1..levels).map(shrunk).take_while(|size| size[0].min(size[1]) >= least);
    let mut sizes: Vec<_> = coarse.collect();
    sizes.reverse();
    sizes.push([h, w]);
    sizes
}

/// The style's size `[h, w]` beside a content of `[h, w]`: as many pixels for a `scale` of 1, its own proportions kept,
/// both sides at least `least`.
pub(super) fn style_size(style: &Picture, [h, w]: [usize; 2], scale: f32, least: u32) -> [u32; 2] {
    let own = style.pixels() as f64;
    let factor = f64::from(scale) * ((h * w) as f64 / own).sqrt();
    let factor = factor.max(f64::from(least) / f64::from(style.width.min(style.height)));
    [style.height, style.width].map(|side| ((f64::from(side) * factor).round() as u32).max(least))
}
