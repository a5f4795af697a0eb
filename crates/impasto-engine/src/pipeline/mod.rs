//! Whole jobs, from files to files: what the command line, the server and programs call.

mod adjust;
mod between;
pub mod doctor;
pub mod eval;
pub mod explore;
mod files;
pub mod generate;
mod job;
mod large;
mod loader;
pub mod memory;
mod pad;
mod painter;
mod plan;
mod provenance;
mod style;
mod style_code;
mod tiled;
pub mod train;

pub use adjust::adjust_file;
pub use between::{Between, PathLength, paint_between, path_length};
pub use files::{Input, Opened, Origin, OutputOptions, Target, free_place, pictures_below};
pub use job::{Method, REFINE, Region, StylizeJob};
pub use large::{Imported, watch};
pub use loader::{StyleFact, style_picture};
pub use painter::{Painter, Preview, Resources};
pub use plan::{MIN_SIDE, Plan};
pub use style::{GeneratedStyle, StyleSource, StyleSpec, file_label, shares};
pub use style_code::{StyleDescription, make_style};

use impasto_image::Picture;

use crate::control::Control;
use crate::error::Result;

/// Paints one picture; a [`Painter`] does the same for many without reading weights and styles again.
///
/// # Errors
/// Those of [`Painter::new`] and [`Painter::paint`].
pub fn stylize(content: &Picture, job: StylizeJob, resources: Resources, control: &Control) -> Result<Picture> {
    Painter::new(job, resources, control)?.paint(content, None, control)
}
