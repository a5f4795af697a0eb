//! Building blocks: convolutions, normalisation, resampling. No paper names here.

mod batch_norm;
mod conv;
mod correlation;
mod dense;
mod gauge;
mod map;
mod norm;
mod ops;
mod resample;
mod spectral;
mod tally;
mod tile;
mod wrap;

pub use batch_norm::{BatchNorm, BatchStatistics, settle};
pub use conv::{Conv, ConvConfig};
pub use correlation::{correlations, recorrelate};
pub use dense::{Dense, Embedding};
pub(crate) use gauge::{Gauge, Whole};
pub use map::Map;
pub(crate) use norm::EPS;
pub use norm::{channel_moments, channel_moments3, instance_norm, modulated_norm};
pub use ops::{ConvSpec, PadMode, Pool3};
pub use resample::{avg_pool2, gated, leaky_relu, max_pool2, pool3, relu, scaled, upsample_bilinear2};
pub use spectral::largest_singular_value;
pub use tally::{Statistics, Tally};
pub use tile::View;
pub use wrap::{continued, wrapped};

pub(crate) use correlation::recoloured;
pub(crate) use ops::{
    Affine, affine_sum, channel_moments as moments, conv2d, fused_conv2d, mean_squared_difference, products,
};
pub(crate) use resample::leaky_mask;
pub(crate) use tally::Wanted;
pub(crate) use tile::{Measured, Tile};
