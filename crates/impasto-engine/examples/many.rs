//! Paints many pictures with one mixture of styles, reading weights and styles once, and shows the events on the way:
//! `cargo run --release --example many -- OUT_FOLDER PHOTO...`

use std::error::Error;
use std::path::Path;

use impasto_engine::pipeline::{Input, OutputOptions, Painter, Resources, StylizeJob, Target};
use impasto_engine::{Control, device};

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("usage: many OUT_FOLDER PHOTO...")?;
    let control = Control::new(|event| println!("{event:?}"));
    let job = StylizeJob { styles: vec!["great-wave:0.7".parse()?, "starry-night:0.3".parse()?], ..Default::default() };
    let painter = Painter::new(job, Resources::new(device::open("auto".parse()?)?), &control)?;
    for photo in args {
        let name = Path::new(&photo).file_stem().unwrap_or_default();
        let target = Target::File(Path::new(&folder).join(name).with_extension("png"));
        // A picture that cannot be read is no reason to leave the others unpainted.
        if let Err(error) =
            painter.paint_file(&Input::File(photo.into()), &target, &OutputOptions::default(), None, &control)
        {
            println!("{error}");
        }
    }
    Ok(())
}
