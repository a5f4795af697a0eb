use super::super::super::testing::{landscape, picture};
use super::*;

#[test]
fn equal_pictures_are_one() {
    let a = landscape("a", 170, 165);
    assert!((ssim(a.clone(), a.clone()).unwrap() - 1.0).abs() < 1e-12);
    assert!((ms_ssim(a.clone(), a.clone()).unwrap() - 1.0).abs() < 1e-12);
    let b = landscape("b", 170, 165);
    for similarity in [ssim, ms_ssim] {
        let (there, back) = (similarity(a.clone(), b.clone()).unwrap(), similarity(b.clone(), a.clone()).unwrap());
        assert!((there - back).abs() < 1e-12 && there < 0.95, "{there} {back}");
    }
}

/// Flat pictures have no contrast to differ in: only luminance is left.
#[test]
fn flat_pictures_differ_by_luminance() {
    let flat = |value: f32| picture(161, 180, |_, _, _| value);
    let luminance = (2.0 * 0.5 * 0.25 + 1e-4) / (0.25 + 0.0625 + 1e-4);
    assert!((ssim(flat(0.5), flat(0.25)).unwrap() - luminance).abs() < 1e-9);
    assert!((ms_ssim(flat(0.5), flat(0.25)).unwrap() - luminance.powf(0.1333)).abs() < 1e-9);
}

#[test]
fn sizes_that_do_not_fit() {
    let flat = |h, w| picture(h, w, |_, _, _| 0.5);
    assert!(ssim(flat(11, 11), flat(11, 11)).is_ok());
    assert!(ssim(flat(10, 40), flat(10, 40)).is_err());
    assert!(ssim(flat(20, 40), flat(20, 41)).is_err());
    let text = ms_ssim(flat(160, 300), flat(160, 300)).unwrap_err().to_string();
    assert!(text.contains("161 pixels"), "{text}");
    assert!(ms_ssim(flat(161, 300), flat(161, 300)).is_ok());
}

#[test]
fn odd_sides_repeat_their_last_pixels() {
    assert_eq!(halved(&[1.0, 3.0, 5.0, 5.0, 7.0, 9.0, 0.0, 2.0, 4.0], 3), [4.0, 7.0, 1.0, 4.0]);
}

/// scikit-image 0.26, and pytorch-msssim 1.0 with its window in f64, of the same pictures.
#[test]
fn as_by_others() {
    let pattern = |p: usize, q: usize, modulus: usize| {
        picture(176, 192, move |c, y, x| ((y * y * p + x * x * q + x * y * 5 + c * 11) % modulus) as f32 / 128.0)
    };
    let a = pattern(3, 1, 128);
    let b = (a.clone() + pattern(1, 2, 100)) / 2.0;
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-7, "{found} {expected}");
    near(ssim(a.clone(), b.clone()).unwrap(), 0.698_884_697_109_306_5);
    near(ms_ssim(a, b).unwrap(), 0.764_310_714_943_145_1);
}

#[test]
fn the_same_bits_with_any_number_of_threads() {
    let (a, b) = (landscape("a", 170, 165), landscape("b", 170, 165));
    let [one, three] = super::super::super::testing::with_threads(|| {
        (ssim(a.clone(), b.clone()).unwrap(), ms_ssim(a.clone(), b.clone()).unwrap())
    });
    assert_eq!(one, three);
}
