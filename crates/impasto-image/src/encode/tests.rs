use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, Limits, decode, read_parameters};

const WRITABLE: [Format; 5] = [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff, Format::Bmp];

/// A smooth picture with every channel different, 13x7.
fn gradient() -> Picture {
    let rgb = (0..13 * 7)
        .flat_map(|i| {
            let (x, y) = ((i % 13) as f32 / 12.0, (i / 13) as f32 / 6.0);
            [x, y, (x + y) / 2.0]
        })
        .collect();
    Picture::from_rgb(13, 7, rgb).unwrap()
}

fn with_alpha() -> Picture {
    let mut picture = gradient();
    picture.alpha = Some((0..13 * 7).map(|i| ((i % 13) as f32 + 1.0) / 13.0).collect());
    picture
}

fn back(picture: &Picture, options: &EncodeOptions) -> Picture {
    decode(&encode(picture, options).unwrap(), &Limits::default()).unwrap()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn parameters() -> Parameters {
    Parameters {
        text: "stylize a.jpg, seed 7 — ü <b>".into(), json: serde_json::json!({"seed": 7, "style": "ü\n"})
    }
}

#[test]
fn every_format_and_depth_round_trips() {
    for format in WRITABLE {
        for &depth in format.depths() {
            for picture in [gradient(), with_alpha()] {
                for grey in [None, Some(true)] {
                    let options = EncodeOptions { depth: Some(depth), grey, ..EncodeOptions::new(format) };
                    let read = back(&picture, &options);
                    let case = format!("{format} {depth:?} grey {grey:?} alpha {}", picture.alpha.is_some());
                    assert_eq!((read.width, read.height, read.source.format), (13, 7, Some(format)), "{case}");
                    assert_eq!(read.source.depth, depth, "{case}");
                    assert_eq!(read.alpha.is_some(), picture.alpha.is_some() && format.has_alpha(), "{case}");
                    if grey.is_some() || (picture.alpha.is_some() && !format.has_alpha()) {
                        continue;
                    }
                    let tolerance = match (format, depth) {
                        (Format::Jpeg, _) => 0.04,
                        (_, Depth::U8) => 0.5 / 255.0 + 1e-6,
                        (_, Depth::U16) => 0.5 / 65535.0 + 1e-6,
                        (_, Depth::F32) => 0.0,
                    };
                    assert!(distance(&read.rgb, &picture.rgb) <= tolerance, "{case}");
                }
            }
        }
    }
}

#[test]
fn stored_values_survive_exactly() {
    for (depth, top) in [(Depth::U8, 255.0), (Depth::U16, 65535.0)] {
        let rgb: Vec<f32> = (0..=255).flat_map(|i| [i as f32 * (top / 255.0_f32).floor() / top; 3]).collect();
        let picture = Picture::from_rgb(256, 1, rgb).unwrap();
        for format in [Format::Png, Format::Tiff] {
            let options = EncodeOptions { depth: Some(depth), ..EncodeOptions::new(format) };
            let once = back(&picture, &options);
            assert_eq!(once.rgb, picture.rgb, "{format} {depth:?}");
        }
    }
}

#[test]
fn rounding_clamps_and_refuses_what_is_no_number() {
    let picture = Picture::from_rgb(2, 1, vec![-3.0, 9.0, 0.4999, 0.501, 127.4 / 255.0, 127.6 / 255.0]).unwrap();
    let read = back(&picture, &EncodeOptions::new(Format::Png));
    let bytes: Vec<u8> = read.rgb.iter().map(|v| (v * 255.0).round() as u8).collect();
    assert_eq!(bytes, [0, 255, 127, 128, 127, 128]);
    for bad in [f32::NAN, f32::INFINITY] {
        let mut picture = gradient();
        picture.rgb[5] = bad;
        for format in WRITABLE {
            let error = encode(&picture, &EncodeOptions::new(format)).unwrap_err();
            assert!(matches!(error, ImageError::NotFinite { index: 5 }), "{format}: {error}");
        }
    }
}

#[test]
fn alpha_is_laid_over_white_where_it_cannot_stay() {
    let mut picture = Picture::filled(8, 8, [0.0; 3]).unwrap();
    picture.alpha = Some(vec![0.25; 64]);
    for format in [Format::Jpeg, Format::Bmp] {
        let options = EncodeOptions::new(format);
        assert_eq!(options.losses(&picture).len(), 1);
        let read = back(&picture, &options);
        assert!(read.alpha.is_none() && read.rgb.iter().all(|v| (v - 0.75).abs() < 0.01), "{format}");
    }
    assert!(EncodeOptions::new(Format::Png).losses(&picture).is_empty());
}

#[test]
fn options_a_format_cannot_serve_are_refused() {
    let picture = gradient();
    let cases = [
        EncodeOptions::new(Format::Gif),
        EncodeOptions { depth: Some(Depth::U16), ..EncodeOptions::new(Format::Jpeg) },
        EncodeOptions { depth: Some(Depth::F32), ..EncodeOptions::new(Format::Png) },
        EncodeOptions { jpeg_quality: 0, ..EncodeOptions::new(Format::Jpeg) },
        EncodeOptions {
            parameters: Some(Parameters { text: "\0".into(), json: serde_json::Value::Null }),
            ..EncodeOptions::new(Format::Png)
        },
        EncodeOptions {
            parameters: Some(Parameters { text: "x".repeat(70_000), json: serde_json::Value::Null }),
            ..EncodeOptions::new(Format::Jpeg)
        },
    ];
    for options in cases {
        assert_eq!(encode(&picture, &options).unwrap_err().kind(), ErrorKind::Caller, "{:?}", options.format);
    }
    let wide = Picture::filled(16_384, 1, [0.0; 3]).unwrap();
    assert_eq!(encode(&wide, &EncodeOptions::new(Format::WebP)).unwrap_err().kind(), ErrorKind::Caller);
    let mut broken = gradient();
    broken.rgb.pop();
    assert!(matches!(encode(&broken, &EncodeOptions::new(Format::Png)), Err(ImageError::SizeMismatch { .. })));
}

#[test]
fn kept_depth_follows_the_source_as_far_as_the_format_can() {
    let mut picture = gradient();
    for (source, format, expected) in [
        (Depth::U16, Format::Png, Depth::U16),
        (Depth::F32, Format::Png, Depth::U16),
        (Depth::F32, Format::Tiff, Depth::F32),
        (Depth::U16, Format::Jpeg, Depth::U8),
        (Depth::U8, Format::Tiff, Depth::U8),
    ] {
        picture.source.depth = source;
        assert_eq!(back(&picture, &EncodeOptions::new(format)).source.depth, expected, "{source:?} {format}");
    }
}

#[test]
fn metadata_follows_the_policy() {
    let mut picture = gradient();
    picture.source.metadata.exif = Some(crate::exif::tests::sample(6));
    picture.source.metadata.xmp = Some(b"<x:xmpmeta><rdf:RDF><here/></rdf:RDF></x:xmpmeta>".to_vec());
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
        for (policy, exif, gps) in [
            (MetadataPolicy::Strip, false, false),
            (MetadataPolicy::KeepExceptLocation, true, false),
            (MetadataPolicy::Keep, true, true),
        ] {
            for parameters in [None, Some(parameters())] {
                let case = format!("{format} {policy:?} {}", parameters.is_some());
                let options = EncodeOptions { metadata: policy, parameters, ..EncodeOptions::new(format) };
                let file = encode(&picture, &options).unwrap();
                let read = decode(&file, &Limits::default()).unwrap();
                assert_eq!((read.width, read.height), (13, 7), "{case}: the old orientation must not act again");
                let block = read.source.metadata.exif.and_then(Exif::read);
                let has = |tag: exif::Tag| block.as_ref().is_some_and(|b| b.fields(true).iter().any(|f| f.tag == tag));
                assert_eq!(has(exif::Tag::Make), exif, "{case}");
                assert_eq!(has(exif::Tag::ExposureTime), exif, "{case}");
                assert_eq!(has(exif::Tag::GPSLatitude), gps, "{case}");
                let xmp = String::from_utf8(read.source.metadata.xmp.unwrap_or_default()).unwrap();
                assert_eq!(xmp.contains("<here/>"), gps, "{case}");
                assert_eq!(read_parameters(&file, &Limits::default()).unwrap(), options.parameters, "{case}");
            }
        }
    }
}

