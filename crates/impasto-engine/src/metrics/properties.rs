//! What holds for any two sets of vectors.

use proptest::prelude::*;

use super::*;

/// Rounding of sums of cubes of numbers up to 4, and of roots.
const TOLERANCE: f64 = 1e-7;

/// A set of 5 to 24 vectors of `width` numbers; few different values, so that equal vectors and ties are common.
fn set(width: usize) -> impl Strategy<Value = Embeddings> {
    prop::collection::vec(prop::collection::vec(-8_i8..=8, width), 5..25).prop_map(move |rows| {
        let values = rows.concat().into_iter().map(|v| f32::from(v) / 2.0).collect();
        Embeddings::new(values, width).unwrap()
    })
}

fn sets() -> impl Strategy<Value = (Embeddings, Embeddings)> {
    (1_usize..7).prop_flat_map(|width| (set(width), set(width)))
}

/// Every figure of two sets that does not depend on which comes first.
fn symmetric(a: &Embeddings, b: &Embeddings) -> Vec<f64> {
    vec![
        frechet_distance(a, b).unwrap(),
        kernel_distance(a, b).unwrap(),
        sliced_wasserstein(a, b, 5, 1).unwrap(),
        kernel_distance_interval(a, b).unwrap().high,
    ]
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE * (1.0 + a.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sides_and_order_do_not_matter((a, b) in sets(), by in 1_usize..24) {
        prop_assert!(near(&symmetric(&a, &b), &symmetric(&b, &a)));
        let turned: Vec<usize> = (0..a.len()).map(|row| (row + by) % a.len()).collect();
        let turned = a.select(&turned);
        prop_assert!(near(&symmetric(&a, &b), &symmetric(&turned, &b)));
        prop_assert_eq!(neighbourhoods(&a, &b, 3).unwrap(), neighbourhoods(&turned, &b, 3).unwrap());
    }

    #[test]
    fn equal_sets_have_no_distance((a, _) in sets()) {
        prop_assert!(frechet_distance(&a, &a).unwrap() < TOLERANCE);
        prop_assert_eq!(sliced_wasserstein(&a, &a, 5, 1).unwrap(), 0.0);
        let all = neighbourhoods(&a, &a, 2).unwrap();
        prop_assert_eq!((all.precision, all.recall, all.coverage), (1.0, 1.0, 1.0));
        for (row, found) in nearest(&a, &a, 1, false).unwrap().iter().enumerate() {
            prop_assert!(found[0].distance == 0.0 && found[0].index <= row);
        }
    }

    /// A set and itself moved by `by` along every axis.
    #[test]
    fn a_shift_is_its_square((a, _) in sets(), by in -4_i8..5) {
        let by = f32::from(by);
        let moved = Embeddings::new(a.values().iter().map(|v| v + by).collect(), a.width()).unwrap();
        let expected = f64::from(by).powi(2) * a.width() as f64;
        prop_assert!((frechet_distance(&a, &moved).unwrap() - expected).abs() < TOLERANCE * (1.0 + expected));
    }

    #[test]
    fn shares_are_shares((a, b) in sets(), k in 1_usize..5) {
        let found = neighbourhoods(&a, &b, k).unwrap();
        for share in [found.precision, found.recall, found.coverage] {
            prop_assert!((0.0..=1.0).contains(&share));
        }
        prop_assert!(found.density >= 0.0);
        for neighbours in nearest(&a, &b, k, false).unwrap() {
            prop_assert!(neighbours.is_sorted_by(|x, y| (x.distance, x.index) < (y.distance, y.index)));
        }
    }
}
