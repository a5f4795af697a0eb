use super::super::super::testing::{landscape, normal, picture};
use super::*;

/// Patterns of an amplitude that is hard to see, on a ground with the spectrum of photographs.
#[test]
fn planted_patterns_are_found() {
    let ground = landscape("ground", 192, 256);
    let clean = checkerboard_score(ground.clone()).unwrap();
    assert!(clean < 4.0, "{clean}");
    type Pattern = fn(usize, usize) -> bool;
    let patterns: [(&str, Pattern); 5] = [
        ("period two", |y, x| (y + x) % 2 == 0),
        ("period two, level", |y, _| y % 2 == 0),
        ("period four", |y, x| (y / 2 + x / 2) % 2 == 0),
        ("period four, upright", |_, x| x % 4 < 2),
        ("one pixel of sixteen", |y, x| y % 4 == 0 && x % 4 == 0),
    ];
    for (name, pattern) in patterns {
        let planted = picture(192, 256, |_, y, x| if pattern(y, x) { 0.02 } else { 0.0 });
        let score = checkerboard_score(ground.clone() + planted).unwrap();
        assert!(score > clean + 6.0, "{name}: {score} {clean}");
    }
    // A period that is none of these.
    let third = picture(192, 256, |_, y, x| if (y + x) % 3 == 0 { 0.02 } else { 0.0 });
    assert!(checkerboard_score(ground + third).unwrap() < clean + 1.0);
}

#[test]
fn noise_and_flat_pictures_have_none() {
    assert_eq!(checkerboard_score(picture(64, 80, |_, _, _| 0.4)).unwrap(), 0.0);
    let noise = normal("noise", 3 * 256 * 256, 1);
    let noisy = picture(256, 256, |c, y, x| 0.5 + 0.1 * noise.row((c * 256 + y) * 256 + x)[0]);
    assert!(checkerboard_score(noisy).unwrap() < 3.0);
    assert!(checkerboard_score(picture(63, 80, |_, _, _| 0.4)).is_err());
}
