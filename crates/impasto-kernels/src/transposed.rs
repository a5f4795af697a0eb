//! Transposed convolution: every value of the source spread over the target by the kernel.

use crate::dispatch::Isa;
use crate::fused::Fused;
use crate::gather::{Engine, Phase};
use crate::strip::{Source, shifted_axis};

/// A transposed convolution, which with stride `s` and kernel `k` adds the source value `i` times the weight `t` to the
/// target value `s * i + t - crop`.
pub(crate) struct Transposed<'a> {
    /// The instructions to use.
    pub(crate) isa: Isa,
    /// Number of images.
    pub(crate) batch: usize,
    /// Number of groups.
    pub(crate) groups: usize,
    /// Channels of the source in one group.
    pub(crate) channels_source: usize,
    /// Channels of the target in one group.
    pub(crate) channels_target: usize,
    /// Rows and columns of the source.
    pub(crate) source: [usize; 2],
    /// Whether the source extends by one repeated value at either end of an axis; otherwise zeros.
    pub(crate) repeat: [bool; 2],
    /// Size of the kernel.
    pub(crate) kernel: [usize; 2],
    /// Stride in the target.
    pub(crate) stride: [usize; 2],
    /// Rows and columns of the target.
    pub(crate) target: [usize; 2],
    /// Values left out before the target.
    pub(crate) crop: [usize; 2],
    /// What is done on the way in and out.
    pub(crate) fused: Fused<'a>,
}

impl<'a> Transposed<'a> {
    /// The engine; `weight` gives the weight for group, channel of the target and of the source within the group, and
    /// position in the kernel.
    ///
    /// The target rows `s * i + a - crop` are a convolution of stride 1 over the source with every `s`-th row of the
    /// kernel: one phase for each `a` (and likewise for the columns).
    pub(crate) fn engine(self, weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync) -> Engine<'a> {
        let (kernel, stride, crop) = (self.kernel, self.stride, self.crop);
        // The positions of the grid that reach the target, from `begin` on.
        let begin = [crop[0] / stride[0], crop[1] / stride[1]];
        let end = |axis: usize| (crop[axis] + self.target[axis]).div_ceil(stride[axis]);
        let grid = [end(0) - begin[0], end(1) - begin[1]];
        // Taps of the largest phase; the smaller ones keep its geometry.
        let reach = [kernel[0].div_ceil(stride[0]), kernel[1].div_ceil(stride[1])];
        let axis = |axis: usize| {
            let first = begin[axis] as isize - (reach[axis] as isize - 1);
            shifted_axis(self.source[axis], first, grid[axis] + reach[axis] - 1, self.repeat[axis])
        };
        let mut phases = Vec::new();
        for a in 0..stride[0] {
            for b in 0..stride[1] {
                let of_kernel = |axis: usize, phase| (phase..kernel[axis]).step_by(stride[axis]);
                let from: Vec<usize> =
                    of_kernel(0, a).flat_map(|i| of_kernel(1, b).map(move |j| i * kernel[1] + j)).collect();
                let tap = |&tap: &usize| {
                    [reach[0] - 1 - tap / kernel[1] / stride[0], reach[1] - 1 - tap % kernel[1] / stride[1]]
                };
                let taps = from.iter().map(tap).collect();
                let start =
                    |axis: usize, phase: usize| (begin[axis] * stride[axis] + phase) as isize - crop[axis] as isize;
                let sizes = [self.groups, self.channels_target, self.channels_source];
                let weight = |group, to, source, tap: usize| weight(group, to, source, from[tap]);
                phases.push(Phase::new(self.isa, [start(0, a), start(1, b)], taps, sizes, weight));
            }
        }
        Engine {
            isa: self.isa,
            source: Source::new(self.source, [axis(0), axis(1)], reach, [1, 1], grid[1]),
            stride: [1, 1],
            batch: self.batch,
            groups: self.groups,
            channels_source: self.channels_source,
            channels_target: self.channels_target,
            target: self.target,
            grid,
            step: stride,
            phases,
            fused: self.fused,
        }
    }
}
