//! Bilinear upsampling by 2 and 2x2 pooling of planes, forward and backward.

use rayon::prelude::*;

use crate::error::{ShapeError, check_length};

/// The planes that a function works on, row-major and one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planes {
    /// How many: images times channels.
    pub count: usize,
    /// Rows of one plane of the forward function's input.
    pub height: usize,
    /// Columns of one plane of the forward function's input.
    pub width: usize,
}

impl Planes {
    fn len(self) -> usize {
        self.count * self.height * self.width
    }

    /// Values of the upsampled planes.
    fn doubled(self) -> usize {
        4 * self.len()
    }

    /// Values of the pooled planes.
    fn halved(self) -> usize {
        self.count * (self.height / 2) * (self.width / 2)
    }

    /// Calls `work` with the number of each plane and what it is made from and to.
    pub(crate) fn each(
        self,
        from: &[f32],
        from_area: usize,
        to: &mut [f32],
        to_area: usize,
        work: impl Fn(usize, &[f32], &mut [f32]) + Sync,
    ) {
        if from_area == 0 || to_area == 0 {
            return;
        }
        if from.len().max(to.len()) < 1 << 15 {
            let planes = from.chunks_exact(from_area).zip(to.chunks_exact_mut(to_area));
            planes.enumerate().for_each(|(plane, (from, to))| work(plane, from, to));
        } else {
            let planes = from.par_chunks_exact(from_area).zip(to.par_chunks_exact_mut(to_area));
            planes.enumerate().for_each(|(plane, (from, to))| work(plane, from, to));
        }
    }
}

/// Bilinear upsampling by 2, with half-pixel centres and the outermost values repeated (`align_corners = false`).
///
/// - `x`: `[count, height, width]`
/// - `y`: `[count, 2 * height, 2 * width]`, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where a slice disagrees with `planes`.
pub fn bilinear2x_forward(planes: Planes, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    check_length("x", x, planes.len())?;
    check_length("y", y, planes.doubled())?;
    let (height, width) = (planes.height, planes.width);
    planes.each(x, height * width, y, 4 * height * width, |_, x, y| {
        let mut mixed = vec![0.0; width];
        for (row, target) in y.chunks_exact_mut(2 * width).enumerate() {
            let near = row / 2;
            let far = if row % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(height - 1) };
            let rows = x[near * width..][..width].iter().zip(&x[far * width..][..width]);
            mixed.iter_mut().zip(rows).for_each(|(mixed, (near, far))| *mixed = 0.75 * near + 0.25 * far);
            widen(&mixed, target);
        }
    });
    Ok(())
}

/// Doubles a row.
fn widen(row: &[f32], target: &mut [f32]) {
    let last = row.len() - 1;
    target[0] = row[0];
    target[2 * last + 1] = row[last];
    for (pair, values) in target[1..].chunks_exact_mut(2).zip(row.windows(2)) {
        pair[0] = 0.75 * values[0] + 0.25 * values[1];
        pair[1] = 0.25 * values[0] + 0.75 * values[1];
    }
}

/// The adjoint of [`bilinear2x_forward`].
///
/// - `dy`: `[count, 2 * height, 2 * width]`
/// - `dx`: `[count, height, width]`, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where a slice disagrees with `planes`.
pub fn bilinear2x_backward(planes: Planes, dy: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    check_length("dy", dy, planes.doubled())?;
    check_length("dx", dx, planes.len())?;
    let (height, width) = (planes.height, planes.width);
    planes.each(dy, 4 * height * width, dx, height * width, |_, dy, dx| {
        // The mixed row with its outermost values repeated.
        let mut mixed = vec![0.0; 2 * width + 2];
        let row = |index: usize| &dy[index * 2 * width..][..2 * width];
        for (index, target) in dx.chunks_exact_mut(width).enumerate() {
            let near = row(2 * index).iter().zip(row(2 * index + 1));
            let far = row((2 * index).saturating_sub(1)).iter().zip(row((2 * index + 2).min(2 * height - 1)));
            for (mixed, (near, far)) in mixed[1..].iter_mut().zip(near.zip(far)) {
                *mixed = 0.75 * (near.0 + near.1) + 0.25 * (far.0 + far.1);
            }
            mixed[0] = mixed[1];
            mixed[2 * width + 1] = mixed[2 * width];
            for (target, values) in target.iter_mut().zip(mixed.windows(4).step_by(2)) {
                *target = 0.75 * (values[1] + values[2]) + 0.25 * (values[0] + values[3]);
            }
        }
    });
    Ok(())
}

/// The mean of every 2x2 square; a last odd row or column is left out.
///
/// - `x`: `[count, height, width]`
/// - `y`: `[count, height / 2, width / 2]`, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where a slice disagrees with `planes`.
pub fn avg_pool2x2_forward(planes: Planes, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    pool(planes, x, y, |a, b, c, d| 0.25 * ((a + b) + (c + d)))
}

