//! Adjustments of tone, colour and texture.

mod detail;
mod grain;

pub use grain::place_noise;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::colour::{srgb_decode, srgb_encode};
use crate::error::ImageError;
use crate::layout;
use crate::picture::{Picture, luma};
use crate::resize::crop;

/// Adjustments of tone, colour and texture, applied in the order of the fields here:
/// temperature, brightness, contrast, gamma, saturation, hue, sharpen, grain.
///
/// A field at its neutral value is skipped altogether, so a neutral set leaves every bit as it was; otherwise the result
/// is clamped to [0, 1] once, at the end. Alpha is never touched.
///
/// The ranges of its schema are those that forms offer; [`Adjustments::validate`] has the last word.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adjustments {
    /// Warmer above 0 (towards orange), cooler below (towards blue); from -1 to 1, neutral 0. Greys keep their luminance.
    #[schemars(range(min = -1.0, max = 1.0))]
    pub temperature: f32,
    /// Added to every colour value; from -1 to 1, neutral 0.
    #[schemars(range(min = -1.0, max = 1.0))]
    pub brightness: f32,
    /// Distance from middle grey is multiplied by this; from 0 to 4, neutral 1.
    #[schemars(range(min = 0.0, max = 4.0))]
    pub contrast: f32,
    /// Mid-tones get brighter above 1, darker below, black and white stay; from 0.1 to 10, neutral 1.
    #[schemars(range(min = 0.1, max = 10.0))]
    pub gamma: f32,
    /// Distance from grey is multiplied by this; from 0 (grey) to 4, neutral 1.
    #[schemars(range(min = 0.0, max = 4.0))]
    pub saturation: f32,
    /// Colours are turned by so many degrees around the grey axis, luma kept; any finite number, neutral 0.
    #[schemars(range(min = -180.0, max = 180.0))]
    pub hue: f32,
    /// Above 0, how much fine contrast is added, on luma only, so that edges get no coloured fringe; below 0 the picture is
    /// softened: down to -1 it goes over into what a Gaussian of one pixel makes of it, from there on the Gaussian has so
    /// many pixels; from -5 to 5, neutral 0.
    #[schemars(range(min = -5.0, max = 5.0))]
    pub sharpen: f32,
    /// Grain that is laid over the picture, the same in all colours: its standard deviation on middle grey, less towards
    /// black and white; from 0 to 1, neutral 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub grain: f32,
    /// Seed of the grain; without grain it says nothing.
    pub grain_seed: u32,
}

impl Default for Adjustments {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            brightness: 0.0,
            contrast: 1.0,
            gamma: 1.0,
            saturation: 1.0,
            hue: 0.0,
            sharpen: 0.0,
            grain: 0.0,
            grain_seed: 0,
        }
    }
}

