//! Numbers in JSON, which has none that are not finite: those are written as the words `inf`, `-inf` and `nan`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that may be infinite (the PSNR of equal pictures).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) f64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Finite(f64),
    Word(String),
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("nan"),
            value if value > 0.0 => serializer.serialize_str("inf"),
            _ => serializer.serialize_str("-inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Finite(value) => Ok(Self(value)),
            Written::Word(word) => match word.as_str() {
                "inf" => Ok(Self(f64::INFINITY)),
                "-inf" => Ok(Self(f64::NEG_INFINITY)),
                "nan" => Ok(Self(f64::NAN)),
                _ => Err(serde::de::Error::custom(format!("'{word}' is not a number"))),
            },
        }
    }
}

/// For `#[serde(with)]` on an `f64`.
pub(super) mod one {
    use super::{Deserialize, Deserializer, Number, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Number(*value).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Number::deserialize(deserializer)?.0)
    }
}

/// For `#[serde(serialize_with)]` on an optional `f64`.
pub(in super::super) fn option<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Number).serialize(serializer)
}

/// For `#[serde(with)]` on an optional pair of `f64`.
pub(super) mod pair {
    use super::{Deserialize, Deserializer, Number, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(pair: &Option<[f64; 2]>, to: S) -> Result<S::Ok, S::Error> {
        pair.map(|pair| pair.map(Number)).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[f64; 2]>, D::Error> {
        Ok(Option::<[Number; 2]>::deserialize(from)?.map(|pair| pair.map(|number| number.0)))
    }
}

/// For `#[serde(with)]` on lists of `f64` by name.
pub(super) mod lists {
    use std::collections::BTreeMap;

    use super::{Deserialize, Deserializer, Number, Serialize, Serializer};

    type Lists = BTreeMap<String, Vec<f64>>;

    pub(in super::super) fn serialize<S: Serializer>(lists: &Lists, to: S) -> Result<S::Ok, S::Error> {
        let numbers: BTreeMap<&String, Vec<Number>> =
            lists.iter().map(|(name, list)| (name, list.iter().copied().map(Number).collect())).collect();
        numbers.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Lists, D::Error> {
        let numbers = BTreeMap::<String, Vec<Number>>::deserialize(from)?;
        Ok(numbers.into_iter().map(|(name, list)| (name, list.into_iter().map(|n| n.0).collect())).collect())
    }
}
