//! The commands: each turns its arguments into calls of the engine.

pub(crate) mod train;
