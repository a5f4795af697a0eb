//! Galleries from the files that make them, and what is drawn from them.

use std::path::{Path, PathBuf};

use impasto_image::{EncodeOptions, Format, Picture, encode};

use super::*;
use crate::control::Control;
use crate::error::{Blame, EngineError};
use crate::tensor::values;

fn gallery() -> Gallery {
    let pixels = (0..3 * 3 * 4 * 4).map(|i| (i * 7 % 251) as u8).collect();
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    Gallery::new([4, 4], vec!["x".into(), "y".into()], vec![0, 1, 1], pixels, names).unwrap()
}

#[test]
fn samples_repeat_whatever_the_batch() {
    let device = Device::flex();
    for gallery in [gallery(), gallery().varied(Augmentation { rotation: 20.0, hue: 9.0, ..Augmentation::NONE })] {
        let (all, labels) = gallery.draw(5, 6, 1, true, &device);
        let (late, late_labels) = gallery.draw(8, 3, 1, true, &device);
        assert_eq!(values(all.clone().slice([3..6, 0..3, 0..4, 0..4])), values(late));
        assert_eq!(labels[3..], late_labels);
        assert_ne!(values(all), values(gallery.draw(5, 6, 2, true, &device).0));
    }
}

#[test]
fn pictures_are_mirrored() {
    let device = Device::flex();
    let batch = values(gallery().batch(&[1, 1], &[false, true], &device));
    let (plain, mirrored) = batch.split_at(48);
    assert!(plain.chunks(4).zip(mirrored.chunks(4)).all(|(a, b)| a.iter().eq(b.iter().rev())));
    assert_eq!(values(gallery().varied(Augmentation::NONE).draw(0, 4, 1, false, &device).0).len(), 4 * 48);
}

#[test]
fn what_does_not_fit_is_refused() {
    let new = |classes: usize, labels: &[usize], bytes| {
        let classes = (0..classes).map(|i| i.to_string()).collect();
        Gallery::new([4, 4], classes, labels.to_vec(), vec![0; bytes], vec!["a".into()])
    };
    for (classes, labels, bytes, part) in [(0, &[][..], 47, "bytes"), (1, &[], 48, "labels"), (1, &[1], 48, "label 1")]
    {
        assert!(new(classes, labels, bytes).unwrap_err().contains(part));
    }
    assert!(new(1, &[0], 48).is_ok());
}

/// A picture of soft blots, different for every seed.
fn picture(seed: u64, width: u32, height: u32) -> Picture {
    let mut rng = rng::stream(seed, "test", 0);
    let coarse = (0..48).map(|_| rng.random::<f32>()).collect();
    impasto_image::resize(&Picture::from_rgb(4, 4, coarse).unwrap(), width, height)
}

fn save(path: &Path, picture: &Picture) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let options = EncodeOptions::new(Format::from_extension(path.extension().unwrap().to_str().unwrap()).unwrap());
    std::fs::write(path, encode(picture, &options).unwrap()).unwrap();
}

/// A folder with two class folders, a repeated picture, a nearly repeated one, a small one and a damaged one.
fn mixed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for seed in 0..4 {
        save(&at(&format!("a/{seed}.png")), &picture(seed, 40, 30));
        save(&at(&format!("b/{seed}.png")), &picture(10 + seed, 33, 64));
    }
    save(&at("b/again.bmp"), &picture(10, 33, 64));
    save(&at("b/larger.png"), &picture(11, 66, 128));
    save(&at("small.png"), &picture(20, 15, 40));
    std::fs::write(at("broken.jpg"), b"\xff\xd8\xffnothing").unwrap();
    std::fs::write(at("notes.txt"), "no picture").unwrap();
    folder
}

fn settings(classes: ClassSource) -> GallerySettings {
    GallerySettings { size: [32, 32], classes, ..GallerySettings::default() }
}

fn read_at(path: &Path, settings: &GallerySettings) -> crate::Result<(Gallery, Survey)> {
    read(&[path.to_owned()], settings, &Control::silent())
}

