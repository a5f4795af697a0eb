//! What a discriminator is shown of pictures: changed at random, real ones and made ones alike, so that a few pictures
//! cannot be learned by heart.
//!
//! Every change is differentiable, so that the generator learns through it (DiffAugment, Zhao et al. 2020). Made pictures
//! do not take on the changes as long as the changed pictures still tell what the unchanged ones look like: a change that
//! happens with probability below about 0.8 does not leak, since unchanged pictures stay the most frequent (Karras et al.
//! 2020, section 3). So probabilities are steered only that far, and what always happens (DiffAugment) is of a kind that
//! hides nothing: shifts of all directions, colours around the true ones. Values may leave `[0, 1]`, and stay so: clamping
//! would take gradients away.

mod colour;
mod geometry;
#[cfg(test)]
mod tests;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::rng::{self, Rng};

/// One kind of change. Strengths are those of the papers, for pictures in `[0, 1]`; each is drawn anew for every picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Brightness by up to 0.25, saturation by 0 to 2 and contrast about the picture's mean by 0.5 to 1.5 (DiffAugment).
    Colour,
    /// Left to right, in half of all cases.
    Mirror,
    /// By one of four quarter turns, none among them; for square pictures.
    QuarterTurn,
    /// By whole pixels, up to an eighth of each side.
    Translation,
    /// By a factor whose binary logarithm has deviation 0.2.
    Scale,
    /// By an angle of up to 15 degrees.
    Rotation,
    /// Wider or narrower by such a factor, and lower or higher by its inverse.
    Stretch,
    /// By a value of deviation 0.1.
    Brightness,
    /// About mid grey, by a factor whose binary logarithm has deviation 0.5.
    Contrast,
    /// Light to dark and dark to light with hue and saturation kept, in half of all cases.
    LumaFlip,
    /// By any angle around the axis of greys.
    Hue,
    /// By a factor whose binary logarithm has deviation 1.
    Saturation,
    /// A rectangle of half of both sides, its middle anywhere, in grey.
    Cutout,
}

/// What lies beyond the border of a picture that is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Border {
    /// The picture, reflected at its outermost pixels.
    #[default]
    Reflect,
    /// Mid grey.
    Grey,
}

/// A ready-made choice of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// None.
    None,
    /// Colour, translation and cutout, for every picture: for few pictures (Zhao et al. 2020).
    #[default]
    Diffaugment,
    /// Everything but cutout, with a probability that is steered (Karras et al. 2020).
    Ada,
}

/// Changes, each of which happens to each picture with some probability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// What happens, in this order among colours and among movements; colours come before movements, cutout is last.
    pub changes: Vec<Change>,
    /// What lies beyond the border.
    pub border: Border,
}

/// What happens to one picture.
struct Lot {
    colour: colour::Colour,
    /// From positions in the new picture to those in the old one.
    movement: geometry::Affine,
    /// The middle of what is cut out, as shares of both sides.
    cutout: Option<[f32; 2]>,
}

impl Policy {
    /// Its changes for pictures of `size`: quarter turns only where they are square.
    pub fn augment(self, [h, w]: [usize; 2]) -> Augment {
        match self {
            Self::None => Augment::default(),
            Self::Diffaugment => {
                Augment { changes: vec![Change::Colour, Change::Translation, Change::Cutout], border: Border::Grey }
            }
            Self::Ada => {
                let mut changes = vec![
                    Change::Mirror,
                    Change::QuarterTurn,
                    Change::Translation,
                    Change::Scale,
                    Change::Rotation,
                    Change::Stretch,
                    Change::Brightness,
                    Change::Contrast,
                    Change::LumaFlip,
                    Change::Hue,
                    Change::Saturation,
                ];
                changes.retain(|&change| h == w || change != Change::QuarterTurn);
                Augment { changes, border: Border::Reflect }
            }
        }
    }
}

