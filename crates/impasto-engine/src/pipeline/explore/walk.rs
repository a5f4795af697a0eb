//! Walks from picture to picture.

use impasto_image::Picture;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::control::{Control, Event};
use crate::error::{EngineError, Result};
use crate::generator::Form;
use crate::pipeline::generate::{Code, CodeNoise, Line, Made, Point, Studio, blend};

/// How the way between two pictures is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ease {
    /// Slowly away from a picture and slowly towards the next.
    #[default]
    Smooth,
    /// In equal steps.
    Linear,
}

impl Ease {
    /// The share of the way at the share `t` of the time, both from 0 to 1.
    pub fn at(self, t: f32) -> f32 {
        match self {
            Self::Smooth => t * t * (3.0 - 2.0 * t),
            Self::Linear => t,
        }
    }
}

/// Where the way lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// On straight lines between styles.
    #[default]
    Style,
    /// On arcs between latents, which keep their length as likely latents have it.
    Latent,
}

/// What a walk is asked to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalkJob {
    /// Frames from one picture to the next, from 1.
    pub steps: usize,
    /// Where the way lies.
    pub space: Space,
    /// How it is divided.
    pub ease: Ease,
    /// Whether it leads from the last picture back to the first.
    pub closed: bool,
}

/// A walk over the pictures of some points, one frame after the other. The noise of the layers is the first picture's, so
/// that nothing flickers.
#[derive(Debug)]
pub struct Walk<'a> {
    studio: &'a Studio,
    job: WalkJob,
    stations: Vec<Station>,
}

/// Where a walk passes.
#[derive(Debug)]
struct Station {
    /// Truncated and moved.
    code: Code,
    /// Of a seed.
    latent: Option<Vec<f32>>,
}

impl<'a> Walk<'a> {
    /// Plans a walk.
    ///
    /// # Errors
    /// [`EngineError::Caller`] for fewer than two points, no steps, or an arc between latents through a code's file, which
    /// has none; [`EngineError::File`] for a file that is no code of this generator.
    pub fn new(studio: &'a Studio, points: &[Point], job: WalkJob) -> Result<Self> {
        if points.len() < 2 {
            return Err(EngineError::Caller("a walk needs at least two pictures: give --seeds like 1,5,9".into()));
        }
        if !(1..=10_000).contains(&job.steps) {
            return Err(EngineError::Caller(format!("{} frames from picture to picture; use 1 to 10000", job.steps)));
        }
        let station = |point: &Point| {
            let latent = match (point, job.space) {
                (Point::Seed(seed), _) => Some(studio.latent_of(*seed)),
                (Point::Code(path), Space::Latent) => {
                    return Err(EngineError::Caller(format!(
                        "{}: a code has styles and no latent; walk with --space style",
                        path.display()
                    )));
                }
                (Point::Code(_), Space::Style) => None,
            };
            Ok(Station { code: studio.place(point)?, latent })
        };
        let stations = points.iter().map(station).collect::<Result<_>>()?;
        Ok(Self { studio, job, stations })
    }

    /// Number of frames. A closed walk ends before it is back, so that it can be repeated.
    pub fn frames(&self) -> usize {
        let legs = if self.job.closed { self.stations.len() } else { self.stations.len() - 1 };
        legs * self.job.steps + usize::from(!self.job.closed)
    }

    /// Where frame `index` lies.
    pub fn code(&self, index: usize) -> Code {
        let (leg, step) = (index / self.job.steps, index % self.job.steps);
        let from = &self.stations[leg.min(self.stations.len() - 1)];
        let to = &self.stations[(leg + 1) % self.stations.len()];
        let share = self.job.ease.at(step as f32 / self.job.steps as f32);
        let mut code = match (self.job.space, &from.latent, &to.latent) {
            (Space::Latent, Some(a), Some(b)) if step > 0 => {
                let studio = self.studio;
                let latent = arc(studio.form(), a, b, share);
                let classes = blend(&from.code.classes, &to.code.classes, share);
                let styles = studio.styles_of(latent, &classes);
                studio.placed(Code { styles, classes, noise: CodeNoise::Off })
            }
            _ => from.code.towards(&to.code, share),
        };
        code.noise = self.stations[0].code.noise.clone();
        code
    }

    /// The frames of `range`, in their order.
    ///
    /// # Errors
    /// Those of [`Studio::paint`].
    pub fn paint(&self, range: std::ops::Range<usize>) -> Result<Vec<Picture>> {
        let codes: Vec<Code> = range.map(|index| self.code(index)).collect();
        self.studio.paint(&codes)
    }

    /// Gives the frames one by one, `None` behind the last; several are made at a time, and progress is told.
    ///
    /// # Errors
    /// What is given fails as [`Studio::paint`] does, and with [`EngineError::Cancelled`].
    pub fn one_by_one<'w>(&'w self, control: &'w Control) -> impl FnMut() -> Result<Option<Picture>> + 'w {
        let total = self.frames();
        control.emit(Event::Started { stage: "frames".to_owned(), total: total as u64 });
        // Those that are made, the next one last.
        let (mut ready, mut next): (Vec<Picture>, usize) = (Vec::new(), 0);
        move || {
            if ready.is_empty() && next < total {
                control.check()?;
                let end = (next + self.studio.together()).min(total);
                ready = self.paint(next..end)?;
                ready.reverse();
                next = end;
                control.emit(Event::Progress { done: end as u64, total: total as u64, message: String::new() });
            }
            Ok(ready.pop())
        }
    }

