//! The error of every public function: sizes that do not fit together.

use std::fmt;

/// Sizes that do not describe an operation, or a slice whose length disagrees with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShapeError {
    /// A slice has another length than its shape asks for.
    Length {
        /// Which argument, by its name in the function's signature.
        argument: &'static str,
        /// The length that the shape asks for.
        expected: usize,
        /// The length of the slice.
        actual: usize,
    },
    /// The sizes themselves are impossible; the text says which and why.
    Invalid(&'static str),
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { argument, expected, actual } => {
                write!(f, "`{argument}` has {actual} values where {expected} are needed")
            }
            Self::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ShapeError {}

/// Checks the length of the slice given as `argument`.
pub(crate) fn check_length(argument: &'static str, slice: &[f32], expected: usize) -> Result<(), ShapeError> {
    if slice.len() == expected {
        return Ok(());
    }
    Err(ShapeError::Length { argument, expected, actual: slice.len() })
}
