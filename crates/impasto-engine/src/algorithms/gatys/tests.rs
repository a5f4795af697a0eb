//! Tests at tiny sizes against a small network of seeded random convolutions.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor};

use super::lbfgs::{Lbfgs, LbfgsSettings};
use super::objective::{Objective, Weights};
use super::optimiser::{Optimiser, Outcome};
use super::stylizer::{sizes, style_size};
use super::*;
use crate::blocks::{Conv, ConvConfig, avg_pool2, relu};
use crate::control::{Control, Event};
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::rng;
use crate::tensor::{self, ImageTensor};
use crate::traits::{Style, StyleRequest, Stylizer};
use crate::weights::Arrays;

const H: usize = 24;
const W: usize = 32;

fn device() -> Device {
    crate::device::open(crate::device::DeviceSpec::Cpu).unwrap().device
}

/// Random convolutions at three sizes; every output is NaN from the `broken_after`th call on.
struct RandomFeatures {
    convs: Vec<Conv>,
    /// Without kinks, which finite differences stumble over.
    smooth: bool,
    calls: AtomicUsize,
    broken_after: usize,
}

impl RandomFeatures {
    fn new(device: &Device) -> Self {
        let conv = |(i, [from, to]): (usize, [usize; 2])| {
            use burn::module::Module;
            ConvConfig::same(from, to, 3).init(7, &format!("level{i}"), device).no_grad()
        };
        let convs = [[3, 8], [8, 12], [12, 16]].into_iter().enumerate().map(conv).collect();
        Self { convs, smooth: false, calls: AtomicUsize::new(0), broken_after: usize::MAX }
    }
}

impl Features for RandomFeatures {
    fn name(&self) -> &'static str {
        "random"
    }

    fn extract(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        let broken = self.calls.fetch_add(1, Ordering::Relaxed) >= self.broken_after;
        let mut x = image;
        let mut taps = Vec::new();
        for (i, conv) in self.convs.iter().enumerate() {
            if i > 0 {
                x = avg_pool2(x); // [n, c, h / 2^i, w / 2^i]
            }
            x = conv.forward(x); // [n, c', h / 2^i, w / 2^i]
            x = if self.smooth { softplus(x, 1.0) } else { relu(x) };
            taps.push(if broken { x.clone() * f32::NAN } else { x.clone() });
        }
        taps
    }

    fn min_side(&self) -> usize {
        16
    }

    fn content_level(&self) -> usize {
        2
    }
}

/// Smooth waves of a colour, different for every `kind`.
fn picture(kind: usize, [h, w]: [usize; 2]) -> ImageTensor {
    let wave = [[0.31, 0.05], [0.9, 0.4], [0.15, 1.1]][kind];
    let colour = [[0.8, 0.5, 0.3], [0.2, 0.4, 0.8], [0.5, 0.9, 0.2]][kind];
    let value = |i: usize| {
        let (c, y, x) = (i / (h * w), i / w % h, i % w);
        let phase = wave[0] * x as f32 + wave[1] * y as f32 + c as f32 * 0.4 * kind as f32;
        (colour[c] * (0.6 + 0.4 * phase.sin())).clamp(0.0, 1.0)
    };
    tensor::from_planar((0..3 * h * w).map(value).collect(), 1, h, w, &device())
}

fn request(styles: &[(usize, f32)], strength: f32, seed: u64) -> StyleRequest<'static> {
    let styles = styles.iter().map(|&(kind, weight)| (Style::Picture(picture(kind, [H, W])), weight)).collect();
    StyleRequest { content: picture(0, [H, W]), styles, strength, seed, preview: None }
}

fn gatys(config: GatysConfig) -> Gatys {
    Gatys::new(config, Box::new(RandomFeatures::new(&device())), &device()).unwrap()
}

fn short(steps: u32) -> GatysConfig {
    GatysConfig { steps, ..GatysConfig::default() }
}

fn run(config: GatysConfig, request: StyleRequest<'_>) -> Vec<f32> {
    tensor::values(gatys(config).stylize(request, &Control::silent()).unwrap())
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
}

fn objective<'a>(features: &'a RandomFeatures, weights: Weights, style: usize) -> Objective<'a> {
    Objective::new(features, weights, picture(0, [H, W]), vec![(picture(style, [H, W]), 1.0)], 1.0)
}

const WEIGHTS: Weights = Weights { content: 1.0, style: 10.0, variation: 5.0 };

