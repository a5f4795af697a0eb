//! Paths and triangles between styles: one content painted in mixtures that go from style to style.

use impasto_image::{Picture, sheet::contact_sheet};

use super::explore::Eye;
use super::painter::Painter;
use crate::control::Control;
use crate::error::{EngineError, Result};
use crate::tensor::{self, values};

/// Pixels between the pictures of a sheet.
const GAP: u32 = 4;

/// A step of a path that is so many times as long as the path's mean is called a jump.
const JUMP: f32 = 2.5;

/// Where pictures lie between styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// From each style to the next, with so many pictures from one to the other, both ends included.
    Path(usize),
    /// All mixtures of three styles, with so many pictures along each side.
    Triangle(usize),
}

impl Between {
    /// A triangle for three styles, a path for any other number, with `steps` pictures along each side or stretch.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for fewer than two styles, and for steps below 2 or above 99.
    pub fn new(styles: usize, steps: usize) -> Result<Self> {
        if styles < 2 {
            return Err(EngineError::Caller("give at least two styles to mix, by --style or --artist".into()));
        }
        if !(2..=99).contains(&steps) {
            return Err(EngineError::Caller(format!("steps is {steps}, not from 2 to 99")));
        }
        Ok(if styles == 3 { Self::Triangle(steps) } else { Self::Path(steps) })
    }

    /// The weights of so many styles for every picture, row by row; a triangle's rows grow from one picture, the first
    /// style, to its last side.
    pub fn weights(self, styles: usize) -> Vec<Vec<f32>> {
        match self {
            Self::Path(steps) => {
                let stretches = styles.saturating_sub(1);
                let last = stretches * (steps - 1);
                let at = |place: usize| {
                    let (from, along) = (place / (steps - 1), place % (steps - 1));
                    let share = along as f32 / (steps - 1) as f32;
                    let mut weights = vec![0.0; styles];
                    weights[from] = 1.0 - share;
                    if share > 0.0 {
                        weights[from + 1] = share;
                    }
                    weights
                };
                (0..=last).map(at).collect()
            }
            Self::Triangle(steps) => {
                let whole = (steps - 1) as f32;
                let row = |row: usize| (0..=row).map(move |column| [steps - 1 - row, row - column, column]);
                (0..steps).flat_map(row).map(|parts| parts.map(|part| part as f32 / whole).to_vec()).collect()
            }
        }
    }

    /// Lays pictures out as they lie between the styles, each at most `cell` pixels wide and high.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when an empty cell cannot be made.
    pub fn sheet(self, pictures: &[Picture], cell: (u32, u32)) -> Result<Picture> {
        let steps = match self {
            Self::Path(steps) => {
                let all: Vec<&Picture> = pictures.iter().collect();
                return Ok(contact_sheet(&all, steps as u32, cell, GAP));
            }
            Self::Triangle(steps) => steps,
        };
        let blank = Picture::filled(1, 1, [0.5; 3]).map_err(|e| EngineError::Internal(e.to_string()))?;
        let mut cells = Vec::new();
        let mut rest = pictures.iter();
        for row in 0..steps {
            cells.extend(rest.by_ref().take(row + 1));
            cells.extend(std::iter::repeat_n(&blank, steps - 1 - row));
        }
        Ok(contact_sheet(&cells, steps as u32, cell, GAP))
    }
}

/// How far apart neighbours on a path look.
#[derive(Debug, Clone, PartialEq)]
pub struct PathLength {
    /// What measured it.
    pub by: &'static str,
    /// Distance from each picture to the next.
    pub steps: Vec<f32>,
    /// Distance from the first to the last.
    pub ends: f32,
}

impl PathLength {
    /// Sum of all steps.
    pub fn whole(&self) -> f32 {
        self.steps.iter().sum()
    }

    /// The longest step, as a multiple of the mean one.
    pub fn longest(&self) -> f32 {
        let mean = self.whole() / self.steps.len().max(1) as f32;
        let longest = self.steps.iter().copied().fold(0.0, f32::max);
        if mean > 0.0 { longest / mean } else { 0.0 }
    }

    /// Whether a step stands out.
    pub fn has_jump(&self) -> bool {
        self.longest() > JUMP
    }
}

/// Paints `content` with every list of weights, each as long as the painter's job has styles.
///
/// # Errors
/// Those of [`Painter::paint_mixed`].
pub fn paint_between(
    painter: &Painter,
    content: &Picture,
    weights: &[Vec<f32>],
    control: &Control,
) -> Result<Vec<Picture>> {
    let mut painted = Vec::with_capacity(weights.len());
    for weights in weights {
        control.check()?;
        painted.push(painter.paint_mixed(content, weights, control)?);
    }
    Ok(painted)
}

/// The length of a path of pictures of one size, at least one.
///
/// # Errors
/// Those of the eye.
pub fn path_length(pictures: &[Picture], eye: &Eye, device: &crate::Device) -> Result<PathLength> {
    let see = |picture: &Picture| eye.see(tensor::from_picture(picture, device));
    let seen = pictures.iter().map(see).collect::<Result<Vec<_>>>()?;
    let apart = |a, b| Ok::<_, EngineError>(values(eye.between(a, b)?).first().copied().unwrap_or(0.0));
    let steps = seen.windows(2).map(|pair| apart(&pair[0], &pair[1])).collect::<Result<Vec<_>>>()?;
    let ends = match (seen.first(), seen.last()) {
        (Some(first), Some(last)) => apart(first, last)?,
        _ => 0.0,
    };
    Ok(PathLength { by: eye.name(), steps, ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_triangles_reach_every_style() {
        assert_eq!(Between::new(2, 3).unwrap().weights(2), [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]);
        let three = Between::new(3, 3).unwrap();
        let expected =
            [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]];
        assert_eq!(three.weights(3), expected);
        let four = Between::new(4, 2).unwrap();
        assert_eq!(four, Between::Path(2));
        assert_eq!(four.weights(4).len(), 4);
        assert!((0..4).all(|i| four.weights(4)[i][i] == 1.0));
        for weights in Between::Path(5).weights(3).iter().chain(&Between::Triangle(9).weights(3)) {
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
        assert_eq!((Between::Path(5).weights(3).len(), Between::Triangle(9).weights(3).len()), (9, 45));
        assert!(Between::new(1, 5).is_err() && Between::new(2, 1).is_err());
    }

    #[test]
    fn a_long_step_is_a_jump() {
        let length = |steps: &[f32]| PathLength { by: "", steps: steps.to_vec(), ends: 0.0 };
        assert!(!length(&[0.1; 8]).has_jump() && !length(&[]).has_jump());
        assert!(length(&[0.1, 0.1, 0.1, 0.5, 0.1]).has_jump());
    }
}
