//! Contact sheets: many pictures on one.

use crate::alpha::over;
use crate::picture::{Picture, samples};
use crate::resize::resize;

/// What lies between the pictures, a grey that takes no side.
const GROUND: [f32; 3] = [0.5; 3];

/// Lays pictures out in a grid, row by row, each shrunk (never enlarged) to fit its cell and centred in it.
///
/// `columns` and both sides of `cell` are taken for 1 when 0; `gap` pixels of mid grey separate and surround the cells.
/// Transparent pictures are laid over white. Without pictures, or when the sheet would not fit in memory's address range
/// (`u32` sides), the result is a single grey pixel.
#[must_use]
pub fn contact_sheet(pictures: &[&Picture], columns: u32, cell: (u32, u32), gap: u32) -> Picture {
    let cell = (cell.0.max(1), cell.1.max(1));
    let count = u32::try_from(pictures.len()).unwrap_or(u32::MAX);
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns);
    let side = |cells: u32, size: u32| u64::from(cells) * (u64::from(size) + u64::from(gap)) + u64::from(gap);
    let size = u32::try_from(side(columns, cell.0)).ok().zip(u32::try_from(side(rows, cell.1)).ok());
    let sheet = size.filter(|_| count > 0).and_then(|(w, h)| {
        samples(w, h, 12)?;
        Picture::filled(w, h, GROUND).ok()
    });
    let Some(mut sheet) = sheet else {
        return single();
    };
    let stride = sheet.width as usize * 3;
    for (index, picture) in (0_u32..).zip(pictures) {
        let fit = (f64::from(cell.0) / f64::from(picture.width)).min(f64::from(cell.1) / f64::from(picture.height));
        let fit = fit.min(1.0);
        let [w, h] = [picture.width, picture.height].map(|v| (f64::from(v) * fit).round().max(1.0) as u32);
        let small = resize(picture, w.min(cell.0), h.min(cell.1));
        let x = gap + (index % columns) * (cell.0 + gap) + (cell.0 - small.width) / 2;
        let y = gap + (index / columns) * (cell.1 + gap) + (cell.1 - small.height) / 2;
        let rgb = over(&small, [1.0; 3]);
        let rows = sheet.rgb.chunks_exact_mut(stride).skip(y as usize);
        for (to, from) in rows.zip(rgb.chunks_exact(small.width as usize * 3)) {
            to[x as usize * 3..][..from.len()].copy_from_slice(from);
        }
    }
    sheet
}

/// A small picture enlarged by the largest whole factor at which it fits `cell`, pixel by pixel and without smoothing, so that
/// [`contact_sheet`] shows it well; others as they are. Transparency is laid over white.
#[must_use]
pub fn magnified(picture: &Picture, cell: (u32, u32)) -> Picture {
    let times = (cell.0 / picture.width.max(1)).min(cell.1 / picture.height.max(1));
    let Some(size) = (times > 1).then(|| samples(picture.width * times, picture.height * times, 3)).flatten() else {
        return picture.clone();
    };
    let rgb = over(picture, [1.0; 3]);
    let mut large = Vec::with_capacity(size);
    for row in rgb.chunks_exact(3 * picture.width as usize) {
        let wide: Vec<f32> = row.chunks_exact(3).flat_map(|pixel| pixel.repeat(times as usize)).collect();
        (0..times).for_each(|_| large.extend_from_slice(&wide));
    }
    Picture { rgb: large, alpha: None, width: picture.width * times, height: picture.height * times, ..picture.clone() }
}

fn single() -> Picture {
    Picture {
        width: 1,
        height: 1,
        rgb: GROUND.to_vec(),
        alpha: None,
        source: crate::picture::Source::default(),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        let red = Picture::filled(8, 4, [1.0, 0.0, 0.0]).unwrap();
        let blue = Picture::filled(2, 2, [0.0, 0.0, 1.0]).unwrap();
        let sheet = contact_sheet(&[&red, &blue, &red], 2, (4, 4), 1);
        assert_eq!((sheet.width, sheet.height), (11, 11));
        let at = |x: usize, y: usize| sheet.triples()[y * 11 + x];
        assert_eq!(at(0, 0), GROUND);
        assert!(at(1, 2)[0] > 0.99 && at(1, 2)[2] < 0.01, "the wide picture is centred between grey bands");
        assert_eq!(at(1, 1), GROUND);
        assert_eq!(at(7, 2), [0.0, 0.0, 1.0], "a small picture is not enlarged");
        assert_eq!(at(6, 1), GROUND);
        assert_eq!(at(7, 7), GROUND, "the fourth cell is empty");
    }

    #[test]
    fn small_pictures_are_magnified_by_whole_factors() {
        let pixels = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        let picture = Picture::from_rgb(2, 1, pixels.concat()).unwrap();
        let large = magnified(&picture, (5, 9));
        assert_eq!((large.width, large.height), (4, 2));
        let row = [pixels[0], pixels[0], pixels[1], pixels[1]];
        assert_eq!(large.triples(), [row, row].concat());
        assert_eq!(magnified(&picture, (3, 9)), picture);
    }

    #[test]
    fn impossible_sheets() {
        let dot = Picture::filled(1, 1, [0.0; 3]).unwrap();
        assert_eq!(contact_sheet(&[], 3, (10, 10), 2).pixels(), 1);
        assert_eq!(contact_sheet(&[&dot], 1, (u32::MAX, u32::MAX), u32::MAX).pixels(), 1);
        assert_eq!(contact_sheet(&[&dot], 0, (0, 0), 0).pixels(), 1);
    }
}
