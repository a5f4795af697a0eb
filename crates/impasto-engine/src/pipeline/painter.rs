//! Stylisation of pictures of any size: a [`Painter`] is made once for a job and paints any number of contents.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use impasto_image::colour::{self, PreserveColor};
use impasto_image::{Limits, Mask, Picture, compose, resize_to_long_side};

use super::files::{Input, OutputOptions, Target};
use super::job::{Method, StylizeJob};
use super::loader::{LoadedStyles, StyleFact, StyleLoader};
use super::memory::Resident;
use super::pad::Frame;
use super::plan::{Demand, Plan, tiled_limits};
use super::tiled::{Destination, TiledJob};
use super::{memory, provenance};
use crate::algorithms::gatys::Gatys;
use crate::control::{Control, Event};
use crate::descriptor::Descriptor;
use crate::device::{self, DeviceSpec, OpenDevice};
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::models::{self, ModelInfo, PerceptionSpec};
use crate::registry::{self, Build};
use crate::tensor::{self, ImageTensor};
use crate::tiled::TiledRun;
use crate::traits::{Style, StyleRequest, Stylizer};

/// What a job runs with.
#[derive(Debug, Clone)]
pub struct Resources {
    /// Where to compute.
    pub device: OpenDevice,
    /// How large pictures may be.
    pub limits: Limits,
    /// Bytes a run may take; what the machine has free where absent.
    pub max_memory: Option<u64>,
    /// Side in pixels of the tiles that pictures are painted in; where absent, pictures are painted at once if memory
    /// allows, else in tiles as large as useful.
    pub tile: Option<u32>,
    /// Folder for what is kept while pictures are painted in tiles; beside each result where absent.
    pub work_dir: Option<PathBuf>,
}

impl Resources {
    /// `device` with default limits.
    pub fn new(device: OpenDevice) -> Self {
        Self { device, limits: Limits::default(), max_memory: None, tile: None, work_dir: None }
    }
}

/// Called with step, steps and the present picture during optimisation.
pub type Preview<'a> = &'a (dyn Fn(u64, u64, &Picture) + Sync);

/// A job that is ready to paint: weights read, styles encoded.
pub struct Painter {
    job: StylizeJob,
    resources: Resources,
    brush: Brush,
    styles: Vec<(Style, f32)>,
    facts: Vec<StyleFact>,
    mask: Option<Mask>,
    regions: Vec<(Mask, Vec<(Style, f32)>)>,
    model: Option<ModelInfo>,
    perception: Option<PerceptionSpec>,
    /// Memory before anything was read.
    resident: Resident,
}

/// What paints.
enum Brush {
    One(Box<dyn Stylizer>),
    Refine {
        first: Box<dyn Stylizer>,
        second: Gatys,
        /// The styles as the second sees them.
        pictures: Vec<(Style, f32)>,
    },
}

impl Brush {
    /// Of the part that is the most demanding.
    fn descriptor(&self) -> &'static Descriptor {
        match self {
            Self::One(stylizer) => stylizer.descriptor(),
            Self::Refine { second, .. } => second.descriptor(),
        }
    }

    fn margin(&self) -> u32 {
        match self {
            Self::One(stylizer) => stylizer.descriptor().margin,
            Self::Refine { first, second, .. } => first.descriptor().margin.max(second.descriptor().margin),
        }
    }
}