#[test]
fn saving_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let picture = gradient();
    let options = EncodeOptions::new(Format::Png);
    let path = folder.path().join("a.png");
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    save(&picture, &path, &options, false).unwrap();
    let first = std::fs::read(&path).unwrap();
    assert!(matches!(save(&picture, &path, &options, false), Err(ImageError::AlreadyExists(_))));
    // A failing encode leaves the old file, and nothing beside it.
    let mut broken = picture.clone();
    broken.rgb[0] = f32::NAN;
    assert!(save(&broken, &path, &options, true).is_err());
    assert_eq!((std::fs::read(&path).unwrap(), names()), (first.clone(), 1));
    save(&Picture::filled(2, 2, [1.0; 3]).unwrap(), &path, &options, true).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), first);
    assert_eq!(names(), 1);

    let cases = [
        ("b", "cannot tell the output format"),
        ("b.xyz", "cannot tell the output format"),
        ("b.jpg", "choose the format JPEG"),
        ("no/such/b.png", "does not exist; create it"),
    ];
    for (name, expected) in cases {
        let error = save(&picture, &folder.path().join(name), &options, false).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
    std::fs::create_dir(folder.path().join("d.png")).unwrap();
    assert!(matches!(save(&picture, &folder.path().join("d.png"), &options, true), Err(ImageError::NotAFile(_))));
    assert!(EncodeOptions::for_path(std::path::Path::new("x.TIFF")).is_ok_and(|o| o.format == Format::Tiff));
}

