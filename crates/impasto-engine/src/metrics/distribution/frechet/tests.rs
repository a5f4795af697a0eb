use super::super::super::testing::{normal, vectors, with_threads};
use super::*;

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} {expected}");
}

/// SciPy 1.17: `sqrtm(cov(a) @ cov(b))` of the same vectors.
#[test]
fn as_by_the_root_of_a_matrix() {
    let (a, b) = super::super::golden();
    near(frechet_distance(&a, &b).unwrap(), 0.308_140_323_171_233, 1e-9);
}

/// Corners of boxes: covariances are diagonal and known, so that the distance is the sum over the axes of squared
/// differences of means and of deviations.
#[test]
fn boxes_have_a_known_distance() {
    let corners = |sides: [f32; 3], shift: f32| {
        vectors(8, 3, |row, axis| shift + if row >> axis & 1 == 1 { sides[axis] } else { -sides[axis] })
    };
    let scale = (8.0_f64 / 7.0).sqrt(); // the divisor n - 1
    for (p, q, shift) in [([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 0.5), ([1.0, 2.0, 0.0], [4.0, 0.5, 0.0], 0.0)] {
        let expected: f64 =
            (0..3).map(|axis| f64::from(shift).powi(2) + (scale * f64::from(p[axis] - q[axis])).powi(2)).sum();
        near(frechet_distance(&corners(p, 0.0), &corners(q, shift)).unwrap(), expected, 1e-12);
    }
}

/// Fewer vectors than numbers in them, so that neither covariance has full rank. Turning the space changes nothing, so in
/// the plane that both sets span the distance is that of their coordinates.
#[test]
fn covariances_without_full_rank() {
    let (a, b) = (normal("a", 9, 2), normal("b", 12, 2));
    let embed = |e: &Embeddings| {
        vectors(e.len(), 40, |row, column| {
            let (x, y) = (e.row(row)[0], e.row(row)[1]);
            // Two orthogonal directions of length 1, exact in f32.
            [x, y, x, y, x, -y, x, -y][column % 8] * if column < 8 { 0.5 } else { 0.0 }
        })
    };
    near(frechet_distance(&embed(&a), &embed(&b)).unwrap(), frechet_distance(&a, &b).unwrap(), 1e-9);
    let interval = frechet_distance_interval(&normal("a", 25, 40), &normal("b", 30, 40), 0).unwrap();
    assert!(interval.low < interval.value && interval.value < interval.high);
}

#[test]
fn symmetric_and_zero_for_equal_sets() {
    let (a, b) = (normal("a", 300, 12), normal("b", 41, 12));
    near(frechet_distance(&a, &b).unwrap(), frechet_distance(&b, &a).unwrap(), 1e-10);
    assert!(frechet_distance(&a, &a).unwrap() < 1e-10);
    // The order of the vectors, and the blocks they are reduced in, matter to rounding alone.
    let turned: Vec<usize> = (0..300).map(|row| row * 7 % 300).collect();
    assert!(frechet_distance(&a, &a.select(&turned)).unwrap() < 1e-10);
}

#[test]
fn the_interval_holds_the_truth() {
    // Equal deviations and means 0.5 apart in 4 of 4 axes: 1.
    let shift = |e: Embeddings, by: f32| Embeddings::new(e.values().iter().map(|v| v + by).collect(), 4).unwrap();
    let held = (0..20).filter(|trial| {
        let (a, b) = (normal(&format!("a{trial}"), 400, 4), shift(normal(&format!("b{trial}"), 400, 4), 0.5));
        let interval = frechet_distance_interval(&a, &b, 0).unwrap();
        near(interval.value, frechet_distance(&a, &b).unwrap(), 1e-9);
        (interval.low..=interval.high).contains(&1.0)
    });
    assert!((16..=20).contains(&held.count()));
}

#[test]
fn the_same_bits_with_any_number_of_threads() {
    let (a, b) = (normal("a", 500, 8), normal("b", 333, 8));
    let [one, three] =
        with_threads(|| (frechet_distance(&a, &b).unwrap(), frechet_distance_interval(&a, &b, 0).unwrap()));
    assert_eq!(one, three);
}

#[test]
fn sets_that_do_not_fit() {
    let (a, b) = (normal("a", 3, 2), normal("b", 3, 3));
    assert!(frechet_distance(&a, &b).is_err());
    assert!(frechet_distance(&a, &a.select(&[0])).is_err());
    assert!(frechet_distance_interval(&a, &a, 0).is_err());
}
