//! Pictures as vectors.

use crate::error::{EngineError, Result};

/// Feature vectors of pictures, one a row: `[len, width]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    values: Vec<f32>,
    width: usize,
}

impl Embeddings {
    /// Rows of `width` numbers, one after the other.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when `width` is 0, the numbers do not make whole rows, or one is not finite.
    pub fn new(values: Vec<f32>, width: usize) -> Result<Self> {
        if width == 0 || !values.len().is_multiple_of(width) {
            let text = format!("{} numbers do not make feature vectors of {width}", values.len());
            return Err(EngineError::Caller(text));
        }
        match values.iter().position(|v| !v.is_finite()) {
            Some(at) => {
                Err(EngineError::Caller(format!("feature vector {} has a number that is not finite", at / width)))
            }
            None => Ok(Self { values, width }),
        }
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Numbers in a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vector at `index`, which must be below [`Embeddings::len`].
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..][..self.width]
    }

    /// All vectors in order.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// All numbers, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The vectors at `rows`, in that order; an index may come more than once.
    pub fn select(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&row| self.row(row)).copied().collect();
        Self { values, width: self.width }
    }

    /// All vectors of the first part, then those of the second, and so on.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when there is no part or widths differ.
    pub fn concat(parts: &[&Self]) -> Result<Self> {
        let first = parts.first().ok_or_else(|| EngineError::Caller("there are no feature vectors to join".into()))?;
        for part in parts {
            same_width(first, part)?;
        }
        let values = parts.iter().flat_map(|part| part.values()).copied().collect();
        Ok(Self { values, width: first.width })
    }
}

/// That vectors can be compared.
pub(super) fn same_width(a: &Embeddings, b: &Embeddings) -> Result<()> {
    if a.width == b.width {
        return Ok(());
    }
    let text = format!("feature vectors of {} and of {} numbers cannot be compared", a.width, b.width);
    Err(EngineError::Caller(text))
}

/// That there are at least `count` vectors for what `what` names.
pub(super) fn at_least(e: &Embeddings, count: usize, what: &str) -> Result<()> {
    if e.len() >= count {
        return Ok(());
    }
    Err(EngineError::Caller(format!("{what} needs at least {count} feature vectors on each side, not {}", e.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_where_they_were_put() {
        let e = Embeddings::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2).unwrap();
        assert_eq!((e.len(), e.width(), e.is_empty()), (3, 2, false));
        assert_eq!(e.row(1), [3.0, 4.0]);
        assert_eq!(e.rows().nth(2).unwrap(), [5.0, 6.0]);
        assert_eq!(e.select(&[2, 0, 2]).values(), [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
        assert_eq!(Embeddings::concat(&[&e.select(&[0]), &e.select(&[1, 2])]).unwrap(), e);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(Embeddings::new(vec![1.0; 5], 2).is_err());
        assert!(Embeddings::new(vec![], 0).is_err());
        let text = Embeddings::new(vec![0.0, 0.0, 0.0, f32::NAN], 2).unwrap_err().to_string();
        assert!(text.contains("vector 1"), "{text}");
        let (a, b) = (Embeddings::new(vec![0.0; 2], 2).unwrap(), Embeddings::new(vec![0.0; 3], 3).unwrap());
        assert!(Embeddings::concat(&[&a, &b]).is_err());
        assert!(Embeddings::concat(&[]).is_err());
        assert!(Embeddings::new(vec![], 4).unwrap().is_empty());
    }
}
