//! Paints a photograph like a painting:
//! `cargo run --release --example stylize -- photo.jpg painting.jpg out.png`

use std::error::Error;
use std::path::Path;

use impasto_engine::pipeline::{Resources, StylizeJob, stylize};
use impasto_engine::{Control, device};
use impasto_image::{EncodeOptions, Limits, open, save};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [photo, style, out] = args.as_slice() else { return Err("usage: stylize PHOTO STYLE OUT".into()) };
    let content = open(Path::new(photo), &Limits::default())?;
    let job = StylizeJob { strength: 0.9, ..StylizeJob::new(style)? };
    let resources = Resources::new(device::open("auto".parse()?)?);
    let painted = stylize(&content, job, resources, &Control::silent())?;
    save(&painted, Path::new(out), &EncodeOptions::for_path(Path::new(out))?, true)?;
    Ok(())
}
