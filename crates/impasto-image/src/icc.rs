//! Colour profiles: from the file's colours to sRGB.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformExecutor, TransformOptions};

use crate::decode::{Extras, Model};

/// What a PNG says of its colours without a profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Calibration {
    /// The encoding exponent, as in `gAMA`: 0.45455 for something like sRGB, 1 for linear light.
    pub(crate) gamma: f64,
}

type Executor = Arc<dyn TransformExecutor<f32> + Send + Sync>;

enum Way {
    /// The samples are sRGB already.
    Same,
    /// A profile's transform that takes this many channels.
    Profile { executor: Executor, channels: usize },
    /// A pure power curve, then the sRGB curve.
    Power(f32),
    /// CMYK without a profile: each ink darkens its own channel, black all of them.
    Ink,
}

/// Converts rows of one colour model to sRGB.
pub(crate) struct Converter {
    way: Way,
    colours: usize,
}

impl Converter {
    /// Chooses the way for `model`: the profile in `extras` if it is sound and fits, else the calibration, else none.
    /// Says in the notes when a profile was ignored.
    pub(crate) fn new(model: Model, extras: &mut Extras) -> Self {
        let colours = model.colours();
        let fallback = || match (colours, extras.calibration) {
            (4, _) => Way::Ink,
            (_, Some(Calibration { gamma })) if (gamma * 2.2 - 1.0).abs() > 0.05 => Way::Power((1.0 / gamma) as f32),
            _ => Way::Same,
        };
        let way = match extras.icc.as_deref().map(|icc| from_profile(icc, colours)) {
            None => fallback(),
            Some(Ok(way)) => way,
            Some(Err(reason)) => {
                let way = fallback();
                extras.notes.push(format!("The colour profile {reason} and was ignored."));
                way
            }
        };
        if matches!(way, Way::Ink) {
            extras.notes.push("CMYK without a usable profile: the colours are an approximation.".into());
        }
        Self { way, colours }
    }

    /// Whether the samples are sRGB already.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.way, Way::Same)
    }

    /// Converts one row: `ink` holds the file's colours, `out` three times as many samples as the row has pixels.
    pub(crate) fn row(&self, ink: &[f32], out: &mut [f32]) {
        match &self.way {
            Way::Profile { executor, channels } if *channels == self.colours => {
                // A transform only fails on sizes, which are right by construction.
                let _sizes_fit = executor.transform(ink, out);
            }
            Way::Profile { executor, .. } => {
                let spread: Vec<f32> = ink.iter().flat_map(|&v| [v; 3]).collect();
                let _sizes_fit = executor.transform(&spread, out);
            }
            Way::Ink => {
                for (ink, out) in ink.as_chunks::<4>().0.iter().zip(out.as_chunks_mut::<3>().0) {
                    let [c, m, y, k] = ink.map(|v| 1.0 - v.clamp(0.0, 1.0));
                    *out = [c * k, m * k, y * k];
                }
            }
            Way::Power(exponent) => {
                self.spread(ink, out);
                for value in out {
                    *value = crate::colour::srgb_encode(value.max(0.0).powf(*exponent));
                }
            }
            Way::Same => self.spread(ink, out),
        }
    }

    fn spread(&self, ink: &[f32], out: &mut [f32]) {
        if self.colours == 1 {
            for (&value, out) in ink.iter().zip(out.as_chunks_mut::<3>().0) {
                *out = [value; 3];
            }
        } else {
            for (&value, out) in ink.iter().zip(out) {
                *out = value;
            }
        }
    }
}

