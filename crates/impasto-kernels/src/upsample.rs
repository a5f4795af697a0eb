//! Convolution after upsampling, without the upsampled input.
//!
//! Along one axis, with the stored input `x`, kernel `k`, padding `p` and stride 1, the output is
//! `y[o] = sum over i of x[i] * m[2 * i - o + p + 1]` with the merged kernel `m[j] = w[j - 1] + w[j]` of `k + 1` values. So
//! the output is a transposed convolution of stride 2 of the stored input, and the gradient of the input a convolution of
//! stride 2, with a kernel larger by one that is used on a quarter of the positions: for 3x3, 4 multiplications for 9.
//!
//! This is exact with zero padding, and with reflection by one value, which on the stored input is repetition of the
//! outermost value. Everything else goes the long way.

use rayon::prelude::*;

use crate::dispatch::Isa;
use crate::fused::Fused;
use crate::gather::{Engine, Phase};
use crate::shape::{Conv2d, PadMode};
use crate::strip::{Source, shifted_axis};
use crate::transposed::Transposed;

/// An upsampled convolution as one of stride 2, from the output to the stored input.
pub(crate) struct Merged<'a> {
    shape: &'a Conv2d,
    /// Size of the merged kernel.
    pub(crate) kernel: [usize; 2],
    /// Padding of the convolution of stride 2.
    pub(crate) padding: [usize; 2],
    /// Whether the stored input extends by one repeated value at either end of an axis.
    pub(crate) repeat: [bool; 2],
}

impl<'a> Merged<'a> {
    /// The merged form, where there is one.
    pub(crate) fn of(shape: &'a Conv2d) -> Option<Self> {
        let fits = |axis: usize| {
            let padding = shape.padding[axis];
            shape.stride[axis] == 1 && padding < shape.kernel[axis] && (padding <= 1 || shape.pad_mode == PadMode::Zero)
        };
        let repeat = |axis: usize| shape.pad_mode == PadMode::Reflect && shape.padding[axis] == 1;
        (shape.upsample == 2 && fits(0) && fits(1)).then(|| Self {
            shape,
            kernel: shape.kernel.map(|size| size + 1),
            padding: [0, 1].map(|axis| shape.kernel[axis] - 1 - shape.padding[axis]),
            repeat: [0, 1].map(repeat),
        })
    }

    /// Number of values of the merged kernel.
    pub(crate) fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The merged weights in the order of the convolution of stride 2, `m` reversed:
    /// `[channels_out, channels_in / groups, kernel rows, kernel columns]`.
    fn weights(&self, w: &[f32]) -> Vec<f32> {
        let [rows, columns] = self.shape.kernel;
        let mut merged = vec![0.0; w.len() / (rows * columns) * self.area()];
        let kernels = merged.par_chunks_mut(self.area()).zip(w.par_chunks(rows * columns)).with_min_len(256);
        kernels.for_each(|(merged, w)| {
            for (index, &value) in w.iter().enumerate() {
                self.each_position(index, |position| merged[position] += value);
            }
        });
        merged
    }

    /// The adjoint of merging: adds the gradient of one merged kernel to that of the kernel.
    pub(crate) fn split(&self, merged: &[f32], kernel: &mut [f32]) {
        for (index, value) in kernel.iter_mut().enumerate() {
            self.each_position(index, |position| *value += merged[position]);
        }
    }

    /// The four positions in the merged kernel that the kernel's value at `index` adds to.
    fn each_position(&self, index: usize, mut visit: impl FnMut(usize)) {
        let [rows, columns] = self.shape.kernel;
        let (row, column) = (rows - 1 - index / columns, columns - 1 - index % columns);
        for i in [row, row + 1] {
            for j in [column, column + 1] {
                visit(i * (columns + 1) + j);
            }
        }
    }

    /// The forward convolution.
    pub(crate) fn forward<'b>(&self, isa: Isa, w: &[f32], fused: Fused<'b>) -> Engine<'b> {
        let shape = self.shape;
        let (merged, area) = (self.weights(w), self.area());
        let (group_in, group_out) = (shape.group_in(), shape.group_out());
        let transposed = Transposed {
            isa,
            batch: shape.batch,
            groups: shape.groups,
            channels_source: group_in,
            channels_target: group_out,
            source: [shape.height, shape.width],
            repeat: self.repeat,
            kernel: self.kernel,
            stride: [2, 2],
            target: shape.output_size(),
            crop: self.padding,
            fused,
        };
        transposed.engine(|group, to, from, tap| merged[((group * group_out + to) * group_in + from) * area + tap])
    }

    /// How the gradient of the output is read by the convolution of stride 2.
    pub(crate) fn gradient_source(&self) -> Source {
        let output = self.shape.output_size();
        let grid = self.grid();
        let axis = |axis: usize| {
            let first = -(self.padding[axis] as isize) - 2 * isize::from(self.repeat[axis]);
            shifted_axis(output[axis], first, 2 * (grid[axis] - 1) + self.kernel[axis], false)
        };
        Source::new(output, [axis(0), axis(1)], self.kernel, [2, 2], grid[1])
    }

    /// Rows and columns of the stored input, with the repeated values.
    pub(crate) fn grid(&self) -> [usize; 2] {
        let extra = self.repeat.map(|repeat| 2 * usize::from(repeat));
        [self.shape.height + extra[0], self.shape.width + extra[1]]
    }

    /// The stored rows and columns of the grid.
    pub(crate) fn axes(&self) -> [Vec<usize>; 2] {
        let (size, grid) = ([self.shape.height, self.shape.width], self.grid());
        [0, 1].map(|axis| shifted_axis(size[axis], -isize::from(self.repeat[axis]), grid[axis], self.repeat[axis]))
    }

    /// The gradient of the stored input, with the repeated values.
    pub(crate) fn input_grad(&self, isa: Isa, w: &[f32]) -> Engine<'static> {
        let shape = self.shape;
        let (merged, area) = (self.weights(w), self.area());
        let (group_in, group_out) = (shape.group_in(), shape.group_out());
        let taps = (0..area).map(|tap| [tap / self.kernel[1], tap % self.kernel[1]]).collect();
        let weight = |group, to, from, tap| merged[((group * group_out + from) * group_in + to) * area + tap];
        Engine {
            isa,
            source: self.gradient_source(),
            stride: [2, 2],
            batch: shape.batch,
            groups: shape.groups,
            channels_source: group_out,
            channels_target: group_in,
            target: self.grid(),
            grid: self.grid(),
            step: [1, 1],
            phases: vec![Phase::new(isa, [0, 0], taps, [shape.groups, group_in, group_out], weight)],
            fused: Fused::default(),
        }
    }
}
