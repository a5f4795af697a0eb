//! A number for every pixel, and how it is shown.

use impasto_image::{Picture, resize_planar};

/// Share of the pixels whose colour is full: a few extremes must not pale the rest.
const FULL: f32 = 0.02;

/// Chroma of full colour in Oklab.
const CHROMA: f32 = 0.16;

/// Hues in Oklab, in turns: orange for what speaks for, blue for what speaks against.
const HUES: [f32; 2] = [0.14, 0.72];

/// Lightness of black and of white beneath the colours: between them there is room for chroma at any of them.
const LIGHTNESS: [f32; 2] = [0.25, 0.88];

/// A number for each pixel of a picture: above 0 for what speaks for something, below for what speaks against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Row by row.
    pub values: Vec<f32>,
}

impl Heat {
    /// The map at another size, smooth in between.
    #[must_use]
    pub fn at(&self, width: u32, height: u32) -> Self {
        let values = resize_planar(&self.values, (self.width as u32, self.height as u32), (width, height));
        Self { width: width as usize, height: height as usize, values }
    }

    /// The map smoothed where the picture is smooth, with edges where the picture has them: the guided filter (He et al.
    /// 2010) with windows of `2 * radius + 1` pixels; edges of a contrast below the root of `least` are not followed. The
    /// picture must have the map's size.
    #[must_use]
    pub fn following(&self, picture: &Picture, radius: usize, least: f32) -> Self {
        let guide: Vec<f32> = picture.triples().iter().map(|[r, g, b]| 0.299 * r + 0.587 * g + 0.114 * b).collect();
        let mean = |values: &[f32]| windows(values, self.width, radius);
        let product = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
        let (guide_mean, own_mean) = (mean(&guide), mean(&self.values));
        let (square, both) = (mean(&product(&guide, &guide)), mean(&product(&guide, &self.values)));
        let slope: Vec<f32> = (0..guide.len())
            .map(|i| {
                let variance = (square[i] - guide_mean[i] * guide_mean[i]).max(0.0);
                (both[i] - guide_mean[i] * own_mean[i]) / (variance + least)
            })
            .collect();
        let rest: Vec<f32> = (0..guide.len()).map(|i| own_mean[i] - slope[i] * guide_mean[i]).collect();
        let (slope, rest) = (mean(&slope), mean(&rest));
        let values = (0..guide.len()).map(|i| slope[i] * guide[i] + rest[i]).collect();
        Self { values, ..*self }
    }

    /// The map laid over a picture of its size: the picture in grey, tinted orange where the map is above 0 and blue
    /// where it is below. Tints have the strength of the value and equal lightness (Oklab, Ottosson 2020), so that neither
    /// colour looks stronger and the picture stays visible.
    pub fn over(&self, picture: &Picture) -> Picture {
        let mut sizes: Vec<f32> = self.values.iter().map(|v| v.abs()).collect();
        let at = ((sizes.len() as f32 * (1.0 - FULL)) as usize).min(sizes.len().saturating_sub(1));
        sizes.select_nth_unstable_by(at, f32::total_cmp);
        let full = sizes[at].max(f32::MIN_POSITIVE);
        let mut tinted = picture.clone();
        tinted.alpha = None;
        for (pixel, value) in tinted.triples_mut().iter_mut().zip(&self.values) {
            let [r, g, b] = pixel.map(|v| linear(v.clamp(0.0, 1.0)));
            let lightness = (0.2126 * r + 0.7152 * g + 0.0722 * b).cbrt();
            let lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * lightness;
            let strength = (value / full).clamp(-1.0, 1.0);
            let angle = HUES[usize::from(strength < 0.0)] * std::f32::consts::TAU;
            *pixel = fitting(lightness, CHROMA * strength.abs(), angle);
        }
        tinted
    }
}

/// Means over windows of `2 * radius + 1` pixels, smaller at the borders.
fn windows(values: &[f32], width: usize, radius: usize) -> Vec<f32> {
    let height = values.len() / width;
    let mut across = vec![0.0; values.len()];
    for (row, to) in values.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        sliding(width, radius, |x| row[x], |x, mean| to[x] = mean);
    }
    let mut out = vec![0.0; values.len()];
    for x in 0..width {
        sliding(height, radius, |y| across[y * width + x], |y, mean| out[y * width + x] = mean);
    }
    out
}

