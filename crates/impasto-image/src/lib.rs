//! Pictures in, pictures out: everything impasto does to images outside a neural network.
//!
//! - [`open`] and [`decode`] turn untrusted files into an upright, colour-managed [`Picture`] within [`Limits`];
//!   [`save`] and [`encode`] write one back with its depth, alpha, metadata and provenance, atomically.
//! - [`canvas`] does the same by rows, for pictures larger than memory.
//! - [`resize`] is the one resampler; [`Mask`], [`adjust`], [`colour`], [`compose`], [`layout`], [`sheet`] and
//!   [`animation`] work on pictures.
//!
//! The crate knows no tensors and no networks, prints nothing, and does not panic on any input.
//!
//! ```
//! use impasto_image::{decode, encode, resize, EncodeOptions, Format, Limits, Picture};
//!
//! # fn main() -> Result<(), impasto_image::ImageError> {
//! let grey = Picture::filled(8, 4, [0.5, 0.5, 0.5])?;
//! let file = encode(&resize(&grey, 4, 2), &EncodeOptions::new(Format::Png))?;
//! let back = decode(&file, &Limits::default())?;
//! assert_eq!((back.width, back.height), (4, 2));
//! # Ok(())
//! # }
//! ```

pub mod adjust;
pub mod alpha;
pub mod animation;
pub mod canvas;
pub mod colour;
pub mod compose;
mod container;
mod decode;
mod directory;
mod encode;
mod error;
mod exif;
mod format;
mod icc;
pub mod layout;
mod limits;
mod mask;
mod parameters;
mod picture;
mod resize;
pub mod sheet;
mod text;

pub use decode::rows::size_of;
pub use decode::{decode, open};
pub use encode::{EncodeOptions, MetadataPolicy, encode, save};
pub use error::{ErrorKind, ImageError};
pub use format::{Depth, Format};
pub use limits::Limits;
pub use mask::Mask;
pub use parameters::{Parameters, read_parameters, read_parameters_from};
pub use picture::{Metadata, Picture, Source};
pub use resize::{crop, resize, resize_bicubic, resize_planar, resize_to_long_side, resize_to_short_side};
