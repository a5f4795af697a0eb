//! A discriminator that is asked what it reacts to.

use burn::tensor::Tensor;

use crate::tensor::ImageTensor;

/// The frozen discriminator of a training.
pub trait Critic: Send {
    /// Rows and columns of the pictures it learnt from; `None` where any size will do.
    fn size(&self) -> Option<[usize; 2]>;

    /// Names of its classes; empty for one without.
    fn classes(&self) -> &[String];

    /// How real a picture `[1, 3, h, w]` in `[0, 1]` looks to it, as one of a class by its place among
    /// [`Critic::classes`] where it has any: the mean logit, `[1]`.
    fn score(&self, image: ImageTensor, class: Option<usize>) -> Tensor<1>;
}