#[cfg(unix)]
#[test]
fn permissions_and_links_survive() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.png"), folder.path().join("link.png"));
    let options = EncodeOptions::new(Format::Png);
    save(&gradient(), &real, &options, false).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_ne!(mode(&real) & 0o044, 0, "readable by others as the umask allows, not private like a temporary file");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, &link).unwrap();
    save(&with_alpha(), &link, &options, true).unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(mode(&real), 0o640);
    assert!(crate::open(&real, &Limits::default()).unwrap().alpha.is_some());
    // A full disk, where the system offers one to try: nothing to clean up, a clear error.
    if std::path::Path::new("/dev/full").exists() {
        let error = ImageError::from_io("write", &real, std::fs::write("/dev/full", b"x").unwrap_err());
        assert!(matches!(error, ImageError::DiskFull(_)), "{error}");
    }
}

#[test]
fn large_tiffs_are_bigtiffs() {
    for (alpha, depth, height, big) in [
        (false, Depth::U8, 32_768, false),
        (false, Depth::U8, 65_536, true),
        (true, Depth::U8, 32_768, true),
        (false, Depth::F32, 8192, false),
        (false, Depth::F32, 16_384, true),
    ] {
        let store = Store { depth, grey: false, alpha };
        assert_eq!(tiff::is_big(32_768, height, store, 0), big, "{depth:?} {height}");
    }
    for depth in [Depth::U8, Depth::U16, Depth::F32] {
        let picture = with_alpha();
        let options = EncodeOptions { depth: Some(depth), ..EncodeOptions::new(Format::Tiff) };
        let store = Store { depth, grey: false, alpha: true };
        let carried = Carried::new(&picture.source.metadata, &options);
        let mut bands = |y, rows| Ok(quantise::quantise(&picture.band(y, rows)?, store)?);
        let job = Job { width: 13, height: 7, store, carried: &carried, parameters: None, bands: &mut bands };
        let mut out = Cursor::new(Vec::new());
        assert!(tiff::write_as::<::tiff::encoder::TiffKindBig, _>(job, &mut out, true).is_ok());
        let file = out.into_inner();
        assert!(file.starts_with(b"II+\0") || file.starts_with(b"MM\0+"));
        // The library that reads EXIF knows no BigTIFF, so the tags that describe the picture are not compared.
        let (big, small) = (decode(&file, &Limits::default()).unwrap(), back(&picture, &options));
        assert_eq!((big.rgb, big.alpha, big.source.depth), (small.rgb, small.alpha, small.source.depth));
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parameters_round_trip(text in "(\\PC|[\t\n\r<>&'\"]|parameters|]]>|&amp;|</impasto:json>)*", json in json()) {
        let parameters = Parameters { text, json };
        prop_assume!(parameters.check().is_ok());
        let picture = Picture::filled(2, 3, [0.5; 3]).unwrap();
        for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
            let options = EncodeOptions { parameters: Some(parameters.clone()), ..EncodeOptions::new(format) };
            let file = encode(&picture, &options).unwrap();
            let read = read_parameters(&file, &Limits::default()).unwrap();
            prop_assert_eq!(read.as_ref(), Some(&parameters), "{}", format);
            prop_assert!(decode(&file, &Limits::default()).is_ok());
        }
    }

    #[test]
    fn flipped_and_cut_files_never_panic(at in 0_usize..4000, flip in 1_u8.., cut in 0_usize..4000) {
        let options = |format| EncodeOptions { parameters: Some(parameters()), ..EncodeOptions::new(format) };
        for format in WRITABLE {
            let mut file = encode(&with_alpha(), &options(format)).unwrap();
            let length = file.len();
            file[at % length] ^= flip;
            let _either = decode(&file, &Limits::default());
            file.truncate(cut % length);
            let _either = decode(&file, &Limits::default());
            let _either = read_parameters(&file, &Limits::default());
        }
    }
}
