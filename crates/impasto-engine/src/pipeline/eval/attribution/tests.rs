use impasto_image::{EncodeOptions, Format, save};

use super::*;
use crate::device::{self, DeviceSpec};
use crate::models::{PerceptionSpec, bundled_weights};
use crate::rng;

/// Stripes of one direction and soft blobs of one colour: two hands.
fn picture(hand: usize, seed: u64) -> Picture {
    let draws = rng::normal(&mut rng::stream(seed, "hand", hand as u64), 64);
    let (width, height) = (60, 50);
    let value = |i: usize| {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        let soft = (x / 11.0 + draws[0]).sin() * (y / 9.0 + draws[1]).cos();
        let stripe = ((x + 2.0 * y) / 1.5 + draws[2]).sin();
        let v = 0.5 + 0.3 * if hand == 0 { stripe } else { soft };
        [v, (v + 0.1 * draws[3]).clamp(0.0, 1.0), 0.4]
    };
    let rgb = (0..width * height).flat_map(value).collect();
    Picture::from_rgb(width as u32, height as u32, rgb).unwrap()
}

fn space() -> Option<StyleSpace> {
    bundled_weights("percept")?;
    let device = device::open(DeviceSpec::Cpu).unwrap().device;
    Some(StyleSpace::open(&PerceptionSpec::bundled("perception").unwrap(), &device).unwrap())
}

fn folders(root: &Path, hands: usize, count: u64) -> Vec<PathBuf> {
    let folder = |hand: usize| {
        let folder = root.join(format!("hand-{hand}"));
        std::fs::create_dir(&folder).unwrap();
        for seed in 0..count {
            let path = folder.join(format!("{seed}.png"));
            save(&picture(hand, seed), &path, &EncodeOptions::new(Format::Png), true).unwrap();
        }
        folder
    };
    (0..hands).map(folder).collect()
}

#[test]
fn two_hands_are_told_apart_and_the_picture_itself_is_left_out() {
    let Some(space) = space() else { return };
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path(), 2, 5);
    let (limits, control) = (Limits::default(), Control::silent());
    let corpora = Corpora::read(&folders, space, &limits, None, &control).unwrap();
    let found = corpora.judge(None).unwrap().attribute(&picture(1, 3)).unwrap();
    let reliability = found.reliability.unwrap();
    assert_eq!((reliability.accuracy, reliability.baseline_largest), (1.0, 0.5), "{reliability:?}");
    assert_eq!(reliability.confusion, [[5, 0], [0, 5]]);
    assert_eq!(reliability.confusion_nearest, [[5, 0], [0, 5]]);
    assert_eq!(found.likenesses[0].corpus, "hand-1");
    let probability = |i: usize| found.likenesses[i].probability.unwrap();
    assert!(probability(0) > 0.5 && (probability(0) + probability(1) - 1.0).abs() < 1e-9);
    assert!(found.likenesses[0].nearness > 0.0 && found.likenesses[1].nearness == 0.0, "{:?}", found.likenesses);
    assert!(found.likenesses[0].distance < found.likenesses[1].distance);

    let own = blake3::hash(&std::fs::read(folders[0].join("2.png")).unwrap());
    let judged = corpora.judge(Some(&own)).unwrap().attribute(&picture(0, 2)).unwrap();
    assert_eq!(judged.left_out, [folders[0].join("2.png")]);
    assert!(judged.likenesses[0].nearest.iter().all(|(path, _)| !judged.left_out.contains(path)));
    assert!(corpora.judge(Some(&own)).unwrap().slope(&corpora.space().style(&picture(0, 2)).unwrap(), 0).len() > 100);
}

#[test]
fn one_corpus_gives_nearness_alone_and_small_ones_are_refused() {
    let Some(space) = space() else { return };
    let root = tempfile::tempdir().unwrap();
    let folders = folders(root.path(), 1, 4);
    let (limits, control) = (Limits::default(), Control::silent());
    let corpora = Corpora::read(&folders, space, &limits, None, &control).unwrap();
    let found = corpora.judge(None).unwrap().attribute(&picture(0, 9)).unwrap();
    assert!(found.reliability.is_none() && found.likenesses[0].probability.is_none());
    let own = blake3::hash(&std::fs::read(folders[0].join("2.png")).unwrap());
    assert!(corpora.judge(Some(&own)).is_err());
    std::fs::remove_file(folders[0].join("0.png")).unwrap();
    let space = self::space().unwrap();
    let error = Corpora::read(&folders, space, &limits, None, &control).err().unwrap().to_string();
    assert!(error.contains("at least 4"), "{error}");
}