fn sliding(count: usize, radius: usize, value: impl Fn(usize) -> f32, mut put: impl FnMut(usize, f32)) {
    // In f64: sums run along the whole line.
    let mut sum: f64 = (0..radius.min(count)).map(|i| f64::from(value(i))).sum();
    for i in 0..count {
        if i + radius < count {
            sum += f64::from(value(i + radius));
        }
        let (first, last) = (i.saturating_sub(radius), (i + radius).min(count - 1));
        put(i, (sum / (last - first + 1) as f64) as f32);
        if i >= radius {
            sum -= f64::from(value(i - radius));
        }
    }
}

/// The colour of a lightness, a chroma and an angle in Oklab, with less chroma where sRGB does not hold it.
fn fitting(lightness: f32, chroma: f32, angle: f32) -> [f32; 3] {
    let (mut low, mut high) = (0.0, chroma);
    let inside = |chroma: f32| {
        let colour = oklab(lightness, chroma * angle.cos(), chroma * angle.sin());
        colour.iter().all(|v| (-1e-4..=1.0001).contains(v)).then_some(colour)
    };
    let mut best = inside(chroma);
    if best.is_none() {
        for _ in 0..8 {
            let middle = 0.5 * (low + high);
            match inside(middle) {
                Some(colour) => (low, best) = (middle, Some(colour)),
                None => high = middle,
            }
        }
    }
    best.unwrap_or_else(|| oklab(lightness, 0.0, 0.0)).map(|v| encoded(v.clamp(0.0, 1.0)))
}

/// Oklab to linear sRGB, with the published matrices.
fn oklab(l: f32, a: f32, b: f32) -> [f32; 3] {
    let long = (l + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let middle = (l - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let short = (l - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    [
        4.076_741_7 * long - 3.307_711_6 * middle + 0.230_969_94 * short,
        -1.268_438 * long + 2.609_757_4 * middle - 0.341_319_4 * short,
        -0.004_196_086_3 * long - 0.703_418_6 * middle + 1.707_614_7 * short,
    ]
}

fn linear(v: f32) -> f32 {
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

fn encoded(v: f32) -> f32 {
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey_and_tints_keep_the_lightness() {
        let grey = oklab(0.6, 0.0, 0.0);
        assert!(grey.iter().all(|v| (v - 0.216).abs() < 1e-3), "{grey:?}");
        let picture = Picture::filled(3, 1, [0.5; 3]).unwrap();
        let tinted = Heat { width: 3, height: 1, values: vec![1.0, 0.0, -1.0] }.over(&picture);
        let [warm, none, cold] = [0, 1, 2].map(|i| tinted.triples()[i]);
        assert!(warm[0] > warm[2] + 0.2 && cold[2] > cold[0] + 0.2, "{warm:?} {cold:?}");
        assert!((none[0] - none[1]).abs() < 2e-3 && (none[1] - none[2]).abs() < 2e-3, "{none:?}");
        let all = Heat { width: 3, height: 1, values: vec![0.0; 3] }.over(&picture);
        assert!(all.rgb.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn windows_are_means() {
        let values: Vec<f32> = (0..6 * 5).map(|i| (i * i % 17) as f32).collect();
        let found = windows(&values, 6, 2);
        for y in 0..5usize {
            for x in 0..6usize {
                let (ys, xs) = (y.saturating_sub(2)..(y + 3).min(5), x.saturating_sub(2)..(x + 3).min(6));
                let all: Vec<f32> = ys.flat_map(|y| xs.clone().map(move |x| y * 6 + x)).map(|i| values[i]).collect();
                let mean = all.iter().sum::<f32>() / all.len() as f32;
                assert!((found[y * 6 + x] - mean).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn the_filter_keeps_the_edges_of_the_picture() {
        let rgb = (0..40 * 10).flat_map(|i| [if i % 40 < 20 { 0.1 } else { 0.9 }; 3]).collect();
        let picture = Picture::from_rgb(40, 10, rgb).unwrap();
        let ramp = (0..40 * 10).map(|i| ((i % 40) as f32 - 20.0) / 20.0).collect();
        let out = Heat { width: 40, height: 10, values: ramp }.following(&picture, 6, 1e-3);
        let step = out.values[20] - out.values[19];
        let beside = out.values[24] - out.values[23];
        assert!(step > 5.0 * beside.abs(), "{step} {beside}");
    }
}
