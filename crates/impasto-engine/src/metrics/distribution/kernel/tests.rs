use super::super::super::testing::{normal, with_threads};
use super::*;

/// torch-fidelity 0.4, `mmd2` of its polynomial kernel, of the same vectors.
#[test]
fn as_by_the_matrices_of_kernels() {
    let (a, b) = super::super::golden();
    let a = a.select(&(0..50).collect::<Vec<_>>());
    let found = kernel_distance(&a, &b).unwrap();
    assert!((found - 0.423_480_959_020_155_4).abs() < 1e-12, "{found}");
}

/// Every pair by itself, for sets that take several tiles.
fn plain(a: &Embeddings, b: &Embeddings) -> f64 {
    let kernel = |x: &[f32], y: &[f32]| {
        let product: f64 = x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
        (product / x.len() as f64 + 1.0).powi(3)
    };
    let within = |e: &Embeddings| {
        let all: f64 = e.rows().flat_map(|x| e.rows().map(move |y| kernel(x, y))).sum();
        (all - e.rows().map(|x| kernel(x, x)).sum::<f64>()) / (e.len() * (e.len() - 1)) as f64
    };
    let across: f64 = a.rows().flat_map(|x| b.rows().map(move |y| kernel(x, y))).sum();
    within(a) + within(b) - 2.0 * across / (a.len() * b.len()) as f64
}

#[test]
fn as_by_single_pairs() {
    let (a, b) = (normal("a", 300, 3), normal("b", 540, 3));
    let found = kernel_distance(&a, &b).unwrap();
    assert!((found - plain(&a, &b)).abs() < 1e-12, "{found}");
    assert!((found - kernel_distance(&b, &a).unwrap()).abs() < 1e-12);
    let turned: Vec<usize> = (0..300).map(|row| row * 7 % 300).collect();
    assert!((found - kernel_distance(&a.select(&turned), &b).unwrap()).abs() < 1e-12);
}

/// Leaving a vector out by its sums is computing the distance without it.
#[test]
fn leaving_out_by_sums() {
    let (a, b) = (normal("a", 7, 3), normal("b", 5, 3));
    let sums = Sums::of(&a, &b);
    let rest = |count: usize, left_out: usize| (0..count).filter(|row| *row != left_out).collect::<Vec<_>>();
    for (row, found) in sums.without_each_of_a().into_iter().enumerate() {
        assert!((found - plain(&a.select(&rest(7, row)), &b)).abs() < 1e-12);
    }
    for (row, found) in sums.without_each_of_b().into_iter().enumerate() {
        assert!((found - plain(&a, &b.select(&rest(5, row)))).abs() < 1e-12);
    }
}

/// Samples of one distribution: on average 0, and 0 within the interval about as often as it says.
#[test]
fn unbiased() {
    let intervals: Vec<Interval> = (0..100)
        .map(|t| kernel_distance_interval(&normal(&format!("a{t}"), 60, 4), &normal(&format!("b{t}"), 40, 4)).unwrap())
        .collect();
    let mean = intervals.iter().map(|i| i.value).sum::<f64>() / 100.0;
    let error = (intervals.iter().map(|i| (i.value - mean).powi(2)).sum::<f64>() / 99.0 / 100.0).sqrt();
    assert!(mean.abs() < 4.0 * error, "{mean} {error}");
    let held = intervals.iter().filter(|i| (i.low..=i.high).contains(&0.0)).count();
    assert!(held >= 88, "{held}");
}

#[test]
fn subsets_are_drawn_from_the_seed() {
    let (a, b) = (normal("a", 60, 4), normal("b", 50, 4));
    let drawn = kernel_distance_subsets(&a, &b, 20, 30, 5).unwrap();
    assert_eq!(drawn, kernel_distance_subsets(&a, &b, 20, 30, 5).unwrap());
    assert_ne!(drawn, kernel_distance_subsets(&a, &b, 20, 30, 6).unwrap());
    let all = kernel_distance_subsets(&a.select(&(0..50).collect::<Vec<_>>()), &b, 1, 50, 0).unwrap();
    let expected = kernel_distance(&a.select(&(0..50).collect::<Vec<_>>()), &b).unwrap();
    assert!((all[0] - expected).abs() < 1e-12);
    for (subsets, size) in [(0, 30), (1, 1), (1, 51)] {
        assert!(kernel_distance_subsets(&a, &b, subsets, size, 5).is_err());
    }
}

#[test]
fn the_same_bits_with_any_number_of_threads() {
    let (a, b) = (normal("a", 900, 8), normal("b", 333, 8));
    let [one, three] = with_threads(|| kernel_distance_interval(&a, &b).unwrap());
    assert_eq!(one, three);
}

#[test]
fn sets_that_do_not_fit() {
    let (a, b) = (normal("a", 3, 2), normal("b", 3, 3));
    assert!(kernel_distance(&a, &b).is_err());
    assert!(kernel_distance(&a.select(&[0]), &a).is_err());
    assert!(kernel_distance_interval(&a.select(&[0, 1]), &a).is_err());
}
