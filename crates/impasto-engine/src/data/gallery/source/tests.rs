//! Every form of container: what is read of it, and of damaged ones.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use impasto_image::{EncodeOptions, Picture, encode};

use super::*;

/// A tiny picture file, different for every shade.
fn png(shade: u8) -> Vec<u8> {
    let picture = Picture::filled(2, 2, [f32::from(shade) / 255.0; 3]).unwrap();
    encode(&picture, &EncodeOptions::new(Format::Png)).unwrap()
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, ::zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tarred(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Three pictures of 2 rows and 3 columns.
fn images() -> Vec<u8> {
    let head = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 3];
    head.into_iter().chain(0..18).collect()
}

fn idx_labels() -> Vec<u8> {
    vec![0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 7]
}

/// The names and labels of usable pictures, and the reasons of others.
type Found = (Vec<(String, Option<String>)>, Vec<String>);

/// A container's name, its bytes, and the names and labels of its pictures.
type Case = (&'static str, Vec<u8>, &'static [(&'static str, &'static str)]);

/// What a file gives.
fn read(path: &Path) -> Result<Found> {
    let limits = Limits::default();
    let (mut names, mut reasons) = (Vec::new(), Vec::new());
    for source in Source::find(path)? {
        let mut found = Vec::new();
        let labels = source.each(true, &limits, &mut |item| {
            let damage = match &item.content {
                Content::Refused(reason) => Some(reason.clone()),
                Content::Bytes(bytes) => impasto_image::decode(bytes, &limits).err().map(|e| e.to_string()),
                Content::Grey { size, values } => {
                    assert_eq!((*size, values.len()), ([3, 2], 6));
                    None
                }
                Content::File(_) => None,
            };
            match damage {
                Some(reason) => reasons.push(reason),
                None => found.push(item.name),
            }
            Ok(())
        })?;
        let labelled = |name: String| {
            let label = labels.as_ref().and_then(|labels| labels.get(&name)).map(str::to_owned);
            (name, label)
        };
        names.extend(found.into_iter().map(labelled));
    }
    Ok((names, reasons))
}

/// Name and label of what a file with these bytes gives.
fn given(name: &str, bytes: &[u8], beside: &[(&str, &[u8])]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in beside.iter().chain([&(name, bytes)]) {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (names, reasons) = read(&folder.path().join(name)).unwrap();
    assert!(reasons.is_empty(), "{name}: {reasons:?}");
    names.into_iter().map(|(name, label)| (name, label.unwrap_or_default())).collect()
}

#[test]
fn every_container_is_read() {
    let pictures = [png(1), png(2), png(3)];
    let [a, b, c] = pictures.each_ref().map(Vec::as_slice);
    let dataset = br#"{"labels": [["00000/a.png", 3], ["00000/b.png", 5]]}"#;
    let web = [("b.cls", &b"1"[..]), ("b.png", b), ("./x/a.png", a), ("x/a.json", br#"{"label": "hat"}"#)];
    let plain = [("a.png", a), ("sub/b.png", b), (".hidden/c.png", c), ("sub/notes.txt", b"text")];
    let cases: [Case; 9] = [
        (
            "stylegan.zip",
            zipped(&[("dataset.json", dataset), ("00000/a.png", a), ("00000/b.png", b)]),
            &[("00000/a.png", "3"), ("00000/b.png", "5")],
        ),
        ("null.zip", zipped(&[("dataset.json", br#"{"labels": null}"#), ("a.png", a)]), &[("a.png", "")]),
        ("plain.zip", zipped(&plain), &[("a.png", ""), ("sub/b.png", "")]),
        ("no-extension", zipped(&plain[..1]), &[("a.png", "")]),
        ("web.tar", tarred(&web), &[("b.png", "1"), ("x/a.png", "hat")]),
        ("web.tar.gz", gzipped(&tarred(&web)), &[("b.png", "1"), ("x/a.png", "hat")]),
        ("plain.tar", tarred(&plain), &[("a.png", ""), ("sub/b.png", "")]),
        ("table.tar", tarred(&[("labels.csv", b"file,class\na.png,dress\n"), ("a.png", a)]), &[("a.png", "dress")]),
        ("images", images(), &[("000000", ""), ("000001", ""), ("000002", "")]),
    ];
    for (name, bytes, expected) in cases {
        let found = given(name, &bytes, &[]);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, label)| (name.as_str(), label.as_str())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn idx_labels_are_found_beside_images() {
    let labels = idx_labels();
    for (images_name, images, labels_name, labels) in [
        ("t-images-idx3-ubyte", images(), "t-labels-idx1-ubyte", labels.clone()),
        ("t-images-idx3-ubyte.gz", gzipped(&images()), "t-labels-idx1-ubyte.gz", gzipped(&labels)),
        ("t-images-idx3-ubyte.gz", gzipped(&images()), "t-labels-idx1-ubyte", labels.clone()),
        ("t-images.idx3-ubyte", images(), "t-labels.idx1-ubyte.gz", gzipped(&labels)),
    ] {
        let found = given(images_name, &images, &[(labels_name, &labels)]);
        let found: Vec<&str> = found.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(found, ["7", "0", "7"], "{images_name} {labels_name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let images_path = folder.path().join("t-images-idx3-ubyte");
    std::fs::write(&images_path, images()).unwrap();
    for (wrong, part) in [(&idx_labels()[..10], "cut short"), (&[0, 0, 8, 1, 0, 0, 0, 2, 1, 1], "2 labels for 3")] {
        std::fs::write(folder.path().join("t-labels-idx1-ubyte"), wrong).unwrap();
        let error = read(&images_path).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_folder_of_archives_is_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("b.tar"), tarred(&[("b.png", &png(1))])).unwrap();
    std::fs::write(at("a.zip"), zipped(&[("a.png", &png(1))])).unwrap();
    std::fs::write(at("t-images-idx3-ubyte"), images()).unwrap();
    std::fs::write(at("t-labels-idx1-ubyte"), idx_labels()).unwrap();
    std::fs::write(at("README.md"), "text").unwrap();
    let kinds: Vec<_> = Source::find(folder.path()).unwrap().iter().map(|s| (s.kind(), s.count())).collect();
    assert_eq!(kinds, [("zip file", Some(1)), ("tar file", None), ("IDX file", Some(3))]);
    // Where there are pictures, archives are not looked into.
    std::fs::write(at("c.png"), png(2)).unwrap();
    assert_eq!(read(folder.path()).unwrap().0, [("c.png".to_owned(), None)]);
}

/// A container cut anywhere, or with any byte changed, gives an error or no more than the whole one.
#[test]
fn damaged_containers_never_panic() {
    let members: [(&str, &[u8]); 3] = [("a.png", &png(1)), ("a.cls", b"1"), ("dataset.json", br#"{"labels": null}"#)];
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, most) in [
        ("a.zip", zipped(&members), 1),
        ("a.tar", tarred(&members), 1),
        ("a.tar.gz", gzipped(&tarred(&members)), 1),
        ("a-images", images(), 3),
        ("a-images.gz", gzipped(&images()), 3),
    ] {
        let path = folder.path().join(name);
        let check = |bytes: &[u8], what: &str| {
            // A new file each time: some file systems flush one that is cut to nothing and written again.
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, bytes).unwrap();
            if let Ok((names, _)) = read(&path) {
                assert!(names.len() <= most, "{name} {what}: {names:?}");
            }
        };
        // Of the long runs of zeros in a tar file every seventh byte is enough.
        let step = if bytes.len() > 2000 { 7 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            check(&bytes[..at], &format!("cut at {at}"));
        }
        // What a changed header of an IDX file says of sizes is another file, not a damaged one.
        let first = if name.starts_with("a-images") { 16 } else { 0 };
        for at in (first..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            check(&changed, &format!("changed at {at}"));
        }
    }
}

#[test]
fn a_cut_container_gives_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let whole = tarred(&[("a.png", &png(1)), ("b.png", &png(2))]);
    std::fs::write(&path, &whole[..1024 + 512 + 20]).unwrap();
    let (names, reasons) = read(&path).unwrap();
    assert!(names == [("a.png".to_owned(), None)] && reasons[0].contains("cut short"), "{names:?} {reasons:?}");
    std::fs::write(&path, &images()[..16 + 7]).unwrap();
    let (names, reasons) = read(&path).unwrap();
    assert!(names.len() == 1 && reasons[0].contains("2 of 3 pictures are missing"), "{names:?} {reasons:?}");
}

#[test]
fn sizes_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    // A header of IDX that promises too much.
    for (head, part) in [
        ([0, 0, 8, 3, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0], "over the limits"),
        ([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3], "nothing"),
        ([0, 0, 8, 3, 255, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1], "divide it"),
    ] {
        std::fs::write(&path, head).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    // A long name of 8 MiB of zeros, zipped to some kilobytes.
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::GNULongName);
    header.set_path("././@LongLink").unwrap();
    header.set_size(8 << 20);
    header.set_cksum();
    let bomb = [header.as_bytes(), &vec![b'a'; 8 << 20][..]].concat();
    std::fs::write(&path, gzipped(&bomb)).unwrap();
    let (names, reasons) = read(&path).unwrap();
    assert!(names.is_empty() && reasons[0].contains("larger than 1 MiB"), "{reasons:?}");
    // Members over the limit of a picture file.
    let small = Limits { max_file_bytes: 20, ..Limits::default() };
    for bytes in [zipped(&[("a.png", &png(1))]), tarred(&[("a.png", &png(1))])] {
        std::fs::write(&path, bytes).unwrap();
        let mut reasons = Vec::new();
        for source in Source::find(&path).unwrap() {
            source
                .each(false, &small, &mut |item| {
                    reasons.extend(match item.content {
                        Content::Refused(reason) => Some(reason),
                        _ => None,
                    });
                    Ok(())
                })
                .unwrap();
        }
        assert!(reasons.len() == 1 && reasons[0].contains("larger than the limit of 20 bytes"), "{reasons:?}");
    }
    // A file whose members are paths out of its folder is read, and nothing is written.
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    std::fs::write(&path, zipped(&[("../../evil.png", &png(1))])).unwrap();
    assert_eq!(read(&path).unwrap().0.len(), 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
}