impl Adjustments {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] naming the first field out of range.
    pub fn validate(&self) -> Result<(), ImageError> {
        let fields = [
            ("temperature", self.temperature, -1.0, 1.0),
            ("brightness", self.brightness, -1.0, 1.0),
            ("contrast", self.contrast, 0.0, 4.0),
            ("gamma", self.gamma, 0.1, 10.0),
            ("saturation", self.saturation, 0.0, 4.0),
            ("hue", self.hue, f32::MIN, f32::MAX),
            ("sharpen", self.sharpen, -5.0, 5.0),
            ("grain", self.grain, 0.0, 1.0),
        ];
        for (name, value, low, high) in fields {
            if !(low..=high).contains(&value) {
                let range =
                    if name == "hue" { "a finite number of degrees".into() } else { format!("from {low} to {high}") };
                return Err(ImageError::InvalidArgument(format!("{name} is {value}; it must be {range}")));
            }
        }
        Ok(())
    }

    /// Whether applying would change nothing.
    #[must_use]
    pub fn is_neutral(&self) -> bool {
        Self { grain_seed: 0, ..*self } == Self::default()
    }

    /// How many rows above and below a row its result depends on.
    pub(crate) fn halo(&self) -> u32 {
        if self.sharpen == 0.0 { 0 } else { detail::radius(self.sharpen) }
    }

    /// Applies the adjustments to `picture` in place.
    ///
    /// # Errors
    /// As [`Adjustments::validate`]; the picture is then unchanged.
    pub fn apply(&self, picture: &mut Picture) -> Result<(), ImageError> {
        self.apply_to_rows(picture, 0)
    }

    /// The same to rows of a picture of which the first is its row `top`. They come out as in the whole picture where
    /// [`halo`](Self::halo) more of them lie around, or its border.
    pub(crate) fn apply_to_rows(&self, picture: &mut Picture, top: u32) -> Result<(), ImageError> {
        self.work(picture, top, |picture| {
            detail::change(picture, self.sharpen);
            Ok(())
        })
    }

    /// The same to a picture that goes on where it began: what looks beyond a border sees the opposite side, so that copies
    /// of the result beside each other show no seam.
    ///
    /// # Errors
    /// As [`Adjustments::apply`].
    pub fn apply_wrapped(&self, picture: &mut Picture) -> Result<(), ImageError> {
        let margin = self.halo();
        self.work(picture, 0, |picture| {
            let mut wide = layout::surrounded(picture, margin)?;
            detail::change(&mut wide, self.sharpen);
            picture.rgb = crop(&wide, margin, margin, picture.width, picture.height).rgb;
            Ok(())
        })
    }

    /// All steps in their order; `detail` is the one that looks at neighbours.
    fn work(
        &self,
        picture: &mut Picture,
        top: u32,
        detail: impl FnOnce(&mut Picture) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        self.validate()?;
        if self.is_neutral() {
            return Ok(());
        }
        let steps = Steps::new(self);
        for pixel in picture.triples_mut() {
            *pixel = steps.apply(*pixel);
        }
        if self.sharpen != 0.0 {
            detail(picture)?;
        }
        if self.grain != 0.0 {
            grain::lay(picture, self.grain, self.grain_seed, top);
        }
        for value in &mut picture.rgb {
            *value = value.clamp(0.0, 1.0);
        }
        Ok(())
    }
}

type Matrix = [[f32; 3]; 3];

/// The per-pixel steps with what can be computed once; `None` is neutral.
struct Steps {
    gains: Option<[f32; 3]>,
    brightness: Option<f32>,
    contrast: Option<f32>,
    exponent: Option<f32>,
    saturation: Option<f32>,
    hue: Option<Matrix>,
}

impl Steps {
    fn new(a: &Adjustments) -> Self {
        let unless = |value: f32, neutral: f32| (value != neutral).then_some(value);
        Self {
            gains: unless(a.temperature, 0.0).map(gains),
            brightness: unless(a.brightness, 0.0),
            contrast: unless(a.contrast, 1.0),
            exponent: unless(a.gamma, 1.0).map(|gamma| 1.0 / gamma),
            saturation: unless(a.saturation, 1.0),
            hue: unless(a.hue, 0.0).map(rotation),
        }
    }

    fn apply(&self, mut pixel: [f32; 3]) -> [f32; 3] {
        if let Some(gains) = self.gains {
            pixel = std::array::from_fn(|c| srgb_encode(srgb_decode(pixel[c]) * gains[c]));
        }
        if let Some(shift) = self.brightness {
            pixel = pixel.map(|v| v + shift);
        }
        if let Some(factor) = self.contrast {
            pixel = pixel.map(|v| (v - 0.5) * factor + 0.5);
        }
        if let Some(exponent) = self.exponent {
            pixel = pixel.map(|v| v.max(0.0).powf(exponent));
        }
        if let Some(factor) = self.saturation {
            let y = luma(pixel);
            pixel = pixel.map(|v| y + (v - y) * factor);
        }
        if let Some(turn) = &self.hue {
            pixel = turn.map(|row| row.iter().zip(&pixel).map(|(m, v)| m * v).sum());
        }
        pixel
    }
}

/// Gains in linear light for a temperature, chosen so that greys keep their luminance.
fn gains(temperature: f32) -> [f32; 3] {
    let [r, g, b] = [(0.45 * temperature).exp2(), 1.0, (-0.45 * temperature).exp2()];
    let luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    [r / luminance, g / luminance, b / luminance]
}

