//! Plain convolution in `f64`.

use crate::{Conv2d, PadMode};

/// Calls `term` with the indices into `y`, `x` and `w` of every product.
fn products(shape: &Conv2d, mut term: impl FnMut(usize, usize, usize)) {
    let [rows, columns] = shape.output_size();
    let [kernel_rows, kernel_columns] = shape.kernel;
    let (group_in, group_out) = (shape.channels_in / shape.groups, shape.channels_out / shape.groups);
    let source = |position: usize, padding: usize, size: usize| {
        let size = (size * shape.upsample) as isize;
        let mut position = position as isize - padding as isize;
        if position < 0 || position >= size {
            if shape.pad_mode == PadMode::Zero {
                return None;
            }
            position = if position < 0 { -position } else { 2 * (size - 1) - position };
        }
        Some(position as usize / shape.upsample)
    };
    for image in 0..shape.batch {
        for to in 0..shape.channels_out {
            for row in 0..rows {
                for column in 0..columns {
                    let y = ((image * shape.channels_out + to) * rows + row) * columns + column;
                    for from in 0..group_in {
                        let channel = to / group_out * group_in + from;
                        for i in 0..kernel_rows {
                            let Some(x_row) = source(row * shape.stride[0] + i, shape.padding[0], shape.height) else {
                                continue;
                            };
                            for j in 0..kernel_columns {
                                let Some(x_column) =
                                    source(column * shape.stride[1] + j, shape.padding[1], shape.width)
                                else {
                                    continue;
                                };
                                let x = ((image * shape.channels_in + channel) * shape.height + x_row) * shape.width
                                    + x_column;
                                term(y, x, ((to * group_in + from) * kernel_rows + i) * kernel_columns + j);
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) fn forward(shape: &Conv2d, x: &[f32], w: &[f32], bias: Option<&[f32]>) -> Vec<f64> {
    let area = shape.output_len() / shape.batch / shape.channels_out;
    let start = |index: usize| bias.map_or(0.0, |bias| f64::from(bias[index / area % shape.channels_out]));
    let mut result: Vec<f64> = (0..shape.output_len()).map(start).collect();
    products(shape, |i, j, k| result[i] += f64::from(x[j]) * f64::from(w[k]));
    result
}

pub(crate) fn input_grad(shape: &Conv2d, dy: &[f32], w: &[f32]) -> Vec<f64> {
    let mut result = vec![0.0; shape.input_len()];
    products(shape, |i, j, k| result[j] += f64::from(dy[i]) * f64::from(w[k]));
    result
}

pub(crate) fn weight_grad(shape: &Conv2d, x: &[f32], dy: &[f32]) -> Vec<f64> {
    let mut result = vec![0.0; shape.weight_len()];
    products(shape, |i, j, k| result[k] += f64::from(dy[i]) * f64::from(x[j]));
    result
}