/// The largest value of every 2x2 square; a last odd row or column is left out.
///
/// - `x`: `[count, height, width]`
/// - `y`: `[count, height / 2, width / 2]`, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where a slice disagrees with `planes`.
pub fn max_pool2x2_forward(planes: Planes, x: &[f32], y: &mut [f32]) -> Result<(), ShapeError> {
    let larger = |a: f32, b: f32| if b > a || b.is_nan() { b } else { a };
    pool(planes, x, y, |a, b, c, d| larger(larger(a, b), larger(c, d)))
}

fn pool(
    planes: Planes,
    x: &[f32],
    y: &mut [f32],
    value: impl Fn(f32, f32, f32, f32) -> f32 + Sync,
) -> Result<(), ShapeError> {
    check_length("x", x, planes.len())?;
    check_length("y", y, planes.halved())?;
    let (height, width) = (planes.height, planes.width);
    planes.each(x, height * width, y, (height / 2) * (width / 2), |_, x, y| {
        for (rows, target) in x.chunks_exact(2 * width).zip(y.chunks_exact_mut(width / 2)) {
            let (upper, lower) = rows.split_at(width);
            let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            for (target, (upper, lower)) in target.iter_mut().zip(pairs) {
                *target = value(upper[0], upper[1], lower[0], lower[1]);
            }
        }
    });
    Ok(())
}

/// The adjoint of [`avg_pool2x2_forward`].
///
/// - `dy`: `[count, height / 2, width / 2]`
/// - `dx`: `[count, height, width]`, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where a slice disagrees with `planes`.
pub fn avg_pool2x2_backward(planes: Planes, dy: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    check_length("dy", dy, planes.halved())?;
    check_length("dx", dx, planes.len())?;
    let (height, width) = (planes.height, planes.width);
    dx.fill(0.0);
    planes.each(dy, (height / 2) * (width / 2), dx, height * width, |_, dy, dx| {
        for (rows, dy) in dx.chunks_exact_mut(2 * width).zip(dy.chunks_exact(width / 2)) {
            let (upper, lower) = rows.split_at_mut(width);
            for row in [upper, lower] {
                row.chunks_exact_mut(2).zip(dy).for_each(|(pair, dy)| pair.fill(0.25 * dy));
            }
        }
    });
    Ok(())
}

/// The gradient of [`max_pool2x2_forward`]: `dy` goes to the largest value of each square, the first of equals.
///
/// - `x`: the input of the forward function, `[count, height, width]`
/// - `dy`: `[count, height / 2, width / 2]`
/// - `dx`: `[count, height, width]`, overwritten
///
/// # Errors
///
/// [`ShapeError::Length`] where a slice disagrees with `planes`.
pub fn max_pool2x2_backward(planes: Planes, x: &[f32], dy: &[f32], dx: &mut [f32]) -> Result<(), ShapeError> {
    check_length("x", x, planes.len())?;
    check_length("dy", dy, planes.halved())?;
    check_length("dx", dx, planes.len())?;
    let (height, width) = (planes.height, planes.width);
    let small = (height / 2) * (width / 2);
    if small == 0 {
        dx.fill(0.0);
        return Ok(());
    }
    planes.each(x, height * width, dx, height * width, |plane, from, dx| {
        let dy = &dy[plane * small..][..small];
        let rows = from.chunks_exact(2 * width).zip(dx.chunks_exact_mut(2 * width));
        for ((from, to), dy) in rows.zip(dy.chunks_exact(width / 2)) {
            let (upper, lower) = to.split_at_mut(width);
            if width % 2 == 1 {
                upper[width - 1] = 0.0;
                lower[width - 1] = 0.0;
            }
            let targets = upper.chunks_exact_mut(2).zip(lower.chunks_exact_mut(2));
            let sources = from[..width].chunks_exact(2).zip(from[width..].chunks_exact(2));
            for (((above, below), sources), &dy) in targets.zip(sources).zip(dy) {
                let (a, b, c, d) = (sources.0[0], sources.0[1], sources.1[0], sources.1[1]);
                // Without branches: which of each pair, then which pair.
                let (right_above, right_below) = (b > a, d > c);
                let first = if right_above { b } else { a };
                let second = if right_below { d } else { c };
                let lower = second > first;
                let (to_above, to_below) = if lower { (0.0, dy) } else { (dy, 0.0) };
                above[0] = if right_above { 0.0 } else { to_above };
                above[1] = if right_above { to_above } else { 0.0 };
                below[0] = if right_below { 0.0 } else { to_below };
                below[1] = if right_below { to_below } else { 0.0 };
            }
        }
        if height % 2 == 1 {
            dx[(height - 1) * width..].fill(0.0);
        }
    });
    Ok(())
}
