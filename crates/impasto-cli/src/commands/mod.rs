//! The commands: each turns its arguments into calls of the engine.

pub(crate) mod adjust;
pub(crate) mod attribution;
pub(crate) mod dataset;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod explore;
pub(crate) mod gallery;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod mix;
pub(crate) mod models;
pub(crate) mod paint;
pub(crate) mod pictures;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod styles;
pub(crate) mod stylize;
pub(crate) mod train;
pub(crate) mod translate;