impl Augment {
    /// Checks that pictures of `size` can be changed so.
    ///
    /// # Errors
    /// A line that says which change does not fit.
    pub fn validate(&self, [h, w]: [usize; 2]) -> Result<(), String> {
        if h != w && self.changes.contains(&Change::QuarterTurn) {
            return Err(format!("quarter turns of pictures that are not square ({w}x{h}); leave out 'quarter-turn'"));
        }
        Ok(())
    }

    /// Pictures `[n, 3, h, w]`, each changed with probability `p` for each change: those of sample numbers `first` and
    /// following, whose lots depend on `seed`, `stream` and their number only, not on how samples are dealt into
    /// batches. With a larger `p` the same changes happen and others as well.
    pub fn apply(&self, images: Tensor<4>, p: f32, seed: u64, stream: &str, first: u64) -> Tensor<4> {
        if self.changes.is_empty() || p <= 0.0 {
            return images;
        }
        let [n, _, h, w] = images.dims();
        let lots: Vec<Lot> = (first..).take(n).map(|number| self.lot(p, [h, w], seed, stream, number)).collect();
        let colours: Vec<_> = lots.iter().map(|lot| lot.colour).collect();
        let movements: Vec<_> = lots.iter().map(|lot| lot.movement).collect();
        let cutouts: Vec<_> = lots.iter().map(|lot| lot.cutout).collect();
        let images = colour::apply(images, &colours);
        let images = geometry::moved(images, &movements, self.border);
        geometry::cut(images, &cutouts)
    }

    fn lot(&self, p: f32, size: [usize; 2], seed: u64, stream: &str, number: u64) -> Lot {
        let mut rng = rng::stream(seed, stream, number);
        let mut lot = Lot { colour: colour::Colour::SAME, movement: geometry::Affine::SAME, cutout: None };
        for &change in &self.changes {
            let happens = rng.random::<f32>() < p;
            // Drawn in any case: whether one change happens must not shift the draws of the next.
            let (uniform, normal) = (draws(&mut rng), f64::from(rng::normal(&mut rng, 1)[0]));
            if happens {
                lot.take(change, size, uniform, normal);
            }
        }
        lot
    }
}

impl Lot {
    /// Adds a change to what happens; `uniform` are draws from `0..1`, `normal` is one from the standard normal.
    fn take(&mut self, change: Change, [h, w]: [usize; 2], uniform: [f64; 3], normal: f64) {
        use std::f64::consts::PI;
        let [a, b, c] = uniform;
        let colour = &mut self.colour;
        match change {
            Change::Colour => colour.diffaugment(0.5 * (a - 0.5), 2.0 * b, 0.5 + c),
            Change::Brightness => colour.brighten(0.1 * normal),
            Change::Contrast => colour.contrast(f64::exp2(0.5 * normal)),
            Change::LumaFlip if a < 0.5 => colour.flip_luma(),
            Change::Hue => colour.turn_hue((2.0 * a - 1.0) * PI),
            Change::Saturation => colour.saturate(f64::exp2(normal)),
            Change::Mirror if a < 0.5 => self.movement.then_scaled([-1.0, 1.0]),
            Change::QuarterTurn => self.movement.then_quarters((4.0 * a) as usize),
            Change::Translation => {
                let shift = |side: usize, draw: f64| {
                    let most = (side as f64 / 8.0).round();
                    (draw * (2.0 * most + 1.0)).floor() - most
                };
                self.movement.then_shifted([shift(w, a), shift(h, b)]);
            }
            Change::Scale => self.movement.then_scaled([f64::exp2(0.2 * normal); 2]),
            Change::Rotation => self.movement.then_rotated((2.0 * a - 1.0) * PI / 12.0),
            Change::Stretch => {
                let factor = f64::exp2(0.2 * normal);
                self.movement.then_scaled([factor, 1.0 / factor]);
            }
            Change::Cutout => self.cutout = Some([a as f32, b as f32]),
            // The half of the cases in which they do nothing.
            Change::LumaFlip | Change::Mirror => {}
        }
    }
}

fn draws(rng: &mut rng::ChaCha8Rng) -> [f64; 3] {
    std::array::from_fn(|_| rng.random())
}
