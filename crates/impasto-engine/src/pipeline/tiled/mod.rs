//! Stylisation of pictures that do not fit in memory: read into a canvas on disk, painted in tiles, written by rows.
//! Work that was stopped is gone on with by the same command.

mod map;
mod passes;
mod tiling;
mod work;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use impasto_image::canvas::{self, Adjusted, Bands, Canvas, Layout, Masked, Place, Recoloured, Step};
use impasto_image::colour::PreserveColor;
use impasto_image::{Depth, EncodeOptions, ImageError, Limits, Mask, Parameters, Picture, resize_to_long_side};

pub(super) use tiling::{ALIGN, Tiling};

use passes::Passes;
use work::{CONTENT, Manifest, STYLISED, WorkDir};

use super::files::{Input, OutputOptions, write_error};
use super::job::StylizeJob;
use super::pad::Frame;
use super::plan::{Plan, tiled_limits};
use crate::Device;
use crate::control::{Control, Event};
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::tiled::TiledRun;

/// What is painted, and how.
pub(super) struct TiledJob<'a> {
    pub(super) job: &'a StylizeJob,
    /// The network; `None` keeps the content (strength 0).
    pub(super) run: Option<&'a dyn TiledRun>,
    pub(super) descriptor: &'static Descriptor,
    pub(super) mask: Option<&'a Mask>,
    pub(super) content: &'a Input,
    pub(super) limits: &'a Limits,
    pub(super) plan: &'a Plan,
    pub(super) device: &'a Device,
    pub(super) control: &'a Control,
}

/// Where the result goes.
pub(super) struct Destination<'a> {
    pub(super) path: &'a Path,
    pub(super) options: &'a OutputOptions,
    pub(super) parameters: Option<Parameters>,
    /// Folder for the work in place of the result's own.
    pub(super) work_dir: Option<&'a Path>,
}

impl Destination<'_> {
    /// The folder for the work: hidden, and named after the result, so that the same command finds it again.
    pub(super) fn work(&self) -> PathBuf {
        let beside = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.work_dir.unwrap_or(beside).join(format!(".{name}.impasto-work"))
    }
}

