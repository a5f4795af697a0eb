//! Evolution of the generator for tests.

use super::*;
use crate::pipeline::generate::Point;
use crate::pipeline::generate::testing::{job, studio};

const JOB: EvolveJob = EvolveJob { seed: 5, size: 6, mutation: 0.3, diversity: 0.2 };

fn control() -> Control {
    Control::silent()
}

fn styles(session: &Evolution<'_>) -> Vec<Vec<f32>> {
    session.codes.iter().map(|code| code.styles.clone()).collect()
}

#[test]
fn sessions_go_on_where_they_stopped_and_repeat() {
    let studio = studio(job(), &["a", "b"], false);
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, reopened: bool| {
        let folder = folder.path().join(name);
        let mut session = Evolution::begin(&studio, &folder, JOB, &control()).unwrap();
        for favourites in [[1, 4], [7, 9]] {
            if reopened {
                session = Evolution::open(&studio, &folder).unwrap();
            }
            session.choose(&favourites).unwrap();
            session.next(&control()).unwrap();
        }
        assert_eq!(session.now(), (2, &[][..]));
        for generation in 0..3 {
            assert!(session.sheet_path(generation).is_file());
        }
        let read = std::fs::read(folder.join("lineage.json")).unwrap();
        assert_eq!(styles(&Evolution::open(&studio, &folder).unwrap()), styles(&session));
        (styles(&session), read)
    };
    let (first, second) = (run("a", false), run("b", true));
    assert_eq!(first.0.len(), 18);
    assert_eq!(first, second);
}

#[test]
fn lines_are_kept_and_children_differ() {
    let studio = studio(job(), &[], false);
    let folder = tempfile::tempdir().unwrap();
    let mut session = Evolution::begin(&studio, folder.path(), JOB, &control()).unwrap();
    session.choose(&[0, 3, 3]).unwrap();
    assert_eq!(session.now().1, [0, 3]);
    session.next(&control()).unwrap();
    let lines: Vec<usize> = session.lineage.generations[1].individuals.iter().map(|child| child.line).collect();
    assert_eq!(lines, [0, 3, 0, 3, 0, 3], "each favourite has as many children");
    let mixed = session.lineage.generations[1].individuals.iter().filter(
        |child| matches!(&child.origin, Origin::Parents { parents, layers, .. } if parents.len() == 2 && layers.len() == 3),
    );
    assert_eq!(mixed.count(), 2);
    for (i, a) in session.codes[6..].iter().enumerate() {
        for b in session.codes[6..6 + i].iter().chain([&session.codes[0], &session.codes[3]]) {
            assert!(session.breeder.distance(a, b) >= JOB.diversity);
        }
    }
}

#[test]
fn candidates_that_are_too_near_are_drawn_again() {
    let studio = studio(job(), &[], false);
    let folder = tempfile::tempdir().unwrap();
    let timid = EvolveJob { mutation: 0.05, diversity: 0.15, ..JOB };
    let mut session = Evolution::begin(&studio, folder.path(), timid, &control()).unwrap();
    session.choose(&[2]).unwrap();
    session.next(&control()).unwrap();
    let draws: Vec<u64> = session.lineage.generations[1]
        .individuals
        .iter()
        .filter_map(|child| match child.origin {
            Origin::Parents { draw, .. } => Some(draw),
            Origin::Seed(_) => None,
        })
        .collect();
    assert!(draws.iter().any(|&draw| draw > 0), "{draws:?}");
}

#[test]
fn what_cannot_be_is_refused() {
    let studio = studio(job(), &[], false);
    let folder = tempfile::tempdir().unwrap();
    assert!(Evolution::settings(folder.path()).unwrap().is_none());
    assert!(Evolution::open(&studio, folder.path()).unwrap_err().to_string().contains("no session"));
    assert!(Evolution::begin(&studio, folder.path(), EvolveJob { size: 1, ..JOB }, &control()).is_err());
    let mut session = Evolution::begin(&studio, folder.path(), JOB, &control()).unwrap();
    assert_eq!(Evolution::settings(folder.path()).unwrap().unwrap().1, JOB);
    assert!(Evolution::begin(&studio, folder.path(), JOB, &control()).is_err());
    assert!(session.choose(&[6]).unwrap_err().to_string().contains("0 to 5"));
    assert!(session.next(&control()).unwrap_err().to_string().contains("--favourites"));
    let [picture, code] = session.save(2, &control()).unwrap();
    assert!(picture.is_file() && Code::load(&code, studio.form(), studio.model()).is_ok());

    let path = folder.path().join("lineage.json");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [("\"id\": 3", "\"id\": 4"), ("\"version\": 1", "\"version\": 9"), ("\"size\"", "\"sizes\"")] {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(Evolution::open(&studio, folder.path()).is_err(), "{from}");
    }
}

#[test]
fn offspring_repeat_and_lie_between_nothing_and_strangers() {
    let studio = studio(job(), &["a", "b"], false);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parent.safetensors");
    let parent = studio.code_of(3);
    std::fs::write(&path, parent.encode(studio.form(), studio.model(), "a test").unwrap()).unwrap();
    let points = [Point::Code(path), Point::Seed(9)];
    let brood = Brood { parents: &points, job: JOB, child: None };
    let all = offspring(&studio, &brood, &control()).unwrap();
    assert_eq!(all.len(), JOB.size);
    for (place, child) in all.iter().enumerate() {
        let again = offspring(&studio, &Brood { child: Some(place), ..brood.clone() }, &control()).unwrap().remove(0);
        assert_eq!((again.place, &again.code, &again.made.picture), (place, &child.code, &child.made.picture));
        assert_eq!(child.made.parameters.json["children"]["parents"][1]["seed"], 9);
    }
    let still = EvolveJob { mutation: 0.0, diversity: 0.0, ..JOB };
    let same = offspring(&studio, &Brood { parents: &points[..1], job: still, child: Some(0) }, &control()).unwrap();
    let apart = same[0].code.styles.iter().zip(&parent.styles).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-5, "{apart}");
    let founders = offspring(&studio, &Brood { parents: &[], ..brood.clone() }, &control()).unwrap();
    assert_eq!(founders.len(), JOB.size);
    assert!(offspring(&studio, &Brood { child: Some(6), ..brood }, &control()).is_err());
}
