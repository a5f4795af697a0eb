//! What is known of an artist's works before training: kinds of works by what they look like, each with a style code and with
//! what a perception network sees of it.

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::super::code::Code;
use super::super::network::Generator;
use super::bank::distances;
use super::spread;
use crate::blocks::channel_moments;
use crate::data::Folder;
use crate::features::Features;
use crate::losses;
use crate::tensor::values;

/// Works of each kind that the perception network looks at: those nearest to its middle.
const LOOKED_AT: usize = 4;

/// Rounds of assigning works to kinds.
const ROUNDS: usize = 20;

/// Share of the places of a work that count as its calm ones.
const CALM: f32 = 0.2;

/// What a perception network sees of a kind of works, of one level.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    /// `[1, c]`
    pub(super) mean: Tensor<2>,
    /// `[1, c]`
    pub(super) deviation: Tensor<2>,
    /// `[1, c, c]`
    pub(super) gram: Tensor<3>,
}

/// Works that are alike.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// The code of the one that is nearest to their middle, without a hand: a mean of several is like none of them.
    pub(super) code: Code,
    /// Of every level of the perception network.
    pub(super) sight: Vec<Sight>,
    /// Numbers in the artist's folder.
    pub(super) works: Vec<usize>,
}

/// The codes of the first `most` pictures of a folder, with the encoder and on `device`.
pub(super) fn codes(folder: &Folder, most: usize, encoder: &Generator, device: &Device) -> Vec<Code> {
    let works = (0..folder.len().min(most)).into_par_iter();
    works.map(|work| encoder.code(&encoder.encode(folder.whole(work, 8, device)))).collect()
}

/// Moments of codes as rows of numbers.
pub(super) fn rows(codes: &[Code]) -> Vec<Vec<f32>> {
    codes.iter().map(|code| values(code.moments.clone())).collect()
}

/// Sorts the works of a folder, whose codes are given, into at most `bank` kinds. What is found has no gradients, as the codes
/// have none; the features are on `device`, which has them.
pub(super) fn kinds(
    folder: &Folder,
    codes: &[Code],
    bank: usize,
    features: &dyn Features,
    device: &Device,
) -> Vec<Kind> {
    let rows = standard(rows(codes));
    let groups = groups(&rows, bank.clamp(1, rows.len()));
    groups
        .into_par_iter()
        .map(|works| {
            let code = codes[works[0]].clone();
            let looked_at = works.iter().take(LOOKED_AT);
            let seen: Vec<Vec<Sight>> =
                looked_at.map(|&work| sights(features, folder.whole(work, 8, device))).collect();
            Kind { code, sight: mean_sights(&seen), works }
        })
        .collect()
}

/// What the networks see of every work of a folder; see [`Spread`](super::spread::Spread).
pub(super) fn looks(folder: &Folder, networks: &[Box<dyn Features>], device: &Device) -> Vec<Vec<Tensor<2>>> {
    let look = |work| spread::look(networks, &folder.whole(work, 16, device)).into_iter().map(Tensor::inner).collect();
    (0..folder.len()).into_par_iter().map(look).collect()
}

/// How lively the liveliest of the calm places of a work in the middle are: low where skies are left plain, high where strokes
/// are everywhere.
pub(super) fn calm(folder: &Folder, device: &Device) -> f32 {
    let of_work = |work: usize| {
        let mut places = values(losses::liveliness(folder.whole(work, losses::PLACE, device)));
        at_share(&mut places, CALM)
    };
    let mut works: Vec<f32> = (0..folder.len()).into_par_iter().map(of_work).collect();
    at_share(&mut works, 0.5)
}

/// The value below which a share of them lies.
fn at_share(values: &mut [f32], share: f32) -> f32 {
    let place = ((values.len() - 1) as f32 * share).round() as usize;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}

/// What the network sees of a picture `[1, 3, h, w]`.
fn sights(features: &dyn Features, image: Tensor<4>) -> Vec<Sight> {
    let levels = features.extract(image).into_iter();
    let sight = |level: Tensor<4>| {
        let level = level.inner();
        let (mean, deviation) = channel_moments(level.clone());
        Sight { mean, deviation, gram: losses::gram(level) }
    };
    levels.map(sight).collect()
}

fn mean_sights(all: &[Vec<Sight>]) -> Vec<Sight> {
    let share = 1.0 / all.len() as f32;
    let level = |level: usize| {
        let of = |take: &dyn Fn(&Sight) -> Tensor<2>| {
            Tensor::cat(all.iter().map(|seen| take(&seen[level])).collect(), 0).mean_dim(0) // [1, c]
        };
        let grams = all.iter().map(|seen| seen[level].gram.clone() * share);
        let gram = grams.reduce(|sum, gram| sum + gram).expect("at least one work of a kind");
        Sight { mean: of(&|sight| sight.mean.clone()), deviation: of(&|sight| sight.deviation.clone()), gram }
    };
    (0..all[0].len()).map(level).collect()
}

