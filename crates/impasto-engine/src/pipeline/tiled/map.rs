//! Maps of features that wait on disk.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{EngineError, Result};

/// A map `[height, width, channels]` of `f32` in a file, positions together, so that a row of a tile is one piece.
#[derive(Debug)]
pub(super) struct WorkMap {
    path: PathBuf,
    file: File,
    width: usize,
    channels: usize,
}

/// Bytes of a sample.
const SAMPLE: usize = size_of::<f32>();

impl WorkMap {
    /// Opens the map at `path`, or makes one of zeros that takes no space yet where the file system can do that.
    pub(super) fn open(path: &Path, [height, width]: [usize; 2], channels: usize) -> Result<Self> {
        let fail = |e: std::io::Error| EngineError::io(path, &e);
        // What an interrupted run wrote is kept.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
        file.set_len((height * width * channels * SAMPLE) as u64).map_err(fail)?;
        Ok(Self { path: path.to_owned(), file, width, channels })
    }

    fn fail(&self, error: &std::io::Error) -> EngineError {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => EngineError::Environment(format!(
                "{}: the disk is full; make room and run the same command again, or give --work-dir on another disk",
                self.path.display()
            )),
            _ => EngineError::io(&self.path, error),
        }
    }

    /// Goes to the first sample of a row's part.
    fn seek(&self, y: usize, x: usize) -> Result<&File> {
        let at = (y * self.width + x) * self.channels * SAMPLE;
        (&self.file).seek(SeekFrom::Start(at as u64)).map_err(|e| self.fail(&e))?;
        Ok(&self.file)
    }

    /// A rectangle as planes `[channels, h, w]`.
    pub(super) fn read(&self, [rows, columns]: &[Range<usize>; 2]) -> Result<Vec<f32>> {
        let (c, w) = (self.channels, columns.len());
        let plane = rows.len() * w;
        let mut planes = vec![0.0; c * plane];
        let mut row = vec![0u8; w * c * SAMPLE];
        for (i, y) in rows.clone().enumerate() {
            self.seek(y, columns.start)?.read_exact(&mut row).map_err(|e| self.fail(&e))?;
            let samples = row.as_chunks::<SAMPLE>().0;
            for (x, position) in samples.chunks_exact(c).enumerate() {
                for (channel, sample) in position.iter().enumerate() {
                    planes[channel * plane + i * w + x] = f32::from_le_bytes(*sample);
                }
            }
        }
        Ok(planes)
    }

    /// Writes a rectangle given as planes `[channels, h, w]`.
    pub(super) fn write(&self, [rows, columns]: &[Range<usize>; 2], planes: &[f32]) -> Result<()> {
        let (c, w) = (self.channels, columns.len());
        let plane = rows.len() * w;
        let mut row = vec![0u8; w * c * SAMPLE];
        for (i, y) in rows.clone().enumerate() {
            let samples = row.as_chunks_mut::<SAMPLE>().0;
            for (x, position) in samples.chunks_exact_mut(c).enumerate() {
                for (channel, sample) in position.iter_mut().enumerate() {
                    *sample = planes[channel * plane + i * w + x].to_le_bytes();
                }
            }
            self.seek(y, columns.start)?.write_all(&row).map_err(|e| self.fail(&e))?;
        }
        Ok(())
    }

    /// Forces what was written onto the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| self.fail(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.map");
        let whole: Vec<f32> = (0..2 * 5 * 7).map(|v| v as f32 * 0.5).collect();
        let map = WorkMap::open(&path, [5, 7], 2).unwrap();
        map.write(&[0..5, 0..7], &whole).unwrap();
        map.write(&[1..3, 2..4], &[-1.0; 8]).unwrap();
        map.sync().unwrap();
        let again = WorkMap::open(&path, [5, 7], 2).unwrap();
        let part = again.read(&[1..4, 3..6]).unwrap();
        let expected = |c: usize, y: usize, x: usize| {
            if y < 3 && x < 4 { -1.0 } else { whole[c * 35 + y * 7 + x] }
        };
        let expected: Vec<f32> =
            (0..2).flat_map(|c| (1..4).flat_map(move |y| (3..6).map(move |x| expected(c, y, x)))).collect();
        assert_eq!(part, expected);
    }
}
