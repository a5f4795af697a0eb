//! The command as its users meet it: the real binary, on small pictures and networks made here.

mod adjust;
mod artist;
mod attribution;
mod bad_input;
mod bench;
mod compat;
mod dataset;
mod eval;
mod eval_sets;
mod explore;
mod gan;
mod generate;
mod memorised;
mod other;
mod serve;
mod studio;
mod stylize;
mod train;
mod translate;
