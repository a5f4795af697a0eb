//! The algorithms. One folder is one paper or one idea; none uses another, reads files or prints.

pub mod cut;
pub mod cyclegan;
pub mod dcgan;
pub mod fastgan;
pub mod fusion;
pub mod gatys;
pub mod microast;
pub mod pix2pix;
pub mod stylegan;
