//! An artist as painting takes them: the hand, and codes that stand for the kinds of works there are.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::super::FusionConfig;
use super::super::code::Code;
use crate::tensor::values;
use crate::weights::Arrays;

/// What names of an artist's arrays begin with.
const PREFIX: &str = "artists.";

/// How quickly a code loses its say as it is further from the content than the nearest one, in mean distances.
const SHARPNESS: f32 = 0.1;

/// Codes with a smaller say are left out: each costs the attention its tokens.
const LEAST: f32 = 0.02;

/// The codes of one artist, each with the artist's hand; at least one.
#[derive(Debug, Clone)]
pub(in super::super) struct Bank {
    codes: Vec<Code>,
}

impl Bank {
    /// Of codes, at least one.
    pub(super) fn new(codes: Vec<Code>) -> Self {
        Self { codes }
    }

    /// The codes that suit a content, with weights that sum to 1: those of the works that are most like it. The weights
    /// change smoothly with the content.
    pub(in super::super) fn choose(&self, content: &Code) -> Vec<(Code, f32)> {
        let own = values(content.moments.clone());
        let bank: Vec<Vec<f32>> = self.codes.iter().map(|code| values(code.moments.clone())).collect();
        let distances = distances(&own, &bank);
        let mean = distances.iter().sum::<f32>() / distances.len() as f32;
        let least = distances.iter().copied().fold(f32::INFINITY, f32::min);
        let says: Vec<f32> =
            distances.iter().map(|d| (-(d - least) / (SHARPNESS * mean).max(f32::MIN_POSITIVE)).exp()).collect();
        let sum: f32 = says.iter().filter(|say| **say >= LEAST).sum();
        let chosen = self.codes.iter().zip(says).filter(|(_, say)| *say >= LEAST);
        chosen.map(|(code, say)| (code.clone(), say / sum)).collect()
    }

    /// The artist's hand, `style_width` numbers, where it is known.
    pub(super) fn hand(&self) -> Option<Vec<f32>> {
        self.codes.first()?.hand().map(|hand| values(hand.clone()))
    }

    /// As named arrays of a weights file.
    pub(in super::super) fn to_arrays(&self, name: &str) -> Arrays {
        let parts = self.codes.iter().enumerate();
        let named = |(number, code): (usize, &Code)| {
            let prefix = format!("{PREFIX}{name}.{number}.");
            code.to_arrays().into_iter().map(move |(array, values)| (format!("{prefix}{array}"), values))
        };
        parts.flat_map(named).collect()
    }

    /// Takes all artists out of a weights file's arrays; the others are the generator's.
    pub(in super::super) fn take_all(
        arrays: &Arrays,
        config: &FusionConfig,
        device: &Device,
    ) -> Result<(Arrays, BTreeMap<String, Self>), String> {
        let mut generator = Arrays::new();
        let mut parts: BTreeMap<(String, usize), Arrays> = BTreeMap::new();
        for (name, array) in arrays {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                generator.insert(name.clone(), array.clone());
                continue;
            };
            let mut fields = rest.splitn(3, '.');
            let (artist, number, field) = (fields.next(), fields.next().and_then(|n| n.parse().ok()), fields.next());
            let (Some(artist), Some(number), Some(field)) = (artist, number, field) else {
                return Err(format!("tensor '{name}' belongs to no artist"));
            };
            parts.entry((artist.to_owned(), number)).or_default().insert(field.to_owned(), array.clone());
        }
        let mut banks: BTreeMap<String, Self> = BTreeMap::new();
        for ((artist, _), arrays) in parts {
            let code = Code::from_arrays(&arrays, config, device).map_err(|problem| format!("{artist}: {problem}"))?;
            banks.entry(artist).or_insert_with(|| Self { codes: Vec::new() }).codes.push(code);
        }
        Ok((generator, banks))
    }
}

/// Mean squared differences of `own` to each row, features divided by their deviations over the rows.
pub(super) fn distances(own: &[f32], rows: &[Vec<f32>]) -> Vec<f32> {
    let count = rows.len() as f32;
    let variances: Vec<f32> = (0..own.len())
        .map(|i| {
            let mean = rows.iter().map(|row| row[i]).sum::<f32>() / count;
            rows.iter().map(|row| (row[i] - mean).powi(2)).sum::<f32>() / count
        })
        .collect();
    let distance = |row: &Vec<f32>| {
        let terms = row.iter().zip(own).zip(&variances).filter(|(_, variance)| **variance > 1e-12);
        terms.map(|((a, b), variance)| (a - b).powi(2) / variance).sum::<f32>() / own.len() as f32
    };
    rows.iter().map(distance).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::algorithms::fusion::Generator;

    fn code(level: f32, device: &Device) -> Code {
        let generator = Generator::new(&FusionConfig::default(), 1, device);
        let wave = |i: usize| (level + 0.3 * (i as f32 * 0.37).sin()).clamp(0.0, 1.0);
        let image = crate::tensor::from_planar((0..3 * 64 * 64).map(wave).collect(), 1, 64, 64, device);
        generator.code(&generator.encode(image))
    }

    #[test]
    fn the_content_chooses_among_codes() {
        let device = Device::flex();
        let bank = Bank::new([0.2, 0.5, 0.8].map(|level| code(level, &device)).to_vec());
        let chosen = bank.choose(&code(0.22, &device));
        assert!((chosen.iter().map(|(_, say)| say).sum::<f32>() - 1.0).abs() < 1e-6);
        let most = chosen.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(values(most.0.moments.clone()), values(bank.codes[0].moments.clone()));
        // What lies between two has something of both, and one code alone has everything.
        assert!(bank.choose(&code(0.35, &device)).len() >= 2);
        let alone = Bank::new(vec![code(0.5, &device)]);
        assert_eq!(alone.choose(&code(0.9, &device)).into_iter().map(|(_, say)| say).collect::<Vec<_>>(), [1.0]);
    }

    #[test]
    fn artists_come_back_from_a_file() {
        let device = Device::flex();
        let config = FusionConfig::default();
        let hand = Tensor::full([1, config.style_width], 0.25, &device);
        let bank = Bank::new([0.3, 0.6].map(|level| code(level, &device).by(hand.clone())).to_vec());
        let mut arrays = bank.to_arrays("monet");
        arrays.extend(crate::weights::collect(&Generator::new(&config, 2, &device)));
        let (generator, banks) = Bank::take_all(&arrays, &config, &device).unwrap();
        assert!(generator.keys().all(|name| !name.starts_with(PREFIX)));
        assert_eq!(banks.keys().collect::<Vec<_>>(), ["monet"]);
        assert_eq!(banks["monet"].to_arrays("monet"), bank.to_arrays("monet"));
        assert_eq!(banks["monet"].hand().unwrap(), vec![0.25; config.style_width]);
        for (name, words) in [("artists.monet.x.tokens", "no artist"), ("artists.monet.0.more", "")] {
            let mut damaged = arrays.clone();
            let array = damaged.remove("artists.monet.0.tokens").unwrap();
            damaged.insert(name.to_owned(), array);
            let problem = Bank::take_all(&damaged, &config, &device).unwrap_err();
            assert!(problem.contains(words) && problem.contains("monet"), "{problem}");
        }
    }
}
