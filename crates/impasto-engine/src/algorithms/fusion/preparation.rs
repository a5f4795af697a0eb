//! How a content is prepared before it is painted: what is left out of it, and what is laid on it.

use super::grain::Grain;
use super::network::{Generator, Levels};
use crate::blocks::simplified;
use crate::weights::{Array, Arrays};

/// What one artist, or a mixture of them, wants of contents.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Preparation {
    /// Deviation of forms that are left out, in the picture's values from 0 to 1.
    pub(super) simplify: f32,
    /// Deviation of the grain, in the same.
    pub(super) grain: f32,
}

/// What the array of each number is called below its artist's name, and the field it stands for.
const ARRAYS: [(&str, Field); 2] =
    [("simplify.deviation", |own| &mut own.simplify), ("grain.deviation", |own| &mut own.grain)];

/// Where a number is kept.
type Field = fn(&mut Preparation) -> &mut f32;

/// More is not a content any more.
const MOST: f32 = 0.25;

impl Preparation {
    /// Refuses what no content would survive.
    pub(super) fn validate(mut self) -> Result<Self, String> {
        for (name, field) in ARRAYS {
            let value = *field(&mut self);
            if !(0.0..=MOST).contains(&value) {
                return Err(format!("{name} is {value}, not a number from 0 to {MOST}"));
            }
        }
        Ok(self)
    }

    /// Puts in what the array `name` of an artist says; whether it says anything of this.
    pub(super) fn take(&mut self, name: &str, array: &Array) -> Result<bool, String> {
        let Some((_, field)) = ARRAYS.iter().find(|(known, _)| *known == name) else { return Ok(false) };
        *field(self) = match array.values[..] {
            [value] => value,
            _ => return Err(format!("{name} is not a number from 0 to {MOST}")),
        };
        self.validate().map(|_| true)
    }

    /// As arrays; what is 0 is left out.
    pub(super) fn to_arrays(mut self) -> Arrays {
        let one = |(name, field): (&str, Field)| {
            let value = *field(&mut self);
            (value > 0.0).then(|| (name.to_owned(), Array { shape: vec![1, 1], values: vec![value] }))
        };
        ARRAYS.into_iter().filter_map(one).collect()
    }

    /// The grain, of which there are as many as seeds.
    pub(super) fn grain(self, seed: u64) -> Grain {
        Grain { amount: self.grain, seed }
    }
}

impl Generator {
    /// What [`Generator::encode`] gave of a whole picture, prepared; its first map is the picture that is to be painted.
    pub(super) fn prepared(&self, levels: Levels, preparation: Preparation, seed: u64) -> Levels {
        let levels = match preparation.simplify {
            0.0 => levels,
            deviation => {
                let image = levels.maps[0].clone();
                // Memory for one set of features.
                drop(levels);
                self.encode(simplified(image, deviation))
            }
        };
        self.grained(levels, preparation.grain(seed), [0, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_arrays_within_limits() {
        let own = Preparation { simplify: 0.06, grain: 0.02 };
        let mut back = Preparation::default();
        for (name, array) in own.to_arrays() {
            assert_eq!(back.take(&name, &array), Ok(true));
        }
        assert_eq!(back, own);
        assert!(Preparation::default().to_arrays().is_empty());
        let array = |values: &[f32]| Array { shape: vec![1, values.len()], values: values.to_vec() };
        assert_eq!(back.take("else.deviation", &array(&[0.1])), Ok(false));
        for wrong in [&[0.1, 0.1][..], &[], &[-0.1], &[0.3], &[f32::NAN]] {
            assert!(back.take("simplify.deviation", &array(wrong)).unwrap_err().contains("simplify"), "{wrong:?}");
        }
    }
}
