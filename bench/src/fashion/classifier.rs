//! A small classifier of garments, trained here: its features and classes are what generators are judged by.

use anyhow::{Result, anyhow, bail};
use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use impasto_engine::blocks::{Conv, ConvConfig, Dense, PadMode, max_pool2};
use impasto_engine::data::Gallery;
use impasto_engine::metrics::Embeddings;
use impasto_engine::rng::{self, Rng};
use impasto_engine::tensor;
use impasto_engine::train::{Adam, AdamConfig, ParamGrads, warm_cosine};
use impasto_engine::weights;

/// Numbers that stand for a picture.
const FEATURES: usize = 128;
/// Pictures a step.
const BATCH: usize = 64;
/// Times that each picture is seen.
const EPOCHS: usize = 12;
/// Pictures computed together where no gradients are wanted.
const AT_ONCE: usize = 250;

/// Three convolutions and two fully connected layers on the mean of the colours.
#[derive(Module, Debug)]
pub(crate) struct Classifier {
    convs: Vec<Conv>,
    features: Dense,
    classes: Dense,
}

impl Classifier {
    /// For pictures of `size`, rows and columns divisible by four.
    pub(crate) fn new([rows, columns]: [usize; 2], classes: usize, seed: u64, device: &Device) -> Self {
        let widths = [1, 32, 64, 96];
        let conv = |i: usize| {
            let config = ConvConfig::same(widths[i], widths[i + 1], 3).pad_mode(PadMode::Zero);
            config.init(seed, &format!("classifier.{i}"), device)
        };
        let inputs = widths[3] * (rows / 4) * (columns / 4);
        let dense = |name: &str, inputs: usize, outputs| {
            Dense::init(seed, name, [inputs, outputs], (2.0 / inputs as f32).sqrt(), device)
        };
        Self {
            convs: (0..3).map(conv).collect(),
            features: dense("classifier.features", inputs, FEATURES),
            classes: dense("classifier.classes", FEATURES, classes),
        }
    }

    /// Pictures `[n, 3 or 1, h, w]` in `[0, 1]` to features `[n, 128]`.
    fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let mut x = (images.mean_dim(1) - 0.3) * 3.0; // [n, 1, h, w]
        for (index, conv) in self.convs.iter().enumerate() {
            x = conv.forward_relu(x); // [n, c, h, w]
            if index < 2 {
                x = max_pool2(x); // [n, c, h / 2, w / 2]
            }
        }
        let [n, c, h, w] = x.dims();
        self.features.forward(x.reshape([n, c * h * w])).clamp_min(0.0) // [n, 128]
    }

    /// Trains one on a gallery with classes.
    pub(crate) fn trained(gallery: &Gallery, seed: u64, device: &Device) -> Result<Self> {
        let classes = gallery.classes().len();
        if classes < 2 {
            bail!("a classifier needs pictures of several classes");
        }
        let plain = Self::new(gallery.size(), classes, seed, device);
        let device = device.clone().autodiff();
        let mut net = Self::new(gallery.size(), classes, seed, &device);
        let mut adam = Adam::new(AdamConfig { beta2: 0.999, ..AdamConfig::default() });
        let steps = (gallery.len() * EPOCHS / BATCH) as u64;
        for step in 0..steps {
            let mut rng = rng::stream(seed, "classifier", step);
            let indices: Vec<usize> = (0..BATCH).map(|_| rng.random_range(0..gallery.len())).collect();
            let mirrored: Vec<bool> = (0..BATCH).map(|_| rng.random_bool(0.5)).collect();
            let labels: Vec<usize> = indices.iter().filter_map(|&index| gallery.label(index)).collect();
            let hot = labels.iter().flat_map(|&label| (0..classes).map(move |c| f32::from(u8::from(c == label))));
            let hot = TensorData::new(hot.collect::<Vec<f32>>(), [BATCH, classes]);
            let images = gallery.batch(&indices, &mirrored, &device);
            let scores = log_softmax(net.classes.forward(net.features(images)), 1); // [n, classes]
            let loss = (scores * Tensor::from_data(hot, &device)).sum() / -(BATCH as f32);
            let grads = ParamGrads::of(&net, &loss.backward());
            net = adam.step(net, &grads, 1e-3 * warm_cosine(step, steps, 20, 0.01)).0;
        }
        let trained = weights::apply(plain, &weights::collect(&net)).map_err(|problem| anyhow!("{problem}"))?;
        Ok(trained.no_grad())
    }

    /// What it makes of many pictures `[n, 3 or 1, h, w]`: their features, and the class that each looks like.
    pub(crate) fn judge(&self, images: &Tensor<4>) -> Result<(Embeddings, Vec<usize>)> {
        let count = images.dims()[0];
        let (mut features, mut classes) = (Vec::new(), Vec::new());
        for first in (0..count).step_by(AT_ONCE) {
            let part = images.clone().slice_dim(0, first..count.min(first + AT_ONCE));
            let found = self.features(part);
            classes.extend(
                tensor::values(self.classes.forward(found.clone()).argmax(1).float()).iter().map(|&c| c as usize),
            );
            features.extend(tensor::values(found));
        }
        Ok((Embeddings::new(features, FEATURES).map_err(|e| anyhow!("{e}"))?, classes))
    }
}