#[test]
fn a_folder_is_read_checked_and_described() {
    let folder = mixed();
    let (gallery, survey) = read_at(folder.path(), &settings(ClassSource::None)).unwrap();
    assert_eq!((survey.found, survey.used, gallery.len(), gallery.size()), (12, 9, 9, [32, 32]));
    assert_eq!(gallery.names()[..5], ["a/0.png", "a/1.png", "a/2.png", "a/3.png", "b/0.png"]);
    assert_eq!(survey.duplicates.exact, [["b/0.png", "b/again.bmp"]]);
    assert_eq!(survey.duplicates.near, [["b/1.png", "b/larger.png"]]);
    let left_out = |survey: &Survey| -> Vec<(String, String, bool)> {
        survey.duplicates.left_out.iter().map(|one| (one.name.clone(), one.copy_of.clone(), one.near)).collect()
    };
    let again = ("b/again.bmp".to_owned(), "b/0.png".to_owned(), false);
    assert_eq!((left_out(&survey), survey.duplicates.superfluous()), (vec![again.clone()], [1, 1]));
    let rejected: Vec<_> = survey.rejected.iter().map(|r| (r.path.to_str().unwrap(), r.reason.as_str())).collect();
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    assert!(rejected[0].0 == "broken.jpg" && rejected[0].1.contains("damaged"), "{rejected:?}");
    assert!(rejected[1].0 == "small.png" && rejected[1].1.contains("15x40 px are too few"), "{rejected:?}");
    assert_eq!((survey.width.min, survey.width.max, survey.short_side.median), (33.0, 66.0, 33.0));
    assert_eq!(survey.folders.iter().map(|(n, c)| (n.as_str(), *c)).collect::<Vec<_>>(), [("a", 4), ("b", 6)]);
    assert_eq!((survey.recipe.architecture.as_str(), survey.recipe.size), ("fastgan", [32, 32]));
    assert!(survey.warnings.iter().any(|line| line.contains("very few")), "{:?}", survey.warnings);
    let text = serde_json::to_string(&survey).unwrap();
    assert_eq!(serde_json::from_str::<Survey>(&text).unwrap(), survey);

    let (all, _) =
        read_at(folder.path(), &GallerySettings { keep_duplicates: true, ..settings(ClassSource::None) }).unwrap();
    assert_eq!(all.len(), 10);

    // Of those nearly the same only the largest is left, whichever comes first.
    let near = GallerySettings { drop_near_duplicates: true, ..settings(ClassSource::None) };
    let (few, survey) = read_at(folder.path(), &near).unwrap();
    let smaller = ("b/1.png".to_owned(), "b/larger.png".to_owned(), true);
    assert_eq!((few.len(), survey.used, left_out(&survey)), (8, 8, vec![smaller, again]));
    assert!(few.names().contains(&"b/larger.png".to_owned()) && !few.names().contains(&"b/1.png".to_owned()));
    assert_eq!(survey.duplicates.near, [["b/1.png", "b/larger.png"]]);
    let both = GallerySettings { keep_duplicates: true, ..near };
    assert_eq!(read_at(folder.path(), &both).unwrap_err().blame(), Blame::Caller);
}

#[test]
fn a_survey_refuses_no_size() {
    let survey = survey(&[mixed().path().to_owned()], &settings(ClassSource::Folders), &Control::silent()).unwrap();
    assert_eq!((survey.found, survey.used), (12, 9));
    let reasons: Vec<&str> = survey.rejected.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons[1], "it lies in no class folder");
    assert_eq!(survey.classes.iter().map(|c| (c.name.as_str(), c.pictures)).collect::<Vec<_>>(), [("a", 4), ("b", 5)]);
}

#[test]
fn several_places_are_taken_together() {
    let folder = mixed();
    let paths = ["a", "b/1.png", "b/2.png"].map(|name| folder.path().join(name));
    let (gallery, survey) = read(&paths, &settings(ClassSource::None), &Control::silent()).unwrap();
    assert_eq!(gallery.names(), ["a/0.png", "a/1.png", "a/2.png", "a/3.png", "1.png", "2.png"]);
    let kinds: Vec<_> = survey.sources.iter().map(|s| (s.name.as_str(), s.kind.as_str(), s.pictures)).collect();
    assert_eq!(kinds, [("a", "folder", 4), ("1.png", "picture", 1), ("2.png", "picture", 1)]);
}

#[cfg(unix)]
#[test]
fn a_link_that_is_named_is_followed_and_others_are_not() {
    let folder = mixed();
    let links = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), links.path().join("link")).unwrap();
    let (gallery, _) = read_at(&links.path().join("link"), &settings(ClassSource::None)).unwrap();
    assert_eq!(gallery.len(), 9);
    assert!(read_at(links.path(), &settings(ClassSource::None)).unwrap_err().to_string().contains("holds no pictures"));
}

#[test]
fn threads_change_nothing() {
    let folder = mixed();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read_at(folder.path(), &settings(ClassSource::Folders)).unwrap())
    };
    let ((one, one_survey), (four, four_survey)) = (on(1), on(4));
    assert_eq!((one.blake3(), one_survey), (four.blake3(), four_survey));
    assert_eq!((one.classes(), one.label(0), one.label(4)), (&["a".to_owned(), "b".to_owned()][..], Some(0), Some(1)));
}

