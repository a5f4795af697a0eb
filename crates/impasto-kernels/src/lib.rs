//! CPU kernels in `f32` for running and training convolutional networks: slices in, slices out.
//!
//! All tensors are contiguous and row-major in the order `[batch, channels, height, width]`. The kernels pick the widest
//! vector instructions of the running processor, spread over the current rayon pool, and give the same bits whatever
//! the number of threads: every value is computed by one task, in an order that depends on the shapes alone.
//!
//! - [`conv2d`], [`conv2d_fused`] and the gradients [`conv2d_input_grad`], [`conv2d_weight_grad`] and
//!   [`conv2d_bias_grad`], described by [`Conv2d`];
//! - [`Packed`]: filters that were made ready once for many convolutions;
//! - [`norm`]: instance normalisation, forward and backward;
//! - [`moments`]: mean, deviation and skewness of planes;
//! - [`act`]: rectifiers, forward and backward;
//! - [`gate`]: gated linear units and factors of planes, forward and backward;
//! - [`softmax`]: the softmax over channels, forward and backward;
//! - [`fresh`]: some of them with results in new vectors;
//! - [`resample`]: bilinear upsampling and 2x2 pooling, forward and backward;
//! - [`pool3`]: 3x3 pooling, forward only;
//! - [`awake`]: threads that do not fall asleep between operations;
//! - [`Recycling`]: an allocator for programs whose feature maps come and go.
//!
//! # How the convolutions work
//!
//! A task copies the rows that it needs of every input channel into a *strip*: padded planes of one row pitch, split
//! into `stride x stride` phases, so that every tap of the kernel reads with unit stride at a constant offset. The
//! output of the strip is then one flat run of positions, row after row, in which the last columns of each row are
//! garbage that is dropped when the run is copied out. Vectors cross rows, so that small feature maps stay efficient,
//! and the inner loop is the same for every kernel size, stride and padding: a matrix product whose right hand side is
//! read at a list of offsets.
//!
//! Convolutions of 3x3 and stride 1 with enough channels go by Winograd's F(4, 3), with a quarter of the multiplications
//! and the same inner loop, and those of 5x5 and more by F(3, 3) in parts of 3x3, with a third; [`Method`] says which. What comes before and after a convolution, [`Fused`], is done while
//! values pass through the cache anyway.

mod awake;
mod correlate;
mod dispatch;
mod error;
mod error_sums;
mod exponential;
mod forward;
mod fused;
mod gather;
mod input_grad;
mod lanes;
mod pool3;
mod products;
mod recycling;
mod rows;
mod scratch;
mod shape;
mod shared;
mod strip;
mod tile;
mod tile_sums;
mod transposed;
mod upsample;
mod weight_grad;
mod winograd;

pub mod act;
pub mod fresh;
pub mod gate;
pub mod moments;
pub mod norm;
pub mod resample;
pub mod softmax;

#[cfg(test)]
mod tests;

pub use awake::awake;
pub use dispatch::{ISA_VARIABLE, IsaError, instruction_set};
pub use error::ShapeError;
pub use error_sums::{mean_squared_difference, mean_squared_difference_grad};
pub use forward::{conv2d, conv2d_fused, conv2d_packed};
pub use fused::{Affine, Fused, affine_sum};
pub use input_grad::{conv2d_input_grad, conv2d_input_grad_packed};
pub use pool3::{Pool3, pool3};
pub use products::{channel_products, channel_products_grad};
pub use recycling::Recycling;
pub use shape::{Conv2d, Method, PadMode};
pub use weight_grad::{conv2d_bias_grad, conv2d_weight_grad};
pub use winograd::{Packed, Purpose, Weights};