impl Painter {
    /// Checks the job, reads weights, styles and mask.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for values out of range and unknown names; [`EngineError::File`] and
    /// [`EngineError::Picture`] for files that cannot be read or do not fit.
    pub fn new(mut job: StylizeJob, resources: Resources, control: &Control) -> Result<Self> {
        job.validate()?;
        let resident = memory::resident();
        let method = job.method()?;
        let device = &resources.device.device;
        if let Some(settings) = method.settings() {
            let refused = |problem| EngineError::Caller(format!("{}: {problem}", method.name()));
            job.settings = settings.complete(&job.settings).map_err(refused)?;
        } else if let Some(key) = job.settings.keys().next() {
            return Err(EngineError::Caller(format!("{} has no setting '{key}'", method.name())));
        }
        let mut perception = None;
        let mut features = || -> Result<Box<dyn Features>> {
            let spec = job.perception.clone().map_or_else(|| PerceptionSpec::bundled("perception"), Ok)?;
            // Optimisation differentiates with respect to the picture.
            let network = spec.open(&device.clone().autodiff())?;
            perception = Some(spec);
            Ok(network)
        };
        let mut model = None;
        let loader = StyleLoader { job: &job, resources: &resources, control };
        let mut regional = Vec::new();
        let mut load_regions = |network: Option<&dyn Stylizer>, model: Option<&ModelInfo>| -> Result<()> {
            for region in &job.regions {
                let loaded = loader.load_some(std::slice::from_ref(&region.style), network, model)?;
                regional.push(loaded);
            }
            Ok(())
        };
        let (brush, loaded) = match method {
            Method::Algorithm(entry) => match entry.build {
                Build::Network(_) => {
                    let (stylizer, info) = models::open_network(entry, job.model.as_deref(), job.direction, device)?;
                    let styles = match method.takes_style() {
                        true => loader.load(Some(&*stylizer), Some(&info))?,
                        false => LoadedStyles::default(),
                    };
                    load_regions(Some(&*stylizer), Some(&info))?;
                    model = Some(info);
                    (Brush::One(stylizer), styles)
                }
                Build::Optimisation { build, .. } => {
                    if job.model.is_some() {
                        let text = format!("{} has no weights of its own; leave out --model", method.name());
                        return Err(EngineError::Caller(text));
                    }
                    let styles = loader.load(None, None)?;
                    load_regions(None, None)?;
                    (Brush::One(build(&job.settings, features()?, device)?), styles)
                }
                Build::Features(_) | Build::Generator(_) => {
                    return Err(EngineError::Internal(format!("{} paints no photographs", entry.descriptor.name)));
                }
            },
            Method::Refine if !job.regions.is_empty() => {
                let text = "regions are painted by one method: choose another --method than refine";
                return Err(EngineError::Caller(text.into()));
            }
            Method::Refine => {
                let entry = registry::find(registry::DEFAULT_STYLIZER)?;
                let pictures = loader.load(None, None)?.styles;
                let (first, info) = models::open_network(entry, job.model.as_deref(), job.direction, device)?;
                let styles = loader.load(Some(&*first), Some(&info))?;
                model = Some(info);
                let second = registry::optimiser(&job.settings, features()?, device)?;
                (Brush::Refine { first, second, pictures }, styles)
            }
        };
        let mask =
            job.mask.as_ref().map(|path| read_mask(path, job.invert_mask, &job, &resources, control)).transpose()?;
        let LoadedStyles { styles, mut facts } = loaded;
        let mut regions = Vec::new();
        for (region, loaded) in job.regions.iter().zip(regional) {
            regions.push((read_mask(&region.mask, false, &job, &resources, control)?, loaded.styles));
            facts.extend(loaded.facts);
        }
        Ok(Self { brush, styles, facts, mask, regions, model, perception, job, resources, resident })
    }

    /// Goes on with another job that asks the same of the network: another strength, mask, size or seed, other colours or
    /// adjustments. Weights and styles are not read again. Whether it could; where not, nothing has changed.
    ///
    /// # Errors
    /// Those of [`Painter::new`] for values out of range and a mask that cannot be read.
    pub fn change(&mut self, mut job: StylizeJob, control: &Control) -> Result<bool> {
        job.validate()?;
        if let Some(settings) = job.method()?.settings() {
            let refused = |problem| EngineError::Caller(format!("{}: {problem}", job.method));
            job.settings = settings.complete(&job.settings).map_err(refused)?;
        }
        let around = StylizeJob::default();
        let asked = |job: &StylizeJob| StylizeJob {
            strength: around.strength,
            preserve_color: around.preserve_color,
            mask: None,
            invert_mask: around.invert_mask,
            // Regions were softened when they were read.
            feather: if job.regions.is_empty() { around.feather } else { job.feather },
            size: around.size,
            adjust: around.adjust,
            seed: around.seed,
            ..job.clone()
        };
        if asked(&job) != asked(&self.job) {
            return Ok(false);
        }
        let seen = |job: &StylizeJob| (job.mask.clone(), job.invert_mask, job.feather);
        if seen(&job) != seen(&self.job) {
            let read = |path: &PathBuf| read_mask(path, job.invert_mask, &job, &self.resources, control);
            self.mask = job.mask.as_ref().map(read).transpose()?;
        }
        self.job = job;
        Ok(true)
    }

    /// The job, its settings complete.
    pub fn job(&self) -> &StylizeJob {
        &self.job
    }

    /// The weights it paints with, if the method has any.
    pub fn model(&self) -> Option<&ModelInfo> {
        self.model.as_ref()
    }

    /// The styles as provenance records them.
    pub fn style_facts(&self) -> &[StyleFact] {
        &self.facts
    }

    /// The perception network, if the method has one.
    pub(super) fn perception(&self) -> Option<&PerceptionSpec> {
        self.perception.as_ref()
    }

    pub(super) fn device_name(&self) -> String {
        self.resources.device.spec.to_string()
    }

