//! An artist as painting takes them: the hand, and codes that stand for the kinds of works there are.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::super::FusionConfig;
use super::super::code::Code;
use super::super::preparation::Preparation;
use crate::tensor::values;
use crate::weights::{Array, Arrays};

/// What names of an artist's arrays begin with.
const PREFIX: &str = "artists.";

/// What the place of a number of an artist's codes is called for what is usual.
const USUAL: &str = "usual";

/// The array of [`USUAL`] with a number for each code; see [`Bank::balanced`].
const PRICE: &str = "price";

/// How quickly a code loses its say as it is further from the content than the nearest one, in mean distances.
const SHARPNESS: f32 = 0.05;

/// Deviations from what is usual that count; what is further away counts as so far.
const FAR: f32 = 3.0;

/// Rounds of [`prices`].
const ROUNDS: usize = 400;

/// Share of the prices that is asked for: with all of them contents are painted like works that they are nothing like.
const BALANCE: f32 = 0.5;

/// Codes with a smaller say are left out: each costs the attention its tokens.
const LEAST: f32 = 0.02;

/// What contents usually are like: of every moment of their codes the mean and the deviation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Usual {
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Usual {
    /// Of the moments of some contents.
    pub(super) fn of(rows: &[Vec<f32>]) -> Self {
        let column = |i: usize| rows.iter().map(move |row| row[i]);
        let mean: Vec<f32> =
            (0..rows.first().map_or(0, Vec::len)).map(|i| column(i).sum::<f32>() / rows.len() as f32).collect();
        let square = |(i, mean): (usize, &f32)| column(i).map(|v| (v - mean).powi(2)).sum::<f32>() / rows.len() as f32;
        let deviation = mean.iter().enumerate().map(|column| square(column).sqrt()).collect();
        Self { mean, deviation }
    }

    /// Moves a content from among contents to among works: as far from the works' mean as it is from that of contents, both in
    /// deviations. Photographs and paintings differ so much that otherwise the nearest works to all photographs are the same few.
    fn among(&self, works: &Self, content: &[f32]) -> Vec<f32> {
        let place = |i: usize| (content[i] - self.mean[i]) / self.deviation[i].max(f32::MIN_POSITIVE);
        (0..content.len()).map(|i| works.mean[i] + works.deviation[i] * place(i).clamp(-FAR, FAR)).collect()
    }

    fn arrays(&self) -> [(&'static str, Array); 2] {
        let row = |values: &Vec<f32>| Array { shape: vec![1, values.len()], values: values.clone() };
        [("mean", row(&self.mean)), ("deviation", row(&self.deviation))]
    }

    fn from_arrays(mut arrays: Arrays, moments: usize) -> Result<Self, String> {
        let mut row = |name: &str| {
            let array = arrays.remove(name).ok_or_else(|| format!("{USUAL}.{name} is missing"))?;
            if array.values.len() != moments || array.values.iter().any(|v| !v.is_finite()) {
                return Err(format!("{USUAL}.{name} is not {moments} numbers"));
            }
            Ok(array.values)
        };
        let usual = Self { mean: row("mean")?, deviation: row("deviation")? };
        match arrays.keys().next() {
            Some(name) => Err(format!("{USUAL}.{name} means nothing")),
            None => Ok(usual),
        }
    }
}

/// The codes of one artist, each with the artist's hand; at least one.
#[derive(Debug, Clone)]
pub(in super::super) struct Bank {
    codes: Vec<Code>,
    /// Of the contents that the artist learned with; weights of before 2026-11-22 do not say it.
    usual: Option<Usual>,
    /// How much nearer each code counts than it is, so that none is left out; nothing where that is not known.
    prices: Vec<f32>,
    preparation: Preparation,
}

impl Bank {
    /// Of codes, at least one.
    pub(super) fn new(codes: Vec<Code>, usual: Option<Usual>, preparation: Preparation) -> Self {
        Self { codes, usual, prices: Vec::new(), preparation }
    }

    /// The same, with prices by contents like these, of which the moments are given, so that paintings are like a kind of
    /// works more nearly as often as there are works of that kind: without them most codes are hardly ever the nearest.
    /// `shares` are those of the kinds and sum to 1. Where it is not known what contents usually are like nothing changes.
    pub(super) fn balanced(mut self, contents: &[Vec<f32>], shares: &[f32]) -> Self {
        if self.usual.is_some() {
            let bank = self.rows();
            let away: Vec<Vec<f32>> = contents.iter().map(|content| self.away(&bank, content)).collect();
            self.prices = prices(&away, shares).into_iter().map(|price| BALANCE * price).collect();
        }
        self
    }

    fn rows(&self) -> Vec<Vec<f32>> {
        self.codes.iter().map(|code| values(code.moments.clone())).collect()
    }

    /// How far a content of these moments is from each code, whose moments are `bank`.
    fn away(&self, bank: &[Vec<f32>], content: &[f32]) -> Vec<f32> {
        match &self.usual {
            Some(usual) => distances(&usual.among(&Usual::of(bank), content), bank),
            None => distances(content, bank),
        }
    }

    /// How contents are prepared for this artist.
    pub(in super::super) fn preparation(&self) -> Preparation {
        self.preparation
    }

    /// The codes that suit a content, with weights that sum to 1: those of the works that are as unusual among works as the content
    /// is among contents, or else most like it. The weights change smoothly with the content.
    pub(in super::super) fn choose(&self, content: &Code) -> Vec<(Code, f32)> {
        let says = says(&self.away(&self.rows(), &values(content.moments.clone())), &self.prices);
        let most = says.iter().copied().fold(0.0, f32::max);
        let counts = |say: &f32| *say >= LEAST * most;
        let sum: f32 = says.iter().filter(|say| counts(say)).sum();
        let chosen = self.codes.iter().zip(&says).filter(|(_, say)| counts(say));
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
        let prices = Array { shape: vec![1, self.prices.len()], values: self.prices.clone() };
        let prices = (!self.prices.is_empty()).then_some((PRICE, prices));
        let usual = self.usual.iter().flat_map(Usual::arrays).chain(prices);
        let usual = usual.map(|(array, values)| (format!("{PREFIX}{name}.{USUAL}.{array}"), values));
        let preparation = self.preparation.to_arrays().into_iter();
        let preparation = preparation.map(|(array, values)| (format!("{PREFIX}{name}.{array}"), values));
        parts.flat_map(named).chain(usual).chain(preparation).collect()
    }

    /// Takes all artists out of a weights file's arrays; the others are the generator's.
    pub(in super::super) fn take_all(
        arrays: &Arrays,
        config: &FusionConfig,
        device: &Device,
    ) -> Result<(Arrays, BTreeMap<String, Self>), String> {
        let mut generator = Arrays::new();
        let mut parts: BTreeMap<(String, usize), Arrays> = BTreeMap::new();
        let mut usual: BTreeMap<String, Arrays> = BTreeMap::new();
        let mut preparations: BTreeMap<String, Preparation> = BTreeMap::new();
        for (name, array) in arrays {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                generator.insert(name.clone(), array.clone());
                continue;
            };
            let mut fields = rest.splitn(3, '.');
            let (Some(artist), Some(place), Some(field)) = (fields.next(), fields.next(), fields.next()) else {
                return Err(format!("tensor '{name}' belongs to no artist"));
            };
            let arrays = match place.parse() {
                Ok(number) => parts.entry((artist.to_owned(), number)).or_default(),
                Err(_) if place == USUAL => usual.entry(artist.to_owned()).or_default(),
                Err(_) => {
                    let preparation = preparations.entry(artist.to_owned()).or_default();
                    match preparation.take(&format!("{place}.{field}"), array) {
                        Ok(true) => continue,
                        Ok(false) => return Err(format!("tensor '{name}' belongs to no artist")),
                        Err(problem) => return Err(format!("{artist}: {problem}")),
                    }
                }
            };
            arrays.insert(field.to_owned(), array.clone());
        }
        let mut banks: BTreeMap<String, Self> = BTreeMap::new();
        for ((artist, _), arrays) in parts {
            let code = Code::from_arrays(&arrays, config, device).map_err(|problem| format!("{artist}: {problem}"))?;
            banks.entry(artist).or_insert_with(|| Self::new(Vec::new(), None, Preparation::default())).codes.push(code);
        }
        for (artist, mut arrays) in usual {
            let bank = banks.get_mut(&artist).ok_or_else(|| format!("{artist} has no codes"))?;
            if let Some(prices) = arrays.remove(PRICE) {
                if prices.values.len() != bank.codes.len() || prices.values.iter().any(|v| !v.is_finite()) {
                    return Err(format!("{artist}: {USUAL}.{PRICE} is not {} numbers", bank.codes.len()));
                }
                bank.prices = prices.values;
            }
            let moments = bank.codes[0].moments.dims()[1];
            bank.usual = Some(Usual::from_arrays(arrays, moments).map_err(|problem| format!("{artist}: {problem}"))?);
        }
        for (artist, preparation) in preparations {
            banks.get_mut(&artist).ok_or_else(|| format!("{artist} has no codes"))?.preparation = preparation;
        }
        Ok((generator, banks))
    }
}

