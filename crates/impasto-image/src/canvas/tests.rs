use std::ops::ControlFlow;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::adjust::Adjustments;
use crate::colour::{PreserveColor, transfer};
use crate::compose::{blend, blend_masked};
use crate::encode::{Failed, encode_bands};
use crate::mask::Mask;
use crate::picture::{Metadata, Source};
use crate::{
    EncodeOptions, ErrorKind, Format, ImageError, Limits, MetadataPolicy, Parameters, Picture, encode, open,
    read_parameters, read_parameters_from, save,
};

fn go(_: Step) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Every value another one, of every size between the steps of 8 and 16 bits.
fn picture(width: u32, height: u32, alpha: bool) -> Picture {
    let pixels = (width * height) as usize;
    let value = |i: usize| ((i * 7919 + 13) % 10_007) as f32 / 10_006.0;
    let mut picture = Picture::from_rgb(width, height, (0..3 * pixels).map(value).collect()).unwrap();
    picture.alpha = alpha.then(|| (0..pixels).map(|i| value(i + 77).max(0.01)).collect());
    picture
}

/// The picture as a file of `depth` gives it back.
fn stored(picture: &Picture, depth: Depth) -> Picture {
    let options = EncodeOptions { depth: Some(depth), ..EncodeOptions::new(Format::Raw) };
    crate::decode(&encode(picture, &options).unwrap(), &Limits::default()).unwrap()
}

