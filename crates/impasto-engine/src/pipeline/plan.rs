//! What painting a picture takes, told before it begins: whole or in tiles, memory and disk.

use std::fmt;
use std::path::Path;

use impasto_image::{Format, Limits};

use super::files::Measure;
use super::memory::{self, Resident, amount};
use super::pad::Frame;
use super::tiled::{ALIGN, Tiling};
use crate::descriptor::Descriptor;
use crate::error::{EngineError, Result};
use crate::tiled::{MapSpec, Pass};

/// Largest tile that is chosen without being asked for: larger ones save little, the halo of these is a few percent.
const MAX_SIDE: usize = 1024;

/// Smallest tile: below, the halo is most of the work.
pub const MIN_SIDE: usize = 64;

/// Most pixels of a picture that is painted in tiles, unless the limits say otherwise: 65,536 x 65,536.
const MAX_TILED_PIXELS: u64 = 1 << 32;

/// Longest side of a picture that is painted in tiles, unless the limits say otherwise.
const MAX_TILED_SIDE: u32 = 1 << 20;

/// What a plan is made from.
#[derive(Debug, Clone)]
pub(super) struct Demand<'a> {
    pub(super) descriptor: &'static Descriptor,
    pub(super) margin: u32,
    /// What the content's header says.
    pub(super) stored: Measure,
    /// Longer side of the result where that is not the content's.
    pub(super) size: Option<u32>,
    /// The network's passes, if it can paint in tiles.
    pub(super) passes: Option<Vec<Pass>>,
    /// The result's format.
    pub(super) target: Format,
    /// Whether a mask is applied.
    pub(super) masked: bool,
    /// Whether colours are kept or adjusted after painting.
    pub(super) finished: bool,
    pub(super) limits: &'a Limits,
    /// Most bytes of memory; what the machine has free where absent.
    pub(super) max_memory: Option<u64>,
    /// Side of tiles, in place of one chosen.
    pub(super) tile: Option<u32>,
    /// What the process takes already.
    pub(super) resident: Resident,
    /// Whether memory matters on the device in use.
    pub(super) counted: bool,
}

/// How a picture is painted.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    Whole,
    Tiles { side: usize, count: usize, passes: usize, streamed: bool },
}

/// How a picture will be painted, and what that takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    way: Way,
    width: u32,
    height: u32,
    memory: u64,
    disk: u64,
}

impl Plan {
    /// Side of a tile at most, in pixels; the whole picture's where there are none.
    pub(super) fn side(&self) -> usize {
        match self.way {
            Way::Whole => self.width.max(self.height) as usize,
            Way::Tiles { side, .. } => side,
        }
    }

    /// Whether the picture is painted in tiles.
    pub fn is_tiled(&self) -> bool {
        self.way != Way::Whole
    }

    /// Whether the content is read by rows.
    pub(super) fn streamed(&self) -> bool {
        matches!(self.way, Way::Tiles { streamed: true, .. })
    }

    /// Most resident memory of the process at any time, in bytes.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Most bytes on disk at any time, the result included where it is large; 0 for whole pictures.
    pub fn disk(&self) -> u64 {
        self.disk
    }

    /// Refuses a disk that has too little room beside the bytes that earlier work `held` there, which is gone on with or
    /// removed.
    ///
    /// # Errors
    /// [`EngineError::Limit`] that says how much is needed.
    pub(super) fn check_disk(&self, folder: &Path, held: u64) -> Result<()> {
        let needed = self.disk.saturating_sub(held);
        match free_disk(folder) {
            Some(free) if free < needed => Err(EngineError::Limit(format!(
                "painting takes about {} of disk, {} has {} free; make room, or give --work-dir on another disk",
                amount(needed),
                folder.display(),
                amount(free)
            ))),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, width, height, memory, disk } = self;
        write!(f, "{width}x{height} ")?;
        match way {
            Way::Whole => write!(f, "at once: about {} of memory", amount(*memory)),
            Way::Tiles { side, count, passes, .. } => write!(
                f,
                "in {count} tiles of {side} px, {passes} passes: about {} of memory and {} of disk",
                amount(*memory),
                amount(*disk)
            ),
        }
    }
}

