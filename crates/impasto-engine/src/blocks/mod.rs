//! Building blocks: convolutions, normalisation, resampling. No paper names here.

mod attention;
mod batch_norm;
mod conv;
mod correlation;
mod dense;
mod down;
mod gauge;
mod map;
mod minibatch;
mod modulated;
mod noise;
mod norm;
mod ops;
mod resample;
mod simplify;
mod spectral;
mod tally;
mod tile;
mod wrap;

pub use attention::SelfAttention;
pub use batch_norm::{BatchNorm, BatchStatistics, NORMED_DEVIATION, settle};
pub use conv::{Conv, ConvConfig};
pub use correlation::{correlations, recorrelate};
pub use dense::{Dense, Embedding};
pub use down::Down;
pub(crate) use down::SLOPE;
pub(crate) use gauge::{Gauge, Whole};
pub use map::Map;
pub use minibatch::with_spread;
pub use modulated::{ModulatedColours, ModulatedConv};
pub(crate) use noise::with_noise;
pub(crate) use norm::EPS;
pub use norm::{channel_moments, channel_moments3, instance_norm, modulated_norm};
pub use ops::{ConvSpec, PadMode, Pool3};
pub use resample::{avg_pool2, gated, leaky_relu, max_pool2, pool3, relu, scaled, upsample_bilinear2};
pub use spectral::largest_singular_value;
pub use tally::{Statistics, Tally};
pub use tile::View;
pub(crate) use wrap::bordered;
pub use wrap::{continued, wrapped};

pub(crate) use correlation::recoloured;
pub(crate) use ops::{
    Affine, affine_sum, channel_moments as moments, channel_softmax, conv2d, fused_conv2d, mean_squared_difference,
    mixed, products,
};
pub(crate) use resample::leaky_mask;
pub(crate) use simplify::{SIMPLIFIED_REACH, simplified};
pub(crate) use tally::Wanted;
pub(crate) use tile::{Measured, Tile};
