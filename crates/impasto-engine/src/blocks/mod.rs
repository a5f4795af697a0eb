//! Building blocks: convolutions, normalisation, resampling. No paper names here.

mod conv;
mod correlation;
mod gauge;
mod map;
mod norm;
mod ops;
mod resample;
mod tally;
mod tile;

pub use conv::{Conv, ConvConfig};
pub use correlation::{correlations, recorrelate};
pub(crate) use gauge::{Gauge, Whole};
pub use map::Map;
pub(crate) use norm::EPS;
pub use norm::{channel_moments, channel_moments3, instance_norm, modulated_norm};
pub use ops::{ConvSpec, PadMode, Pool3};
pub use resample::{avg_pool2, leaky_relu, max_pool2, pool3, relu, upsample_bilinear2};
pub use tally::{Statistics, Tally};
pub use tile::View;

pub(crate) use correlation::recoloured;
pub(crate) use ops::{Affine, affine_sum, channel_moments as moments, conv2d, fused_conv2d};
pub(crate) use tally::Wanted;
pub(crate) use tile::{Measured, Tile};
