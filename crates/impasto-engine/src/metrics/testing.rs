//! What the tests of several metrics share.

use burn::tensor::Device;

use super::Embeddings;
use crate::rng::{self, Rng};
use crate::tensor::{self, ImageTensor};

/// `count` vectors of normal numbers; another name gives others.
pub(super) fn normal(name: &str, count: usize, width: usize) -> Embeddings {
    Embeddings::new(rng::normal(&mut rng::stream(1, name, 0), count * width), width).unwrap()
}

/// Vectors as a function of their row and column.
pub(super) fn vectors(count: usize, width: usize, value: impl Fn(usize, usize) -> f32) -> Embeddings {
    let values = (0..count * width).map(|i| value(i / width, i % width)).collect();
    Embeddings::new(values, width).unwrap()
}

/// A picture `[1, 3, h, w]` as a function of channel, row and column.
pub(super) fn picture(h: usize, w: usize, value: impl Fn(usize, usize, usize) -> f32) -> ImageTensor {
    let values = (0..3 * h * w).map(|i| value(i / (h * w), i / w % h, i % w)).collect();
    tensor::from_planar(values, 1, h, w, &Device::flex())
}

/// A picture with the falling spectrum of photographs: noise at every scale, louder the coarser, in `[0, 1]`.
pub(super) fn landscape(name: &str, h: usize, w: usize) -> ImageTensor {
    let mut values = vec![0.5_f32; 3 * h * w];
    for octave in 0..7 {
        let cell = 1 << octave;
        let (rows, columns) = (h / cell + 2, w / cell + 2);
        let mut rng = rng::stream(2, name, octave);
        let nodes: Vec<f32> = (0..3 * rows * columns).map(|_| rng.random::<f32>() - 0.5).collect();
        for (i, value) in values.iter_mut().enumerate() {
            let (c, y, x) = (i / (h * w), i / w % h, i % w);
            let node = |dy, dx| nodes[(c * rows + y / cell + dy) * columns + x / cell + dx];
            let (ty, tx) = ((y % cell) as f32 / cell as f32, (x % cell) as f32 / cell as f32);
            let top = node(0, 0) * (1.0 - tx) + node(0, 1) * tx;
            let bottom = node(1, 0) * (1.0 - tx) + node(1, 1) * tx;
            *value += (top * (1.0 - ty) + bottom * ty) * 0.004 * cell as f32;
        }
    }
    tensor::from_planar(values, 1, h, w, &Device::flex()).clamp(0.0, 1.0)
}

/// What `metric` gives with one thread and with three, bit for bit.
pub(super) fn with_threads<T: Send>(metric: impl Fn() -> T + Sync) -> [T; 2] {
    [1, 3].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(&metric))
}
