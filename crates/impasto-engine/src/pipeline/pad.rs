//! Padding by reflection to the sizes a network takes.

use impasto_image::Picture;

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
        let (from_w, from_h) = (picture.width as usize, picture.height as usize);
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        if (from_w, from_h) == (width, height) {
            return planes;
        }
        let margin = self.margin as usize;
        let columns: Vec<usize> = (0..width).map(|x| reflected(x, margin, from_w)).collect();
        let rows: Vec<usize> = (0..height).map(|y| reflected(y, margin, from_h)).collect();
        let mut out = Vec::with_capacity(3 * columns.len() * rows.len());
        for plane in planes.chunks_exact(from_w * from_h) {
            for &y in &rows {
                let row = &plane[y * from_w..(y + 1) * from_w];
                out.extend(columns.iter().map(|&x| row[x]));
            }
        }
        out
    }
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
