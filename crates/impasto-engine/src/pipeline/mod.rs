//! Whole jobs, from files to files: what the command line, the server and programs call.

pub mod train;
