use super::super::super::testing::{normal, vectors, with_threads};
use super::*;

/// prdc 0.2 with three neighbours, of the same vectors.
#[test]
fn as_by_all_distances() {
    let (real, fake) = super::super::golden();
    let found = neighbourhoods(&real, &fake, 3).unwrap();
    let expected = [0.94, 0.916_666_666_666_666_6, 1.38, 0.816_666_666_666_666_7];
    for (found, expected) in [found.precision, found.recall, found.density, found.coverage].into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

/// Five clusters far apart; `kept` of them in the set, each point `noise` away from where it should be.
fn clusters(name: &str, count: usize, kept: usize, noise: f32) -> Embeddings {
    let (places, away) = (normal(name, count, 6), normal("away", count, 6));
    vectors(count, 6, |row, column| {
        let cluster = row % kept;
        let centre = if column == cluster { 30.0 } else { 0.0 };
        centre + places.row(row)[column] + noise * away.row(row)[column]
    })
}

#[test]
fn dropped_modes_take_recall_and_noise_takes_precision() {
    let real = clusters("real", 300, 5, 0.0);
    let same = neighbourhoods(&real, &clusters("same", 300, 5, 0.0), 3).unwrap();
    assert!(same.precision > 0.7 && same.recall > 0.7 && same.coverage > 0.85, "{same:?}");
    assert!((0.8..1.2).contains(&same.density), "{same:?}");

    let dropped = neighbourhoods(&real, &clusters("dropped", 300, 2, 0.0), 3).unwrap();
    assert!(dropped.precision > 0.7, "{dropped:?}");
    assert!(dropped.recall < 0.4 && dropped.coverage < 0.4, "{dropped:?}");

    let noisy = neighbourhoods(&real, &clusters("noisy", 300, 5, 4.0), 3).unwrap();
    assert!(noisy.precision < 0.2 && noisy.density < 0.2, "{noisy:?}");
    assert!(noisy.recall > 0.7, "{noisy:?}");
}

/// Balls hold their border: copies are inside even where whole neighbourhoods are copies and radii are 0.
#[test]
fn copies_are_inside() {
    let real = vectors(12, 5, |row, column| 1000.0 + ((row / 4 * 7 + column * 3) % 5) as f32);
    let found = neighbourhoods(&real, &real, 3).unwrap();
    assert_eq!((found.precision, found.recall, found.coverage), (1.0, 1.0, 1.0));
    let far = vectors(12, 5, |row, column| real.row(row)[column] + 0.125);
    let found = neighbourhoods(&real, &far, 3).unwrap();
    assert_eq!((found.precision, found.recall, found.density, found.coverage), (0.0, 0.0, 0.0, 0.0));
}

#[test]
fn order_and_threads_do_not_matter() {
    let (real, fake) = (normal("real", 400, 5), normal("fake", 300, 5));
    let [one, three] = with_threads(|| neighbourhoods(&real, &fake, 5).unwrap());
    assert_eq!(one, three);
    let turned: Vec<usize> = (0..400).map(|row| row * 7 % 400).collect();
    assert_eq!(neighbourhoods(&real.select(&turned), &fake, 5).unwrap(), one);
    // Turned round, precision is recall.
    let back = neighbourhoods(&fake, &real, 5).unwrap();
    assert_eq!((back.precision, back.recall), (one.recall, one.precision));
}

#[test]
fn too_few() {
    let (four, three) = (normal("four", 4, 2), normal("three", 3, 2));
    assert!(neighbourhoods(&four, &four, 3).is_ok());
    assert!(neighbourhoods(&four, &three, 3).is_err() && neighbourhoods(&three, &four, 3).is_err());
    assert!(neighbourhoods(&four, &four, 0).is_err());
}