    /// Paints a picture. The result has the content's size (or the job's), alpha, depth and metadata; where the mask is 0
    /// it has the content's pixels.
    ///
    /// # Errors
    /// [`EngineError::Limit`] when it would take more memory than allowed; [`EngineError::Cancelled`] (optimisation
    /// returns its best so far instead, once it has one).
    pub fn paint(&self, content: &Picture, preview: Option<Preview<'_>>, control: &Control) -> Result<Picture> {
        if let Some(mask) = self.mask.as_ref().filter(|m| (m.width, m.height) != (content.width, content.height)) {
            let (mask, size) = ((mask.width, mask.height), (content.width, content.height));
            control
                .note(format!("the mask is {}x{}, the content {}x{}: it was resized", mask.0, mask.1, size.0, size.1));
        }
        let content = match self.job.size {
            Some(side) => Cow::Owned(resize_to_long_side(content, side)),
            None => Cow::Borrowed(content),
        };
        let painted = if self.job.strength > 0.0 {
            let mut painted = self.run(&content, &self.styles, preview, control)?;
            control.rest();
            for (mask, styles) in &self.regions {
                let other = self.run(&content, styles, None, control)?;
                painted = compose::blend_masked(&painted, &other, mask);
                control.rest();
            }
            painted
        } else {
            content.clone().into_owned()
        };
        let mut painted = colour::transfer(&content, &painted, self.job.preserve_color);
        self.job.adjust.apply(&mut painted).map_err(|e| EngineError::Caller(e.to_string()))?;
        Ok(match &self.mask {
            Some(mask) => compose::blend_masked(&content, &painted, mask),
            None => painted,
        })
    }

    /// Paints a picture, which is not scaled, with other weights for the job's styles: as many as those with a weight above 0 in the job,
    /// in their order, with a sum above 0. Masks, regions and colours are left out.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for another number of weights; those of [`Painter::paint`].
    pub fn paint_mixed(&self, content: &Picture, weights: &[f32], control: &Control) -> Result<Picture> {
        let sum: f32 = weights.iter().sum();
        if weights.len() != self.styles.len() || !(sum > 0.0 && weights.iter().all(|weight| *weight >= 0.0)) {
            let text = format!("{} weights for {} styles, from 0 and not all 0", weights.len(), self.styles.len());
            return Err(EngineError::Caller(text));
        }
        let parts = self.styles.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let styles: Vec<(Style, f32)> = parts.map(|((style, _), weight)| (style.clone(), weight / sum)).collect();
        let mut painted = self.run(content, &styles, None, control)?;
        self.job.adjust.apply(&mut painted).map_err(|e| EngineError::Caller(e.to_string()))?;
        Ok(painted)
    }

    /// Runs the network or the optimisation at a size it takes.
    fn run(
        &self,
        content: &Picture,
        styles: &[(Style, f32)],
        preview: Option<Preview<'_>>,
        control: &Control,
    ) -> Result<Picture> {
        let descriptor = self.brush.descriptor();
        let frame = Frame::new(descriptor, self.brush.margin(), content.width, content.height);
        let (width, height) = frame.size;
        if self.resources.device.spec == DeviceSpec::Cpu || self.resources.max_memory.is_some() {
            let size = (content.width, content.height);
            memory::check(descriptor, frame.margin, size, self.resources.max_memory, self.resident.later())?;
        }
        let device = &self.resources.device.device;
        let image = tensor::from_planar(frame.fill(content), 1, height as usize, width as usize, device);
        let shown = |done: u64, steps: u64, image: ImageTensor| {
            if let (Some(preview), Ok(picture)) = (preview, cropped(image, frame, content)) {
                preview(done, steps, &picture);
            }
        };
        let request = |styles: &[(Style, f32)]| StyleRequest {
            content: image.clone(),
            styles: styles.to_vec(),
            strength: self.job.strength,
            seed: self.job.seed,
            preview: preview.is_some().then_some(&shown),
        };
        let painted = device::awake(device, || match &self.brush {
            Brush::One(stylizer) => stylizer.stylize(request(styles), control),
            Brush::Refine { first, second, pictures } => {
                let start = first.stylize(request(styles), control)?;
                second.refine(start, request(pictures), control)
            }
        });
        cropped(painted?, frame, content)
    }

    /// How [`Painter::paint_file`] will paint a content; `None` for what is no
    /// picture, which it refuses with the reason, and for what is not a file, which it paints at once.
    ///
    /// # Errors
    /// [`EngineError::Limit`] when it would take more memory than allowed, whole and in tiles; [`EngineError::Caller`]
    /// for tiles with a method or a target that cannot have them.
    pub fn plan(&self, content: &Input, target: &Target) -> Result<Option<Plan>> {
        let Some(stored) = content.measure(&tiled_limits(&self.resources.limits)) else { return Ok(None) };
        let run = self.tiled()?;
        let demand = Demand {
            descriptor: self.brush.descriptor(),
            margin: self.brush.margin(),
            stored,
            size: self.job.size,
            passes: run.map(|run| run.passes()),
            target: target.format()?,
            masked: self.mask.is_some(),
            finished: self.job.preserve_color != PreserveColor::None || !self.job.adjust.is_neutral(),
            limits: &self.resources.limits,
            max_memory: self.resources.max_memory,
            tile: self.resources.tile,
            resident: self.resident.later(),
            counted: self.resources.device.spec == DeviceSpec::Cpu,
        };
        let plan = demand.plan()?;
        if plan.is_tiled() && matches!(target, Target::Memory(_)) {
            let text = "a picture painted in tiles is written by rows, into a file: give -o FILE";
            return Err(EngineError::Caller(text.into()));
        }
        Ok(Some(plan))
    }

