//! The file behind a canvas.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::decode::Samples;
use crate::encode::{to_u8, to_u16};
use crate::error::ImageError;
use crate::format::Depth;
use crate::picture::{Picture, Source};

use super::header::{FIXED, Header};
use super::{Bands, Layout, Rect, at};

/// Where a canvas keeps its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// Under this name, which must be free; the file stays until somebody removes it.
    File(&'a Path),
    /// In this folder, without a name; the space is free again when the canvas is dropped, however the program ends.
    Scratch(&'a Path),
}

/// A picture in a file: upright, sRGB, straight alpha.
///
/// Reads and writes go to their place in the file and keep nothing, so that memory does not grow with the picture. They
/// take `&self`: threads may work on different rectangles at once. Threads that write pixels of the same rectangle leave
/// some of either.
#[derive(Debug)]
pub struct Canvas {
    file: File,
    /// For messages; a scratch canvas names its folder.
    path: PathBuf,
    layout: Layout,
    data: u64,
    source: Source,
    pub(super) notes: Vec<String>,
}

impl Canvas {
    /// Makes a black canvas, fully transparent where it has alpha.
    ///
    /// The file gets its whole length at once without taking the space yet, where the file system can do that. `source`
    /// is what an [`export`](super::export) carries over: the depth to write, EXIF and XMP.
    ///
    /// # Errors
    /// [`ErrorKind::Caller`](crate::ErrorKind::Caller): a side of 0 or above 1,048,576, a file that exists.
    /// [`ErrorKind::Environment`](crate::ErrorKind::Environment): a missing folder, no permission, no space.
    pub fn create(place: Place<'_>, layout: Layout, source: &Source) -> Result<Self, ImageError> {
        // Refused before there is a file.
        Header::new(layout, source)?;
        let (Place::File(path) | Place::Scratch(path)) = place;
        let file = match place {
            Place::File(path) => OpenOptions::new().read(true).write(true).create_new(true).open(path),
            Place::Scratch(folder) => tempfile::tempfile_in(folder),
        };
        let file = file.map_err(|source| match (place, source.kind()) {
            (Place::File(path), std::io::ErrorKind::NotFound) => {
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                ImageError::MissingFolder { path: path.to_path_buf(), folder: folder.to_path_buf() }
            }
            _ => ImageError::from_io("write", path, source),
        })?;
        let made = Self::within(file, path, layout, source);
        if let (Err(_), Place::File(path)) = (&made, place) {
            // Made a moment ago by this call and of no use to anybody.
            let _best_effort = std::fs::remove_file(path);
        }
        made
    }

    /// Makes an empty file a canvas; `path` is for messages.
    pub(super) fn within(file: File, path: &Path, layout: Layout, source: &Source) -> Result<Self, ImageError> {
        let header = Header::new(layout, source)?;
        let (path, notes) = (path.to_path_buf(), Vec::new());
        let made = Self { file, path, layout, data: header.data, source: source.clone(), notes };
        made.file.set_len(header.file_bytes()).map_err(|e| made.fail("write", e))?;
        made.put(&header.to_bytes(&source.metadata), 0)?;
        Ok(made)
    }

    /// Opens a canvas, or any raw picture, to read it.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input): not a raw picture, or cut short.
    /// [`ErrorKind::Environment`](crate::ErrorKind::Environment) when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        Self::open_with(path, OpenOptions::new().read(true))
    }

    /// Opens a canvas to read and change it.
    ///
    /// # Errors
    /// As [`Canvas::open`].
    pub fn open_to_write(path: &Path) -> Result<Self, ImageError> {
        Self::open_with(path, OpenOptions::new().read(true).write(true))
    }

    fn open_with(path: &Path, options: &OpenOptions) -> Result<Self, ImageError> {
        let fail = |source| ImageError::from_io("read", path, source);
        let file = options.open(path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        if !meta.is_file() {
            return Err(ImageError::NotAFile(path.to_path_buf()));
        }
        let mut fixed = Vec::with_capacity(FIXED);
        (&file).take(FIXED as u64).read_to_end(&mut fixed).map_err(fail)?;
        let header = Header::read(&fixed, meta.len())?;
        let mut metadata = vec![0; header.metadata_bytes()];
        at::read(&file, &mut metadata, FIXED as u64).map_err(fail)?;
        let (layout, data, source) = (header.layout, header.data, header.source(&metadata));
        Ok(Self { file, path: path.to_path_buf(), layout, data, source, notes: Vec::new() })
    }

    /// What is remembered of the file the picture came from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Size and kind of the pixels.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What a careful person would want to know about an import, one sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Its file, or the folder of a scratch canvas.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A rectangle as planes, all red first, then green, blue and, where there is one, alpha: `[c, h, w]`.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] for a rectangle that is empty or not within the canvas;
    /// [`ErrorKind::Environment`](crate::ErrorKind::Environment) when the file cannot be read.
    pub fn read(&self, rect: Rect) -> Result<Vec<f32>, ImageError> {
        self.check(rect)?;
        let mut planes = vec![0.0; rect.pixels() * self.layout.channels()]; // [c, h, w]
        self.read_into(rect, &mut planes)?;
        Ok(planes)
    }

    /// As [`Canvas::read`], into a buffer of `c * h * w` values.
    ///
    /// # Errors
    /// As [`Canvas::read`], and [`ImageError::SizeMismatch`] for a buffer of another length.
    pub fn read_into(&self, rect: Rect, planes: &mut [f32]) -> Result<(), ImageError> {
        self.check_planes(rect, planes.len())?;
        let (plane, width, channels) = (rect.pixels(), rect.width as usize, self.layout.channels());
        let mut row = vec![0.0; width * channels];
        self.each_row(rect, |y, bytes| {
            decode(self.layout.depth, bytes, &mut row);
            for c in 0..channels {
                let out = &mut planes[c * plane + y * width..][..width];
                for (out, pixel) in out.iter_mut().zip(row.chunks_exact(channels)) {
                    *out = pixel[c];
                }
            }
        })
    }

    /// Writes a rectangle given as planes, as [`Canvas::read`] gives them.
    ///
    /// Values are clamped to [0, 1] and rounded unless the canvas stores 32-bit float.
    ///
    /// # Errors
    /// As [`Canvas::read_into`], [`ImageError::NotFinite`] for values that are no numbers, and
    /// [`ImageError::DiskFull`] when the disk is full.
    pub fn write(&self, rect: Rect, planes: &[f32]) -> Result<(), ImageError> {
        self.check_planes(rect, planes.len())?;
        let (plane, width, channels) = (rect.pixels(), rect.width as usize, self.layout.channels());
        if let Some(index) = planes.iter().position(|v| !v.is_finite()) {
            return Err(ImageError::NotFinite { index });
        }
        let mut row = vec![0.0; width * channels];
        let mut bytes = Vec::with_capacity(width * self.layout.pixel_bytes());
        for y in 0..rect.height as usize {
            for c in 0..channels {
                let from = &planes[c * plane + y * width..][..width];
                for (pixel, &value) in row.chunks_exact_mut(channels).zip(from) {
                    pixel[c] = value;
                }
            }
            bytes.clear();
            encode(self.layout.depth, &row, &mut bytes);
            self.put(&bytes, self.offset(rect.x, rect.y + y as u32))?;
        }
        Ok(())
    }

    /// A rectangle as a picture of its own, without metadata.
    ///
    /// # Errors
    /// As [`Canvas::read`].
    pub fn picture(&self, rect: Rect) -> Result<Picture, ImageError> {
        self.check(rect)?;
        let (pixels, channels) = (rect.pixels(), self.layout.channels());
        let mut row = vec![0.0; rect.width as usize * channels];
        let mut rgb = Vec::with_capacity(pixels * 3);
        let mut alpha = self.layout.alpha.then(|| Vec::with_capacity(pixels));
        self.each_row(rect, |_, bytes| {
            decode(self.layout.depth, bytes, &mut row);
            match &mut alpha {
                None => rgb.extend_from_slice(&row),
                Some(alpha) => {
                    for &[r, g, b, a] in row.as_chunks::<4>().0 {
                        rgb.extend_from_slice(&[r, g, b]);
                        alpha.push(a);
                    }
                }
            }
        })?;
        let mut picture = Picture::from_rgb(rect.width, rect.height, rgb)?;
        picture.alpha = alpha;
        Ok(picture)
    }

    /// Puts a picture onto the canvas, its upper left corner at (`x`, `y`). One without alpha is opaque; alpha that the
    /// canvas has no channel for is dropped.
    ///
    /// # Errors
    /// As [`Canvas::write`].
    pub fn draw(&self, x: u32, y: u32, picture: &Picture) -> Result<(), ImageError> {
        let rect = Rect { x, y, width: picture.width, height: picture.height };
        self.check(rect)?;
        let width = rect.width as usize;
        let values = |v: &Vec<f32>| v.iter().position(|v| !v.is_finite());
        if let Some(index) = values(&picture.rgb).or_else(|| picture.alpha.as_ref().and_then(values)) {
            return Err(ImageError::NotFinite { index });
        }
        let mut row = Vec::with_capacity(width * 4);
        let mut bytes = Vec::with_capacity(width * self.layout.pixel_bytes());
        for (i, rgb) in picture.rgb.chunks_exact(width * 3).enumerate() {
            bytes.clear();
            if self.layout.alpha {
                row.clear();
                let alpha = picture.alpha.as_ref().map(|alpha| &alpha[i * width..][..width]);
                for (x, &[r, g, b]) in rgb.as_chunks::<3>().0.iter().enumerate() {
                    row.extend_from_slice(&[r, g, b, alpha.map_or(1.0, |alpha| alpha[x])]);
                }
                encode(self.layout.depth, &row, &mut bytes);
            } else {
                encode(self.layout.depth, rgb, &mut bytes);
            }
            self.put(&bytes, self.offset(x, y + i as u32))?;
        }
        Ok(())
    }

    /// A rectangle as stored, interleaved.
    pub(crate) fn samples(&self, rect: Rect) -> Result<Samples, ImageError> {
        self.check(rect)?;
        let mut out = match self.layout.depth {
            Depth::U8 => Samples::U8(Vec::new()),
            Depth::U16 => Samples::U16(Vec::new()),
            Depth::F32 => Samples::F32(Vec::new()),
        };
        self.each_row(rect, |_, bytes| match &mut out {
            Samples::U8(v) => v.extend_from_slice(bytes),
            Samples::U16(v) => v.extend(bytes.as_chunks::<2>().0.iter().map(|&b| u16::from_le_bytes(b))),
            Samples::F32(v) => v.extend(bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b))),
        })?;
        Ok(out)
    }

    /// Forces everything written so far onto the disk: after that it survives a power cut.
    ///
    /// # Errors
    /// [`ImageError::DiskFull`] and other refusals of the file system, which may come as late as here.
    pub fn flush(&self) -> Result<(), ImageError> {
        self.file.sync_all().map_err(|e| self.fail("write", e))
    }

    fn fail(&self, action: &'static str, source: std::io::Error) -> ImageError {
        ImageError::from_io(action, &self.path, source)
    }

    fn put(&self, bytes: &[u8], at: u64) -> Result<(), ImageError> {
        at::write(&self.file, bytes, at).map_err(|e| self.fail("write", e))
    }

    /// Where a pixel is in the file.
    fn offset(&self, x: u32, y: u32) -> u64 {
        let pixels = u64::from(y) * u64::from(self.layout.width) + u64::from(x);
        self.data + pixels * self.layout.pixel_bytes() as u64
    }

    /// Calls `each` with the number of every row of `rect`, from 0, and its bytes.
    fn each_row(&self, rect: Rect, mut each: impl FnMut(usize, &[u8])) -> Result<(), ImageError> {
        const BLOCK: usize = 1 << 20;
        let row = rect.width as usize * self.layout.pixel_bytes();
        // Whole rows follow one another in the file and come in larger bites.
        let rows = if rect.width == self.layout.width { (BLOCK / row).max(1) } else { 1 };
        let mut block = vec![0; row * rows.min(rect.height as usize)];
        let height = rect.height as usize;
        for y in (0..height).step_by(rows) {
            let part = &mut block[..row * rows.min(height - y)];
            at::read(&self.file, part, self.offset(rect.x, rect.y + y as u32)).map_err(|e| self.fail("read", e))?;
            for (i, bytes) in part.chunks_exact(row).enumerate() {
                each(y + i, bytes);
            }
        }
        Ok(())
    }

    fn check(&self, rect: Rect) -> Result<(), ImageError> {
        if rect.within(self.layout) {
            return Ok(());
        }
        let (Rect { x, y, width, height }, layout) = (rect, self.layout);
        Err(ImageError::InvalidArgument(format!(
            "{width}x{height} pixels at {x},{y} do not lie within a canvas of {}x{}",
            layout.width, layout.height
        )))
    }

    fn check_planes(&self, rect: Rect, found: usize) -> Result<(), ImageError> {
        self.check(rect)?;
        let expected = rect.pixels() * self.layout.channels();
        if expected == found {
            return Ok(());
        }
        let Rect { width, height, .. } = rect;
        Err(ImageError::SizeMismatch { width, height, expected: expected as u64, found: found as u64 })
    }
}

