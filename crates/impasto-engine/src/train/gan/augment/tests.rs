use burn::tensor::{DType, Device, Tensor, TensorData};

use super::colour::Colour;
use super::geometry::{Affine, moved};
use super::*;
use crate::tensor;

const ALL: [Change; 13] = [
    Change::Colour,
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
    Change::Cutout,
];

fn pictures(n: usize, [h, w]: [usize; 2], device: &Device) -> Tensor<4> {
    let mut rng = rng::stream(1, "pictures", 0);
    tensor::from_planar((0..n * 3 * h * w).map(|_| rng.random()).collect(), n, h, w, device)
}

fn of(changes: &[Change]) -> Augment {
    Augment { changes: changes.to_vec(), border: Border::Reflect }
}

/// Every channel one row of `values`.
fn grid(values: &[f32], [h, w]: [usize; 2]) -> Tensor<4> {
    tensor::from_planar(values.repeat(3), 1, h, w, &Device::flex())
}

fn first_channel(x: Tensor<4>) -> Vec<f32> {
    let [_, _, h, w] = x.dims();
    tensor::values(x.slice([0..1, 0..1, 0..h, 0..w]))
}

#[test]
fn movements_move_pixels() {
    let square = [1., 2., 3., 4., 5., 6., 7., 8., 9.];
    type Case = (&'static str, fn(&mut Affine), [f32; 9], [f32; 9]);
    let cases: [Case; 5] = [
        (
            "right",
            |a| a.then_shifted([1., 0.]),
            [2., 1., 2., 5., 4., 5., 8., 7., 8.],
            [0.5, 1., 2., 0.5, 4., 5., 0.5, 7., 8.],
        ),
        (
            "up",
            |a| a.then_shifted([0., -1.]),
            [4., 5., 6., 7., 8., 9., 4., 5., 6.],
            [4., 5., 6., 7., 8., 9., 0.5, 0.5, 0.5],
        ),
        (
            "mirror",
            |a| a.then_scaled([-1., 1.]),
            [3., 2., 1., 6., 5., 4., 9., 8., 7.],
            [3., 2., 1., 6., 5., 4., 9., 8., 7.],
        ),
        (
            "clockwise",
            |a| a.then_quarters(1),
            [7., 4., 1., 8., 5., 2., 9., 6., 3.],
            [7., 4., 1., 8., 5., 2., 9., 6., 3.],
        ),
        (
            "clockwise, then right",
            |a| {
                a.then_quarters(5);
                a.then_shifted([1., 0.]);
            },
            [4., 7., 4., 5., 8., 5., 6., 9., 6.],
            [0.5, 7., 4., 0.5, 8., 5., 0.5, 9., 6.],
        ),
    ];
    for (name, change, reflected, grey) in cases {
        let mut movement = Affine::SAME;
        change(&mut movement);
        for (border, expected) in [(Border::Reflect, reflected), (Border::Grey, grey)] {
            let found = first_channel(moved(grid(&square, [3, 3]), &[movement], border));
            assert_eq!(found, expected, "{name} {border:?}");
        }
    }
    // A right angle by degrees is one by right angles; an even number of rows and columns has its middle between pixels.
    let mut turned = Affine::SAME;
    turned.then_rotated(std::f64::consts::FRAC_PI_2);
    let found = first_channel(moved(grid(&[1., 2., 3., 4.], [2, 2]), &[turned], Border::Reflect));
    assert!(found.iter().zip([3., 1., 4., 2.]).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    // Twice as large, between pixels.
    let mut large = Affine::SAME;
    large.then_scaled([2.0, 1.0]);
    let found = first_channel(moved(grid(&[0., 2., 4., 8., 16.], [1, 5]), &[large], Border::Grey));
    assert_eq!(found, [2., 3., 4., 6., 8.]);
}

#[test]
fn colours_change_as_named() {
    let pixels = [[0.2, 0.4, 0.9], [0.7, 0.1, 0.1]];
    let run = |change: &dyn Fn(&mut Colour)| {
        let mut colour = Colour::SAME;
        change(&mut colour);
        let planar = (0..3).flat_map(|c| pixels.map(|p| p[c] as f32)).collect();
        let found = tensor::values(colour::apply(tensor::from_planar(planar, 1, 1, 2, &Device::flex()), &[colour]));
        [0, 1].map(|i| [0, 1, 2].map(|c| f64::from(found[2 * c + i])))
    };
    let grey = |p: [f64; 3]| p.iter().sum::<f64>() / 3.0;
    let each = |f: &dyn Fn([f64; 3]) -> [f64; 3]| pixels.map(f);
    let whole = (grey(pixels[0]) + grey(pixels[1])) / 2.0;
    let turn = std::f64::consts::TAU / 3.0;
    type Case<'a> = (&'static str, &'a dyn Fn(&mut Colour), [[f64; 3]; 2]);
    let cases: [Case<'_>; 7] = [
        ("brightness", &|c| c.brighten(0.3), each(&|p| p.map(|v| v + 0.3))),
        ("contrast", &|c| c.contrast(1.5), each(&|p| p.map(|v| 0.5 + 1.5 * (v - 0.5)))),
        ("saturation", &|c| c.saturate(0.25), each(&|p| p.map(|v| grey(p) + 0.25 * (v - grey(p))))),
        ("luma", &|c| c.flip_luma(), each(&|p| p.map(|v| v + 1.0 - 2.0 * grey(p)))),
        ("hue", &|c| c.turn_hue(turn), each(&|p| [p[2], p[0], p[1]])),
        (
            "diffaugment",
            &|c| c.diffaugment(0.1, 2.0, 0.5),
            each(&|p| p.map(|v| (whole + 0.1) + 0.5 * (grey(p) + 2.0 * (v - grey(p)) - whole))),
        ),
        (
            "one after the other",
            &|c| {
                c.contrast(2.0);
                c.brighten(0.1);
                c.turn_hue(-turn);
            },
            each(&|p| [p[1], p[2], p[0]].map(|v| 0.6 + 2.0 * (v - 0.5))),
        ),
    ];
    for (name, change, expected) in cases {
        let found = run(change);
        let close = found.as_flattened().iter().zip(expected.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close, "{name}: {found:?} instead of {expected:?}");
    }
}

#[test]
fn nothing_happens_where_nothing_should() {
    let images = pictures(3, [6, 5], &Device::flex());
    let all: Vec<Change> = ALL.into_iter().filter(|&change| change != Change::QuarterTurn).collect();
    for (augment, p) in [(of(&all), 0.0), (Policy::None.augment([6, 5]), 1.0)] {
        let found = augment.apply(images.clone(), p, 1, "augment", 0);
        assert_eq!(tensor::values(found), tensor::values(images.clone()));
    }
    // A picture that nothing happened to comes through unchanged beside one that was changed.
    let augment = of(&[Change::Translation, Change::Saturation, Change::Cutout]);
    let found = augment.apply(pictures(64, [6, 5], &Device::flex()), 0.2, 1, "augment", 0);
    let (found, before) = (tensor::values(found), tensor::values(pictures(64, [6, 5], &Device::flex())));
    let same = found.chunks(90).zip(before.chunks(90)).filter(|(a, b)| a == b).count();
    assert!((20..=45).contains(&same), "{same} of 64 unchanged, about half were expected");
}

#[test]
fn every_change_happens_and_repeats() {
    let images = pictures(8, [8, 8], &Device::flex());
    for change in ALL {
        let run = |seed, stream: &str| tensor::values(of(&[change]).apply(images.clone(), 1.0, seed, stream, 5));
        let found = run(1, "real");
        assert_ne!(found, tensor::values(images.clone()), "{change:?}");
        assert_eq!(found, run(1, "real"), "{change:?}");
        assert_ne!(found, run(2, "real"), "{change:?}");
        assert_ne!(found, run(1, "made"), "{change:?}");
        assert!(found.iter().all(|v| v.is_finite()), "{change:?}");
    }
}

#[test]
fn batches_may_be_dealt_in_any_way() {
    let images = pictures(6, [8, 8], &Device::flex());
    for policy in [Policy::Diffaugment, Policy::Ada] {
        let augment = policy.augment([8, 8]);
        let whole = tensor::values(augment.apply(images.clone(), 0.7, 3, "real", 12));
        let part = |from: usize, count: usize| {
            let part = images.clone().slice([from..from + count, 0..3, 0..8, 0..8]);
            tensor::values(augment.apply(part, 0.7, 3, "real", 12 + from as u64))
        };
        let parts = [part(0, 1), part(1, 3), part(4, 2)].concat();
        let worst = whole.iter().zip(&parts).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-6, "{policy:?}: {worst}");
    }
}

/// All changes are affine in the picture: a gradient is right where it gives the difference between two pictures.
#[test]
fn gradients_flow_through_every_change() {
    let device = Device::flex().autodiff();
    let wide = |name: &str| {
        let draws = rng::normal(&mut rng::stream(4, name, 0), 4 * 3 * 64);
        Tensor::<4>::from_data(TensorData::new(draws, [4, 3, 8, 8]).convert_dtype(DType::F64), (&device, DType::F64))
    };
    for border in [Border::Reflect, Border::Grey] {
        for change in ALL {
            let augment = Augment { changes: vec![change], border };
            let (x, step, weights) = (wide("x").require_grad(), wide("step"), wide("weights"));
            let value = |x: Tensor<4>| (augment.apply(x, 0.8, 9, "real", 0) * weights.clone()).sum();
            let gradient = x.grad(&value(x.clone()).backward()).unwrap();
            let number = |x: Tensor<1>| x.into_data().iter::<f64>().next().unwrap();
            let slope = number((gradient * step.clone().inner()).sum());
            let difference = number((value(x.clone() + step) - value(x)).inner());
            assert!((slope - difference).abs() < 1e-9 * difference.abs().max(1.0), "{change:?}: {slope}, {difference}");
        }
    }
}

#[test]
fn cutout_greys_a_quarter_or_less() {
    let images = Tensor::<4>::ones([200, 3, 8, 6], &Device::flex());
    let found = tensor::values(of(&[Change::Cutout]).apply(images, 1.0, 2, "real", 0));
    let mut middle = 0;
    for picture in found.chunks(3 * 48) {
        let cut = picture.iter().filter(|&&v| v == 0.5).count();
        assert!(cut.is_multiple_of(3) && (1..=12).contains(&(cut / 3)), "{cut}");
        assert!(picture.iter().all(|&v| v == 0.5 || v == 1.0));
        middle += usize::from(cut == 36);
    }
    assert!(middle > 20, "{middle} of 200 wholly inside");
}

#[test]
fn settings_are_checked() {
    assert!(of(&ALL).validate([8, 8]).is_ok());
    assert!(of(&ALL).validate([8, 6]).unwrap_err().contains("quarter-turn"));
    for policy in [Policy::None, Policy::Diffaugment, Policy::Ada] {
        assert!(policy.augment([8, 6]).validate([8, 6]).is_ok(), "{policy:?}");
    }
    let read: Augment =
        serde_json::from_str(r#"{"changes": ["quarter-turn", "luma-flip"], "border": "grey"}"#).unwrap();
    assert_eq!(read, Augment { changes: vec![Change::QuarterTurn, Change::LumaFlip], border: Border::Grey });
    assert!(serde_json::from_str::<Augment>(r#"{"change": []}"#).is_err());
}