/// Distances over which the says of codes fall by e, where they are so far away.
fn width(away: &[f32]) -> f32 {
    (SHARPNESS * away.iter().sum::<f32>() / away.len() as f32).max(f32::MIN_POSITIVE)
}

/// The prices with which contents that are so far away from codes choose each code for its share: optimal transport with entropy
/// (Cuturi 2013), of which the codes' side is kept.
fn prices(away: &[Vec<f32>], shares: &[f32]) -> Vec<f32> {
    let width = away.iter().map(|away| width(away)).sum::<f32>() / away.len() as f32;
    let mut prices = vec![0.0; shares.len()];
    for _ in 0..ROUNDS {
        let mut used = vec![0.0; shares.len()];
        for row in away {
            used.iter_mut().zip(says(row, &prices)).for_each(|(used, say)| *used += say / away.len() as f32);
        }
        for ((price, used), share) in prices.iter_mut().zip(used).zip(shares) {
            *price += width * (share / used.max(1e-4 * share)).ln();
        }
    }
    prices
}

/// What each code has to say where they are so far away and so much nearer counted (all 0 where there are none), in all 1.
fn says(away: &[f32], prices: &[f32]) -> Vec<f32> {
    let priced = || away.iter().zip(prices.iter().chain(std::iter::repeat(&0.0))).map(|(away, price)| away - price);
    let (least, width) = (priced().fold(f32::INFINITY, f32::min), width(away));
    let says: Vec<f32> = priced().map(|away| ((least - away) / width).exp()).collect();
    let sum: f32 = says.iter().sum();
    says.into_iter().map(|say| say / sum).collect()
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

    /// The same with moments that are larger by so much.
    fn raised(code: &Code, by: f32) -> Code {
        let mut code = code.clone();
        code.moments = code.moments + by;
        code
    }

    #[test]
    fn the_content_chooses_among_codes() {
        let device = Device::flex();
        let bank = Bank::new([0.2, 0.5, 0.8].map(|level| code(level, &device)).to_vec(), None, Preparation::default());
        let chosen = bank.choose(&code(0.22, &device));
        assert!((chosen.iter().map(|(_, say)| say).sum::<f32>() - 1.0).abs() < 1e-6);
        let most = chosen.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(values(most.0.moments.clone()), values(bank.codes[0].moments.clone()));
        // What lies between two has something of both, and one code alone has everything.
        assert!(bank.choose(&code(0.35, &device)).len() >= 2);
        let alone = Bank::new(vec![code(0.5, &device)], None, Preparation::default());
        assert_eq!(alone.choose(&code(0.9, &device)).into_iter().map(|(_, say)| say).collect::<Vec<_>>(), [1.0]);
    }

    /// Contents that all lie below the works are not all painted as the lowest work.
    #[test]
    fn a_content_is_placed_among_contents() {
        let device = Device::flex();
        let base = code(0.5, &device);
        let at = |level| raised(&base, level);
        let (works, contents) = ([5.0, 6.0, 7.0], [1.0, 1.2, 1.4]);
        let usual = Usual::of(&contents.map(|level| values(at(level).moments)));
        let chosen = |usual: Option<Usual>| {
            let bank = Bank::new(works.map(at).to_vec(), usual, Preparation::default());
            contents.map(|level| {
                let (most, say) = bank.choose(&at(level)).into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
                assert!(say > 0.9, "{say}");
                (values(most.moments)[0] - values(base.moments.clone())[0]).round()
            })
        };
        assert_eq!(chosen(None), [5.0, 5.0, 5.0]);
        assert_eq!(chosen(Some(usual)), works);
    }

    /// Contents that are all nearest to one of three codes.
    #[test]
    fn codes_get_their_shares() {
        let at = |content: f32| [-9.0f32, 0.0, 9.0].map(|code| (content - code).powi(2) / 81.0).to_vec();
        let away: Vec<Vec<f32>> = (0..40).map(|i| at((i as f32 * 0.7).sin())).collect();
        let used = |prices: &[f32]| {
            let mut used = [0.0; 3];
            for away in &away {
                used.iter_mut().zip(says(away, prices)).for_each(|(used, say)| *used += say / 40.0);
            }
            used
        };
        assert!(used(&[])[1] > 0.99, "{:?}", used(&[]));
        let shares = [0.2, 0.3, 0.5];
        let prices = prices(&away, &shares);
        let found = used(&prices);
        assert!(found.iter().zip(shares).all(|(used, share): (&f32, f32)| (used - share).abs() < 0.01), "{found:?}");
        // The lowest codes are for the lowest.
        let [low, middle, high] = [-1.0, 0.0, 1.0].map(|content| says(&at(content), &prices));
        assert!(low[0] > 2.0 * middle[0] && middle[0] > 2.0 * high[0], "{low:?} {middle:?} {high:?}");
        assert!(high[2] > 2.0 * middle[2] && middle[2] > 2.0 * low[2], "{low:?} {middle:?} {high:?}");
    }

    #[test]
    fn prices_change_choices_and_come_back_from_a_file() {
        let device = Device::flex();
        let base = code(0.5, &device);
        let at = |level| raised(&base, level);
        let contents: Vec<Vec<f32>> = (0..20).map(|i| values(at((i as f32 * 0.7).sin()).moments)).collect();
        let bank = Bank::new([-1.0, 0.0, 1.0].map(at).to_vec(), Some(Usual::of(&contents)), Preparation::default());
        // Between two codes.
        let says = |bank: &Bank| bank.choose(&at(-0.43)).into_iter().map(|(_, say)| say).collect::<Vec<_>>();
        let balanced = bank.clone().balanced(&contents, &[0.8, 0.1, 0.1]);
        assert_ne!(says(&balanced), says(&bank));
        let mut arrays = balanced.to_arrays("monet");
        let config = FusionConfig::default();
        arrays.extend(crate::weights::collect(&Generator::new(&config, 2, &device)));
        let (_, banks) = Bank::take_all(&arrays, &config, &device).unwrap();
        assert_eq!(says(&banks["monet"]), says(&balanced));
        arrays.get_mut("artists.monet.usual.price").unwrap().values.pop();
        assert!(Bank::take_all(&arrays, &config, &device).unwrap_err().contains("price"));
    }

    #[test]
    fn artists_come_back_from_a_file() {
        let device = Device::flex();
        let config = FusionConfig::default();
        let hand = Tensor::full([1, config.style_width], 0.25, &device);
        let preparation = Preparation { simplify: 0.06, grain: 0.02 };
        let usual = Usual::of(&[0.2, 0.4].map(|level| values(code(level, &device).moments)));
        let bank =
            Bank::new([0.3, 0.6].map(|level| code(level, &device).by(hand.clone())).to_vec(), Some(usual), preparation);
        let mut arrays = bank.to_arrays("monet");
        arrays.extend(crate::weights::collect(&Generator::new(&config, 2, &device)));
        let (generator, banks) = Bank::take_all(&arrays, &config, &device).unwrap();
        assert!(generator.keys().all(|name| !name.starts_with(PREFIX)));
        assert_eq!(banks.keys().collect::<Vec<_>>(), ["monet"]);
        assert_eq!(banks["monet"].to_arrays("monet"), bank.to_arrays("monet"));
        assert_eq!(banks["monet"].usual, bank.usual);
        assert_eq!(banks["monet"].preparation(), preparation);
        assert_eq!(banks["monet"].hand().unwrap(), vec![0.25; config.style_width]);
        for (name, instead, words) in [
            ("0.tokens", "x.tokens", "no artist"),
            ("0.tokens", "0.more", ""),
            ("usual.mean", "usual.more", "usual"),
            ("0.tokens", "grain.deviation", "grain"),
            ("grain.deviation", "grain.more", "no artist"),
            ("0.tokens", "simplify.deviation", "simplify"),
        ] {
            let mut damaged = arrays.clone();
            let array = damaged.remove(&format!("artists.monet.{name}")).unwrap();
            damaged.insert(format!("artists.monet.{instead}"), array);
            let problem = Bank::take_all(&damaged, &config, &device).unwrap_err();
            assert!(problem.contains(words) && problem.contains("monet"), "{problem}");
        }
    }
}
