//! What a network must at least do: its multiply-accumulates, and the bytes that move when every layer reads its input
//! from memory and writes its output there once.

use serde::Serialize;

/// One convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer {
    /// Channels read (of all groups) and written.
    channels: (f64, f64),
    /// Content pixels for every position of the input and of the output.
    area: (f64, f64),
    /// Weights for one output channel.
    fan_in: f64,
}

/// Work for every content pixel, or in all where [`Work::at`] made it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Work {
    /// Multiply-accumulates.
    pub(crate) macs: f64,
    /// Bytes read and written, in 32-bit floats.
    pub(crate) bytes: f64,
}

pub(crate) fn layer(channels: (usize, usize), area: (usize, usize), kernel: usize, groups: usize) -> Layer {
    Layer {
        channels: (channels.0 as f64, channels.1 as f64),
        area: (area.0 as f64, area.1 as f64),
        fan_in: (kernel * kernel * channels.0 / groups) as f64,
    }
}

impl Work {
    /// One pass through these layers.
    pub(crate) fn forward(layers: &[Layer]) -> Self {
        let macs = layers.iter().map(|l| l.channels.1 * l.fan_in / l.area.1).sum();
        let values: f64 = layers.iter().map(|l| l.channels.0 / l.area.0 + l.channels.1 / l.area.1).sum();
        Self { macs, bytes: 4.0 * values }
    }

    /// A pass and the gradients of its input and its weights: each computes as much and moves as much.
    pub(crate) fn trained(layers: &[Layer]) -> Self {
        Self::forward(layers).times(3.0)
    }

    /// A pass and the gradient of its input.
    pub(crate) fn frozen(layers: &[Layer]) -> Self {
        Self::forward(layers).times(2.0)
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { macs: self.macs + other.macs, bytes: self.bytes + other.bytes }
    }

    /// In all, for a square picture of `side` pixels.
    pub(crate) fn at(self, side: usize) -> Self {
        self.times((side * side) as f64)
    }

    fn times(self, factor: f64) -> Self {
        Self { macs: self.macs * factor, bytes: self.bytes * factor }
    }
}

/// MicroAST with the widths of its published weights, the style encoded beforehand.
pub(crate) fn microast() -> Work {
    let quarter = layer((64, 64), (16, 16), 3, 1);
    let mut layers = vec![
        layer((3, 16), (1, 1), 9, 1),
        layer((16, 32), (1, 4), 3, 16),
        layer((32, 32), (4, 4), 1, 1),
        layer((32, 64), (4, 16), 3, 32),
        layer((64, 64), (16, 16), 1, 1),
    ];
    layers.extend([quarter; 8]);
    layers.extend([
        layer((64, 32), (16, 4), 3, 32),
        layer((32, 32), (4, 4), 1, 1),
        layer((32, 16), (4, 1), 3, 16),
        layer((16, 16), (1, 1), 1, 1),
        layer((16, 3), (1, 1), 9, 1),
    ]);
    Work::forward(&layers)
}

#[cfg(test)]
mod tests {
    use impasto_engine::algorithms::microast::MicroAstConfig;

    use super::*;

    #[test]
    fn steps_are_multiples_of_passes() {
        let layers = [layer((2, 3), (1, 1), 3, 1)];
        let pass = Work::forward(&layers);
        assert_eq!(pass, Work { macs: 54.0, bytes: 20.0 });
        let step = Work::trained(&layers).plus(Work::frozen(&layers)).at(2);
        assert_eq!(step, Work { macs: 54.0 * 5.0 * 4.0, bytes: 20.0 * 5.0 * 4.0 });
    }

    #[test]
    fn the_work_is_what_the_engine_says() {
        let work = microast();
        assert_eq!(work.macs, MicroAstConfig::default().macs_per_pixel());
        assert!((900.0..1500.0).contains(&work.bytes), "{work:?}");
    }
}
