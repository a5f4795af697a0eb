//! Pictures that are there more than once.

use std::collections::{BTreeMap, HashMap};

use super::look::Look;
use super::settings::GallerySettings;
use super::sketch::Sketch;
use crate::control::Control;
use crate::error::Result;

/// Bits of the hash that may differ between pictures that are compared.
const MAX_BITS: u32 = 7;
/// The hash is searched in parts of 16 bits: of two hashes that differ in at most 7 bits, some part differs in at most 1.
const PARTS: u32 = 4;
/// Pictures with one value of a part that a picture is compared with; more have so little in them that they say nothing.
const MAX_COMPARED: usize = 512;

/// What becomes of pictures some of which are there more than once, all by their numbers.
pub(super) struct Sorted {
    /// Those that are used.
    pub(super) kept: Vec<usize>,
    /// Groups with the same pixels.
    pub(super) exact: Vec<Vec<usize>>,
    /// Groups that are nearly the same; of those with the same pixels only the first is looked at.
    pub(super) near: Vec<Vec<usize>>,
    /// Those that are left out, the one that stands for each, and whether it is only nearly the same.
    pub(super) left_out: Vec<(usize, usize, bool)>,
}

/// Sorts pictures, which come with their numbers in ascending order.
pub(super) fn sort(pictures: &[(usize, &Look)], settings: &GallerySettings, control: &Control) -> Result<Sorted> {
    let mut first: HashMap<blake3::Hash, usize> = HashMap::new();
    let mut same: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut firsts = Vec::with_capacity(pictures.len());
    for &(number, look) in pictures {
        match *first.entry(look.pixels).or_insert(number) {
            own if own == number => firsts.push((number, look)),
            earlier => same.entry(earlier).or_insert_with(|| vec![earlier]).push(number),
        }
    }
    let exact: Vec<Vec<usize>> = same.into_values().collect();
    let sketches: Vec<&Sketch> = firsts.iter().map(|(_, look)| &look.sketch).collect();
    let mut left_out = Vec::new();
    if !settings.keep_duplicates {
        left_out.extend(exact.iter().flat_map(|group| group[1..].iter().map(|&copy| (copy, group[0], false))));
    }
    let mut near = Vec::new();
    for group in self::near(&sketches, control)? {
        let members: Vec<(usize, &Look)> = group.into_iter().map(|index| firsts[index]).collect();
        let numbers: Vec<usize> = members.iter().map(|(number, _)| *number).collect();
        let pixels = |(number, look): &&(usize, &Look)| {
            // Of several that are as large, the first.
            (u64::from(look.width) * u64::from(look.height), std::cmp::Reverse(*number))
        };
        if let Some(&(largest, _)) = members.iter().max_by_key(pixels).filter(|_| settings.drop_near_duplicates) {
            left_out.extend(numbers.iter().filter(|&&copy| copy != largest).map(|&copy| (copy, largest, true)));
        }
        near.push(numbers);
    }
    left_out.sort_unstable();
    let is_left_out = |number: usize| left_out.binary_search_by_key(&number, |&(copy, ..)| copy).is_ok();
    let kept = pictures.iter().map(|(number, _)| *number).filter(|&number| !is_left_out(number)).collect();
    Ok(Sorted { kept, exact, near, left_out })
}

/// Groups of pictures that are near each other, each in the order of `sketches`, as indices; a picture is in a group if
/// it is near any in it.
fn near(sketches: &[&Sketch], control: &Control) -> Result<Vec<Vec<usize>>> {
    // For each part, indices by its value: a table of beginnings and a list.
    let parts: Vec<Table> = (0..PARTS).map(|part| Table::new(sketches, part)).collect();
    let mut groups = Groups::new(sketches.len());
    for (index, sketch) in sketches.iter().enumerate() {
        if index % 1024 == 0 {
            control.check()?;
        }
        let Some(hash) = sketch.hash else { continue };
        for (part, table) in (0..PARTS).zip(&parts) {
            let value = part_of(hash, part);
            let flips = std::iter::once(0).chain((0..16).map(|bit| 1u16 << bit));
            let found = flips.flat_map(|flip| table.before(value ^ flip, index));
            for &other in found {
                let other = other as usize;
                let close = sketches[other].hash.is_some_and(|h| (h ^ hash).count_ones() <= MAX_BITS);
                if close && groups.root(index) != groups.root(other) && sketch.is_near(sketches[other]) {
                    groups.join(index, other);
                }
            }
        }
    }
    Ok(groups.several())
}

