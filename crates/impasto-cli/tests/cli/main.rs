//! The command as its users meet it: the real binary, on small pictures and networks made here.

mod adjust;
mod bad_input;
mod bench;
mod eval;
mod other;
mod stylize;
mod train;