/// The limits that pictures painted in tiles are held to: wider than others, unless somebody set them.
pub(super) fn tiled_limits(limits: &Limits) -> Limits {
    let usual = Limits::default();
    let raised = |limit: u64, usual: u64, wide: u64| if limit == usual { wide } else { limit };
    let max_pixels = raised(limits.max_pixels, usual.max_pixels, MAX_TILED_PIXELS);
    Limits {
        max_pixels,
        max_side: raised(limits.max_side.into(), usual.max_side.into(), MAX_TILED_SIDE.into()) as u32,
        max_file_bytes: raised(limits.max_file_bytes, usual.max_file_bytes, max_pixels.saturating_mul(16)),
        ..*limits
    }
}

/// Formats that are read and written by rows.
pub(super) fn by_rows(format: Format) -> bool {
    matches!(format, Format::Png | Format::Tiff | Format::Raw)
}

impl Demand<'_> {
    /// Chooses a way.
    ///
    /// # Errors
    /// [`EngineError::Limit`] when no way keeps to the memory allowed; [`EngineError::Caller`] for tiles of a size or
    /// with a method that there are none of.
    pub(super) fn plan(&self) -> Result<Plan> {
        let (width, height) = self.painted_size();
        let allowed = memory::allowed(self.max_memory).filter(|_| self.counted || self.max_memory.is_some());
        let whole = Plan { way: Way::Whole, width, height, memory: self.whole_memory(), disk: 0 };
        let fits = |plan: &Plan| allowed.as_ref().is_none_or(|(limit, _)| plan.memory <= *limit);
        if self.tile.is_none() && fits(&whole) && self.within_limits() {
            return Ok(whole);
        }
        let Some(passes) = &self.passes else {
            if self.tile.is_some() {
                return Err(EngineError::Caller(format!(
                    "{} paints no tiles: it needs the whole picture at once; leave out --tile and use --size for large \
                     pictures",
                    self.descriptor.name
                )));
            }
            if let (false, Some(allowed)) = (fits(&whole), &allowed) {
                memory::refuse(self.descriptor, self.margin, (width, height), allowed, self.resident)?;
            }
            return Ok(whole); // What is over the limits is refused by the decoder, with its own words.
        };
        let streamed = by_rows(self.stored.format) && self.size.is_none();
        if !streamed && !self.within_limits() {
            return Ok(whole); // As above.
        }
        let make = |side: usize| {
            let tiling = self.tiling(side);
            let memory = self.tiled_memory(passes, &tiling, streamed);
            let way = Way::Tiles { side, count: tiling.count(), passes: passes.len(), streamed };
            Plan { way, width, height, memory, disk: self.disk(passes) }
        };
        if let Some(side) = self.tile {
            let plan = make(side as usize);
            return if fits(&plan) { Ok(plan) } else { Err(self.too_much(&plan, allowed)) };
        }
        let sides = (MIN_SIDE..=MAX_SIDE).rev().step_by(ALIGN);
        let fitting = sides.map(&make).find(&fits);
        fitting.ok_or_else(|| self.too_much(&make(MIN_SIDE), allowed))
    }

    fn too_much(&self, plan: &Plan, allowed: Option<(u64, &'static str)>) -> EngineError {
        let (limit, whose) = allowed.unwrap_or_default();
        EngineError::Limit(format!(
            "{} at {}x{} takes about {} even in tiles of {} px, more than the {} {whose}; raise --max-memory{}",
            self.descriptor.name,
            plan.width,
            plan.height,
            amount(plan.memory),
            plan.side(),
            amount(limit),
            if by_rows(self.stored.format) && by_rows(self.target) {
                ""
            } else {
                ", or use PNG or TIFF, which are read and written by rows"
            }
        ))
    }

    /// Whether the ordinary limits admit the content.
    fn within_limits(&self) -> bool {
        let Measure { width, height, .. } = self.stored;
        width.max(height) <= self.limits.max_side
            && self.stored.pixels() <= self.limits.max_pixels
            && self.stored.bytes <= self.limits.max_file_bytes
    }

    /// Width and height of what is painted.
    fn painted_size(&self) -> (u32, u32) {
        let Measure { width, height, .. } = self.stored;
        match self.size {
            Some(side) => {
                let scale = f64::from(side) / f64::from(width.max(height).max(1));
                let scaled = |v: u32| ((f64::from(v) * scale).round() as u32).max(1);
                (scaled(width), scaled(height))
            }
            None => (width, height),
        }
    }

    fn frame(&self) -> Frame {
        let (width, height) = self.painted_size();
        Frame::new(self.descriptor, self.margin, width, height)
    }

    fn tiling(&self, side: usize) -> Tiling {
        let (width, height) = self.frame().size;
        Tiling::new([height as usize, width as usize], side)
    }

    fn painted_pixels(&self) -> u64 {
        let (width, height) = self.painted_size();
        u64::from(width) * u64::from(height)
    }

    /// Peak of painting at once.
    fn whole_memory(&self) -> u64 {
        let (width, height) = self.frame().size;
        let frame = u64::from(width) * u64::from(height);
        let pixels = self.stored.pixels().max(self.painted_pixels());
        self.resident.with(memory::whole(self.descriptor, pixels, frame), self.descriptor.kept_bytes)
    }

    /// Peak of painting in tiles.
    fn tiled_memory(&self, passes: &[Pass], tiling: &Tiling, streamed: bool) -> u64 {
        let halo = passes.iter().map(|pass| pass.halo).max().unwrap_or(0);
        let painting = tiling.largest(halo) as u64 * u64::from(self.descriptor.tile_bytes_per_pixel);
        let pixels = self.painted_pixels();
        let mask = if self.masked { 4 * pixels } else { 0 };
        let reading = if streamed { memory::bands(pixels, 1) } else { memory::decoding(self.stored.pixels()) };
        let writing = mask
            + if by_rows(self.target) {
                memory::bands(pixels, if self.finished || self.masked { 4 } else { 2 })
            } else {
                memory::encoding(pixels)
            };
        self.resident.with_tiles(painting, reading.max(writing))
    }

    /// Most bytes in the folder for the work, and of the result.
    fn disk(&self, passes: &[Pass]) -> u64 {
        let (width, height) = self.frame().size;
        let frame = u64::from(width) * u64::from(height);
        let bytes = |spec: &MapSpec| frame / (spec.scale * spec.scale) as u64 * spec.channels as u64 * 4;
        let alive = |at: usize| -> u64 {
            let made = passes[..=at].iter().filter_map(|pass| pass.writes).filter(|spec| *spec != MapSpec::RESULT);
            made.filter(|spec| passes[at..].iter().any(|pass| pass.reads.contains(spec) || pass.writes == Some(*spec)))
                .map(|spec| bytes(&spec))
                .sum()
        };
        let maps = (0..passes.len()).map(alive).max().unwrap_or(0);
        // The content, the painted picture and the result, each with up to four channels of its depth.
        let sample = if self.finished || self.masked { 4 } else { 2 };
        maps + self.painted_pixels() * (3 * sample + 6)
    }
}

