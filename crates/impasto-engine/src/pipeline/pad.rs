//! Padding by reflection to the sizes a network takes.

use std::ops::Range;

use impasto_image::Picture;
use impasto_image::canvas::Rect;

use crate::descriptor::Descriptor;

/// A picture's place in the larger one that a network is run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Width and height that the network sees.
    pub(super) size: (u32, u32),
    /// Pixels added at the left and above.
    pub(super) margin: u32,
}

impl Frame {
    /// Around a picture of `width` x `height` for a network of `descriptor`: at least its smallest side, a multiple of
    /// what it asks for, with `margin` pixels or more on every side.
    pub(super) fn new(descriptor: &Descriptor, margin: u32, width: u32, height: u32) -> Self {
        let multiple = descriptor.size_multiple.max(1);
        let side = |side: u32| side.saturating_add(2 * margin).max(descriptor.min_side).next_multiple_of(multiple);
        Self { size: (side(width), side(height)), margin }
    }

    /// The picture's three planes, continued by reflection to the frame's size.
    ///
    /// The edge itself is not repeated (`c b | a b c | b a`), as often as needed; a side of one pixel is repeated.
    pub(super) fn fill(self, picture: &Picture) -> Vec<f32> {
        let planes = picture.to_planar();
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        if (picture.width, picture.height) == self.size {
            return planes;
        }
        let from = (picture.width, picture.height);
        let lines = self.lines(from, &[0..height, 0..width]);
        pick(&planes, (from.0 as usize, from.1 as usize), &lines)
    }

    /// A part (rows and columns) of what [`Frame::fill`] gives for a picture of `from` (width and height), of which
    /// `read` gives rectangles as three planes.
    pub(super) fn part<E>(
        self,
        from: (u32, u32),
        place: &[Range<usize>; 2],
        read: impl FnOnce(Rect) -> Result<Vec<f32>, E>,
    ) -> Result<Vec<f32>, E> {
        let mut lines = self.lines(from, place);
        let [(y, height), (x, width)] = [0, 1].map(|axis| {
            let first = lines[axis].iter().copied().min().unwrap_or(0);
            let last = lines[axis].iter().copied().max().unwrap_or(0);
            lines[axis].iter_mut().for_each(|line| *line -= first);
            (first as u32, (last - first + 1) as u32)
        });
        let planes = read(Rect { x, y, width, height })?;
        let plain = |lines: &[usize]| lines.iter().enumerate().all(|(i, line)| i == *line);
        if lines.iter().all(|lines| plain(lines)) {
            return Ok(planes);
        }
        Ok(pick(&planes, (width as usize, height as usize), &lines))
    }

    /// The picture's rows and columns that lie at these rows and columns of the frame.
    fn lines(self, from: (u32, u32), place: &[Range<usize>; 2]) -> [Vec<usize>; 2] {
        let margin = self.margin as usize;
        let mirrored = |range: &Range<usize>, n: u32| range.clone().map(|i| reflected(i, margin, n as usize)).collect();
        [mirrored(&place[0], from.1), mirrored(&place[1], from.0)]
    }
}

/// The given rows and columns of each plane.
fn pick(planes: &[f32], (width, height): (usize, usize), [rows, columns]: &[Vec<usize>; 2]) -> Vec<f32> {
    let mut out = Vec::with_capacity(3 * columns.len() * rows.len());
    for plane in planes.chunks_exact(width * height) {
        for &y in rows {
            let row = &plane[y * width..(y + 1) * width];
            out.extend(columns.iter().map(|&x| row[x]));
        }
    }
    out
}

/// Where position `i` of an endless mirror of `n` lies that begins `before` positions before 0.
fn reflected(i: usize, before: usize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n - 1);
    let i = (i + period - before % period) % period;
    if i < n { i } else { period - i }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_continue() {
        let at = |before, n| (0..9).map(|i| reflected(i, before, n)).collect::<Vec<_>>();
        assert_eq!(at(0, 1), [0; 9]);
        assert_eq!(at(0, 2), [0, 1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(at(0, 4), [0, 1, 2, 3, 2, 1, 0, 1, 2]);
        assert_eq!(at(2, 4), [2, 1, 0, 1, 2, 3, 2, 1, 0]);
        assert_eq!(at(5, 3), [1, 0, 1, 2, 1, 0, 1, 2, 1]);
    }

    #[test]
    fn the_picture_itself_stays_where_it_is() {
        let picture = Picture::from_planar(3, 2, &(0..18).map(|v| v as f32).collect::<Vec<_>>()).unwrap();
        let planes = Frame { size: (5, 4), margin: 0 }.fill(&picture);
        assert_eq!(planes.len(), 3 * 5 * 4);
        assert_eq!(planes[..5], [0.0, 1.0, 2.0, 1.0, 0.0]);
        assert_eq!(planes[10..15], planes[..5]);
        assert_eq!(planes[20..23], [6.0, 7.0, 8.0]);
        let framed = Frame { size: (6, 5), margin: 1 }.fill(&picture);
        assert_eq!(framed[6..12], [1.0, 0.0, 1.0, 2.0, 1.0, 0.0]);
        assert_eq!(framed[..6], [4.0, 3.0, 4.0, 5.0, 4.0, 3.0]);
    }
}
