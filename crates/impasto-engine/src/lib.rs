//! Everything in impasto that touches a tensor: devices, weights, building blocks, feature networks, losses, training,
//! and the algorithms themselves. It knows nothing of HTTP, command lines or printing.
//!
//! Rooms, each of which may use only those below it:
//!
//! ```text
//! pipeline  registry
//! algorithms/<name>
//! translate
//! train  data
//! losses  features  metrics
//! traits  generator  tiled
//! blocks
//! device  tensor  weights  descriptor  control  rng  places  markup  error
//! ```

pub mod algorithms;
pub mod blocks;
pub mod control;
pub mod data;
pub mod descriptor;
pub mod device;
mod error;
pub mod features;
pub mod generator;
pub mod losses;
mod markup;
pub mod metrics;
pub mod models;
pub mod pipeline;
pub mod places;
pub mod registry;
pub mod rng;
pub mod styles;
pub mod tensor;
pub mod tiled;
pub mod train;
mod traits;
pub mod translate;
pub mod weights;

pub use burn::tensor::Device;
pub use control::{Control, Event};
pub use error::{Blame, EngineError, Result};
pub use generator::Generator;
pub use impasto_kernels::Recycling;
pub use traits::{Direction, Layers, Style, StyleRequest, Stylizer};