/// How far `x` is from the style of picture `kind`.
fn style_distance(x: &[f32], kind: usize) -> f64 {
    let features = RandomFeatures::new(&device());
    let weights = Weights { content: 0.0, style: 1.0, variation: 0.0 };
    objective(&features, weights, kind).evaluate(x, &mut vec![0.0; x.len()]).style
}

#[test]
fn the_gradient_of_the_whole_objective_matches_finite_differences() {
    let features = RandomFeatures { smooth: true, ..RandomFeatures::new(&device()) };
    let objective = objective(&features, WEIGHTS, 1);
    let x = tensor::values(picture(2, [H, W]));
    let mut gradient = vec![0.0; x.len()];
    let parts = objective.evaluate(&x, &mut gradient);
    assert!(parts.content > 0.0 && parts.style > 0.0 && parts.variation > 0.0, "{parts:?}");
    let norm = gradient.iter().map(|v| f64::from(v * v)).sum::<f64>().sqrt();
    let mut random = rng::stream(3, "directions", 0);
    let mut directions = vec![gradient.clone()];
    directions.extend((0..4).map(|_| rng::normal(&mut random, x.len())));
    // One value alone, and a block of one channel.
    directions.push((0..x.len()).map(|i| f32::from(u8::from(i == 400))).collect());
    directions.push((0..x.len()).map(|i| f32::from(u8::from((800..840).contains(&i)))).collect());
    for (i, direction) in directions.iter().enumerate() {
        let length = direction.iter().map(|v| v * v).sum::<f32>().sqrt();
        let slope: f64 =
            direction.iter().zip(&gradient).map(|(d, g)| f64::from(d * g)).sum::<f64>() / f64::from(length);
        let at = |h: f32| {
            let moved: Vec<f32> = x.iter().zip(direction).map(|(x, d)| x + h * d / length).collect();
            objective.evaluate(&moved, &mut vec![0.0; x.len()]).total()
        };
        let central = |h: f32| (at(h) - at(-h)) / (2.0 * f64::from(h));
        // Richardson: the error of second order cancels. The loss is f32 and comes out right to some 6e-6 of its
        // value, measured by the error's growth as 1 / h: hence wide steps.
        let h = 0.4;
        let found = (4.0 * central(h) - central(2.0 * h)) / 3.0;
        let allowed = 1e-4 * slope.abs() + 1.5e-4 * norm;
        assert!((found - slope).abs() < allowed, "direction {i}: {found} by differences, {slope}, {norm}");
    }
}

#[test]
fn the_loss_never_rises_and_falls_to_a_fraction() {
    let features = RandomFeatures::new(&device());
    let objective = objective(&features, WEIGHTS, 1);
    let mut lbfgs = Lbfgs::new(tensor::values(picture(0, [H, W])), LbfgsSettings::default());
    let mut losses = Vec::new();
    for _ in 0..40 {
        let outcome = lbfgs.step(&mut |x, gradient| Ok(objective.evaluate(x, gradient).total())).unwrap();
        assert_eq!(outcome, Outcome::Moved);
        losses.push(objective.evaluate(lbfgs.best(), &mut vec![0.0; 3 * H * W]).total());
    }
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0]), "{losses:?}");
    assert!(losses[39] < 0.2 * losses[0], "{losses:?}");
}

#[test]
fn strength_goes_from_the_content_to_the_style() {
    let content = tensor::values(picture(0, [H, W]));
    let painted = [0.0, 0.3, 0.6, 1.0].map(|strength| run(short(30), request(&[(1, 1.0)], strength, 0)));
    assert_eq!(painted[0], content);
    let moved = painted.each_ref().map(|p| difference(p, &content));
    let far = painted.each_ref().map(|p| style_distance(p, 1));
    assert!(moved.windows(2).all(|pair| pair[1] > pair[0] + 0.005), "{moved:?}");
    assert!(far.windows(2).all(|pair| pair[1] < 0.9 * pair[0]), "{far:?}");
}

