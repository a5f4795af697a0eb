//! Known files decode to known pictures.

mod common;

use std::path::Path;

use impasto_image::{Depth, ErrorKind, Limits, Picture, open, resize};

fn read(path: &Path) -> Picture {
    open(path, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn mean_distance(a: &Picture, b: &Picture) -> f32 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    a.rgb.iter().zip(&b.rgb).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.rgb.len() as f32
}

#[test]
fn all_orientations_show_the_same_picture() {
    let Some(data) = common::data() else { return };
    let reference = read(&data.join("hostile/colour_depth/hopper.jpg"));
    for extension in ["jpg", "webp"] {
        for orientation in 2..=8 {
            let path = data.join(format!("hostile/orientation/hopper_orientation_{orientation}.{extension}"));
            let picture = read(&path);
            let distance = mean_distance(&picture, &resize(&reference, picture.width, picture.height));
            assert!(distance < 0.03, "{}: {distance}", path.display());
        }
    }
    for (name, landscape) in [
        ("Landscape_3", true),
        ("Landscape_6", true),
        ("Landscape_8", true),
        ("Portrait_6", false),
        ("Portrait_8", false),
    ] {
        let picture = read(&data.join(format!("hostile/orientation/{name}.jpg")));
        assert_eq!(picture.width > picture.height, landscape, "{name}");
    }
}

/// PngSuite names tell what is inside: feature, parameter, interlacing, colour type, depth.
#[test]
fn png_suite_names_are_true() {
    let Some(data) = common::data() else { return };
    let mut seen = 0;
    for path in common::files(&data.join("hostile/pngsuite")) {
        let name = path.file_stem().and_then(|s| s.to_str()).expect("plain names").to_owned();
        if name == "PngSuite" {
            continue;
        }
        seen += 1;
        let result = open(&path, &Limits::default());
        if name.starts_with('x') {
            let error = result.err().unwrap_or_else(|| panic!("{name} is corrupt and must be refused"));
            assert_eq!(error.kind(), ErrorKind::Input, "{name}");
            continue;
        }
        let picture = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (feature, kind) = name.split_at(name.len() - 5);
        let colour = kind.as_bytes()[1] - b'0';
        let size = match feature {
            _ if feature.starts_with('s') => [feature[1..3].parse().expect("a size"); 2],
            "cdf" => [8, 32],
            "cdh" => [32, 8],
            "cds" => [8, 8],
            _ => [32, 32],
        };
        assert_eq!([picture.width, picture.height], size, "{name}");
        assert_eq!(picture.source.depth == Depth::U16, kind.ends_with("16"), "{name}");
        assert_eq!(picture.source.grey, matches!(colour, 0 | 4), "{name}");
        let transparent = matches!(colour, 4 | 6) || (feature.starts_with('t') && feature != "tp0");
        assert_eq!(picture.alpha.is_some(), transparent, "{name}");
    }
    assert!(seen > 150, "{seen}");
}

#[test]
fn sixteen_bits_stay_sixteen() {
    let Some(data) = common::data() else { return };
    for name in ["pngsuite/basn2c16.png", "pngsuite/basn0g16.png", "colour_depth/tiff_16bit_RGB.tiff"] {
        let picture = read(&data.join("hostile").join(name));
        assert_eq!(picture.source.depth, Depth::U16, "{name}");
        let between = picture.rgb.iter().filter(|&&v| (v * 255.0 - (v * 255.0).round()).abs() > 0.01).count();
        assert!(
            between * 4 > picture.rgb.len(),
            "{name}: {between} of {} values lie between 8-bit steps",
            picture.rgb.len()
        );
    }
}

#[test]
fn cmyk_is_red_where_it_is_red_and_black_where_it_is_black() {
    let Some(data) = common::data() else { return };
    let picture = read(&data.join("hostile/colour_depth/pil_sample_cmyk.jpg"));
    let pixels = picture.triples();
    let (&[r, g, b], last) = (pixels.first().expect("pixels"), pixels.last().expect("pixels"));
    assert!(r > 0.95 && g < 0.2 && b < 0.2, "the first corner has no cyan and no black: {r} {g} {b}");
    assert!(last.iter().all(|&v| v < 0.1), "the last corner is solid black: {last:?}");
}

#[test]
fn the_same_picture_in_many_formats() {
    let Some(data) = common::data() else { return };
    let folder = data.join("hostile/colour_depth");
    let reference = read(&folder.join("hopper.png"));
    for (name, tolerance) in [
        ("hopper.bmp", 0.001),
        ("hopper.tif", 0.001),
        ("hopper_bigtiff.tif", 0.001),
        ("hopper.jpg", 0.03),
        ("hopper.webp", 0.04),
        ("hopper.gif", 0.06),
    ] {
        let distance = mean_distance(&read(&folder.join(name)), &reference);
        assert!(distance < tolerance, "{name}: {distance}");
    }
}

#[test]
fn ordinary_photographs_decode_without_complaints() {
    let Some(data) = common::data() else { return };
    let mut seen = 0;
    for folder in ["photos/wikimedia_pd", "photos/misc", "paintings/monet"] {
        for path in common::files(&data.join(folder)) {
            if !path.extension().is_some_and(|e| e == "jpg" || e == "png") {
                continue;
            }
            seen += 1;
            let picture = read(&path);
            assert!(picture.notes.is_empty(), "{}: {:?}", path.display(), picture.notes);
        }
    }
    assert!(seen > 10);
}