/// A picture put together from bands of three rows.
fn pieces(bands: &dyn Bands) -> Picture {
    let Layout { width, height, alpha, .. } = bands.layout();
    let mut whole = Picture::filled(width, height, [0.0; 3]).unwrap();
    whole.rgb.clear();
    whole.alpha = alpha.then(Vec::new);
    for y in (0..height).step_by(3) {
        let band = bands.band(y, 3.min(height - y)).unwrap();
        whole.rgb.extend_from_slice(&band.rgb);
        if let Some(alpha) = &mut whole.alpha {
            alpha.extend_from_slice(band.alpha.as_ref().unwrap());
        }
    }
    whole
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> usize {
        std::fs::read_dir(self.0.path()).unwrap().count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rectangles_come_back(
        (width, height) in (1_u32..20, 1_u32..20),
        (left, top, right, bottom) in (0_u32..20, 0_u32..20, 1_u32..20, 1_u32..20),
        alpha: bool,
        depth in prop_oneof![Just(Depth::U8), Just(Depth::U16), Just(Depth::F32)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout { width, height, alpha, depth };
        let canvas = Canvas::create(Place::Scratch(folder.path()), layout, &Source::default()).unwrap();
        let (x, y) = (left % width, top % height);
        let rect = Rect { x, y, width: right.min(width - x), height: bottom.min(height - y) };
        let part = stored(&picture(rect.width, rect.height, alpha), depth);
        let mut planes = part.to_planar();
        planes.extend(part.alpha.iter().flatten());
        canvas.write(rect, &planes).unwrap();
        prop_assert_eq!(&canvas.read(rect).unwrap(), &planes);
        let found = canvas.picture(rect).unwrap();
        prop_assert_eq!((&found.rgb, &found.alpha), (&part.rgb, &part.alpha));
        // Everything else is untouched: black and, with alpha, transparent.
        let sum = |values: Vec<f32>| values.iter().map(|&v| f64::from(v)).sum::<f64>();
        let all = canvas.read(layout.all()).unwrap();
        prop_assert!((sum(all) - sum(planes)).abs() < 1e-3);
        canvas.draw(x, y, &part).unwrap();
        let drawn = canvas.picture(rect).unwrap();
        prop_assert_eq!((drawn.rgb, drawn.alpha), (part.rgb, part.alpha));
    }

    #[test]
    fn headers_from_anywhere_never_panic(at in 0_usize..80, flip in 1_u8.., cut in 0_usize..4096 + 7 * 5 * 4) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.impraw");
        let mut file = encode(&picture(7, 5, true), &EncodeOptions::new(Format::Raw)).unwrap();
        file[at] ^= flip;
        std::fs::write(&path, &file).unwrap();
        let _either = Canvas::open(&path);
        file.truncate(cut);
        std::fs::write(&path, &file).unwrap();
        let error = Canvas::open(&path).map(drop);
        prop_assert!(error.is_err_and(|error| error.kind() == ErrorKind::Input));
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = Folder::new();
    let layout = Layout { width: 4, height: 3, alpha: false, depth: Depth::U8 };
    let path = folder.path("a.impraw");
    let canvas = Canvas::create(Place::File(&path), layout, &Source::default()).unwrap();
    let rect = |x, y, width, height| Rect { x, y, width, height };
    for wrong in [rect(0, 0, 0, 1), rect(3, 0, 2, 1), rect(0, 3, 1, 1), rect(u32::MAX, 0, 2, 1)] {
        assert_eq!(canvas.read(wrong).unwrap_err().kind(), ErrorKind::Caller, "{wrong:?}");
    }
    assert!(matches!(canvas.write(rect(0, 0, 1, 1), &[0.0]), Err(ImageError::SizeMismatch { .. })));
    assert!(matches!(canvas.write(rect(0, 0, 1, 1), &[0.0, f32::NAN, 0.0]), Err(ImageError::NotFinite { index: 1 })));
    assert!(matches!(
        Canvas::create(Place::File(&path), layout, &Source::default()),
        Err(ImageError::AlreadyExists(_))
    ));
    let nowhere = folder.path("no/a.impraw");
    assert!(matches!(
        Canvas::create(Place::File(&nowhere), layout, &Source::default()),
        Err(ImageError::MissingFolder { .. })
    ));
    for (width, height) in [(0, 1), (1, 0), (1 << 21, 1), (1, u32::MAX)] {
        let layout = Layout { width, height, ..layout };
        let error = Canvas::create(Place::Scratch(folder.0.path()), layout, &Source::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Caller, "{error}");
    }
    // Opened only to read.
    assert!(Canvas::open(&path).unwrap().write(rect(0, 0, 1, 1), &[0.0; 3]).is_err());
    assert!(Canvas::open_to_write(&path).unwrap().write(rect(0, 0, 1, 1), &[1.0; 3]).is_ok());
    assert_eq!(open(&path, &Limits::default()).unwrap().rgb[..4], [1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn canvases_remember_their_source() {
    let folder = Folder::new();
    let path = folder.path("a.impraw");
    let metadata = Metadata { exif: Some(crate::exif::tests::sample(1)), xmp: Some(b"<x/>".to_vec()) };
    let source = Source { format: Some(Format::Tiff), depth: Depth::U16, grey: true, metadata };
    let layout = Layout { width: 4, height: 3, alpha: true, depth: Depth::F32 };
    Canvas::create(Place::File(&path), layout, &source).unwrap().flush().unwrap();
    let canvas = Canvas::open(&path).unwrap();
    assert_eq!((canvas.layout(), canvas.source()), (layout, &Source { format: Some(Format::Raw), ..source.clone() }));
    let whole = open(&path, &Limits::default()).unwrap();
    assert_eq!((whole.source.depth, whole.source.grey), (Depth::U16, true));
    assert_eq!(size(&path, &Limits::default()).unwrap(), (Format::Raw, 4, 3));
}

#[test]
fn operations_on_rows_are_the_operations_on_pictures() {
    let (content, painted) = (picture(23, 17, true), picture(23, 17, false));
    let same = |name: &str, whole: &Picture, bands: &dyn Bands| {
        let pieces = pieces(bands);
        assert!(whole.rgb == pieces.rgb, "{name}: other colours");
        assert!(whole.alpha == pieces.alpha, "{name}: other alpha");
    };
    let all = Adjustments {
        temperature: 0.2,
        brightness: 0.1,
        contrast: 1.3,
        gamma: 0.8,
        saturation: 1.4,
        hue: 20.0,
        sharpen: 0.7,
        grain: 0.1,
        grain_seed: 5,
    };
    for sharpen in [0.7, 0.0, -2.5] {
        let adjustments = Adjustments { sharpen, ..all };
        let mut whole = content.clone();
        adjustments.apply(&mut whole).unwrap();
        same("adjust", &whole, &Adjusted::new(&content, adjustments).unwrap());
    }
    for mode in PreserveColor::ALL {
        let whole = transfer(&content, &painted, mode);
        same(&mode.to_string(), &whole, &Recoloured::new(&content, &painted, mode, &mut go).unwrap());
    }
    let from_alpha = Mask::from_picture(&content);
    let drawn = Drawn::new(&content, false, &mut go).unwrap();
    same(
        "alpha mask",
        &blend_masked(&content, &painted, &from_alpha),
        &Masked::new(&content, &painted, &drawn).unwrap(),
    );
    let inverse = Mask::from_picture(&painted).invert();
    let drawn = Drawn::new(&painted, true, &mut go).unwrap();
    same("luma mask", &blend_masked(&content, &painted, &inverse), &Masked::new(&content, &painted, &drawn).unwrap());
    same("mask", &blend_masked(&content, &painted, &inverse), &Masked::new(&content, &painted, &inverse).unwrap());
    same("blend", &blend(&content, &painted, 0.3), &Blended::new(&content, &painted, 0.3).unwrap());

    let small = picture(5, 5, false);
    assert_eq!(Blended::new(&content, &small, 0.3).err().unwrap().kind(), ErrorKind::Caller);
    assert_eq!(Masked::new(&content, &painted, &Mask::from_picture(&small)).err().unwrap().kind(), ErrorKind::Caller);
    assert!(Recoloured::new(&content, &small, PreserveColor::Luma, &mut go).is_err());
    assert!(content.band(16, 2).is_err() && content.band(0, 0).is_err());
}

#[test]
fn files_written_by_rows_are_those_written_whole() {
    let folder = Folder::new();
    let parameters = Some(Parameters { text: "seed 7 — ü".into(), json: serde_json::json!({"seed": 7}) });
    for format in [Format::Png, Format::Tiff, Format::Raw] {
        for &depth in format.depths() {
            for (alpha, grey) in [(false, None), (true, None), (false, Some(true)), (true, Some(true))] {
                let mut picture = picture(61, 47, alpha);
                picture.source.metadata.exif = Some(crate::exif::tests::sample(6));
                let metadata = MetadataPolicy::Keep;
                let parameters = parameters.clone();
                let options =
                    EncodeOptions { depth: Some(depth), grey, metadata, parameters, ..EncodeOptions::new(format) };
                let name = format!("{depth:?}-{alpha}-{}.{}", grey.is_some(), format.extension());
                let (whole, rows) = (folder.path(&format!("whole-{name}")), folder.path(&name));
                save(&picture, &whole, &options, false).unwrap();
                export(&picture, &rows, &options, false, &mut go).unwrap();
                let limits = Limits::default();
                assert_eq!(open(&whole, &limits).unwrap(), open(&rows, &limits).unwrap(), "{name}");
                let bytes = std::fs::read(&rows).unwrap();
                assert_eq!(read_parameters(&bytes, &limits).unwrap(), options.parameters, "{name}");
                assert_eq!(read_parameters_from(&rows, &limits).unwrap(), options.parameters, "{name}");
                assert_eq!(size(&rows, &limits).unwrap(), (format, 61, 47));
                // And through a canvas.
                let canvas = import(&rows, Place::Scratch(folder.0.path()), &limits, &mut go).unwrap();
                let through = canvas.picture(canvas.layout().all()).unwrap();
                let expected = open(&whole, &limits).unwrap();
                assert_eq!((through.rgb, through.alpha), (expected.rgb, expected.alpha), "{name}");
                assert_eq!(canvas.source(), &expected.source, "{name}");
                assert!(canvas.layout().depth <= depth, "{name}: no finer than the file");
            }
        }
    }
}

#[test]
fn turned_pictures_are_upright() {
    let folder = Folder::new();
    for orientation in 1..=8_u16 {
        for alpha in [false, true] {
            let mut picture = picture(9, 5, alpha);
            if let Some(alpha) = &mut picture.alpha {
                alpha[7] = 0.0;
            }
            let path = folder.path(&format!("{orientation}-{alpha}.png"));
            let mut file = encode(&picture, &EncodeOptions::new(Format::Png)).unwrap();
            // Behind the header chunk, as cameras' programs write it.
            let exif = chunk(b"eXIf", &crate::exif::tests::sample(orientation));
            file.splice(33..33, exif);
            std::fs::write(&path, &file).unwrap();
            let whole = open(&path, &Limits::default()).unwrap();
            let named = folder.path(&format!("{orientation}-{alpha}.impraw"));
            let canvas = import(&path, Place::File(&named), &Limits::default(), &mut go).unwrap();
            let rows = canvas.picture(canvas.layout().all()).unwrap();
            assert_eq!((whole.width, whole.rgb, whole.alpha), (rows.width, rows.rgb, rows.alpha), "{orientation}");
            let layout = canvas.layout();
            assert_eq!(layout.depth, if alpha { Depth::F32 } else { Depth::U8 }, "filled colours are finer");
            assert_eq!(Canvas::open(&named).unwrap().layout(), layout);
        }
    }
    assert_eq!(folder.names(), 32, "no other file is left");
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// Transparent over so wide a stretch that the pyramid goes to disk.
#[test]
fn large_gaps_are_filled_as_in_memory() {
    let folder = Folder::new();
    let (width, height) = (3001, 2003);
    let mut picture = picture(width, height, true);
    for (i, alpha) in picture.alpha.iter_mut().flatten().enumerate() {
        *alpha = if i % 1009 < 5 { 1.0 } else { 0.0 };
    }
    let path = folder.path("a.impraw");
    let options = EncodeOptions { depth: Some(Depth::U8), ..EncodeOptions::new(Format::Raw) };
    save(&picture, &path, &options, false).unwrap();
    let whole = open(&path, &Limits::default()).unwrap();
    let canvas = import(&path, Place::Scratch(folder.0.path()), &Limits::default(), &mut go).unwrap();
    let rows = canvas.picture(canvas.layout().all()).unwrap();
    assert!(whole.rgb == rows.rgb && whole.alpha == rows.alpha);
}

#[test]
fn failures_leave_nothing() {
    let folder = Folder::new();
    let limits = Limits::default();
    for format in [Format::Png, Format::Tiff, Format::Raw] {
        let name = format!("a.{}", format.extension());
        let (path, target) = (folder.path(&name), folder.path("b.impraw"));
        let file = encode(&picture(300, 200, false), &EncodeOptions::new(format)).unwrap();
        for share in [0, 1, 2, 3] {
            std::fs::write(&path, &file[..file.len() * share / 4]).unwrap();
            let error = import(&path, Place::File(&target), &limits, &mut go).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input, "{format} {share}/4: {error}");
            assert_eq!(folder.names(), 1, "{format} {share}/4");
        }
        std::fs::write(&path, &file).unwrap();
        let stop = &mut |_| ControlFlow::Break(());
        assert!(matches!(import(&path, Place::File(&target), &limits, stop), Err(ImageError::Interrupted)));
        let small = Limits { max_pixels: 1000, ..limits };
        assert_eq!(import(&path, Place::File(&target), &small, &mut go).unwrap_err().kind(), ErrorKind::Limit);
        let out = folder.path(&format!("out.{}", format.extension()));
        let options = EncodeOptions::new(format);
        let stop = &mut |_| ControlFlow::Break(());
        assert!(matches!(export(&picture(9, 9, false), &out, &options, false, stop), Err(ImageError::Interrupted)));
        let mut broken = picture(9, 9, false);
        broken.rgb[200] = f32::NAN;
        let error = export(&broken, &out, &options, false, &mut go).unwrap_err();
        assert!(matches!(error, ImageError::NotFinite { index: 200 }), "{error}");
        assert_eq!(folder.names(), 1, "{format}");
        std::fs::remove_file(&path).unwrap();
    }
    let jpeg = folder.path("a.jpg");
    save(&picture(9, 9, false), &jpeg, &EncodeOptions::new(Format::Jpeg), false).unwrap();
    let error = import(&jpeg, Place::Scratch(folder.0.path()), &limits, &mut go).unwrap_err();
    assert!(matches!(error, ImageError::NotByRows(Format::Jpeg)) && error.to_string().contains("PNG, TIFF"), "{error}");
    assert_eq!(size(&jpeg, &limits).unwrap(), (Format::Jpeg, 9, 9));
    let options = EncodeOptions::new(Format::Jpeg);
    let error = export(&picture(9, 9, false), &folder.path("b.jpg"), &options, false, &mut go).unwrap_err();
    assert!(error.to_string().contains("use PNG, TIFF or .impraw"), "{error}");
    let error = export(&picture(9, 9, false), &jpeg, &EncodeOptions::new(Format::Png), true, &mut go).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Caller);
    assert_eq!(folder.names(), 1);
}

/// A disk that is full after so many bytes.
struct Disk {
    left: usize,
    at: u64,
}

impl std::io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.left {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.left -= bytes.len();
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Seek for Disk {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        match to {
            std::io::SeekFrom::Start(at) => self.at = at,
            std::io::SeekFrom::Current(by) | std::io::SeekFrom::End(by) => self.at = self.at.saturating_add_signed(by),
        }
        Ok(self.at)
    }
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let picture = picture(300, 200, true);
    for format in [Format::Png, Format::Tiff, Format::Raw] {
        let options = EncodeOptions::new(format);
        let whole = encode(&picture, &options).unwrap().len();
        for left in [0, 10, whole / 2, whole - 20] {
            let failed = encode_bands(&picture, &options, Disk { left, at: 0 }, |_| Ok(())).unwrap_err();
            assert!(
                matches!(failed, Failed::Io(error) if error.kind() == std::io::ErrorKind::StorageFull),
                "{format}, {left} of {whole} bytes"
            );
        }
        assert!(encode_bands(&picture, &options, Disk { left: 2 * whole, at: 0 }, |_| Ok(())).is_ok(), "{format}");
    }
}

/// A PNG whose header promises more than its bytes could ever hold is refused before anything is laid out for it.
#[test]
fn bombs_are_refused_by_their_headers() {
    let folder = Folder::new();
    let path = folder.path("a.png");
    let header = [&60_000_u32.to_be_bytes()[..], &60_000_u32.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let body = [chunk(b"IHDR", &header), chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]), chunk(b"IEND", b"")].concat();
    std::fs::write(&path, [b"\x89PNG\r\n\x1a\n".to_vec(), body].concat()).unwrap();
    let place = Place::Scratch(folder.0.path());
    assert_eq!(import(&path, place, &Limits::default(), &mut go).unwrap_err().kind(), ErrorKind::Limit);
    let limits = Limits { max_pixels: u64::MAX, max_side: u32::MAX, ..Limits::default() };
    let error = import(&path, place, &limits, &mut go).unwrap_err();
    assert!(error.to_string().contains("cannot come from"), "{error}");
}