/// A rotation of the chroma plane of YIQ, as a matrix on RGB. Whole turns are exactly the identity up to rounding.
fn rotation(degrees: f32) -> Matrix {
    // Reduced in f64, so that 720 000 degrees are as exact as 0.
    let (sin, cos) = (f64::from(degrees) % 360.0).to_radians().sin_cos();
    let to_yiq = [[0.299, 0.587, 0.114], [0.595_716, -0.274_453, -0.321_263], [0.211_456, -0.522_591, 0.311_135]];
    let to_rgb = [[1.0, 0.956_295, 0.621_025], [1.0, -0.272_122, -0.647_381], [1.0, -1.106_989, 1.704_615]];
    let turn = [[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]];
    let product = |a: [[f64; 3]; 3], b: [[f64; 3]; 3]| -> [[f64; 3]; 3] {
        a.map(|row| std::array::from_fn(|c| (0..3).map(|k| row[k] * b[k][c]).sum()))
    };
    product(to_rgb, product(turn, to_yiq)).map(|row| row.map(|v| v as f32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canvas::{Adjusted, Bands};

    fn ramp() -> Picture {
        let rgb = (0..300).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
        Picture::from_rgb(10, 10, rgb).unwrap()
    }

    fn applied(change: impl FnOnce(&mut Adjustments)) -> Picture {
        let mut adjustments = Adjustments::default();
        change(&mut adjustments);
        let mut picture = ramp();
        adjustments.apply(&mut picture).unwrap();
        assert!(picture.rgb.iter().all(|v| (0.0..=1.0).contains(v)));
        picture
    }

    fn distance(a: &Picture, b: &Picture) -> f32 {
        a.rgb.iter().zip(&b.rgb).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn neutral_is_exact_even_out_of_range() {
        let mut picture = Picture::from_rgb(1, 1, vec![-0.25, 1.5, 0.1]).unwrap();
        let before = picture.clone();
        Adjustments::default().apply(&mut picture).unwrap();
        assert_eq!(picture, before);
    }

    #[test]
    fn each_step_does_its_own_thing() {
        let brighter = applied(|a| a.brightness = 0.25);
        assert!(brighter.rgb.iter().zip(&ramp().rgb).all(|(a, b)| (a - (b + 0.25).min(1.0)).abs() < 1e-6));
        assert!(applied(|a| a.contrast = 0.0).rgb.iter().all(|&v| (v - 0.5).abs() < 1e-6));
        let lighter = applied(|a| a.gamma = 2.0);
        assert!(lighter.rgb.iter().zip(&ramp().rgb).all(|(a, b)| (a - b.sqrt()).abs() < 1e-5));
        for pixel in applied(|a| a.saturation = 0.0).triples() {
            assert!((pixel[0] - pixel[1]).abs() < 1e-5 && (pixel[1] - pixel[2]).abs() < 1e-5);
        }
        assert!(distance(&applied(|a| a.hue = 360.0), &ramp()) < 1e-4);
        assert!(distance(&applied(|a| a.hue = 180.0), &ramp()) > 0.1);
        assert!(distance(&applied(|a| a.sharpen = 1.0), &ramp()) > 0.05);
        assert!(distance(&applied(|a| a.sharpen = -1.0), &ramp()) > 0.05);
        assert!(distance(&applied(|a| a.grain = 0.1), &ramp()) > 0.05);
        assert_eq!(applied(|a| a.grain_seed = 9), ramp());
    }

    #[test]
    fn temperature_warms_and_keeps_luminance_of_grey() {
        for (temperature, warm) in [(0.5, true), (-0.5, false)] {
            let mut grey = Picture::filled(1, 1, [0.5; 3]).unwrap();
            Adjustments { temperature, ..Adjustments::default() }.apply(&mut grey).unwrap();
            let [r, g, b] = grey.triples()[0];
            assert_eq!(r > b, warm);
            let luminance = 0.2126 * srgb_decode(r) + 0.7152 * srgb_decode(g) + 0.0722 * srgb_decode(b);
            assert!((srgb_encode(luminance) - 0.5).abs() < 1e-4);
        }
    }

    #[test]
    fn hue_keeps_luma_and_red_becomes_green_at_120_degrees() {
        // Small chroma around grey, where nothing is clamped.
        let mut picture = Picture::filled(1, 1, [0.6, 0.5, 0.5]).unwrap();
        let before = luma(picture.triples()[0]);
        Adjustments { hue: 240.0, ..Adjustments::default() }.apply(&mut picture).unwrap();
        let turned = picture.triples()[0];
        assert!((luma(turned) - before).abs() < 1e-4);
        assert!(turned[0] < 0.55, "{turned:?}");
    }

    #[test]
    fn ranges() {
        for json in
            [r#"{"brightness":1.5}"#, r#"{"contrast":-0.1}"#, r#"{"gamma":0}"#, r#"{"sharpen":-6}"#, r#"{"grain":2}"#]
        {
            let adjustments: Adjustments = serde_json::from_str(json).unwrap();
            let error = adjustments.validate().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Caller, "{json}");
        }
        assert!(Adjustments { hue: f32::NAN, ..Adjustments::default() }.validate().is_err());
        assert!(serde_json::from_str::<Adjustments>(r#"{"brigthness":0}"#).is_err());
        assert!(serde_json::from_str::<Adjustments>("{}").unwrap().is_neutral());
    }

    #[test]
    fn flat_pictures_of_any_size_have_no_detail() {
        for (w, h) in [(1, 1), (1, 9), (9, 1), (2, 2)] {
            for sharpen in [5.0, -0.5, -5.0] {
                let adjustments = Adjustments { sharpen, ..Adjustments::default() };
                for apply in [Adjustments::apply, Adjustments::apply_wrapped] {
                    let mut picture = Picture::filled(w, h, [0.3; 3]).unwrap();
                    apply(&adjustments, &mut picture).unwrap();
                    assert!(picture.rgb.iter().all(|v| (v - 0.3).abs() < 1e-4), "{w}x{h}, {sharpen}");
                }
            }
        }
    }

    #[test]
    fn a_wrapped_picture_is_the_middle_of_its_copies() {
        for sharpen in [0.5, -0.5, -4.0] {
            let adjustments = Adjustments { sharpen, contrast: 1.2, ..Adjustments::default() };
            let (mut one, mut many) = (ramp(), layout::repeat(&ramp(), 5, 5).unwrap());
            adjustments.apply_wrapped(&mut one).unwrap();
            adjustments.apply(&mut many).unwrap();
            assert_eq!(one.rgb, crop(&many, 20, 20, 10, 10).rgb, "{sharpen}");
        }
        let grain = Adjustments { grain: 0.1, ..Adjustments::default() };
        let (mut plain, mut wrapped) = (ramp(), ramp());
        grain.apply(&mut plain).unwrap();
        grain.apply_wrapped(&mut wrapped).unwrap();
        assert_eq!(plain, wrapped);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_are_the_whole(
            (width, height, rows) in (1_u32..24, 1_u32..24, 1_u32..9),
            sharpen in prop_oneof![Just(0.0_f32), -5.0..5.0_f32],
            grain in prop_oneof![Just(0.0_f32), 0.0..1.0_f32],
            grain_seed: u32,
        ) {
            let rgb = (0..3 * width * height).map(|i| (i * 7919 % 10_007) as f32 / 10_006.0).collect();
            let picture = Picture::from_rgb(width, height, rgb).unwrap();
            let adjustments = Adjustments { sharpen, grain, grain_seed, ..Adjustments::default() };
            let mut whole = picture.clone();
            adjustments.apply(&mut whole).unwrap();
            if sharpen == 0.0 && grain == 0.0 {
                prop_assert_eq!(&whole, &picture);
            }
            let seen = Adjusted::new(&picture, adjustments).unwrap();
            let bands = (0..height).step_by(rows as usize).map(|y| seen.band(y, rows.min(height - y)).unwrap());
            prop_assert_eq!(whole.rgb, bands.flat_map(|band| band.rgb).collect::<Vec<f32>>());
        }
    }
}
