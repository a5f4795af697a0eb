use impasto_image::{EncodeOptions, Format, Limits, Picture, crop, decode, encode};
use proptest::prelude::*;

use super::*;
use crate::rng;

/// A picture with edges and colours of its own for every seed: overlapping rectangles.
fn picture(width: u32, height: u32, seed: u64) -> Picture {
    let draws = rng::normal(&mut rng::stream(seed, "rectangles", 0), 12 * 7);
    let mut picture = Picture::filled(width, height, [0.5; 3]).unwrap();
    for rectangle in draws.chunks_exact(7) {
        let share = |v: f32| (0.5 + v / 3.0).clamp(0.0, 1.0);
        let (x0, y0) = (share(rectangle[0]), share(rectangle[1]));
        let (x1, y1) = (x0 + 0.1 + rectangle[2].abs() / 4.0, y0 + 0.1 + rectangle[3].abs() / 4.0);
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
                if (x0..x1).contains(&u) && (y0..y1).contains(&v) {
                    picture.triples_mut()[(y * width + x) as usize] = [4, 5, 6].map(|i| share(rectangle[i]));
                }
            }
        }
    }
    picture
}

fn flipped(picture: &Picture) -> Picture {
    let rgb = picture.triples().chunks_exact(picture.width as usize).flat_map(|row| row.iter().rev()).flatten();
    Picture::from_rgb(picture.width, picture.height, rgb.copied().collect()).unwrap()
}

fn compressed(picture: &Picture) -> Picture {
    let options = EncodeOptions { jpeg_quality: 40, ..EncodeOptions::new(Format::Jpeg) };
    decode(&encode(picture, &options).unwrap(), &Limits::default()).unwrap()
}

fn base(count: u64) -> Vec<Sketch> {
    (0..count).map(|seed| Sketch::of(&picture(90, 70, seed))).collect()
}

#[test]
fn copies_are_found_and_strangers_are_not() {
    let base = base(12);
    let original = picture(90, 70, 7);
    let cut = crop(&original, 4, 0, 86, 67);
    let square = crop(&original, 10, 0, 70, 70);
    let copies = [
        (original.clone(), false),
        (flipped(&original), true),
        (cut.clone(), false),
        (compressed(&flipped(&cut)), true),
        (square, false),
    ];
    let queries: Vec<Sketch> = copies.iter().map(|(picture, _)| Sketch::of(picture)).collect();
    let found = closest(&queries, &base, false, &Control::silent()).unwrap();
    for (number, (found, (_, mirrored))) in found.iter().zip(&copies).enumerate() {
        assert_eq!((found.index, found.mirrored), (7, *mirrored), "copy {number}: {found:?}");
        assert!(found.distance < MOST / 2.0, "copy {number}: {found:?}");
    }
    let strangers: Vec<Sketch> = (100..108).map(|seed| Sketch::of(&picture(90, 70, seed))).collect();
    for found in closest(&strangers, &base, false, &Control::silent()).unwrap() {
        assert!(found.distance > MOST, "{found:?}");
    }
}

#[test]
fn within_a_set_a_picture_is_not_its_own_copy() {
    let mut base = base(6);
    base.push(base[2].clone());
    let found = closest(&base, &base, true, &Control::silent()).unwrap();
    assert_eq!((found[2].index, found[6].index), (6, 2));
    assert!(found[2].distance < 1e-6 && found[0].distance > MOST, "{found:?}");
    assert!(closest(&base[..1], &base[..1], true, &Control::silent()).is_err());
    assert!(closest(&base, &[], false, &Control::silent()).is_err());
}

#[test]
fn flat_pictures_are_copies_of_nothing() {
    let grey = |value| Sketch::of(&Picture::filled(40, 30, [value; 3]).unwrap());
    let found = closest(&[grey(0.5)], &[grey(0.5), grey(0.2)], false, &Control::silent()).unwrap();
    assert_eq!(found[0].distance, 1.0);
}

#[test]
fn the_limit_comes_from_strangers() {
    let spread = |low: f64, step: f64| (0..40).map(|i| low + step * f64::from(i)).collect::<Vec<_>>();
    // Far apart: the limit is the most there is.
    assert_eq!(limit(&spread(0.6, 0.01)).distance, MOST);
    // A set whose pictures are all alike: nearer than they are to each other.
    let alike = limit(&spread(0.1, 0.002));
    assert!(alike.distance < 0.1 && alike.distance > 0.02, "{alike:?}");
    // Duplicates in the set do not spoil it.
    let mut with = spread(0.6, 0.01);
    with[..8].fill(0.001);
    assert!(limit(&with).distance > 0.1);
    assert_eq!(limit(&[0.5; 5]), Limit { distance: MOST, strangers: None });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn distances_are_within_bounds_whatever_the_sizes(width in 1u32..80, height in 1u32..80, seed in 0u64..50) {
        let sketches = [Sketch::of(&picture(width, height, seed)), Sketch::of(&picture(height, width, seed + 1))];
        let found = closest(&sketches, &sketches, false, &Control::silent()).unwrap();
        for found in found {
            prop_assert!((0.0..=2.0).contains(&found.distance));
        }
    }
}
