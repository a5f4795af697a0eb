//! Filling colours under transparent pixels, as [`alpha::bleed`](crate::alpha::bleed) does it, with the pyramid on disk.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use crate::alpha::{Cell, Level, fill, fill_pixels, halved, neighbours, visible};
use crate::encode::Failed;
use crate::error::ImageError;

use super::progress::Counter;
use super::{Bands, Canvas, at};

/// Levels of up to so many cells (16 bytes each) are held in memory.
const MEMORY_CELLS: usize = 1 << 20;

/// One level of the pyramid, wherever it is.
enum Cells {
    Memory(Level),
    Disk(Stored),
}

/// A level in a file without a name.
struct Stored {
    file: File,
    width: usize,
    height: usize,
}

impl Cells {
    fn row(&self, y: usize) -> std::io::Result<Cow<'_, [Cell]>> {
        match self {
            Self::Memory(level) => Ok(level.row(y).into()),
            Self::Disk(stored) => stored.row(y).map(Cow::Owned),
        }
    }

    fn height(&self) -> usize {
        match self {
            Self::Memory(level) => level.height,
            Self::Disk(stored) => stored.height,
        }
    }
}

impl Stored {
    fn at(&self, y: usize) -> u64 {
        (y * self.width * size_of::<Cell>()) as u64
    }

    fn row(&self, y: usize) -> std::io::Result<Vec<Cell>> {
        let mut cells = vec![[0.0; 4]; self.width];
        at::read(&self.file, bytemuck::cast_slice_mut(&mut cells), self.at(y))?;
        Ok(cells)
    }

    fn put(&self, y: usize, cells: &[Cell]) -> std::io::Result<()> {
        at::write(&self.file, bytemuck::cast_slice(cells), self.at(y))
    }
}

/// A level of half the size of `width` x `height` cells whose rows `row` gives.
fn halve<E: From<std::io::Error>>(
    (width, height): (usize, usize),
    scratch: &Path,
    mut row: impl FnMut(usize) -> Result<Vec<Cell>, E>,
) -> Result<Cells, E> {
    let size = (width.div_ceil(2), height.div_ceil(2));
    let mut rows = |y: usize| -> Result<(Vec<Cell>, Option<Vec<Cell>>), E> {
        Ok((row(2 * y)?, if 2 * y + 1 < height { Some(row(2 * y + 1)?) } else { None }))
    };
    if size.0 * size.1 <= MEMORY_CELLS {
        let mut cells = Vec::with_capacity(size.0 * size.1);
        for y in 0..size.1 {
            let (top, bottom) = rows(y)?;
            cells.extend(halved(&top, bottom.as_deref()));
        }
        return Ok(Cells::Memory(Level { width: size.0, height: size.1, cells }));
    }
    let stored = Stored { file: tempfile::tempfile_in(scratch)?, width: size.0, height: size.1 };
    for y in 0..size.1 {
        let (top, bottom) = rows(y)?;
        let cells: Vec<Cell> = halved(&top, bottom.as_deref()).collect();
        stored.put(y, &cells)?;
    }
    Ok(Cells::Disk(stored))
}

/// Fills the colours of the fully transparent pixels of a canvas with alpha that has visible ones too; counts its rows
/// twice.
pub(super) fn bleed(canvas: &Canvas, scratch: &Path, counter: &mut Counter<'_, '_>) -> Result<(), ImageError> {
    fill_canvas(canvas, scratch, counter).map_err(|failed| match failed {
        Failed::Image(error) => error,
        Failed::Io(error) => ImageError::from_io("write", scratch, error),
    })
}

fn fill_canvas(canvas: &Canvas, scratch: &Path, counter: &mut Counter<'_, '_>) -> Result<(), Failed> {
    let layout = canvas.layout();
    let size = (layout.width as usize, layout.height as usize);
    let mut coarse = halve(size, scratch, |y| -> Result<_, Failed> {
        let row = canvas.band(y as u32, 1)?;
        counter.add(1)?;
        Ok(visible(row.triples(), row.alpha.as_deref().unwrap_or_default()).collect())
    })?;
    // Down to a level that fits in memory and fills itself, and back up.
    let mut finer = Vec::new();
    let mut coarse = loop {
        match coarse {
            Cells::Memory(level) => break Cells::Memory(level.filled()),
            Cells::Disk(stored) => {
                coarse = halve((stored.width, stored.height), scratch, |y| stored.row(y).map_err(Failed::Io))?;
                finer.push(stored);
            }
        }
    };
    while let Some(stored) = finer.pop() {
        for y in 0..stored.height {
            let mut cells = stored.row(y)?;
            if cells.iter().any(|cell| cell[3] <= 0.0) {
                let (near, far) = neighbours(y, coarse.height());
                fill(&mut cells, &coarse.row(near)?, &coarse.row(far)?);
                stored.put(y, &cells)?;
            }
        }
        coarse = Cells::Disk(stored);
    }
    for y in 0..layout.height {
        let mut row = canvas.band(y, 1)?;
        let alpha = row.alpha.take().unwrap_or_default();
        if alpha.iter().any(|&a| a <= 0.0) {
            let (near, far) = neighbours(y as usize, coarse.height());
            fill_pixels(row.triples_mut(), &alpha, &coarse.row(near)?, &coarse.row(far)?);
            row.alpha = Some(alpha);
            canvas.draw(0, y, &row)?;
        }
        counter.add(1)?;
    }
    Ok(())
}