    /// How the network paints in tiles, if it does.
    fn tiled(&self) -> Result<Option<Box<dyn TiledRun + '_>>> {
        match &self.brush {
            // Each region would be a work of its own.
            _ if !self.regions.is_empty() => Ok(None),
            Brush::One(stylizer) => stylizer.tiled(&self.styles, self.job.strength),
            Brush::Refine { .. } => Ok(None),
        }
    }

    fn paint_tiles(
        &self,
        content: &Input,
        target: &Target,
        options: &OutputOptions,
        plan: &Plan,
        control: &Control,
    ) -> Result<()> {
        let run = self.tiled()?.filter(|_| self.job.strength > 0.0);
        let origin = content.origin(&tiled_limits(&self.resources.limits))?;
        let parameters = provenance::of_stylize(self, content, &origin);
        // Everything that decides the pixels is in the provenance; what paints in tiles draws nothing, so a seed that was
        // drawn for this run does not.
        let mut decisive = parameters.json.clone();
        decisive["command"].take();
        decisive["job"]["seed"].take();
        let key = blake3::hash(format!("{decisive}{options:?}").as_bytes()).to_hex().to_string();
        let job = TiledJob {
            job: &self.job,
            run: run.as_deref(),
            descriptor: self.brush.descriptor(),
            mask: self.mask.as_ref(),
            content,
            limits: &self.resources.limits,
            plan,
            device: &self.resources.device.device,
            control,
        };
        let work_dir = self.resources.work_dir.as_deref();
        let destination = Destination { target, options, parameters: Some(parameters), work_dir };
        plan.check_disk(destination.room(), destination.held())?;
        job.paint(&key, &destination)
    }

    /// Reads a content, paints it and writes the result with what made it. Returns the bytes for [`Target::Memory`].
    ///
    /// # Errors
    /// Those of [`Input::open`], [`Painter::paint`] and [`Target::write`]; the target is checked before the work.
    pub fn paint_file(
        &self,
        content: &Input,
        target: &Target,
        options: &OutputOptions,
        preview: Option<&Path>,
        control: &Control,
    ) -> Result<Option<Vec<u8>>> {
        target.check(options)?;
        control.check()?;
        if let Some(plan) = self.plan(content, target)? {
            control.emit(Event::Planned { message: plan.to_string(), memory: plan.memory(), disk: plan.disk() });
            if plan.is_tiled() {
                self.paint_tiles(content, target, options, &plan, control)?;
                return Ok(None);
            }
        }
        let opened = content.open(&self.resources.limits, control)?;
        control.rest();
        let show = |_: u64, _: u64, picture: &Picture| {
            let Some(path) = preview else { return };
            let written = impasto_image::EncodeOptions::for_path(path)
                .and_then(|options| impasto_image::save(picture, path, &options, true));
            match written {
                Ok(()) => control.emit(Event::Preview { path: path.to_owned() }),
                Err(e) => control.warn(format!("preview: {e}")),
            }
        };
        let painted = self.paint(&opened.picture, preview.is_some().then_some(&show), control)?;
        let parameters = provenance::of_stylize(self, content, &opened.origin);
        control.rest();
        target.write(&painted, options, Some(parameters), control)
    }
}

impl std::fmt::Debug for Painter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Painter").field("job", &self.job).field("resources", &self.resources).finish_non_exhaustive()
    }
}

/// The part of a padded result that is the content, with everything else of the content.
fn cropped(image: ImageTensor, frame: Frame, content: &Picture) -> Result<Picture> {
    let from = frame.margin as usize;
    let (h, w) = (content.height as usize, content.width as usize);
    let painted = tensor::to_picture(image.slice([0..1, 0..3, from..from + h, from..from + w]))?;
    content.with_rgb(painted.rgb).map_err(|e| EngineError::Internal(e.to_string()))
}

fn read_mask(path: &Path, invert: bool, job: &StylizeJob, resources: &Resources, control: &Control) -> Result<Mask> {
    let picture = Input::File(path.to_owned()).open(&resources.limits, control)?.picture;
    let mask = Mask::from_picture(&picture);
    let mask = if invert { mask.invert() } else { mask };
    Ok(mask.feather(job.feather))
}