impl Bands for Canvas {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn source(&self) -> &Source {
        &self.source
    }

    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError> {
        self.picture(Rect { x: 0, y, width: self.layout.width, height: rows })
    }
}

/// Stored samples as values; both have as many.
fn decode(depth: Depth, bytes: &[u8], out: &mut [f32]) {
    match depth {
        Depth::U8 => out.iter_mut().zip(bytes).for_each(|(o, &b)| *o = f32::from(b) / 255.0),
        Depth::U16 => {
            let samples = bytes.as_chunks::<2>().0;
            out.iter_mut().zip(samples).for_each(|(o, &b)| *o = f32::from(u16::from_le_bytes(b)) / 65535.0);
        }
        Depth::F32 => {
            let samples = bytes.as_chunks::<4>().0;
            out.iter_mut().zip(samples).for_each(|(o, &b)| *o = f32::from_le_bytes(b));
        }
    }
}

/// The inverse of [`decode`], rounded as every encoder here rounds.
fn encode(depth: Depth, values: &[f32], out: &mut Vec<u8>) {
    match depth {
        Depth::U8 => out.extend(values.iter().map(|&v| to_u8(v))),
        Depth::U16 => out.extend(values.iter().flat_map(|&v| to_u16(v).to_le_bytes())),
        Depth::F32 => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
    }
}
