//! Runs a network's passes over all tiles.

use std::ops::Range;
use std::time::{Duration, Instant};

use impasto_image::canvas::{Canvas, Rect};

use super::map::WorkMap;
use super::tiling::Tiling;
use super::work::{Manifest, WorkDir};
use crate::Device;
use crate::control::{Control, Event};
use crate::error::{EngineError, Result};
use crate::pipeline::pad::Frame;
use crate::tensor::{self, ImageTensor};
use crate::tiled::{MapSpec, Pass, TiledRun, View};

/// How much work a kill may cost at most, apart from one tile.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Multiply-accumulates that take as long as moving a tile's data, per pixel: for the remaining time.
const OVERHEAD: f64 = 1500.0;

/// What the passes run on.
pub(super) struct Passes<'a> {
    pub(super) run: &'a dyn TiledRun,
    pub(super) content: &'a Canvas,
    pub(super) stylised: &'a Canvas,
    pub(super) frame: Frame,
    pub(super) tiling: Tiling,
    pub(super) work: &'a WorkDir,
    pub(super) device: &'a Device,
    pub(super) control: &'a Control,
}

/// Where a pass writes.
enum Sink {
    Nothing,
    Map(WorkMap, usize),
    Picture,
}

impl Passes<'_> {
    /// Does what `manifest` says is left to do.
    pub(super) fn paint(&self, manifest: &mut Manifest) -> Result<()> {
        const STAGE: &str = "painting";
        let passes = self.run.passes();
        let started = Instant::now();
        let cost = |pass: &Pass| ((pass.macs + OVERHEAD) * self.pixels() / 1e6).ceil() as u64;
        let total: u64 = passes.iter().map(cost).sum();
        let mut before: u64 = passes.iter().take(manifest.passes).map(cost).sum();
        self.control.emit(Event::Started { stage: STAGE.to_owned(), total });
        while let Some(pass) = passes.get(manifest.passes) {
            let count = self.tiling.count() as u64;
            let say = |tiles: u64| {
                let done = before + cost(pass) * tiles / count;
                let message = format!("{}, tile {tiles} of {count}", pass.name);
                self.control.emit(Event::Progress { done, total, message });
            };
            self.pass(pass, manifest, &say)?;
            before += cost(pass);
            for spec in passes.iter().filter_map(|pass| pass.writes) {
                let later = &passes[manifest.passes..];
                if !later.iter().any(|pass| pass.reads.contains(&spec) || pass.writes == Some(spec)) {
                    self.work.discard(&self.work.map(spec.name))?;
                }
            }
        }
        self.control.emit(Event::Finished { stage: STAGE.to_owned(), seconds: started.elapsed().as_secs_f64() });
        Ok(())
    }

    fn pixels(&self) -> f64 {
        f64::from(self.frame.size.0) * f64::from(self.frame.size.1)
    }

    /// Does what is left of one pass.
    fn pass(&self, pass: &Pass, manifest: &mut Manifest, say: &dyn Fn(u64)) -> Result<()> {
        let sources = pass.reads.iter().map(|spec| self.map(*spec)).collect::<Result<Vec<_>>>()?;
        let sink = match pass.writes {
            None => Sink::Nothing,
            Some(MapSpec::RESULT) => Sink::Picture,
            Some(spec) => Sink::Map(self.open(spec)?, spec.scale),
        };
        let mut saved = Instant::now();
        while manifest.tiles < self.tiling.count() {
            if self.control.is_cancelled() {
                self.save(&sink, manifest)?;
                return Err(EngineError::Cancelled);
            }
            let view = self.tiling.view(manifest.tiles, pass.halo);
            let inputs = sources.iter().map(|map| self.input(map.as_ref(), &view)).collect::<Result<Vec<_>>>()?;
            let output = self.run.tile(manifest.passes, &manifest.known, &view, inputs)?;
            match (&sink, output.map) {
                (Sink::Nothing, None) => {}
                (Sink::Map(map, scale), Some(part)) => {
                    let place = scaled(&view.core, *scale);
                    map.write(&place, &tensor::values(part))?;
                }
                (Sink::Picture, Some(part)) => self.put(&view, part)?,
                _ => return Err(EngineError::Internal(format!("the pass '{}' is not what was planned", pass.name))),
            }
            manifest.partial.merge(output.tally);
            manifest.tiles += 1;
            say(manifest.tiles as u64);
            if saved.elapsed() >= SAVE_EVERY {
                self.save(&sink, manifest)?;
                saved = Instant::now();
            }
        }
        manifest.known.merge(std::mem::take(&mut manifest.partial));
        manifest.passes += 1;
        manifest.tiles = 0;
        self.save(&sink, manifest)
    }

    /// Makes what was done so far last, in this order: tiles first, then what says that they are done.
    fn save(&self, sink: &Sink, manifest: &Manifest) -> Result<()> {
        match sink {
            Sink::Nothing => {}
            Sink::Map(map, _) => map.sync()?,
            Sink::Picture => self.stylised.flush().map_err(super::super::files::write_error)?,
        }
        self.work.save(manifest)
    }

    /// A map to read; `None` for the content.
    fn map(&self, spec: MapSpec) -> Result<Option<(WorkMap, MapSpec)>> {
        if spec == MapSpec::PICTURE { Ok(None) } else { Ok(Some((self.open(spec)?, spec))) }
    }

    fn open(&self, spec: MapSpec) -> Result<WorkMap> {
        let (width, height) = self.frame.size;
        let size = [height as usize / spec.scale, width as usize / spec.scale];
        WorkMap::open(&self.work.map(spec.name), size, spec.channels)
    }

    /// What a tile sees of a map.
    fn input(&self, map: Option<&(WorkMap, MapSpec)>, view: &View) -> Result<ImageTensor> {
        let (channels, [rows, columns], values) = match map {
            Some((map, spec)) => {
                let place = scaled(&view.outer, spec.scale);
                let values = map.read(&place)?;
                (spec.channels, place, values)
            }
            None => (3, view.outer.clone(), self.content_part(&view.outer)?),
        };
        Ok(tensor::from_planes(values, [1, channels, rows.len(), columns.len()], self.device))
    }

    /// A rectangle of the frame around the content as three planes.
    fn content_part(&self, place: &[Range<usize>; 2]) -> Result<Vec<f32>> {
        let layout = self.content.layout();
        self.frame.part((layout.width, layout.height), place, |rect| {
            let mut planes = self.content.read(rect).map_err(super::super::files::write_error)?;
            planes.truncate(3 * rect.pixels()); // without alpha
            Ok(planes)
        })
    }

    /// Writes a painted tile `[1, 3, h, w]` where it belongs, without the frame's margins.
    fn put(&self, view: &View, part: ImageTensor) -> Result<()> {
        let layout = self.content.layout();
        let margin = self.frame.margin as usize;
        let within = |range: &Range<usize>, side: u32| {
            let end = margin + side as usize;
            range.start.clamp(margin, end)..range.end.clamp(margin, end)
        };
        let [rows, columns] = [within(&view.core[0], layout.height), within(&view.core[1], layout.width)];
        if rows.is_empty() || columns.is_empty() {
            return Ok(());
        }
        let (top, left) = (view.core[0].start, view.core[1].start);
        let part = part.slice([0..1, 0..3, rows.start - top..rows.end - top, columns.start - left..columns.end - left]);
        let mut planes = tensor::finite(part)?;
        planes.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        let rect = Rect {
            x: (columns.start - margin) as u32,
            y: (rows.start - margin) as u32,
            width: columns.len() as u32,
            height: rows.len() as u32,
        };
        let failed = super::super::files::write_error;
        if self.stylised.layout().alpha {
            let content = self.content.read(rect).map_err(failed)?;
            planes.extend_from_slice(&content[3 * rect.pixels()..]);
        }
        self.stylised.write(rect, &planes).map_err(failed)
    }
}

fn scaled(place: &[Range<usize>; 2], scale: usize) -> [Range<usize>; 2] {
    place.clone().map(|range| range.start / scale..range.end / scale)
}
