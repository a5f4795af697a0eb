//! Structured codes of a generator set by hand.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};
use crate::generator::{Form, Generator};
use crate::rng;
use crate::tensor;

/// What a continuous code may be set to. Training draws it from -1 to 1; beyond, its meaning often goes on for a while.
const RANGE: RangeInclusive<f32> = -4.0..=4.0;

/// Latents that the middle of all styles is taken of, where codes are set: pairs of opposite ones.
const SAMPLES: usize = 256;

/// A structured code and its value, both kinds counted from 0: `CODE=CATEGORY` for a categorical one (`0=2`),
/// `cCODE=VALUE` for a continuous one (`c1=-0.5`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum CodeValue {
    /// A categorical code is of this category.
    Category {
        /// Which of the categorical codes.
        code: usize,
        /// Its category.
        category: usize,
    },
    /// A continuous code has this value.
    Number {
        /// Which of the continuous codes.
        code: usize,
        /// Its value, from -4 to 4.
        value: f32,
    },
}

impl CodeValue {
    /// The numbers of a latent that stand for the code, by their places, with their values.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for a code or category that the generator does not have, and a value out of range.
    pub fn numbers(self, form: &Form) -> Result<Vec<(usize, f32)>> {
        let codes = &form.codes;
        let first = form.latent - codes.len();
        let categorical = codes.categorical.iter().sum::<usize>();
        let refused = |why: String| Err(EngineError::Caller(format!("code '{self}': {why}")));
        if codes.is_empty() {
            return refused("this generator has no structured codes; leave out --code".into());
        }
        match self {
            Self::Category { code, category } => match codes.categorical.get(code) {
                Some(&values) if category < values => {
                    let start = first + codes.categorical[..code].iter().sum::<usize>();
                    Ok((0..values).map(|i| (start + i, f32::from(u8::from(i == category)))).collect())
                }
                Some(&values) => refused(format!("its categories are 0 to {}", values - 1)),
                None => refused(format!("this generator has the codes {codes}")),
            },
            Self::Number { code, value } if code < codes.continuous => match RANGE.contains(&value) {
                true => Ok(vec![(first + categorical + code, value)]),
                false => refused(format!("give a value from {} to {}", RANGE.start(), RANGE.end())),
            },
            Self::Number { .. } => refused(format!("this generator has the codes {codes}")),
        }
    }

    /// Which code it is, as users write it.
    fn name(self) -> String {
        match self {
            Self::Category { code, .. } => code.to_string(),
            Self::Number { code, .. } => format!("c{code}"),
        }
    }
}

impl FromStr for CodeValue {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('=').and_then(|(name, value)| match name.strip_prefix('c') {
            Some(code) => {
                let value = value.parse::<f32>().ok().filter(|value| value.is_finite())?;
                Some(Self::Number { code: code.parse().ok()?, value })
            }
            None => Some(Self::Category { code: name.parse().ok()?, category: value.parse().ok()? }),
        });
        parsed.ok_or_else(|| {
            EngineError::Caller(format!(
                "code '{text}': write CODE=CATEGORY like 0=2, or cCODE=VALUE like c0=-0.5 for a continuous one"
            ))
        })
    }
}

impl fmt::Display for CodeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Category { code, category } => write!(f, "{code}={category}"),
            Self::Number { code, value } => write!(f, "c{code}={value}"),
        }
    }
}

