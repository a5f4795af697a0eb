//! What goes into a generator without a mapping network: latents, and beside them what stands for the class.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::blocks::Embedding;
use crate::generator::Form;

/// Joins latents with vectors of their classes. Both together are the style.
#[derive(Module, Debug)]
pub struct Latents {
    classes: Option<Embedding>,
}

impl Latents {
    /// For so many classes, with vectors of `class_width` numbers; without classes there are none.
    pub fn new(classes: usize, class_width: usize, seed: u64, device: &Device) -> Self {
        // Vectors of length one beside latents of length sqrt(latent): were both alike to the generator, it would settle
        // for one picture of each class before it found a use for its latents.
        let deviation = 1.0 / (class_width as f32).sqrt();
        let table = || Embedding::init(seed, "generator.classes", [classes, class_width], deviation, device);
        Self { classes: (classes > 0).then(table) }
    }

    /// Numbers that stand for the class; 0 without classes.
    pub fn class_width(&self) -> usize {
        self.classes.as_ref().map_or(0, |classes| classes.table.val().dims()[1])
    }

    /// Latents `[n, latent]` and labels `[n, classes]` to `[n, latent + class_width]`. Where there are classes, latents
    /// without labels get the mean of all.
    pub fn join(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<2> {
        let Some(classes) = &self.classes else { return latents };
        let n = latents.dims()[0];
        let labels = labels.unwrap_or_else(|| {
            let count = classes.table.val().dims()[0];
            Tensor::full([n, count], 1.0 / count as f32, &latents.device())
        });
        Tensor::cat(vec![latents, classes.forward(labels)], 1)
    }

    /// The part of joined latents `[n, latent + class_width]` that stands for the class, `[n, class_width]`.
    pub fn class(&self, joined: &Tensor<2>) -> Option<Tensor<2>> {
        let width = self.class_width();
        (width > 0).then(|| joined.clone().narrow(1, joined.dims()[1] - width, width))
    }

    /// The middle of all joined latents, `[classes or 1, layers, latent + class_width]`.
    pub fn centre(&self, form: &Form, device: &Device) -> Tensor<3> {
        let middle = form.middle();
        let rows = form.classes.len().max(1);
        let middle = Tensor::<1>::from_data(TensorData::from(middle.as_slice()), device);
        let middle = middle.reshape([1, form.latent]).repeat_dim(0, rows); // [rows, latent]
        let labels: Vec<usize> = (0..form.classes.len()).collect();
        let joined = self.join(middle, form.labels(&labels, device)); // [rows, width]
        let width = joined.dims()[1];
        joined.reshape([rows, 1, width]).repeat_dim(1, form.layers) // [rows, layers, width]
    }
}