    /// What is written into frame `index`.
    pub fn made(&self, index: usize, points: &[Point], picture: Picture) -> Made {
        let (studio, job) = (self.studio, self.studio.job());
        let line = Line::new("explore walk", job)
            .points("seeds", "style-code", points)
            .option("steps", self.job.steps)
            .option("space", if self.job.space == Space::Latent { "latent" } else { "style" })
            .option("ease", if self.job.ease == Ease::Linear { "linear" } else { "smooth" })
            .flag("loop", self.job.closed)
            .job(job);
        Made { picture, parameters: studio.parameters(line, json!({"frame": index})) }
    }
}

/// Between two latents: on the arc between their normal parts, with their lengths blended, and straight between their
/// codes.
fn arc(form: &Form, a: &[f32], b: &[f32], share: f32) -> Vec<f32> {
    let normal = form.latent - form.codes.len();
    let (a_normal, a_codes) = a.split_at(normal);
    let (b_normal, b_codes) = b.split_at(normal);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let (la, lb) = (dot(a_normal, a_normal).sqrt(), dot(b_normal, b_normal).sqrt());
    let angle = (dot(a_normal, b_normal) / (la * lb).max(1e-12)).clamp(-1.0, 1.0).acos();
    let t = f64::from(share);
    let mut latent = if angle.sin() < 1e-4 {
        // Of one direction, or of opposite ones, between which no arc is the shortest.
        blend(a_normal, b_normal, share)
    } else {
        let (wa, wb) = (((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin());
        let length = la * (1.0 - t) + lb * t;
        let between = |(x, y): (&f32, &f32)| (length * (wa * f64::from(*x) / la + wb * f64::from(*y) / lb)) as f32;
        a_normal.iter().zip(b_normal).map(between).collect()
    };
    latent.extend(blend(a_codes, b_codes, share));
    latent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::generate::testing::{job, studio};

    fn points(seeds: &str) -> Vec<Point> {
        Point::list(Some(&seeds.parse().unwrap()), &[])
    }

    #[test]
    fn walks_pass_their_stations() {
        let studio = studio(job(), &["a", "b"], false);
        for space in [Space::Style, Space::Latent] {
            for (closed, frames) in [(false, 9), (true, 12)] {
                let job = WalkJob { steps: 4, space, ease: Ease::Smooth, closed };
                let walk = Walk::new(&studio, &points("3,8,5"), job).unwrap();
                assert_eq!(walk.frames(), frames);
                for (index, seed) in [(0, 3), (4, 8), (8, 5)] {
                    assert_eq!(walk.code(index).styles, studio.code_of(seed).styles, "{space:?} {index}");
                    assert_eq!(walk.code(index).noise, studio.noise_of(3));
                }
                let pictures = walk.paint(0..frames).unwrap();
                let control = Control::silent();
                let mut given = walk.one_by_one(&control);
                let given: Vec<Picture> = std::iter::from_fn(|| given().unwrap()).collect();
                assert_eq!(given, pictures);
                assert!(pictures.windows(2).all(|pair| pair[0] != pair[1]));
                // The middle of a leg is between its ends.
                let (a, b) = (walk.code(0), walk.code(4));
                let middle = walk.code(2);
                if space == Space::Style {
                    assert_eq!(middle.styles, blend(&a.styles, &b.styles, 0.5));
                }
            }
        }
        let job = WalkJob { steps: 4, space: Space::Style, ease: Ease::Linear, closed: false };
        assert!(Walk::new(&studio, &points("3"), job).is_err());
        assert!(Walk::new(&studio, &points("3,4"), WalkJob { steps: 0, ..job }).is_err());
    }

    #[test]
    fn arcs_keep_the_length() {
        let form = studio(job(), &[], false).form().clone();
        let (a, b) = ([3.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0, 0.0, 0.0]);
        let middle = arc(&form, &a, &b, 0.5);
        let half = 3.0 / 2f32.sqrt();
        assert!((middle[0] - half).abs() < 1e-5 && (middle[1] - half).abs() < 1e-5, "{middle:?}");
        assert_eq!(arc(&form, &a, &a, 0.3)[0], 3.0);
        assert!(arc(&form, &a, &a.map(|v| -v), 0.5).iter().all(|v| v.is_finite()));
    }

    #[test]
    fn easing_begins_and_ends_at_the_pictures() {
        for ease in [Ease::Smooth, Ease::Linear] {
            assert_eq!((ease.at(0.0), ease.at(0.5), ease.at(1.0)), (0.0, 0.5, 1.0));
        }
        assert!(Ease::Smooth.at(0.1) < 0.1);
    }
}
