//! Networks from files against reference outputs computed elsewhere, on real pictures.
//!
//! The files are found below `IMPASTO_SHARED` (default: `../shared` beside the workspace); a test whose files are absent
//! says so and passes.

mod embedding;
mod features;
mod figures;
mod microast;
mod translation;

use std::path::PathBuf;

use impasto_engine::device::{self, DeviceSpec};
use impasto_engine::tensor::{self, ImageTensor};
use impasto_engine::weights::{self, Array, Arrays};
use impasto_engine::{Device, Result};
use impasto_image::Limits;

/// A file or folder of the shared data; `None`, said aloud, when it is absent.
#[allow(clippy::print_stderr)]
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("IMPASTO_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let file = root.join("data").join(path);
    if file.exists() {
        return Some(file);
    }
    eprintln!("skipped: there is no data/{path} below {}; set IMPASTO_SHARED", root.display());
    None
}

fn cpu() -> Device {
    device::open(DeviceSpec::Cpu).expect("the tests are built with the CPU backend").device
}

/// A square crop of a shared picture as `[1, 3, side, side]`.
fn crop(path: &str, x: u32, y: u32, side: u32) -> Option<ImageTensor> {
    let picture = impasto_image::open(&shared(path)?, &Limits::default()).expect("a shared picture decodes");
    Some(tensor::from_picture(&impasto_image::crop(&picture, x, y, side, side), &cpu()))
}

fn arrays(path: &str) -> Option<Arrays> {
    shared(path).map(|file| weights::read_arrays(&file).expect("a shared safetensors file parses").0)
}

/// The largest absolute difference relative to the largest absolute value of `golden`.
fn largest_error(found: &[f32], golden: &Array) -> f32 {
    assert_eq!(found.len(), golden.values.len(), "golden shape {:?}", golden.shape);
    let scale = golden.values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let worst = found.iter().zip(&golden.values).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
    worst / scale
}

/// What a fallible step gives, with the error as the test's message.
fn good<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
