//! Padding by reflection to the sizes a network takes, and cropping back.

use impasto_image::Picture;

use crate::descriptor::Descriptor;

/// The size a network of `descriptor` is run at for a picture of `width` x `height`: at least its smallest side, a
/// multiple of what it asks for.
pub(super) fn padded_size(descriptor: &Descriptor, width: u32, height: u32) -> (u32, u32) {
    let multiple = descriptor.size_multiple.max(1);
    let side = |side: u32| side.max(descriptor.min_side).next_multiple_of(multiple);
    (side(width), side(height))
}

/// The picture's three planes, continued to the right and below by reflection to `width` x `height`.
///
/// The edge itself is not repeated (`c b | a b c | b a`), as often as needed; a side of one pixel is repeated.
pub(super) fn reflect(picture: &Picture, (width, height): (u32, u32)) -> Vec<f32> {
    let planes = picture.to_planar();
    let (from_w, from_h) = (picture.width as usize, picture.height as usize);
    if (from_w, from_h) == (width as usize, height as usize) {
        return planes;
    }
    let columns: Vec<usize> = (0..width as usize).map(|x| reflected(x, from_w)).collect();
    let rows: Vec<usize> = (0..height as usize).map(|y| reflected(y, from_h)).collect();
    let mut out = Vec::with_capacity(3 * columns.len() * rows.len());
    for plane in planes.chunks_exact(from_w * from_h) {
        for &y in &rows {
            let row = &plane[y * from_w..(y + 1) * from_w];
            out.extend(columns.iter().map(|&x| row[x]));
        }
    }
    out
}

/// Where position `i` of an endless mirror of `n` lies.
fn reflected(i: usize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let i = i % (2 * (n - 1));
    if i < n { i } else { 2 * (n - 1) - i }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_continue() {
        let at = |n| (0..9).map(|i| reflected(i, n)).collect::<Vec<_>>();
        assert_eq!(at(1), [0; 9]);
        assert_eq!(at(2), [0, 1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(at(4), [0, 1, 2, 3, 2, 1, 0, 1, 2]);
    }

    #[test]
    fn the_picture_itself_stays_where_it_is() {
        let picture = Picture::from_planar(3, 2, &(0..18).map(|v| v as f32).collect::<Vec<_>>()).unwrap();
        let planes = reflect(&picture, (5, 4));
        assert_eq!(planes.len(), 3 * 5 * 4);
        assert_eq!(planes[..5], [0.0, 1.0, 2.0, 1.0, 0.0]);
        assert_eq!(planes[10..15], planes[..5]);
        assert_eq!(planes[20..23], [6.0, 7.0, 8.0]);
    }
}