/// Rows with deviation 1 in every column; those that do not change become 0.
fn standard(mut rows: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let count = rows.len() as f32;
    for column in 0..rows.first().map_or(0, Vec::len) {
        let mean = rows.iter().map(|row| row[column]).sum::<f32>() / count;
        let variance = rows.iter().map(|row| (row[column] - mean).powi(2)).sum::<f32>() / count;
        let scale = if variance > 1e-12 { 1.0 / variance.sqrt() } else { 0.0 };
        rows.iter_mut().for_each(|row| row[column] = (row[column] - mean) * scale);
    }
    rows
}

/// Lloyd's algorithm from the middle and the rows furthest from all centres so far, so that nothing is drawn: the rows of
/// each of at most `count` groups, the one nearest to its middle first.
fn groups(rows: &[Vec<f32>], count: usize) -> Vec<Vec<usize>> {
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let middle = |members: &[usize]| -> Vec<f32> {
        let share = 1.0 / members.len() as f32;
        (0..rows[0].len()).map(|i| members.iter().map(|&row| rows[row][i] * share).sum()).collect()
    };
    let nearest = |centres: &[Vec<f32>], row: &[f32]| {
        let found = centres.iter().map(|centre| distance(centre, row)).enumerate();
        found.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    };
    let everyone: Vec<usize> = (0..rows.len()).collect();
    let mut centres = vec![middle(&everyone)];
    while centres.len() < count {
        let furthest = rows.iter().max_by(|a, b| nearest(&centres, a).1.total_cmp(&nearest(&centres, b).1));
        centres.extend(furthest.cloned());
    }
    let mut members = Vec::new();
    for _ in 0..ROUNDS {
        let mut next = vec![Vec::new(); centres.len()];
        rows.iter().enumerate().for_each(|(number, row)| next[nearest(&centres, row).0].push(number));
        next.retain(|members: &Vec<usize>| !members.is_empty());
        let settled = next == members;
        members = next;
        centres = members.iter().map(|members| middle(members)).collect();
        if settled {
            break;
        }
    }
    for (members, centre) in members.iter_mut().zip(&centres) {
        members.sort_by(|&a, &b| distance(&rows[a], centre).total_cmp(&distance(&rows[b], centre)).then(a.cmp(&b)));
    }
    members
}

/// The rows of which all the `neighbours` nearest others are strangers.
pub(super) fn misplaced(rows: &[Vec<f32>], strangers: &[Vec<f32>], neighbours: usize) -> Vec<usize> {
    let all: Vec<Vec<f32>> = rows.iter().chain(strangers).cloned().collect();
    let suspect = |number: &usize| {
        let mut others: Vec<(f32, bool)> =
            distances(&rows[*number], &all).into_iter().enumerate().map(|(i, d)| (d, i >= rows.len())).collect();
        others.remove(*number);
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        others.iter().take(neighbours).all(|(_, stranger)| *stranger)
    };
    (0..rows.len()).filter(suspect).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_counted_from_the_least() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0, 0.0];
        assert_eq!([0.0, 0.2, 0.5, 1.0].map(|share| at_share(&mut values, share)), [0.0, 1.0, 3.0, 5.0]);
        assert_eq!(at_share(&mut [7.0], 0.2), 7.0);
    }

    #[test]
    fn works_that_are_alike_come_together() {
        let rows: Vec<Vec<f32>> =
            [0.0, 10.0, 0.3, 20.0, 9.0, 0.1, 12.0].iter().map(|&v: &f32| vec![v, -v, 5.0]).collect();
        let mut found = groups(&standard(rows.clone()), 3);
        found.sort();
        // The one nearest to the middle of each group is first.
        assert_eq!(found, [vec![1, 4, 6], vec![3], vec![5, 0, 2]]);
        assert_eq!(groups(&standard(rows[..1].to_vec()), 1), [[0]]);
        // Equal works cannot be told apart.
        assert_eq!(groups(&[vec![1.0], vec![1.0]], 2).concat().len(), 2);
    }

    #[test]
    fn what_lies_among_strangers_is_suspected() {
        let line = |from: f32, count: usize| -> Vec<Vec<f32>> { (0..count).map(|i| vec![from + i as f32]).collect() };
        let mut paintings = line(0.0, 6);
        paintings.push(vec![104.5]);
        assert_eq!(misplaced(&paintings, &line(100.0, 8), 4), [6]);
        assert!(misplaced(&line(0.0, 6), &line(100.0, 8), 4).is_empty());
    }
}
