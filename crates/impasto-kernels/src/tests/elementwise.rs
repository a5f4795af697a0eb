//! Normalisation, rectifiers and resampling.

use super::{Random, assert_close, dot};
use crate::act::{leaky_relu_backward, leaky_relu_forward, relu_forward};
use crate::dispatch::Isa;
use crate::norm::{Norm, instance_norm_backward, instance_norm_forward, products_plane, statistics_plane, total_plane};
use crate::resample::{
    Planes, avg_pool2x2_backward, avg_pool2x2_forward, bilinear2x_backward, bilinear2x_forward, max_pool2x2_backward,
    max_pool2x2_forward,
};

const EPS: f32 = 1e-5;

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Instance normalisation, its rectifier and the gradients in `f64`.
struct Reference {
    y: Vec<f64>,
    dx: Vec<f64>,
    dgain: Vec<f64>,
    dshift: Vec<f64>,
}

impl Reference {
    /// `rectified(normalised(x) * gain + shift)` of each plane; the gain and shift of a plane are `of(plane)`.
    fn new(x: &[f32], dy: &[f32], planes: usize, slope: f32, of: impl Fn(usize) -> [f32; 2]) -> Self {
        let (area, slope) = (x.len() / planes, f64::from(slope));
        let mut all = Self { y: Vec::new(), dx: Vec::new(), dgain: Vec::new(), dshift: Vec::new() };
        for plane in 0..planes {
            let (x, dy) = (wide(&x[plane * area..][..area]), wide(&dy[plane * area..][..area]));
            let [gain, shift] = of(plane).map(f64::from);
            let mean = x.iter().sum::<f64>() / area as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / area as f64;
            let rstd = 1.0 / (variance + f64::from(EPS)).sqrt();
            let hat: Vec<f64> = x.iter().map(|x| (x - mean) * rstd).collect();
            let before = hat.iter().map(|hat| hat * gain + shift);
            all.y.extend(before.clone().map(|y| if y < 0.0 { slope * y } else { y }));
            let dy: Vec<f64> = dy.iter().zip(before).map(|(dy, y)| if y > 0.0 { *dy } else { slope * dy }).collect();
            let sum = dy.iter().sum::<f64>();
            let product = dy.iter().zip(&hat).map(|(dy, hat)| dy * hat).sum::<f64>();
            let values = dy.iter().zip(&hat);
            all.dx.extend(values.map(|(dy, hat)| gain * rstd * (dy - (sum + hat * product) / area as f64)));
            all.dgain.push(product);
            all.dshift.push(sum);
        }
        all
    }
}

#[test]
fn instance_norm_matches_the_reference() {
    let mut random = Random::new(1);
    for (planes, channels, area, offset, slope) in [
        (6, 3, 1600, 0.0, 1.0),
        (4, 4, 777, 40.0, 1.0),
        (5, 1, 13, -3.0, 0.2),
        (1, 1, 70_001, 0.5, 0.0),
        (6, 2, 2500, 0.0, 0.0),
    ] {
        let x: Vec<f32> = random.values(planes * area).iter().map(|x| x + offset).collect();
        let (gain, shift, dy) = (random.values(channels), random.values(channels), random.values(planes * area));
        let residual = random.values(x.len());
        let norm = Norm { gain: Some(&gain), shift: Some(&shift), eps: EPS, slope };
        let expected = Reference::new(&x, &dy, planes, slope, |plane| [&gain, &shift].map(|v| v[plane % channels]));
        let limit = 1e-6 * f64::from(1.0 + offset.abs());
        let (mut y, mut mean, mut rstd) = (vec![f32::NAN; x.len()], vec![f32::NAN; planes], vec![f32::NAN; planes]);
        instance_norm_forward(&x, &norm, Some(&residual), &mut y, &mut mean, &mut rstd).unwrap();
        let sum: Vec<f64> = expected.y.iter().zip(&residual).map(|(y, &residual)| y + f64::from(residual)).collect();
        assert_close("with residual", &y, &sum, limit);
        instance_norm_forward(&x, &norm, None, &mut y, &mut mean, &mut rstd).unwrap();
        assert_close("forward", &y, &expected.y, limit);

        let (mut dx, mut dgain, mut dshift) = (vec![f32::NAN; x.len()], vec![f32::NAN; planes], vec![f32::NAN; planes]);
        let statistics = [&mean[..], &rstd[..]];
        instance_norm_backward(&x, Some(&dy), statistics, &norm, &mut dx, [&mut dgain, &mut dshift]).unwrap();
        assert_close("dx", &dx, &expected.dx, limit);
        assert_close("dgain", &dgain, &expected.dgain, 20.0 * limit);
        assert_close("dshift", &dshift, &expected.dshift, 20.0 * limit);
        let mut grad = dy.clone();
        instance_norm_backward(&x, None, statistics, &norm, &mut grad, [&mut dgain, &mut dshift]).unwrap();
        assert_eq!(grad, dx, "in place");
    }
}

