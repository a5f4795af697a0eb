//! Turning and mirroring by EXIF orientation.

use crate::picture::Picture;

/// Applies EXIF orientation `orientation` (1 to 8; anything else is taken for 1), so that the picture is upright.
pub(crate) fn apply(picture: &mut Picture, orientation: u8) {
    if !(2..=8).contains(&orientation) {
        return;
    }
    let (width, height) = (picture.width as usize, picture.height as usize);
    picture.rgb = turned::<3>(&picture.rgb, width, height, orientation);
    if let Some(alpha) = &mut picture.alpha {
        *alpha = turned::<1>(alpha, width, height, orientation);
    }
    if orientation >= 5 {
        std::mem::swap(&mut picture.width, &mut picture.height);
    }
}

/// Where rows `first..first + rows` of a stored picture `height` high lie in the upright one, once they are turned
/// themselves: column and row of the upper left corner.
pub(crate) fn place(orientation: u8, height: u32, first: u32, rows: u32) -> (u32, u32) {
    let from_end = height - first - rows;
    match orientation {
        3 | 4 => (0, from_end),
        5 | 8 => (first, 0),
        6 | 7 => (from_end, 0),
        _ => (0, first),
    }
}

fn turned<const N: usize>(from: &[f32], width: usize, height: usize, orientation: u8) -> Vec<f32> {
    let from = from.as_chunks::<N>().0;
    let mut out = Vec::with_capacity(from.len() * N);
    let (rows, columns) = if orientation >= 5 { (width, height) } else { (height, width) };
    for y in 0..rows {
        for x in 0..columns {
            // Where the stored picture keeps what belongs at (x, y) of the upright one.
            let (sx, sy) = match orientation {
                2 => (width - 1 - x, y),
                3 => (width - 1 - x, height - 1 - y),
                4 => (x, height - 1 - y),
                5 => (y, x),
                6 => (y, height - 1 - x),
                7 => (width - 1 - y, height - 1 - x),
                _ => (width - 1 - y, x),
            };
            out.extend_from_slice(&from[sy * width + sx]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a stored 3x2 picture `abc/def` seen under each orientation, from the EXIF standard's figure.
    #[test]
    fn all_eight() {
        let cases = [
            (1, "abc/def"),
            (2, "cba/fed"),
            (3, "fed/cba"),
            (4, "def/abc"),
            (5, "ad/be/cf"),
            (6, "da/eb/fc"),
            (7, "fc/eb/da"),
            (8, "cf/be/ad"),
        ];
        for (orientation, expected) in cases {
            let rgb = (b'a'..=b'f').flat_map(|c| [f32::from(c); 3]).collect();
            let mut picture = Picture::from_rgb(3, 2, rgb).unwrap();
            picture.alpha = Some((b'a'..=b'f').map(f32::from).collect());
            apply(&mut picture, orientation);
            let rows: Vec<String> = picture
                .triples()
                .chunks(picture.width as usize)
                .map(|row| row.iter().map(|p| char::from(p[0] as u8)).collect())
                .collect();
            assert_eq!(rows.join("/"), expected, "orientation {orientation}");
            let alpha: String = picture.alpha.unwrap().iter().map(|&a| char::from(a as u8)).collect();
            assert_eq!(alpha, expected.replace('/', ""));
        }
    }
}