impl TiledJob<'_> {
    /// Paints the content into a file. `key` names everything that decides the result.
    pub(super) fn paint(&self, key: String, destination: &Destination<'_>) -> Result<()> {
        let work = WorkDir::open(destination.work())?;
        let outcome = self.in_folder(&work, key, destination);
        match outcome {
            Ok(()) => work.finish(),
            Err(error) => {
                let folder = work.path().display();
                self.control.note(format!("the same command goes on with what is done; it waits in {folder}"));
                Err(error)
            }
        }
    }

    fn in_folder(&self, work: &WorkDir, key: String, destination: &Destination<'_>) -> Result<()> {
        // Tiles of another size give other roundings: work is gone on with as it was begun.
        let found = work.load(&key).filter(|found| found.side <= self.plan.side());
        let mut manifest = match found {
            Some(found) => {
                self.control.note(format!("going on with the work in {}", work.path().display()));
                found
            }
            None => {
                work.clear()?;
                Manifest::new(key, self.plan.side())
            }
        };
        if !manifest.imported {
            work.discard(&work.file(CONTENT))?;
            self.import(&work.file(CONTENT))?;
            manifest.imported = true;
            work.save(&manifest)?;
        }
        let content = Canvas::open(&work.file(CONTENT)).map_err(write_error)?;
        let Some(run) = self.run else {
            return self.finish(&content, &content, destination);
        };
        let stylised = self.stylised(work, &content, destination)?;
        let Layout { width, height, .. } = content.layout();
        let frame = Frame::new(self.descriptor, self.descriptor.margin, width, height);
        let tiling = Tiling::new([frame.size.1 as usize, frame.size.0 as usize], manifest.side);
        let passes = Passes {
            run,
            content: &content,
            stylised: &stylised,
            frame,
            tiling,
            work,
            device: self.device,
            control: self.control,
        };
        passes.paint(&mut manifest)?;
        self.finish(&content, &stylised, destination)
    }

    /// Reads the content into a canvas: by rows where its format allows that and it keeps its size, else as a whole.
    fn import(&self, path: &Path) -> Result<()> {
        let canvas = match self.content {
            Input::File(file) if self.plan.streamed() => {
                let limits = tiled_limits(self.limits);
                let import =
                    |progress: &mut canvas::Progress<'_>| canvas::import(file, Place::File(path), &limits, progress);
                self.steps(import).map_err(|e| picture_error(file, e))?
            }
            content => {
                let picture = content.open(self.limits, &Control::silent())?.picture;
                let picture = match self.job.size {
                    Some(side) => resize_to_long_side(&picture, side),
                    None => picture,
                };
                let layout = Layout { depth: Depth::F32, ..picture.layout() };
                let canvas = Canvas::create(Place::File(path), layout, &picture.source).map_err(write_error)?;
                canvas.draw(0, 0, &picture).map_err(write_error)?;
                canvas
            }
        };
        for note in canvas.notes() {
            self.control.note(format!("{}: {note}", self.content.path().display()));
        }
        canvas.flush().map_err(write_error)
    }

    /// The canvas that is painted on, of an earlier run or new.
    fn stylised(&self, work: &WorkDir, content: &Canvas, destination: &Destination<'_>) -> Result<Canvas> {
        let path = work.file(STYLISED);
        if path.exists() {
            return Canvas::open_to_write(&path).map_err(write_error);
        }
        // What nothing is done to afterwards may be rounded at once to what is written.
        let last =
            self.job.preserve_color == PreserveColor::None && self.job.adjust.is_neutral() && self.mask.is_none();
        let source = content.source();
        let depth = match destination.options.depth.unwrap_or(source.depth) {
            depth if last && depth == source.depth => depth,
            _ => Depth::F32,
        };
        let layout = Layout { depth, ..content.layout() };
        Canvas::create(Place::File(&path), layout, source).map_err(write_error)
    }

    /// Colours, adjustments and mask, row by row into the result.
    fn finish(&self, content: &Canvas, stylised: &Canvas, destination: &Destination<'_>) -> Result<()> {
        let recolour =
            |progress: &mut canvas::Progress<'_>| Recoloured::new(content, stylised, self.job.preserve_color, progress);
        let recoloured = self.steps(recolour).map_err(write_error)?;
        let adjusted = Adjusted::new(&recoloured, self.job.adjust).map_err(write_error)?;
        let Layout { width, height, .. } = content.layout();
        let mask = self.mask.map(|mask| {
            if (mask.width, mask.height) == (width, height) { mask.clone() } else { mask.resize(width, height) }
        });
        let masked =
            mask.as_ref().map(|mask| Masked::new(content, &adjusted, mask)).transpose().map_err(write_error)?;
        let bands: &dyn Bands = match &masked {
            Some(masked) => masked,
            None => &adjusted,
        };
        let options = destination.options;
        let encode = EncodeOptions {
            depth: options.depth,
            jpeg_quality: options.jpeg_quality,
            metadata: options.metadata,
            grey: (content.source().grey && is_grey(bands).map_err(write_error)?).then_some(true),
            parameters: destination.parameters.clone().filter(|_| options.parameters),
            ..EncodeOptions::for_path(destination.path).map_err(write_error)?
        };
        let mut like = Picture::filled(1, 1, [0.0; 3]).map_err(write_error)?;
        like.source = content.source().clone();
        for loss in encode.losses(&like) {
            self.control.warn(loss);
        }
        let export = |progress: &mut canvas::Progress<'_>| {
            canvas::export(bands, destination.path, &encode, options.overwrite, progress)
        };
        self.steps(export).map_err(write_error)
    }

    /// Does work by rows, its steps as events.
    fn steps<T>(&self, work: impl FnOnce(&mut canvas::Progress<'_>) -> Result<T, ImageError>) -> Result<T, ImageError> {
        let mut present: Option<(&'static str, Instant)> = None;
        let finish = |present: Option<(&'static str, Instant)>| {
            if let Some((stage, started)) = present {
                let seconds = started.elapsed().as_secs_f64();
                self.control.emit(Event::Finished { stage: stage.to_owned(), seconds });
            }
        };
        let outcome = work(&mut |Step { stage, done, total }| {
            if present.is_none_or(|(name, _)| name != stage) {
                finish(present.replace((stage, Instant::now())));
                self.control.emit(Event::Started { stage: stage.to_owned(), total });
            }
            self.control.emit(Event::Progress { done, total, message: String::new() });
            if self.control.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        finish(present);
        outcome
    }
}

/// Whether no pixel has a colour.
fn is_grey(bands: &dyn Bands) -> Result<bool, ImageError> {
    let layout = bands.layout();
    let rows = layout.band_rows();
    for y in (0..layout.height).step_by(rows as usize) {
        let band = bands.band(y, rows.min(layout.height - y))?;
        if !super::files::is_grey(&band) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn picture_error(path: &Path, error: ImageError) -> EngineError {
    match error {
        ImageError::Interrupted => EngineError::Cancelled,
        error => EngineError::picture(path, error),
    }
}

#[cfg(test)]
mod tests;