#[test]
fn instance_norm_without_gain_and_with_constant_planes() {
    let x = vec![0.3; 2 * 50];
    let plain = Norm { gain: None, shift: None, eps: EPS, slope: 1.0 };
    let (mut y, mut mean, mut rstd) = (vec![f32::NAN; 100], [0.0; 2], [0.0; 2]);
    instance_norm_forward(&x, &plain, None, &mut y, &mut mean, &mut rstd).unwrap();
    assert!(y.iter().all(|y| y.abs() < 1e-4));
    let mut fails = |x: &[f32], norm: &Norm<'_>, residual: Option<&[f32]>, planes: usize| {
        let (mut mean, mut rstd) = (vec![0.0; planes], vec![0.0; planes]);
        instance_norm_forward(x, norm, residual, &mut y[..x.len()], &mut mean, &mut rstd).is_err()
    };
    assert!(!fails(&x, &plain, None, 2));
    assert!(fails(&x, &plain, None, 3));
    assert!(fails(&x, &plain, Some(&x[1..]), 2));
    assert!(fails(&x, &Norm { gain: Some(&[1.0; 3]), ..plain }, None, 2));
    assert!(fails(&x, &Norm { slope: 1.5, ..plain }, None, 2));
    assert!(fails(&[], &plain, None, 0));
}

#[test]
fn rectifiers() {
    let x = [-2.0, -0.0, 0.0, 3.0, f32::NAN];
    let mut y = [9.0; 5];
    relu_forward(&x, &mut y).unwrap();
    assert_eq!(y[..4], [0.0, 0.0, 0.0, 3.0]);
    assert!(y[4].is_nan());
    leaky_relu_forward(&x, 0.5, &mut y).unwrap();
    assert_eq!(y[..4], [-1.0, 0.0, 0.0, 3.0]);
    let mut dx = [9.0; 4];
    leaky_relu_backward(&x[..4], Some(&[1.0, 2.0, 3.0, 4.0]), 0.0, &mut dx).unwrap();
    assert_eq!(dx, [0.0, 0.0, 0.0, 4.0]);
    leaky_relu_backward(&x[..4], Some(&[1.0, 2.0, 3.0, 4.0]), 0.5, &mut dx).unwrap();
    assert_eq!(dx, [0.5, 1.0, 1.5, 4.0]);
    leaky_relu_backward(&x[..4], None, 0.5, &mut dx).unwrap();
    assert_eq!(dx, [0.25, 0.5, 0.75, 4.0]);
    assert!(relu_forward(&x, &mut dx).is_err());
    let long = Random::new(2).values(100_003);
    let mut y = vec![f32::NAN; long.len()];
    relu_forward(&long, &mut y).unwrap();
    assert!(long.iter().zip(&y).all(|(x, &y)| y == x.max(0.0)));
    let dy = Random::new(3).values(long.len());
    leaky_relu_backward(&long, Some(&dy), 0.0, &mut y).unwrap();
    let masked = |(&x, &dy): (&f32, &f32)| if x > 0.0 { dy } else { 0.0 };
    assert!(long.iter().zip(&dy).map(masked).zip(&y).all(|(expected, &dx)| dx == expected));
}

#[test]
fn bilinear_matches_the_reference_and_its_adjoint() {
    let mut random = Random::new(4);
    for (count, height, width) in [(2, 5, 7), (1, 1, 1), (3, 1, 4), (2, 6, 1), (9, 64, 65)] {
        let planes = Planes { count, height, width };
        let x = random.values(count * height * width);
        let dy = random.values(4 * x.len());
        let mut y = vec![f32::NAN; dy.len()];
        bilinear2x_forward(planes, &x, &mut y).unwrap();
        let axis = |position: usize, size: usize| {
            let centre = (position as f64 + 0.5) / 2.0 - 0.5;
            let low = centre.floor();
            let clamp = |at: f64| at.clamp(0.0, size as f64 - 1.0) as usize;
            [(clamp(low), 1.0 - (centre - low)), (clamp(low + 1.0), centre - low)]
        };
        let mut expected = vec![0.0; y.len()];
        for (index, value) in expected.iter_mut().enumerate() {
            let (rest, column) = (index / (2 * width), index % (2 * width));
            let (plane, row) = (rest / (2 * height), rest % (2 * height));
            for (i, a) in axis(row, height) {
                for (j, b) in axis(column, width) {
                    *value += a * b * f64::from(x[(plane * height + i) * width + j]);
                }
            }
        }
        assert_close("bilinear", &y, &expected, 1e-6);
        let mut dx = vec![f32::NAN; x.len()];
        bilinear2x_backward(planes, &dy, &mut dx).unwrap();
        assert!((dot(&y, &dy) - dot(&x, &dx)).abs() < 1e-5 * (1.0 + dot(&dy, &dy)));
    }
}