impl From<CodeValue> for String {
    fn from(value: CodeValue) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for CodeValue {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// The numbers of every latent that these codes set, by their places.
///
/// # Errors
/// Those of [`CodeValue::numbers`]; [`EngineError::Caller`] for a code that is set twice.
pub(super) fn numbers(values: &[CodeValue], form: &Form) -> Result<Vec<(usize, f32)>> {
    for (index, value) in values.iter().enumerate() {
        if values[..index].iter().any(|earlier| earlier.name() == value.name()) {
            return Err(EngineError::Caller(format!("code {} is set twice; set it once", value.name())));
        }
    }
    let numbers = values.iter().map(|value| value.numbers(form)).collect::<Result<Vec<_>>>()?;
    Ok(numbers.concat())
}

/// The middle of all styles whose latents have these numbers, `[classes or 1, layers, width]`: truncation then pulls
/// towards what is usual among pictures of these codes, and leaves the codes alone.
pub(super) fn centre(generator: &dyn Generator, set: &[(usize, f32)], device: &Device) -> Vec<f32> {
    if set.is_empty() {
        return tensor::values(generator.centre());
    }
    let form = generator.form();
    let normal = form.latent - form.codes.len();
    let mut latents = Vec::with_capacity(SAMPLES * form.latent);
    for pair in 0..SAMPLES as u64 / 2 {
        let drawn = form.draw(&mut rng::stream(pair, "centre", 0));
        // Of two opposite latents the middle is exact where styles are latents.
        for sign in [1.0, -1.0] {
            let mut latent = drawn.clone();
            latent[..normal].iter_mut().for_each(|value| *value *= sign);
            set.iter().for_each(|&(place, value)| latent[place] = value);
            latents.extend(latent);
        }
    }
    let latents = Tensor::<2>::from_data(TensorData::new(latents, [SAMPLES, form.latent]), device);
    let mut centre = Vec::new();
    for class in 0..form.classes.len().max(1) {
        let styles = tensor::values(generator.map(latents.clone(), form.labels(&[class; SAMPLES], device)));
        let length = form.layers * form.width;
        let sum = |i: usize| styles.iter().skip(i).step_by(length).map(|&value| f64::from(value)).sum::<f64>();
        centre.extend((0..length).map(|i| (sum(i) / SAMPLES as f64) as f32));
    }
    centre
}

#[cfg(test)]
mod tests {
    use super::super::testing::{coded, job};
    use super::super::*;
    use super::*;
    use crate::generator::Codes;

    /// Six numbers of a latent: two normal ones, three categories, a continuous code.
    fn codes() -> Codes {
        Codes { categorical: vec![3], continuous: 1 }
    }

    fn asked(codes: &[&str]) -> GenerationJob {
        GenerationJob { codes: codes.iter().map(|text| text.parse().unwrap()).collect(), ..job() }
    }

    #[test]
    fn codes_are_written_read_and_checked() {
        for text in ["0=2", "3=0", "c0=-1.5", "c12=0.25"] {
            assert_eq!(text.parse::<CodeValue>().unwrap().to_string(), text);
        }
        for text in ["", "0", "=1", "0=", "0=-1", "0=x", "c=1", "c0=", "c0=nan", "d0=1", "-1=0"] {
            assert!(text.parse::<CodeValue>().unwrap_err().to_string().contains("cCODE=VALUE"), "{text}");
        }
        let mut studio = coded(job(), codes());
        for (codes, part) in [
            (&["0=3"][..], "0 to 2"),
            (&["1=0"], "0 (3 categories) and c0"),
            (&["c1=0"], "0 (3 categories) and c0"),
            (&["c0=4.5"], "from -4 to 4"),
            (&["0=1", "c0=1", "0=1"], "code 0 is set twice"),
        ] {
            let error = studio.change(asked(codes)).unwrap_err().to_string();
            assert!(error.contains(part), "{codes:?}: {error}");
        }
        let error = coded(job(), Codes::default()).change(asked(&["0=0"])).unwrap_err().to_string();
        assert!(error.contains("no structured codes"), "{error}");
    }

    #[test]
    fn latents_have_the_codes_that_are_set_and_the_rest_of_their_seeds() {
        let (plain, set) = (coded(job(), codes()), coded(asked(&["0=1", "c0=-1.5"]), codes()));
        for seed in 0..4 {
            let (drawn, latent) = (plain.latent_of(seed), set.latent_of(seed));
            assert_eq!(latent[..2], drawn[..2], "seed {seed}");
            assert_eq!(latent[2..], [0.0, 1.0, 0.0, -1.5], "seed {seed}");
        }
        let one = coded(asked(&["c0=0.5"]), codes()).latent_of(1);
        assert_eq!((&one[..5], one[5]), (&plain.latent_of(1)[..5], 0.5), "what is not set is drawn");
        assert_eq!(coded(asked(&["c0=0.5"]), codes()).draw(&mut rng::stream(3, "test", 0))[5], 0.5);
    }

    /// The generator for tests has latents for styles, each number times a factor.
    #[test]
    fn truncation_leaves_the_codes_alone() {
        let job = GenerationJob { trunc: 0.5, ..asked(&["0=1", "c0=1.5"]) };
        let (full, half) = (coded(asked(&["0=1", "c0=1.5"]), codes()), coded(job, codes()));
        let [full, half] = [full, half].map(|studio| studio.place(&Point::Seed(7)).unwrap().styles);
        assert_eq!(full[2..6], half[2..6]);
        for (full, half) in full[..2].iter().zip(&half[..2]) {
            assert!((full / 2.0 - half).abs() < 1e-6);
        }
    }

    #[test]
    fn pictures_say_their_codes_and_files_of_codes_take_none() {
        let studio = coded(asked(&["0=1", "c0=-0.5"]), codes());
        let mut lines = Vec::new();
        let keep = |_, made: Made| {
            lines.push((made.parameters.json["command"].clone(), made.parameters.json["generation"]["codes"].clone()));
            Ok(())
        };
        studio.generate(&[Point::Seed(3)], &Control::silent(), keep).unwrap();
        assert_eq!(lines[0].0, "impasto generate tiny --seeds 3 --code 0=1 --code c0=-0.5");
        assert_eq!(lines[0].1, serde_json::json!(["0=1", "c0=-0.5"]));
        let error = studio.place(&Point::Code("a.safetensors".into())).unwrap_err().to_string();
        assert!(error.contains("leave out --code"), "{error}");
    }
}