/// Reads a profile and prepares its transform; the error is the middle of a sentence.
fn from_profile(icc: &[u8], colours: usize) -> Result<Way, &'static str> {
    // Profiles are hostile input too: a panic while reading or first using one costs the profile, not the picture.
    catch_unwind(AssertUnwindSafe(|| {
        let profile = ColorProfile::new_from_slice(icc).map_err(|_| "is damaged")?;
        let (layout, channels) = match (profile.color_space, colours) {
            (DataColorSpace::Gray, 1) => (Layout::Gray, 1),
            // A grey picture with an RGB profile is common: it is that profile's neutral axis.
            (DataColorSpace::Rgb, 1 | 3) => (Layout::Rgb, 3),
            (DataColorSpace::Cmyk, 4) => (Layout::Rgba, 4),
            _ => return Err("does not fit the picture's colour model"),
        };
        let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
        let executor = profile
            .create_transform_f32(layout, &ColorProfile::new_srgb(), Layout::Rgb, options)
            .map_err(|_| "is of a kind that is not supported")?;
        let (ink, out) = probe(&executor, channels).ok_or("cannot be used")?;
        if channels != 4 && is_identity(&ink, &out, channels) {
            return Ok(Way::Same);
        }
        Ok(Way::Profile { executor, channels })
    }))
    .unwrap_or(Err("is damaged"))
}

/// Sends a coarse grid of colours through a transform.
fn probe(executor: &Executor, channels: usize) -> Option<(Vec<f32>, Vec<f32>)> {
    const STEPS: usize = 9;
    let count = STEPS.pow(u32::try_from(channels.min(3)).ok()?);
    let mut ink = Vec::with_capacity(count * channels);
    for index in 0..count {
        let mut rest = index;
        for _ in 0..channels {
            ink.push((rest % STEPS) as f32 / (STEPS - 1) as f32);
            rest /= STEPS;
        }
    }
    let mut out = vec![0.0; count * 3];
    executor.transform(&ink, &mut out).ok()?;
    out.iter().all(|v| v.is_finite()).then_some((ink, out))
}

/// Whether a transform nowhere moves a colour by more than half an 8-bit step: such a profile is sRGB by another name,
/// and leaving the samples alone keeps them exact.
fn is_identity(ink: &[f32], out: &[f32], channels: usize) -> bool {
    let same = |(i, &v): (usize, &f32)| {
        let from = if channels == 1 { ink.get(i / 3) } else { ink.get(i) };
        from.is_some_and(|from| (from - v).abs() < 0.5 / 255.0)
    };
    out.iter().enumerate().all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(profile: Option<Vec<u8>>, model: Model, ink: &[f32]) -> (Vec<f32>, Vec<String>) {
        let mut extras = Extras { icc: profile, ..Extras::default() };
        let converter = Converter::new(model, &mut extras);
        let mut out = vec![0.0; ink.len() / model.colours() * 3];
        converter.row(ink, &mut out);
        (out, extras.notes)
    }

    #[test]
    fn wide_gamut_green_becomes_more_saturated_in_srgb() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let (out, notes) = convert(Some(p3), Model::Rgb, &[0.3, 0.6, 0.3]);
        assert!(notes.is_empty());
        assert!(out[0] < 0.29 && out[1] > 0.6 && out[1] < 0.62, "{out:?}");
    }

    #[test]
    fn srgb_profiles_leave_samples_exact() {
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        let ink: Vec<f32> = (0..=254_u8).map(|v| f32::from(v) / 255.0).collect();
        assert_eq!(convert(Some(srgb), Model::Rgb, &ink).0, ink);
    }

    #[test]
    fn grey_profiles() {
        let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        let (out, notes) = convert(Some(grey), Model::Grey, &[0.2140]);
        assert!(notes.is_empty(), "{notes:?}");
        assert!(out.iter().all(|v| (v - 0.5).abs() < 0.01), "{out:?}");
    }

    #[test]
    fn unfit_profiles_are_ignored_with_a_note() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let mut cut = p3.clone();
        cut.truncate(150);
        for (profile, model) in [(p3, Model::Cmyk), (cut, Model::Rgb), (vec![1, 2, 3], Model::Rgb)] {
            let ink = vec![0.5; model.colours()];
            let (out, notes) = convert(Some(profile), model, &ink);
            assert!(notes[0].contains("ignored"), "{notes:?}");
            assert!(out.iter().all(|v| v.is_finite()));
        }
    }
}