#[test]
fn pooling_of_a_known_plane() {
    let planes = Planes { count: 1, height: 3, width: 5 };
    let x: [f32; 15] = [1.0, 2.0, 5.0, 5.0, 9.0, 3.0, 0.0, 5.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0];
    let mut y = [0.0; 2];
    avg_pool2x2_forward(planes, &x, &mut y).unwrap();
    assert_eq!(y, [1.5, 4.0]);
    max_pool2x2_forward(planes, &x, &mut y).unwrap();
    assert_eq!(y, [3.0, 5.0]);
    let mut dx = [f32::NAN; 15];
    max_pool2x2_backward(planes, &x, &[1.0, 2.0], &mut dx).unwrap();
    assert_eq!(dx, [0.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    dx.fill(f32::NAN);
    avg_pool2x2_backward(planes, &[4.0, 8.0], &mut dx).unwrap();
    assert_eq!(dx, [1.0, 1.0, 2.0, 2.0, 0.0, 1.0, 1.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let flat = Planes { count: 2, height: 1, width: 4 };
    max_pool2x2_forward(flat, &[0.0; 8], &mut []).unwrap();
    max_pool2x2_backward(flat, &[0.0; 8], &[], &mut [1.0; 8]).unwrap();
    assert!(avg_pool2x2_forward(planes, &x, &mut [0.0; 3]).is_err());
}

#[test]
fn pooling_of_many_planes_is_the_same_as_of_each() {
    let planes = Planes { count: 40, height: 33, width: 40 };
    let x = Random::new(8).values(40 * 33 * 40);
    let dy = Random::new(9).values(40 * 16 * 20);
    let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
    avg_pool2x2_forward(planes, &x, &mut y).unwrap();
    avg_pool2x2_backward(planes, &dy, &mut dx).unwrap();
    assert!((dot(&y, &dy) - dot(&x, &dx)).abs() < 1e-5 * dot(&dy, &dy));
    max_pool2x2_forward(planes, &x, &mut y).unwrap();
    max_pool2x2_backward(planes, &x, &dy, &mut dx).unwrap();
    let single = Planes { count: 1, ..planes };
    for plane in 0..40 {
        let (x, dy) = (&x[plane * 33 * 40..][..33 * 40], &dy[plane * 320..][..320]);
        let (mut y_one, mut dx_one) = (vec![f32::NAN; 320], vec![f32::NAN; 33 * 40]);
        max_pool2x2_forward(single, x, &mut y_one).unwrap();
        max_pool2x2_backward(single, x, dy, &mut dx_one).unwrap();
        assert_eq!(y_one, y[plane * 320..][..320]);
        assert_eq!(dx_one, dx[plane * 33 * 40..][..33 * 40]);
    }
}

#[test]
fn sums_of_planes_on_every_instruction_set() {
    let mut random = Random::new(6);
    for len in [1, 3, 16, 63, 64, 100, 511, 512, 513, 5000] {
        let (x, dy) = (random.values(len), random.values(len));
        let (sum, squares) = (wide(&x).iter().sum::<f64>(), dot(&x, &x));
        let mean = sum / len as f64;
        let sum_dy = wide(&dy).iter().sum::<f64>();
        let product = dot(&x, &dy) - sum_dy * f64::from(mean as f32);
        let variance = (squares / len as f64 - mean * mean).max(0.0);
        for isa in Isa::available() {
            let (mut total, mut moments, mut products) = ([0.0], [0.0; 2], [0.0; 2]);
            total_plane(isa, &x, &mut total);
            statistics_plane(isa, &x, &mut moments);
            products_plane(isa, &x, &dy, mean as f32, &mut products);
            let pairs = [
                (total[0], sum),
                (moments[0], mean),
                (moments[1], variance),
                (products[0], sum_dy),
                (products[1], product),
            ];
            for (actual, expected) in pairs {
                assert!((actual - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{isa:?}, {len}");
            }
        }
    }
}
