use std::path::Path;

use impasto_image::{EncodeOptions, Format, crop, decode, encode, save};

use super::super::EvalNetworks;
use super::super::report::Report;
use super::*;

/// The shared data; `None`, said aloud, when it is absent.
#[allow(clippy::print_stderr)]
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("IMPASTO_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = root.join("data").join(path);
    if !folder.exists() {
        eprintln!("skipped: there is no data/{path} below {}; set IMPASTO_SHARED", root.display());
    }
    folder.exists().then_some(folder)
}

fn mirrored(picture: &Picture) -> Picture {
    let rgb = picture.triples().chunks_exact(picture.width as usize).flat_map(|row| row.iter().rev()).flatten();
    Picture::from_rgb(picture.width, picture.height, rgb.copied().collect()).unwrap()
}

fn compressed(picture: &Picture) -> Picture {
    let options = EncodeOptions { jpeg_quality: 40, ..EncodeOptions::new(Format::Jpeg) };
    decode(&encode(picture, &options).unwrap(), &Limits::default()).unwrap()
}

/// 5 % off the left and the top, as the number of the picture has it the right and the bottom.
fn cut(picture: &Picture, number: usize) -> Picture {
    let (width, height) = (picture.width * 19 / 20, picture.height * 19 / 20);
    let (right, down) = (number as u32 % 3, number as u32 % 2);
    crop(picture, (picture.width - width) * right / 2, (picture.height - height) * down, width, height)
}

/// Runs the evaluation on the processor, without a folder of networks.
fn run(real: &Path, fake: &Path, held_out: Option<&Path>, networks: &[NetworkKind]) -> Result<(Memorised, Report)> {
    let device = crate::device::open(crate::device::DeviceSpec::Cpu)?.device;
    let evaluator = Evaluator {
        networks: &EvalNetworks::open(None, &device)?,
        cache: None,
        limits: Limits::default(),
        seed: 1,
        device: "cpu".into(),
        control: &Control::silent(),
    };
    let request = MemorisedEvaluation {
        real: real.into(),
        fake: fake.into(),
        held_out: held_out.map(Path::to_owned),
        networks: networks.to_vec(),
    };
    let found = memorised(&request, &evaluator)?;
    let report = found.report(&request, &evaluator, 12);
    Ok((found, report))
}

#[test]
fn planted_copies_among_real_pictures_are_all_found() {
    let (Some(real), Some(strangers)) = (shared("paintings/monet"), shared("photos/kodak24")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let set = PictureSet::read(std::slice::from_ref(&real), &Limits::default(), None, &Control::silent());
    let set = set.unwrap().by_content();
    let mut planted = 0;
    for number in 0..set.len().min(3) {
        let original = set.open(number).unwrap();
        let copies = [mirrored(&original), cut(&original, number), compressed(&original)];
        for (kind, copy) in copies.iter().chain([&compressed(&mirrored(&cut(&original, number)))]).enumerate() {
            let path = folder.path().join(format!("{number:02}-{kind}.png"));
            save(copy, &path, &EncodeOptions::new(Format::Png), true).unwrap();
            planted += 1;
        }
    }
    let (found, _) = run(&real, folder.path(), None, &[]).unwrap();
    assert_eq!((found.copies.copies, found.samples.len()), (planted, planted), "{:?}", found.samples.last());
    for sample in &found.samples {
        let number: usize = sample.file.file_name().unwrap().to_str().unwrap()[..2].parse().unwrap();
        assert_eq!(sample.found.index, number, "{sample:?}");
    }
    let (none, _) = run(&real, &strangers, None, &[]).unwrap();
    assert_eq!(none.copies.copies, 0, "{:?}", none.samples.first());
}

#[test]
fn what_is_left_out_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (set, count) in [("real", 3), ("fake", 2)] {
        std::fs::create_dir(folder.path().join(set)).unwrap();
        for seed in 0..count {
            let rgb = (0..48 * 40 * 3).map(|i| ((i * (7 + seed) / 31) % 97) as f32 / 97.0).collect();
            let path = folder.path().join(set).join(format!("{seed}.png"));
            save(&Picture::from_rgb(48, 40, rgb).unwrap(), &path, &EncodeOptions::new(Format::Png), true).unwrap();
        }
    }
    std::fs::write(folder.path().join("fake/broken.png"), b"no picture").unwrap();
    let (real, fake) = (folder.path().join("real"), folder.path().join("fake"));
    let (found, report) = run(&real, &fake, Some(&real), &[NetworkKind::Percept]).unwrap();
    assert_eq!((found.fake.len(), found.fake.rejected().len()), (2, 1));
    assert_eq!(found.copies.copies, 2, "equal files are copies: {:?}", found.copies);
    for view in &found.views {
        assert!(view.to_real.value < 1e-3 && view.within_real.value > view.to_real.value, "{view:?}");
        assert_eq!(view.gap.unwrap().excess.value, 0.0, "held out are the same pictures");
    }
    assert_eq!(found.views.is_empty(), !found.missing.is_empty());
    assert_eq!((report.rejected.len(), report.examples.len()), (1, 2), "{report:?}");
    assert_eq!(report.rows[0].figures["copies"].value, 100.0);
    assert!(report.findings.iter().any(|finding| finding.text.contains("2 of 2")), "{:?}", report.findings);
    let sheet = pairs_sheet(&found, 12, &Limits::default()).unwrap();
    assert!(sheet.width > 4 * CELL.0);
    assert!(run(&real, &folder.path().join("nothing"), None, &[]).is_err());
}
