//! Stylisation of pictures that do not fit in memory: read into a canvas on disk, painted in tiles, written by rows.
//! Work that was stopped is gone on with by the same command.

mod map;
mod passes;
mod tiling;
mod work;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use impasto_image::canvas::{Adjusted, Bands, Canvas, Layout, Masked, Place, Recoloured};
use impasto_image::colour::PreserveColor;
use impasto_image::{Depth, Limits, Mask, Parameters, resize_to_long_side};

pub(super) use tiling::{ALIGN, Tiling};

use passes::Passes;
use work::{CONTENT, Manifest, STYLISED, WorkDir};

use super::files::{Input, OutputOptions, Target, write_error};
use super::job::StylizeJob;
use super::large::watch;
use super::pad::Frame;
use super::plan::{Plan, by_rows, tiled_limits};
use crate::Device;
use crate::control::Control;
use crate::descriptor::Descriptor;
use crate::error::Result;
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
    pub(super) target: &'a Target,
    pub(super) options: &'a OutputOptions,
    pub(super) parameters: Option<Parameters>,
    /// Folder for the work in place of the result's own.
    pub(super) work_dir: Option<&'a Path>,
}

impl Destination<'_> {
    /// The folder that holds the folder for the work.
    pub(super) fn room(&self) -> &Path {
        self.work_dir.unwrap_or(self.target.scratch())
    }

    /// Bytes on disk that earlier work left there.
    pub(super) fn held(&self) -> u64 {
        work::held(&self.work())
    }

    /// The folder for the work: hidden, and named after the result, so that the same command finds it again.
    fn work(&self) -> PathBuf {
        let name = match self.target {
            Target::File(path) => path.file_name().unwrap_or_default().to_string_lossy(),
            Target::Memory(_) => "stdout".into(),
        };
        self.room().join(format!(".{name}.impasto-work"))
    }
}

impl TiledJob<'_> {
    /// Paints the content into a file. `key` names everything that decides the result.
    pub(super) fn paint(&self, key: &str, destination: &Destination<'_>) -> Result<()> {
        let work = WorkDir::open(destination.work())?;
        let Err(error) = self.in_folder(&work, key, destination) else { return work.finish() };
        if work.load(key).is_some() {
            let folder = work.path().display();
            self.control.note(format!("the same command goes on with what is done; it waits in {folder}"));
        } else {
            // Nothing was done that is worth keeping.
            work.finish()?;
        }
        Err(error)
    }

    fn in_folder(&self, work: &WorkDir, key: &str, destination: &Destination<'_>) -> Result<()> {
        // Tiles of another size give other roundings: work is gone on with as it was begun.
        let found = work.load(key).filter(|found| found.side <= self.plan.side());
        let mut manifest = match found {
            Some(found) => {
                self.control.note(format!("going on with the work in {}", work.path().display()));
                found
            }
            None => {
                work.clear()?;
                Manifest::new(key.to_owned(), self.plan.side())
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
        let canvas = if self.plan.streamed() {
            self.content.lay_out(Place::File(path), &tiled_limits(self.limits), self.control)?
        } else {
            let picture = self.content.open(self.limits, self.control)?.picture;
            let picture = match self.job.size {
                Some(side) => resize_to_long_side(&picture, side),
                None => picture,
            };
            let layout = Layout { depth: Depth::F32, ..picture.layout() };
            let canvas = Canvas::create(Place::File(path), layout, &picture.source).map_err(write_error)?;
            canvas.draw(0, 0, &picture).map_err(write_error)?;
            canvas
        };
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

    /// Colours, adjustments and mask, row by row into the result; at once into formats that are not written by rows.
    fn finish(&self, content: &Canvas, stylised: &Canvas, destination: &Destination<'_>) -> Result<()> {
        let progress = &mut watch(self.control);
        let recoloured = Recoloured::new(content, stylised, self.job.preserve_color, progress).map_err(write_error)?;
        let adjusted = Adjusted::new(&recoloured, self.job.adjust).map_err(write_error)?;
        let Layout { width, height, .. } = content.layout();
        let mask = self.mask.map(|mask| {
            if (mask.width, mask.height) == (width, height) {
                Cow::Borrowed(mask)
            } else {
                Cow::Owned(mask.resize(width, height))
            }
        });
        let masked =
            mask.as_deref().map(|mask| Masked::new(content, &adjusted, mask)).transpose().map_err(write_error)?;
        let bands: &dyn Bands = match &masked {
            Some(masked) => masked,
            None => &adjusted,
        };
        let Destination { target, options, parameters, .. } = destination;
        if by_rows(target.format()?) {
            return target.export(bands, options, parameters.clone(), self.control);
        }
        let mut whole = bands.band(0, height).map_err(write_error)?;
        whole.source = content.source().clone();
        target.write(&whole, options, parameters.clone(), self.control).map(drop)
    }
}

#[cfg(test)]
mod tests;
