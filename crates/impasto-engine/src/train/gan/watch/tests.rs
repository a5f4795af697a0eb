use std::sync::LazyLock;

use burn::tensor::{Device, Tensor, TensorData};

use super::*;
use crate::rng::{self, Rng};
use crate::tensor;

/// Smooth pictures that differ: a colour, and a bright spot somewhere.
fn pictures(seed: u64, n: usize, side: usize, kinds: Option<usize>) -> Tensor<4> {
    let mut values = Vec::new();
    for i in 0..n {
        let mut rng = rng::stream(seed, "picture", (kinds.map_or(i, |kinds| i % kinds)) as u64);
        let colour: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.1..0.8));
        let [row, column]: [f32; 2] = std::array::from_fn(|_| rng.random_range(0.0..side as f32));
        for tone in colour {
            for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y as f32, x as f32))) {
                let distance = ((y - row).powi(2) + (x - column).powi(2)) / (side as f32 / 4.0).powi(2);
                values.push(tone + 0.19 * (-distance).exp());
            }
        }
    }
    tensor::from_planar(values, n, side, side, &Device::flex())
}

fn noise(n: usize, side: usize) -> Tensor<4> {
    let mut rng = rng::stream(7, "noise", 0);
    tensor::from_planar((0..n * 3 * side * side).map(|_| rng.random()).collect(), n, side, side, &Device::flex())
}

static MADE: LazyLock<Looks> = LazyLock::new(|| Looks::of(pictures(2, 48, 32, None)));
static REAL: LazyLock<Looks> = LazyLock::new(|| Looks::of(pictures(1, 48, 32, None)));

/// A training that goes well.
fn healthy(step: u64) -> Observation {
    Observation {
        step,
        gap: 0.8,
        overfitting: 0.4,
        gradient: 1.0,
        swing: 1.0,
        made: *MADE,
        real: *REAL,
        distance: Some(100.0 / step as f32),
    }
}

fn looks_like(health: &Health) -> &'static str {
    match health {
        Health::Well => "well",
        Health::Worrying(_) => "worrying",
        Health::Doubtful(_) => "doubtful",
        Health::Collapsed(_) => "collapsed",
    }
}