#[test]
fn two_styles_of_equal_weight_lie_between_both() {
    let [one, both, other] =
        [&[(1, 1.0)][..], &[(1, 0.5), (2, 0.5)], &[(2, 1.0)]].map(|styles| run(short(60), request(styles, 1.0, 0)));
    for kind in [1, 2] {
        let mut far = [&one, &both, &other].map(|p| style_distance(p, kind));
        if kind == 2 {
            far.reverse();
        }
        assert!(far[0] < 0.5 * far[1] && far[1] < 0.8 * far[2], "style {kind}: {far:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_another_picture() {
    let noise = GatysConfig { init: Start::Noise, ..short(5) };
    let painted = [4, 4, 5].map(|seed| run(noise.clone(), request(&[(1, 1.0)], 1.0, seed)));
    assert_eq!(painted[0], painted[1]);
    assert!(difference(&painted[0], &painted[2]) > 0.01);
}

#[test]
fn noise_becomes_the_content_in_the_style() {
    let noise = GatysConfig { init: Start::Noise, ..short(1) };
    let long = GatysConfig { steps: 150, ..noise.clone() };
    let [early, late] = [noise, long].map(|config| run(config, request(&[(1, 1.0)], 1.0, 0)));
    let features = RandomFeatures::new(&device());
    let [early, late] = [early, late].map(|x| objective(&features, WEIGHTS, 1).evaluate(&x, &mut vec![0.0; x.len()]));
    assert!(late.style < 0.1 * early.style && late.content < 0.8 * early.content, "{early:?} to {late:?}");
}

#[test]
fn adam_gets_there_too() {
    let start = tensor::values(picture(0, [H, W]));
    let adam = GatysConfig { optimiser: OptimiserKind::Adam, ..short(80) };
    let painted = run(adam, request(&[(1, 1.0)], 1.0, 0));
    assert!(style_distance(&painted, 1) < 0.2 * style_distance(&start, 1));
}

#[test]
fn cancelling_keeps_the_best_so_far_and_gives_an_error_before_the_first_step() {
    let control = Control::silent();
    let seen = Mutex::new(Vec::new());
    let preview = |step: u64, steps: u64, picture: ImageTensor| {
        seen.lock().unwrap().push((step, steps, tensor::values(picture)));
        control.cancel();
    };
    let request = StyleRequest { preview: Some(&preview), ..request(&[(1, 1.0)], 1.0, 0) };
    let painted = tensor::values(gatys(short(1000)).stylize(request, &control).unwrap());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [(10, 1000)]);
    assert_eq!(painted, seen[0].2);

    let request = self::request(&[(1, 1.0)], 1.0, 0);
    assert!(matches!(gatys(short(10)).stylize(request, &control), Err(EngineError::Cancelled)));
}

#[test]
fn a_loss_that_is_not_finite_ends_with_the_best_so_far_and_a_warning() {
    for (broken_after, optimiser) in [(2, OptimiserKind::Lbfgs), (9, OptimiserKind::Lbfgs), (9, OptimiserKind::Adam)] {
        let features = RandomFeatures { broken_after, ..RandomFeatures::new(&device()) };
        let config = GatysConfig { optimiser, ..short(50) };
        let warnings = std::sync::Arc::new(AtomicUsize::new(0));
        let count = warnings.clone();
        let control = Control::new(move |event| {
            if let Event::Warning { .. } = event {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let gatys = Gatys::new(config, Box::new(features), &device()).unwrap();
        let painted = gatys.stylize(request(&[(1, 1.0)], 1.0, 0), &control).unwrap();
        let painted = tensor::values(painted);
        assert_eq!(warnings.load(Ordering::Relaxed), 1);
        assert!(painted.iter().all(|v| (0.0..=1.0).contains(v)));
        let moved = difference(&painted, &tensor::values(picture(0, [H, W])));
        // Two calls measure the targets: after those alone nothing can move.
        assert!(if broken_after == 2 { moved < 1e-6 } else { moved > 1e-3 }, "moved by {moved}");
    }
}

#[test]
fn refining_starts_from_the_given_picture() {
    let (content, start) = (picture(0, [H, W]), picture(2, [H, W]));
    let request = request(&[(1, 1.0)], 1.0, 0);
    let refined = gatys(short(1)).refine(start.clone(), request, &Control::silent()).unwrap();
    let refined = tensor::values(refined);
    let [from_start, from_content] = [start, content].map(|p| difference(&refined, &tensor::values(p)));
    assert!(from_start < 0.3 * from_content, "{from_start} from the start, {from_content} from the content");
    GatysConfig::refine().validate().unwrap();
}

#[test]
fn sizes_from_coarse_to_fine_end_at_full_size_with_progress_and_previews_throughout() {
    let steps = std::sync::Arc::new(Mutex::new(Vec::new()));
    let sink = steps.clone();
    let control = Control::new(move |event| {
        if let Event::Progress { done, total, message } = event {
            let size = message.split_whitespace().next().unwrap().to_owned();
            sink.lock().unwrap().push((done, total, size));
        }
    });
    let previews = Mutex::new(Vec::new());
    let preview = |step: u64, _: u64, picture: ImageTensor| previews.lock().unwrap().push((step, picture.dims()));
    let content = picture(0, [280, 264]);
    let styles = vec![(Style::Picture(picture(1, [100, 130])), 1.0)];
    let request = StyleRequest { content, styles, strength: 1.0, seed: 0, preview: Some(&preview) };
    let painted = gatys(short(24)).stylize(request, &control).unwrap();
    assert_eq!(painted.dims(), [1, 3, 280, 264]);
    let expected = |i: u64| (i + 1, 24, if i < 12 { "128x144" } else { "264x280" }.to_owned());
    let seen = steps.lock().unwrap().clone();
    assert_eq!(seen, (0..24).map(expected).collect::<Vec<_>>());
    assert_eq!(*previews.lock().unwrap(), [10, 20, 24].map(|step| (step, [1, 3, 280, 264])));
}

#[test]
fn sizes_are_halved_down_to_the_least() {
    assert_eq!(sizes([1024, 768], 5, 96), [[128, 96], [256, 192], [512, 384], [1024, 768]]);
    assert_eq!(sizes([1024, 768], 2, 96), [[512, 384], [1024, 768]]);
    assert_eq!(sizes([500, 389], 1, 96), [[500, 389]]);
    assert_eq!(sizes([37, 1200], 5, 96), [[37, 1200]]);
    assert_eq!(sizes([400, 1000], 3, 96), [[96, 256], [208, 496], [400, 1000]]);
}

#[test]
fn a_style_is_seen_at_the_contents_area_with_its_own_proportions() {
    let style = tensor::to_picture(picture(1, [100, 400])).unwrap();
    assert_eq!(style_size(&style, [200, 200], 1.0, 16), [100, 400]);
    assert_eq!(style_size(&style, [200, 200], 0.5, 16), [50, 200]);
    assert_eq!(style_size(&style, [20, 20], 0.1, 16), [16, 64]);
}

#[test]
fn wrong_requests_are_the_callers_to_mend() {
    let fails = |request: StyleRequest<'_>, part: &str| {
        let result: Result<_> = gatys(short(1)).stylize(request, &Control::silent());
        match result {
            Err(EngineError::Caller(message)) => assert!(message.contains(part), "{message}"),
            other => panic!("{other:?}"),
        }
    };
    let good = || request(&[(1, 1.0)], 1.0, 0);
    fails(StyleRequest { styles: vec![(Style::Code(Arrays::new()), 1.0)], ..good() }, "picture");
    fails(StyleRequest { styles: vec![], ..good() }, "at least one style");
    fails(StyleRequest { content: picture(0, [12, 40]), ..good() }, "12");
    fails(StyleRequest { content: picture(0, [H, W]).repeat(&[2, 1, 1, 1]), ..good() }, "[2, 3");

    for (change, part) in [
        (r#"{"steps": 0}"#, "steps"),
        (r#"{"content_weight": -1}"#, "content_weight"),
        (r#"{"style_scale": 9}"#, "style_scale"),
        (r#"{"levels": 20}"#, "levels"),
        (r#"{"rate": 0}"#, "rate"),
        (r#"{"content_weight": 0, "style_weight": 0}"#, "nothing to optimise"),
    ] {
        let config: GatysConfig = serde_json::from_str(change).unwrap();
        assert!(config.validate().unwrap_err().contains(part), "{change}");
    }
    assert!(serde_json::from_str::<GatysConfig>(r#"{"stile_weight": 1}"#).is_err());
    let lbfgs = GatysConfig { style_weight: f32::NAN, ..GatysConfig::default() };
    assert!(lbfgs.validate().is_err());
}

#[test]
fn a_network_on_a_device_with_autodiff_gives_the_same_picture() {
    let [plain, tracked] = [device(), device().autodiff()].map(|device| {
        let gatys = Gatys::new(short(3), Box::new(RandomFeatures::new(&device)), &device).unwrap();
        tensor::values(gatys.stylize(request(&[(1, 1.0)], 1.0, 0), &Control::silent()).unwrap())
    });
    assert_eq!(plain, tracked);
}