#[test]
fn labels_beside_pictures_are_classes() {
    let folder = mixed();
    std::fs::write(folder.path().join("labels.csv"), "image,label\na/0.png,10\na/1.png,9\nb/0.png,9\n").unwrap();
    let named = |class_names: &[&str]| GallerySettings {
        class_names: class_names.iter().map(|name| (*name).to_owned()).collect(),
        ..settings(ClassSource::Auto)
    };
    let (gallery, survey) = read_at(folder.path(), &named(&[])).unwrap();
    assert_eq!((gallery.classes(), gallery.len()), (&["9".to_owned(), "10".to_owned()][..], 3));
    assert_eq!([0, 1, 2].map(|i| gallery.label(i).unwrap()), [1, 0, 0]);
    assert_eq!(survey.classes_from.as_deref(), Some("labels"));
    assert!(survey.rejected.iter().any(|r| r.reason == "it has no label"));
    let error = read_at(folder.path(), &named(&["only"])).unwrap_err();
    assert!(error.blame() == Blame::Caller && error.to_string().contains("class '9'"), "{error}");
}

#[test]
fn galleries_are_kept_and_damage_is_seen() {
    let folder = mixed();
    let kept = tempfile::tempdir().unwrap();
    let settings = GallerySettings { cache: Some(kept.path().join("in")), ..settings(ClassSource::Folders) };
    let files = || -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(kept.path().join("in")).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files
    };
    let first = read_at(folder.path(), &settings).unwrap();
    let file = files().remove(0);
    let whole = std::fs::read(&file).unwrap();
    let check = |step: &str, bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let again = read_at(folder.path(), &settings).unwrap();
        assert_eq!(
            (again.0.blake3(), again.0.names(), &again.1),
            (first.0.blake3(), first.0.names(), &first.1),
            "{step}"
        );
        assert_eq!(std::fs::read(&file).unwrap(), whole, "{step}");
    };
    check("kept", &whole);
    check("cut", &whole[..whole.len() / 2]);
    check("empty", b"");
    let mut changed = whole.clone();
    changed[whole.len() - 9] ^= 4;
    check("changed", &changed);
    // Another size, other pictures and other names are other galleries, and so is what is left of copies.
    read_at(folder.path(), &GallerySettings { size: [16, 16], ..settings.clone() }).unwrap();
    for (keep_duplicates, drop_near_duplicates, left) in [(true, false, 10), (false, true, 8), (false, false, 9)] {
        let settings = GallerySettings { keep_duplicates, drop_near_duplicates, ..settings.clone() };
        for _ in 0..2 {
            assert_eq!(read_at(folder.path(), &settings).unwrap().0.len(), left);
        }
    }
    std::fs::rename(folder.path().join("a/0.png"), folder.path().join("a/9.png")).unwrap();
    read_at(folder.path(), &settings).unwrap();
    assert_eq!(files().len(), 5);
    assert!(files().contains(&file));
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::create_dir(at("text")).unwrap();
    std::fs::write(at("text/a.txt"), "text").unwrap();
    save(&at("small/a.png"), &picture(1, 9, 9));
    for (name, part) in [
        ("missing", "No such file"),
        ("empty", "holds no pictures"),
        ("text", "holds no pictures"),
        ("text/a.txt", "holds no pictures"),
        ("small", "none of its 1 pictures can be used, such as a.png: its 9x9 px"),
    ] {
        let error = read_at(&at(name), &settings(ClassSource::None)).unwrap_err();
        assert!(error.blame() == Blame::Input && error.to_string().contains(part), "{name}: {error}");
    }
    let large = GallerySettings { max_memory: 3 * 32 * 32, ..settings(ClassSource::None) };
    let error = read_at(mixed().path(), &large).unwrap_err();
    assert!(error.blame() == Blame::Limit && error.to_string().contains("smaller size"), "{error}");
    let control = Control::silent();
    control.cancel();
    let cancelled = read(&[mixed().path().to_owned()], &settings(ClassSource::None), &control);
    assert!(matches!(cancelled, Err(EngineError::Cancelled)));
    for wrong in [
        GallerySettings { size: [0, 8], ..GallerySettings::default() },
        GallerySettings { background: [0.0, 2.0, 0.0], ..GallerySettings::default() },
    ] {
        assert_eq!(read_at(&at("small"), &wrong).unwrap_err().blame(), Blame::Caller);
    }
    assert_eq!(read(&[], &settings(ClassSource::None), &Control::silent()).unwrap_err().blame(), Blame::Caller);
}
