//! Feature vectors of pictures.

use crate::error::{EngineError, Result};

/// Feature vectors of pictures, one a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    values: Vec<f32>,
    width: usize,
}

impl Embeddings {
    /// Rows of `width` values, one after the other.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when the lengths do not fit, the width is 0 or a value is not finite.
    pub fn new(values: Vec<f32>, width: usize) -> Result<Self> {
        if width == 0 || !values.len().is_multiple_of(width) || values.iter().any(|v| !v.is_finite()) {
            return Err(EngineError::Caller(format!("{} values are no finite rows of {width}", values.len())));
        }
        Ok(Self { values, width })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..][..self.width]
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}
