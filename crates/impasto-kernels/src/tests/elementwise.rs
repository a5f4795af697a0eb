//! Normalisation, rectifiers and resampling.

use super::{Random, assert_close, dot};
use crate::act::{leaky_relu_backward, leaky_relu_forward, relu_backward, relu_forward};
use crate::dispatch::Isa;
use crate::norm::{instance_norm_backward, instance_norm_forward, products_plane, statistics_plane, total_plane};
use crate::resample::{
    Planes, avg_pool2x2_backward, avg_pool2x2_forward, bilinear2x_backward, bilinear2x_forward, max_pool2x2_backward,
    max_pool2x2_forward,
};

const EPS: f32 = 1e-5;

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// `y` of instance normalisation in `f64`.
fn normalised(x: &[f64], planes: usize, gain: &[f64], shift: &[f64]) -> Vec<f64> {
    let area = x.len() / planes;
    let plane = |(plane, x): (usize, &[f64])| {
        let mean = x.iter().sum::<f64>() / area as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / area as f64;
        let rstd = 1.0 / (variance + f64::from(EPS)).sqrt();
        let (gain, shift) = (gain[plane % gain.len()], shift[plane % shift.len()]);
        x.iter().map(|x| (x - mean) * rstd * gain + shift).collect::<Vec<f64>>()
    };
    x.chunks(area).enumerate().flat_map(plane).collect()
}

#[test]
fn instance_norm_matches_the_reference() {
    let mut random = Random::new(1);
    for (planes, channels, area, offset) in
        [(6, 3, 1600, 0.0), (4, 4, 777, 40.0), (5, 1, 13, -3.0), (1, 1, 70_001, 0.5)]
    {
        let x: Vec<f32> = random.values(planes * area).iter().map(|x| x + offset).collect();
        let (gain, shift, dy) = (random.values(channels), random.values(channels), random.values(planes * area));
        let (mut y, mut mean, mut rstd) = (vec![f32::NAN; x.len()], vec![f32::NAN; planes], vec![f32::NAN; planes]);
        instance_norm_forward(&x, Some(&gain), Some(&shift), EPS, &mut y, &mut mean, &mut rstd).unwrap();
        let limit = 1e-6 * f64::from(1.0 + offset.abs());
        assert_close("forward", &y, &normalised(&wide(&x), planes, &wide(&gain), &wide(&shift)), limit);

        let (mut dx, mut dgain, mut dshift) = (vec![f32::NAN; x.len()], vec![f32::NAN; planes], vec![f32::NAN; planes]);
        instance_norm_backward(&x, &dy, &mean, &rstd, Some(&gain), &mut dx, &mut dgain, &mut dshift).unwrap();
        let mut expected = [Vec::new(), Vec::new(), Vec::new()];
        for plane in 0..planes {
            let (x, dy) = (wide(&x[plane * area..][..area]), wide(&dy[plane * area..][..area]));
            let mean = x.iter().sum::<f64>() / area as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / area as f64;
            let rstd = 1.0 / (variance + f64::from(EPS)).sqrt();
            let hat: Vec<f64> = x.iter().map(|x| (x - mean) * rstd).collect();
            let sum = dy.iter().sum::<f64>();
            let product = dy.iter().zip(&hat).map(|(dy, hat)| dy * hat).sum::<f64>();
            let scale = f64::from(gain[plane % channels]) * rstd;
            let gradient = dy.iter().zip(&hat).map(|(dy, hat)| scale * (dy - (sum + hat * product) / area as f64));
            expected[0].extend(gradient);
            expected[1].push(product);
            expected[2].push(sum);
        }
        assert_close("dx", &dx, &expected[0], limit);
        assert_close("dgain", &dgain, &expected[1], 20.0 * limit);
        assert_close("dshift", &dshift, &expected[2], 20.0 * limit);
    }
}

#[test]
fn instance_norm_without_gain_and_with_constant_planes() {
    let x = vec![0.3; 2 * 50];
    let (mut y, mut mean, mut rstd) = (vec![f32::NAN; 100], [0.0; 2], [0.0; 2]);
    instance_norm_forward(&x, None, None, EPS, &mut y, &mut mean, &mut rstd).unwrap();
    assert!(y.iter().all(|y| y.abs() < 1e-4));
    assert!(instance_norm_forward(&x, None, None, EPS, &mut y, &mut [0.0; 3], &mut [0.0; 3]).is_err());
    assert!(instance_norm_forward(&x, Some(&[1.0; 3]), None, EPS, &mut y, &mut mean, &mut rstd).is_err());
    assert!(instance_norm_forward(&[], None, None, EPS, &mut [], &mut [], &mut []).is_err());
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
    relu_backward(&x[..4], &[1.0, 2.0, 3.0, 4.0], &mut dx).unwrap();
    assert_eq!(dx, [0.0, 0.0, 0.0, 4.0]);
    leaky_relu_backward(&x[..4], &[1.0, 2.0, 3.0, 4.0], 0.5, &mut dx).unwrap();
    assert_eq!(dx, [0.5, 1.0, 1.5, 4.0]);
    assert!(relu_forward(&x, &mut dx).is_err());
    let long = Random::new(2).values(100_003);
    let mut y = vec![f32::NAN; long.len()];
    relu_forward(&long, &mut y).unwrap();
    assert!(long.iter().zip(&y).all(|(x, &y)| y == x.max(0.0)));
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
    max_pool2x2_forward(planes, &x, &mut y).unwrap();
    max_pool2x2_backward(planes, &x, &dy, &mut dx).unwrap();
    let single = Planes { count: 1, ..planes };
    for plane in 0..40 {
        let (x, dy) = (&x[plane * 33 * 40..][..33 * 40], &dy[plane * 320..][..320]);
        let (mut y_one, mut dx_one) = (vec![0.0; 320], vec![0.0; 33 * 40]);
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
