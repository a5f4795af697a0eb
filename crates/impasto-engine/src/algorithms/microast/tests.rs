use burn::tensor::{Device, Tensor, TensorData};

use super::*;
use crate::control::Control;
use crate::rng;
use crate::tensor::{ImageTensor, values};
use crate::traits::{Style, StyleRequest, Stylizer};
use crate::weights::Arrays;

fn tiny() -> MicroAst {
    MicroAst::new(MicroAstConfig { widths: [2, 4, 8] }, None, 7, &Device::flex()).unwrap()
}

fn picture(name: &str, h: usize, w: usize) -> ImageTensor {
    use rand::Rng;
    let mut rng = rng::stream(1, name, 0);
    let values: Vec<f32> = (0..3 * h * w).map(|_| rng.random()).collect();
    Tensor::from_data(TensorData::new(values, [1, 3, h, w]), &Device::flex())
}

fn paint(content: &ImageTensor, styles: Vec<(Style, f32)>, strength: f32) -> ImageTensor {
    let request = StyleRequest { content: content.clone(), styles, strength, seed: 0, preview: None };
    tiny().stylize(request, &Control::silent()).unwrap()
}

#[test]
fn a_code_paints_what_its_picture_paints() {
    let (content, style) = (picture("content", 24, 20), picture("style", 32, 28));
    let code = tiny().encode_style(&style).unwrap().unwrap();
    let by_picture = values(paint(&content, vec![(Style::Picture(style), 1.0)], 1.0));
    let by_code = values(paint(&content, vec![(Style::Code(code.clone()), 1.0)], 1.0));
    assert_eq!(by_picture, by_code);
    let by_halves = paint(&content, vec![(Style::Code(code.clone()), 0.5), (Style::Code(code), 0.5)], 1.0);
    let far = values(by_halves).iter().zip(&by_code).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 1e-5, "{far}");
}

#[test]
fn odd_sizes_stay_and_no_strength_is_the_content() {
    let (content, style) = (picture("content", 23, 37), picture("style", 16, 16));
    let painted = paint(&content, vec![(Style::Picture(style.clone()), 1.0)], 1.0);
    assert_eq!(painted.dims(), [1, 3, 23, 37]);
    let kept = values(paint(&content, vec![(Style::Picture(style), 1.0)], 0.0));
    assert_eq!(kept, values(content));
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let refused = |content: ImageTensor, style: Style| {
        let request = StyleRequest { content, styles: vec![(style, 1.0)], strength: 1.0, seed: 0, preview: None };
        tiny().stylize(request, &Control::silent()).unwrap_err().to_string()
    };
    let good = picture("content", 16, 16);
    assert!(refused(picture("small", 8, 64), Style::Picture(good.clone())).contains("16 px"));
    assert!(refused(good.clone(), Style::Picture(picture("small", 64, 8))).contains("style"));
    assert!(refused(good, Style::Code(Arrays::new())).contains("missing"));
    assert!(convert(&Arrays::new(), &Device::flex()).unwrap_err().contains("content_encoder.enc1.0.weight"));
    assert!(MicroAstConfig { widths: [3, 4, 8] }.validate().unwrap_err().contains("[3, 4, 8]"));
}