/// Room on the disk that holds `folder`, in bytes, as far as this system tells.
fn free_disk(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(folder).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::{fusion, gatys};

    fn demand(width: u32, height: u32, limits: &Limits) -> Demand<'_> {
        let map = MapSpec { name: "map", channels: 16, scale: 4 };
        let pass = |name: &str, reads: MapSpec, writes| Pass {
            name: name.to_owned(),
            reads: vec![reads],
            writes: Some(writes),
            halo: 32,
            macs: 1.0,
        };
        Demand {
            descriptor: &fusion::DESCRIPTOR,
            margin: fusion::DESCRIPTOR.margin,
            stored: Measure { format: Format::Png, width, height, bytes: 1000 },
            size: None,
            passes: Some(vec![pass("in", MapSpec::PICTURE, map), pass("out", map, MapSpec::RESULT)]),
            target: Format::Png,
            masked: false,
            finished: false,
            limits,
            max_memory: Some(1 << 30),
            tile: None,
            resident: Resident { start: 20 << 20, peak: 60 << 20 },
            counted: true,
        }
    }

    #[test]
    fn what_fits_is_painted_at_once_and_the_rest_in_tiles() {
        let limits = Limits::default();
        let cases = [
            (800, 600, 1 << 30, Some(false)),
            (8000, 6000, 1 << 30, Some(true)),
            (32_768, 32_768, 2 << 30, Some(true)),
            (8000, 6000, 250 << 20, Some(true)),
            (8000, 6000, 50 << 20, None),
        ];
        for (width, height, memory, tiled) in cases {
            let demand = Demand { max_memory: Some(memory), ..demand(width, height, &limits) };
            match (demand.plan(), tiled) {
                (Ok(plan), Some(tiled)) => {
                    assert_eq!(plan.is_tiled(), tiled, "{plan}");
                    assert!(plan.memory() <= memory && (plan.disk() > 0) == tiled, "{plan}");
                }
                (Err(error), None) => assert!(error.to_string().contains("raise --max-memory"), "{error}"),
                (found, _) => panic!("{width}x{height}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_smaller_limit_gives_smaller_tiles() {
        let limits = Limits::default();
        let side = |memory| Demand { max_memory: Some(memory), ..demand(9000, 9000, &limits) }.plan().unwrap().side();
        assert_eq!(side(4 << 30), MAX_SIDE);
        assert!(side(250 << 20) < side(400 << 20));
    }

    #[test]
    fn tiles_are_for_those_that_paint_them() {
        let limits = Limits::default();
        let whole = Demand { passes: None, descriptor: &gatys::DESCRIPTOR, ..demand(9000, 9000, &limits) };
        let message = whole.plan().unwrap_err().to_string();
        assert!(message.contains("--size"), "{message}");
        let forced = Demand { tile: Some(256), ..whole };
        let message = forced.plan().unwrap_err().to_string();
        assert!(message.contains("paints no tiles"), "{message}");
        let forced = Demand { tile: Some(256), ..demand(300, 300, &limits) };
        assert_eq!(forced.plan().unwrap().side(), 256);
    }

    #[test]
    fn larger_limits_hold_for_what_is_read_by_rows() {
        let limits = Limits::default();
        let jpeg = Measure { format: Format::Jpeg, width: 30_000, height: 30_000, bytes: 1000 };
        // The decoder refuses it, as ever.
        assert!(
            !Demand { stored: jpeg, max_memory: None, counted: false, ..demand(1, 1, &limits) }
                .plan()
                .unwrap()
                .is_tiled()
        );
        let set = Limits { max_pixels: 1 << 20, ..limits };
        assert_eq!(tiled_limits(&set).max_pixels, 1 << 20);
        assert_eq!(tiled_limits(&limits).max_pixels, MAX_TILED_PIXELS);
    }

    #[test]
    fn maps_are_counted_while_they_are_there() {
        let limits = Limits::default();
        let demand = demand(1000, 500, &limits);
        let passes = demand.passes.clone().unwrap();
        let frame = demand.frame().size;
        let map = u64::from(frame.0) * u64::from(frame.1) / 16 * 16 * 4;
        assert_eq!(demand.disk(&passes), map + 500_000 * 12);
    }

    #[test]
    fn what_earlier_work_holds_on_the_disk_is_not_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let Some(free) = free_disk(folder.path()) else { return };
        let limits = Limits::default();
        let plan = Plan { disk: free.saturating_mul(2), ..demand(8000, 6000, &limits).plan().unwrap() };
        let refused = plan.check_disk(folder.path(), 0).unwrap_err().to_string();
        assert!(refused.contains("--work-dir"), "{refused}");
        plan.check_disk(folder.path(), free.saturating_mul(3) / 2).unwrap();
    }
}
