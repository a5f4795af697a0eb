//! From light on the canvas to a picture: halo, exposure, contrast, and as many samples as pixels.

use impasto_image::{ImageError, Picture};

use super::canvas::Canvas;
use super::vector::{V3, mix, smooth, v3};
use super::view::{HEIGHT, WIDTH};

/// How much of the light beyond white a lens spreads around its source, and how far, in pixels: a bright core, a wide veil.
const HALOS: [(f32, usize); 2] = [(0.10, 5), (0.07, 26)];

/// The finished picture.
pub(crate) fn develop(canvas: &Canvas) -> Result<Picture, ImageError> {
    let (w, h) = (WIDTH as usize, HEIGHT as usize);
    let (light, toned) = reduce(canvas);
    let mut halo = vec![V3::default(); w * h];
    for (share, radius) in HALOS {
        for (sum, spread) in halo.iter_mut().zip(blurred(light.clone(), w, h, radius)) {
            *sum += spread * share;
        }
    }
    let mut rgb = Vec::with_capacity(w * h * 3);
    for (i, (pixel, spread)) in toned.iter().zip(&halo).enumerate() {
        // The halo lies over what was toned sample by sample, as light over light: it never darkens.
        let glow = spread.map(|v| 1.0 - (-v).exp());
        let lit = *pixel + glow - *pixel * glow;
        let done = grade(lit, [(i % w) as f32 / w as f32, (i / w) as f32 / h as f32]);
        rgb.extend([done.x, done.y, done.z]);
    }
    Picture::from_rgb(w as u32, h as u32, rgb)
}

/// Per pixel: the light beyond white, and the mean of the toned samples. Toning comes before the mean, or a spark of a
/// ninth of a pixel would blow out the whole pixel.
fn reduce(canvas: &Canvas) -> (Vec<V3>, Vec<V3>) {
    let n = canvas.scale as usize;
    let (w, h) = (canvas.width / n, canvas.height / n);
    let share = 1.0 / (n * n) as f32;
    let (mut light, mut toned) = (vec![V3::default(); w * h], vec![V3::default(); w * h]);
    for (i, &colour) in canvas.colours.iter().enumerate() {
        let pixel = i / canvas.width / n * w + i % canvas.width / n;
        light[pixel] += colour.map(|v| (v - 0.9).clamp(0.0, 8.0)) * share;
        toned[pixel] += exposed(colour) * share;
    }
    (light, toned)
}

/// A film's answer to light: nearly linear in the shadows, never quite white.
fn exposed(c: V3) -> V3 {
    c.map(|v| 1.0 - (-1.32 * v).exp())
}

/// Contrast around the middle, richer colours, slightly darker corners; then display values.
fn grade(c: V3, [x, y]: [f32; 2]) -> V3 {
    let corner = ((x - 0.46).powi(2) * 1.2 + (y - 0.50).powi(2) * 1.3) * 2.0;
    let c = c * mix(1.0, 0.80, smooth(0.10, 1.0, corner));
    let luma = c.luma();
    let rich = v3(luma, luma, luma).mix(c, 1.20).map(|v| v.clamp(0.0, 1.0));
    rich.map(|v| {
        let display = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        mix(display, smooth(0.0, 1.0, display), 0.38)
    })
}

/// Blurred with three boxes in each direction, which is close to a Gaussian.
fn blurred(mut pixels: Vec<V3>, w: usize, h: usize, radius: usize) -> Vec<V3> {
    for _ in 0..3 {
        for row in 0..h {
            box_blur(&mut pixels, row * w, 1, w, radius);
        }
        for column in 0..w {
            box_blur(&mut pixels, column, w, h, radius);
        }
    }
    pixels
}

fn box_blur(pixels: &mut [V3], start: usize, stride: usize, count: usize, radius: usize) {
    let line: Vec<V3> = (0..count).map(|i| pixels[start + i * stride]).collect();
    let share = 1.0 / (2 * radius + 1) as f32;
    for i in 0..count {
        let mut sum = V3::default();
        for &value in &line[i.saturating_sub(radius)..(i + radius + 1).min(count)] {
            sum += value;
        }
        pixels[start + i * stride] = sum * share;
    }
}