/// The 16 bits of a hash that `part` stands for.
fn part_of(hash: u64, part: u32) -> u16 {
    (hash >> (16 * part)) as u16
}

/// Indices of sketches in the order of a part of their hashes.
struct Table {
    starts: Vec<u32>,
    indices: Vec<u32>,
}

impl Table {
    fn new(sketches: &[&Sketch], part: u32) -> Self {
        let values = || {
            let value = |sketch: &&Sketch| sketch.hash.map(|hash| part_of(hash, part) as usize);
            sketches.iter().map(value).enumerate().filter_map(|(index, value)| Some((index, value?)))
        };
        let mut starts = vec![0u32; (1 << 16) + 1];
        values().for_each(|(_, value)| starts[value + 1] += 1);
        for value in 0..1 << 16 {
            starts[value + 1] += starts[value];
        }
        let mut next = starts.clone();
        let mut indices = vec![0; starts[1 << 16] as usize];
        for (index, value) in values() {
            indices[next[value] as usize] = index as u32;
            next[value] += 1;
        }
        Self { starts, indices }
    }

    /// The first of those before `index` with this value.
    fn before(&self, value: u16, index: usize) -> impl Iterator<Item = &u32> {
        let range = self.starts[value as usize] as usize..self.starts[value as usize + 1] as usize;
        self.indices[range].iter().take(MAX_COMPARED).take_while(move |&&other| (other as usize) < index)
    }
}

/// Disjoint groups of indices (union by the smaller index, paths halved).
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.0[index] != index {
            self.0[index] = self.0[self.0[index]];
            index = self.0[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    /// The groups of more than one.
    fn several(mut self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for index in 0..self.0.len() {
            groups.entry(self.root(index)).or_default().push(index);
        }
        groups.into_values().filter(|group| group.len() > 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use impasto_image::Picture;

    use super::*;
    use crate::rng::{self, Rng};

    /// A soft random picture, a little darker by `shade`.
    fn sketch(seed: u64, shade: f32) -> Sketch {
        let mut rng = rng::stream(seed, "test", 0);
        let coarse: Vec<f32> = (0..36).flat_map(|_| [rng.random::<f32>() * (1.0 - shade); 3]).collect();
        let coarse = Picture::from_rgb(6, 6, coarse).unwrap();
        Sketch::of(&impasto_image::resize(&coarse, 48, 48))
    }

    #[test]
    fn groups_are_found() {
        let seeds = [1, 2, 3, 1, 4, 2, 1, 5];
        let sketches: Vec<Sketch> = seeds.iter().enumerate().map(|(i, &s)| sketch(s, 0.01 * i as f32)).collect();
        let all: Vec<&Sketch> = sketches.iter().collect();
        assert_eq!(near(&all, &Control::silent()).unwrap(), [vec![0, 3, 6], vec![1, 5]]);
        assert!(near(&[], &Control::silent()).unwrap().is_empty());
    }

    #[test]
    fn flat_pictures_are_no_group() {
        let flat = Sketch::of(&Picture::filled(8, 8, [0.5; 3]).unwrap());
        assert!(near(&[&flat, &flat], &Control::silent()).unwrap().is_empty());
    }

    /// Whatever 7 bits differ, the search by parts meets.
    #[test]
    fn no_pair_is_overlooked() {
        let mut rng = rng::stream(1, "test", 1);
        for _ in 0..500 {
            let hash: u64 = rng.random();
            let other = (0..7).fold(hash, |h, _| h ^ (1 << rng.random_range(0..64)));
            let meets = |part| (part_of(hash, part) ^ part_of(other, part)).count_ones() <= 1;
            assert!((0..PARTS).any(meets));
        }
    }
}