/// What is planted at step 2,000 of a training that went well, and after how many looks it is a collapse (0 for never).
#[test]
fn planted_trouble_is_noticed() {
    let looks = |images: Tensor<4>| Looks::of(images);
    let same = looks(pictures(3, 48, 32, Some(1)));
    let few = looks(pictures(3, 48, 32, Some(4)));
    let bright = looks(pictures(3, 48, 32, None) + 1.0);
    let rough = looks(noise(48, 32));
    let nearly = looks(pictures(2, 48, 32, None) * 0.3 + 0.3);
    type Plant<'a> = &'a dyn Fn(&mut Observation);
    let cases: [(&str, Plant<'_>, u32, &str); 14] = [
        ("nothing", &|_| {}, 0, ""),
        ("one picture", &|o| o.made = same, 2, "samples look alike"),
        ("four pictures", &|o| o.made = few, 2, "few kinds"),
        ("noise", &|o| o.made = rough, 2, "noisy"),
        ("white", &|o| o.made = bright, 2, "full brightness"),
        ("alike", &|o| o.made = nearly, 0, "samples look alike"),
        ("a sure discriminator", &|o| (o.gap, o.overfitting) = (25.0, 1.0), 2, "the discriminator wins"),
        ("a confident discriminator", &|o| (o.gap, o.overfitting) = (12.0, 1.0), 0, "the discriminator wins"),
        ("a swinging training", &|o| o.swing = 40.0, 2, "training swings"),
        ("a restless training", &|o| o.swing = 6.0, 0, "training swings"),
        ("a large gap without memory", &|o| (o.gap, o.overfitting) = (25.0, 0.5), 0, ""),
        ("worse samples", &|o| o.distance = Some(1.0), 2, "worse"),
        ("no number", &|o| o.gradient = f32::NAN, 1, "no longer a number"),
        ("no picture", &|o| o.made.diversity = f32::INFINITY, 1, "no longer a number"),
    ];
    for (name, plant, expected, words) in cases {
        let mut watch = Watch::new(Limits::default());
        for step in [100, 500, 1000, 1500] {
            assert_eq!(watch.look(&healthy(step)), Health::Well, "{name}");
        }
        let mut collapsed = 0;
        for look in 1..=4 {
            let mut seen = healthy(1900 + 100 * u64::from(look));
            plant(&mut seen);
            let health = watch.look(&seen);
            match &health {
                Health::Well => assert!(words.is_empty(), "{name}, look {look}"),
                Health::Worrying(said) | Health::Doubtful(said) | Health::Collapsed(said) => {
                    assert!(!words.is_empty() && said.contains(words), "{name}: {said}");
                }
            }
            if looks_like(&health) == "collapsed" && collapsed == 0 {
                collapsed = look;
            }
        }
        assert_eq!(collapsed, expected, "{name}");
    }
}

#[test]
fn the_beginning_is_given_time_and_one_bad_look_is_forgiven() {
    let same = Looks::of(pictures(3, 48, 32, Some(1)));
    let mut watch = Watch::new(Limits::default());
    let early = Observation { made: same, ..healthy(300) };
    assert!((0..5).all(|_| watch.look(&early) == Health::Well));
    // Alike from the first step on: it takes longer to be sure, since nothing was lost yet.
    let at = |step| Observation { made: Looks { nearest: 1.0, ..same }, distance: None, ..healthy(step) };
    let said: Vec<_> = [1000, 2000, 3000, 4000, 5000].iter().map(|&step| watch.look(&at(step))).collect();
    let said: Vec<_> = said.iter().map(looks_like).collect();
    assert_eq!(said, ["worrying", "worrying", "worrying", "doubtful", "collapsed"]);
    let mut watch = Watch::new(Limits::default());
    let bad = |step| Observation { made: same, ..healthy(step) };
    for step in [1000, 1100] {
        assert_eq!(watch.look(&healthy(step)), Health::Well);
        assert_eq!(looks_like(&watch.look(&bad(step))), "doubtful");
    }
}

#[test]
fn histories_go_on_and_the_last_trouble_outlives_a_roll_back() {
    let same = Looks::of(pictures(3, 48, 32, Some(1)));
    let mut watch = Watch::new(Limits::default());
    watch.look(&healthy(1000));
    let mut good = State::default();
    watch.save("watch", &mut good);
    watch.look(&Observation { made: same, ..healthy(1100) });
    let mut state = State::default();
    watch.save("watch", &mut state);
    let mut other = Watch::new(Limits::default());
    assert!(other.restore("elsewhere", &state).is_err());
    other.restore("watch", &state).unwrap();
    let again = Observation { made: same, ..healthy(1200) };
    assert_eq!(watch.look(&again), other.look(&again));
    assert_eq!((watch.best_diversity, watch.counts), (other.best_diversity, other.counts));
    // With settings that were changed, one bad look means no more than at first.
    other.restore("watch", &state).unwrap();
    other.forgive();
    assert_eq!(looks_like(&other.look(&again)), "doubtful");
    // Back to the last good checkpoint: the count starts anew, but what happened is known.
    watch.restore("watch", &good).unwrap();
    assert_eq!(watch.look(&healthy(1100)), Health::Well);
    assert_eq!(watch.remedy(), Trouble::Same.remedy());
    assert_eq!(Watch::new(Limits::default()).remedy(), Trouble::NotFinite.remedy());
}

#[test]
fn remedies_are_said_in_words() {
    for (trouble, words) in [
        (Trouble::NotFinite, "half the learning rates"),
        (Trouble::Same, "half the learning rates and 2 times the gradient penalty"),
        (
            Trouble::Winning,
            "half the discriminator's learning rate, 2 times the gradient penalty and pictures changed more often for the \
             discriminator (by 20 %)",
        ),
    ] {
        assert_eq!(trouble.remedy().to_string(), words);
    }
    let none = Remedy { rate: 1.0, discriminator_rate: 1.0, penalty: 1.0, augment: 0.0 };
    assert_eq!(none.to_string(), "nothing changed");
    assert!(Trouble::ALL.iter().enumerate().all(|(i, &trouble)| trouble as usize == i && trouble.remedy() != none));
}

#[test]
fn diversity_is_the_mean_distance() {
    let rows = |values: &[f32], shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    };
    assert_eq!(diversity(rows(&[0., 0., 3., 4., 0., 0.], [3, 2])), 10.0 / 3.0);
    assert_eq!(diversity(rows(&[1., 2.], [1, 2])), 0.0);
    let pictures = pictures(1, 5, 12, None);
    assert_eq!(features(pictures.clone()).dims(), [5, 198]);
    let looks = Looks::of(pictures.clone());
    assert!((looks.diversity - diversity(features(pictures))).abs() < 1e-7 && looks.saturation == 0.0);
    assert!(looks.nearest > 0.0 && looks.nearest < looks.diversity);
}

#[test]
fn gaps_of_losses_without_odds_mean_nothing() {
    let seen = Observation { gap: 500.0, overfitting: 1.0, ..healthy(3000) };
    for (loss, expected) in [
        (AdversarialLoss::Wasserstein, "well"),
        (AdversarialLoss::LeastSquares, "well"),
        (AdversarialLoss::Relativistic, "doubtful"),
        (AdversarialLoss::Hinge, "doubtful"),
    ] {
        assert_eq!(looks_like(&Watch::new(Limits::of(loss)).look(&seen)), expected, "{loss:?}");
    }
}
