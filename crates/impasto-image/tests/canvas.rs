//! What is read and written by rows is what is read and written whole.

mod common;

use std::ops::ControlFlow;
use std::path::Path;

use impasto_image::canvas::{self, Bands, Place};
use impasto_image::{Depth, EncodeOptions, ErrorKind, Format, ImageError, Limits, Picture, open};

/// A picture as the rows of a canvas give it, with what is remembered of its source.
fn by_rows(path: &Path, scratch: &Path) -> Result<Picture, ImageError> {
    let canvas = canvas::import(path, Place::Scratch(scratch), &Limits::default(), &mut |_| ControlFlow::Continue(()))?;
    let mut picture = canvas.picture(canvas.layout().all())?;
    picture.source = canvas.source().clone();
    picture.notes = canvas.notes().to_vec();
    Ok(picture)
}

fn bits(picture: &Picture) -> (Vec<u32>, Option<Vec<u32>>) {
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect();
    (bits(&picture.rgb), picture.alpha.as_deref().map(bits))
}

#[test]
fn every_file_reads_the_same_by_rows() {
    let Some(data) = common::data() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let (mut same, mut refused) = (0, 0);
    for path in common::files(&data.join("hostile")) {
        let whole = open(&path, &Limits::default());
        let rows = by_rows(&path, scratch.path());
        let name = path.strip_prefix(&data).unwrap_or(&path).display();
        match (whole, rows) {
            (Ok(whole), Ok(rows)) => {
                same += 1;
                assert_eq!((whole.width, whole.height), (rows.width, rows.height), "{name}");
                assert!(bits(&whole) == bits(&rows), "{name}: other pixels");
                assert_eq!((&whole.source, &whole.notes), (&rows.source, &rows.notes), "{name}");
            }
            (Err(whole), Err(rows)) => {
                refused += 1;
                if !matches!(rows, ImageError::NotByRows(_)) {
                    assert_eq!(whole.kind(), rows.kind(), "{name}: {whole} / {rows}");
                }
            }
            (Ok(whole), Err(rows)) => {
                let format = whole.source.format.unwrap();
                assert!(!matches!(format, Format::Png | Format::Tiff | Format::Raw), "{name}: {rows}");
                assert!(matches!(rows, ImageError::NotByRows(_)), "{name}: {rows}");
            }
            (Err(whole), Ok(_)) => panic!("{name}: only read by rows; whole: {whole}"),
        }
    }
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left");
    assert!(same > 200 && refused > 50, "{same} the same, {refused} refused");
}
