use burn::tensor::{DType, Device, Tensor, TensorData};

use super::*;
use crate::rng;
use crate::tensor;

fn exact(values: &[f64], shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, DType::F64))
}

fn number(x: Tensor<1>) -> f64 {
    x.into_data().iter::<f64>().next().unwrap()
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

const REAL: [f64; 4] = [1.2, -0.4, 0.3, 2.5];
const FAKE: [f64; 4] = [-0.7, 0.9, -2.0, 0.1];

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// The formulas as they stand in the papers, over probabilities.
fn by_hand(loss: AdversarialLoss, real: &[f64], fake: &[f64]) -> (f64, f64) {
    let p = |x: f64| 1.0 / (1.0 + (-x).exp());
    let over = |f: &dyn Fn(f64) -> f64, x: &[f64]| mean(x.iter().map(|&x| f(x)));
    let pairs = |f: &dyn Fn(f64, f64) -> f64| mean(real.iter().zip(fake).map(|(&r, &f_)| f(r, f_)));
    let cross_entropy = -(over(&|x| p(x).ln(), real) + over(&|x| (1.0 - p(x)).ln(), fake));
    match loss {
        AdversarialLoss::Minimax => (over(&|x| (1.0 - p(x)).ln(), fake), cross_entropy),
        AdversarialLoss::NonSaturating => (-over(&|x| p(x).ln(), fake), cross_entropy),
        AdversarialLoss::LeastSquares => {
            let square = |goal: f64, x: &[f64]| over(&|x| (x - goal) * (x - goal), x) / 2.0;
            (square(1.0, fake), square(1.0, real) + square(0.0, fake))
        }
        AdversarialLoss::Hinge => {
            (-over(&|x| x, fake), over(&|x| (1.0 - x).max(0.0), real) + over(&|x| (1.0 + x).max(0.0), fake))
        }
        AdversarialLoss::Wasserstein => (-over(&|x| x, fake), over(&|x| x, fake) - over(&|x| x, real)),
        AdversarialLoss::Relativistic => (pairs(&|r, f| -p(f - r).ln()), pairs(&|r, f| -p(r - f).ln())),
    }
}

#[test]
fn losses_are_their_formulas() {
    let device = Device::flex();
    for loss in AdversarialLoss::ALL {
        let (generator, discriminator) = by_hand(loss, &REAL, &FAKE);
        for shape in [[4, 1], [2, 2]] {
            let both = loss.both(exact(&REAL, shape, &device), exact(&FAKE, shape, &device), 0.75);
            for (found, expected) in [
                (both.generator, generator),
                (both.discriminator, discriminator),
                (both.sum, generator + 0.75 * discriminator),
            ] {
                let found = number(found);
                assert!((found - expected).abs() < 1e-12, "{loss:?} {shape:?}: {found} instead of {expected}");
            }
        }
        assert_eq!(loss.needs_real(), loss == AdversarialLoss::Relativistic);
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let device = Device::flex().autodiff();
    for loss in AdversarialLoss::ALL {
        let real = exact(&REAL, [4, 1], &device).require_grad();
        let fake = exact(&FAKE, [4, 1], &device).require_grad();
        let both = loss.both(real.clone(), fake.clone(), 0.5);
        let gradients = both.sum.backward();
        let found = [real.grad(&gradients), fake.grad(&gradients)].map(|g| g.map_or_else(|| vec![0.0; 4], numbers));
        let total = |real: &[f64], fake: &[f64]| {
            let (generator, discriminator) = by_hand(loss, real, fake);
            generator + 0.5 * discriminator
        };
        for side in 0..2 {
            for i in 0..4 {
                let moved = |by: f64| {
                    let mut logits = [REAL, FAKE];
                    logits[side][i] += by;
                    total(&logits[0], &logits[1])
                };
                let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                let error = (found[side][i] - expected).abs();
                assert!(error < 1e-9, "{loss:?}, logits {side}, {i}: {} instead of {expected}", found[side][i]);
            }
        }
    }
}

/// Where real pictures are `a` and fakes `b` dense, the best logit is known.
#[test]
fn the_best_discriminator_is_the_one_of_theory() {
    let device = Device::flex();
    let best = |loss: AdversarialLoss, a: f64, b: f64| {
        let cost = |logit: f64| {
            let at = |x: f64| exact(&[x], [1, 1], &device);
            // One half alone: the other stands at a logit that costs the same always.
            let real = number(loss.discriminator(at(logit), at(0.0)));
            let fake = number(loss.discriminator(at(0.0), at(logit)));
            a * real + b * fake
        };
        let grid = (-300..=300).map(|i| f64::from(i) * 0.01);
        grid.min_by(|x, y| cost(*x).total_cmp(&cost(*y))).unwrap()
    };
    for (a, b) in [(0.7, 0.3), (0.5, 0.5), (0.2, 0.8)] {
        let odds = f64::ln(a / b);
        for (loss, expected) in [
            (AdversarialLoss::Minimax, odds),
            (AdversarialLoss::NonSaturating, odds),
            (AdversarialLoss::LeastSquares, a / (a + b)),
        ] {
            let found = best(loss, a, b);
            assert!((found - expected).abs() < 0.011, "{loss:?} {a} {b}: {found} instead of {expected}");
        }
    }
    assert!((best(AdversarialLoss::Hinge, 0.7, 0.3) - 1.0).abs() < 1e-9);
    assert!((best(AdversarialLoss::Hinge, 0.3, 0.7) + 1.0).abs() < 1e-9);
    // Where nothing tells them apart, minimax is worth -log 4.
    let even = AdversarialLoss::Minimax.discriminator(exact(&[0.0], [1, 1], &device), exact(&[0.0], [1, 1], &device));
    assert!((number(even) - 4f64.ln()).abs() < 1e-12);
}

#[test]
fn sure_discriminators_leave_finite_losses_and_gradients() {
    let device = Device::flex().autodiff();
    for loss in AdversarialLoss::ALL {
        for (real, fake) in [(400.0, -400.0), (-400.0, 400.0)] {
            let at = |v: f32| Tensor::<2>::full([2, 1], v, &device).require_grad();
            let (real, fake) = (at(real), at(fake));
            let sum = loss.both(real.clone(), fake.clone(), 1.0).sum;
            assert!(tensor::scalar(sum.clone().inner()).is_finite(), "{loss:?}");
            let gradients = sum.backward();
            for x in [real, fake] {
                let finite = x.grad(&gradients).is_none_or(|g| tensor::values(g).iter().all(|v| v.is_finite()));
                assert!(finite, "{loss:?}");
            }
        }
    }
}

#[test]
fn names_are_in_kebab_case() {
    let names: Vec<String> = AdversarialLoss::ALL.iter().map(|loss| serde_json::to_string(loss).unwrap()).collect();
    let expected = ["minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"];
    assert_eq!(names, expected.map(|name| format!("\"{name}\"")));
    let kinds = [PenaltyKind::None, PenaltyKind::R1, PenaltyKind::R1R2, PenaltyKind::Wgan];
    let names = kinds.map(|kind| serde_json::to_string(&kind).unwrap());
    assert_eq!(names, ["none", "r1", "r1-r2", "wgan"].map(|name| format!("\"{name}\"")));
}

/// `k` logits of `x`: `tanh(x A) B`, with its gradient by hand.
struct Net {
    a: Tensor<2>,
    b: Tensor<2>,
}

impl Net {
    fn new(device: &Device, scale: f64) -> Self {
        let draw = |name: &str, rows: usize, columns: usize| {
            let values = rng::normal(&mut rng::stream(5, name, 0), rows * columns);
            exact(&values.into_iter().map(|v| f64::from(v) * scale).collect::<Vec<_>>(), [rows, columns], device)
        };
        Self { a: draw("a", 3, 6), b: draw("b", 6, 2) }
    }
}

impl Judge<2> for Net {
    fn judge(&self, samples: Tensor<2>, _: Source) -> Tensor<2> {
        samples.matmul(self.a.clone()).tanh().matmul(self.b.clone()) // [n, 2]
    }

    fn gradient(&self, samples: Tensor<2>, _: Source) -> Option<Tensor<2>> {
        let hidden = samples.matmul(self.a.clone()).tanh(); // [n, 6]
        let slope = (-hidden.square() + 1.0) * self.b.clone().sum_dim(1).transpose(); // [n, 6]
        Some(slope.matmul(self.a.clone().transpose())) // [n, 3]
    }
}

/// Judges without an exact gradient.
struct Plain(Net);

impl Judge<2> for Plain {
    fn judge(&self, samples: Tensor<2>, source: Source) -> Tensor<2> {
        self.0.judge(samples, source)
    }
}

/// `repeats` copies of four samples, so that a mean over them is one over as many directions.
fn samples(name: &str, repeats: usize, device: &Device) -> Tensor<2> {
    let values = rng::normal(&mut rng::stream(6, name, 0), 12);
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    exact(&values, [4, 3], device).repeat_dim(0, repeats)
}

fn judged(net: &Net, samples: Tensor<2>, source: Source) -> Judged<2> {
    Judged { logits: net.judge(samples.clone(), source), samples }
}

#[test]
fn differences_estimate_what_the_exact_penalties_are() {
    let device = Device::flex();
    for (kind, scale) in [
        (PenaltyKind::R1, 0.8),
        (PenaltyKind::R1R2, 0.8),
        // Both sides of norm 1.
        (PenaltyKind::Wgan, 0.5),
        (PenaltyKind::Wgan, 1.0),
    ] {
        let net = Net::new(&device, scale);
        let [real, fake] = [("real", Source::Real), ("fake", Source::Fake)]
            .map(|(name, source)| judged(&net, samples(name, 10_000, &device), source));
        let penalty = |exact| {
            let penalty = Penalty { kind, weight: 2.0, every: 3, exact: Some(exact), sigma: 1e-4 };
            number(penalty.loss(&net, &real, &fake, &mut rng::stream(1, "penalty", 0)).unwrap())
        };
        let (estimate, truth) = (penalty(false), penalty(true));
        let error = (estimate - truth).abs() / truth;
        assert!(error < 0.03, "{kind:?} at {scale}: {estimate} instead of {truth}");
    }
}

#[test]
fn the_exact_penalties_are_those_of_differentiation() {
    let device = Device::flex().autodiff();
    let net = Net::new(&device, 0.8);
    let (real, fake) = (samples("real", 1, &device), samples("fake", 1, &device));
    let norms = |x: Tensor<2>| {
        let x = x.detach().require_grad();
        let gradients = net.judge(x.clone(), Source::Real).mean_dim(1).sum().backward();
        let gradient = numbers(x.grad(&gradients).unwrap());
        gradient.chunks(3).map(|g| g.iter().map(|v| v * v).sum::<f64>()).collect::<Vec<_>>()
    };
    let (r1, r2) = (mean(norms(real.clone()).into_iter()), mean(norms(fake.clone()).into_iter()));
    let between = interpolates(&real, &fake, &mut rng::stream(1, "penalty", 0));
    let wgan = mean(norms(between).into_iter().map(|square| (square.sqrt() - 1.0).powi(2)));
    let (real, fake) = (judged(&net, real, Source::Real), judged(&net, fake, Source::Fake));
    for (kind, expected) in [
        (PenaltyKind::None, 0.0),
        (PenaltyKind::R1, 6.0 * r1 / 2.0),
        (PenaltyKind::R1R2, 6.0 * (r1 + r2) / 2.0),
        (PenaltyKind::Wgan, 6.0 * wgan),
    ] {
        let penalty = Penalty { kind, weight: 2.0, every: 3, exact: Some(true), sigma: 1e-4 };
        let found = number(penalty.loss(&net, &real, &fake, &mut rng::stream(1, "penalty", 0)).unwrap());
        assert!((found - expected).abs() < 1e-9, "{kind:?}: {found} instead of {expected}");
    }
}

/// The penalty's gradient by the weights, which is what training sees.
#[test]
fn penalties_push_the_weights_alike() {
    let device = Device::flex().autodiff();
    let slopes = |exact: bool, repeats: usize| {
        let mut net = Net::new(&device, 0.8);
        net.a = net.a.require_grad();
        let [real, fake] = [("real", Source::Real), ("fake", Source::Fake)]
            .map(|(name, source)| judged(&net, samples(name, repeats, &device), source));
        let penalty = Penalty { kind: PenaltyKind::R1R2, weight: 1.0, every: 1, exact: Some(exact), sigma: 1e-4 };
        let loss = penalty.loss(&net, &real, &fake, &mut rng::stream(2, "penalty", 0)).unwrap();
        numbers(net.a.grad(&loss.backward()).unwrap())
    };
    let (estimate, truth) = (slopes(false, 10_000), slopes(true, 1));
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|v| v * v).sum::<f64>().sqrt();
    let error = norm(&mut estimate.iter().zip(&truth).map(|(a, b)| a - b)) / norm(&mut truth.iter().copied());
    assert!(error < 0.05, "{error}");
}

#[test]
fn what_cannot_be_is_refused() {
    let device = Device::flex();
    let net = Plain(Net::new(&device, 0.8));
    let [real, fake] = [("real", Source::Real), ("fake", Source::Fake)]
        .map(|(name, source)| judged(&net.0, samples(name, 1, &device), source));
    let penalty = Penalty { exact: Some(true), ..Penalty::default() };
    let error = penalty.loss(&net, &real, &fake, &mut rng::stream(1, "penalty", 0)).unwrap_err();
    assert!(error.contains("'penalty.exact'"), "{error}");
    // Where nothing is said, what the discriminator offers is taken.
    let drawn = |exact| {
        let penalty = Penalty { exact, ..Penalty::default() };
        tensor::scalar(penalty.loss(&net, &real, &fake, &mut rng::stream(1, "penalty", 0)).unwrap())
    };
    assert_eq!(drawn(None), drawn(Some(false)));
    let drawn = |exact| {
        let penalty = Penalty { exact, ..Penalty::default() };
        tensor::scalar(penalty.loss(&net.0, &real, &fake, &mut rng::stream(1, "penalty", 0)).unwrap())
    };
    assert_eq!(drawn(None), drawn(Some(true)));
    assert!(Penalty::default().validate().is_ok());
    for wrong in [
        Penalty { weight: -1.0, ..Penalty::default() },
        Penalty { weight: f32::NAN, ..Penalty::default() },
        Penalty { every: 0, ..Penalty::default() },
        Penalty { sigma: 0.0, ..Penalty::default() },
    ] {
        assert!(wrong.validate().is_err(), "{wrong:?}");
    }
}

#[test]
fn penalties_are_due_at_their_interval() {
    let every = Penalty { every: 4, ..Penalty::default() };
    assert_eq!((0..9).filter(|&step| every.is_due(step)).collect::<Vec<_>>(), [0, 4, 8]);
    assert!(!Penalty { kind: PenaltyKind::None, ..Penalty::default() }.is_due(0));
    assert!(!Penalty { weight: 0.0, ..Penalty::default() }.is_due(0));
}

#[test]
fn interpolates_lie_between() {
    let device = Device::flex();
    let (real, fake) = (exact(&[1.0; 64], [32, 2], &device), exact(&[0.0; 64], [32, 2], &device));
    let shares = numbers(interpolates(&real, &fake, &mut rng::stream(3, "mix", 0)));
    assert!(shares.iter().all(|v| (0.0..=1.0).contains(v)));
    // One share for a sample, another for each.
    assert!(shares.chunks(2).all(|pair| pair[0] == pair[1]) && shares[0] != shares[2]);
    assert!((mean(shares.into_iter()) - 0.5).abs() < 0.15);
}

/// Patch logits as rows give the very numbers that they gave as maps `[n, 1, h, w]`.
#[test]
fn maps_of_logits_may_be_flattened() {
    let device = Device::flex();
    let map = |name: &str| {
        let draws = rng::normal(&mut rng::stream(8, name, 0), 3 * 5 * 7);
        tensor::from_planes(draws, [3, 1, 5, 7], &device)
    };
    let (real, fake) = (map("real"), map("fake"));
    let flat = |x: &Tensor<4>| x.clone().reshape([3, 35]);
    let relativistic = AdversarialLoss::Relativistic;
    let pairs = [
        (relativistic.generator(Some(flat(&real)), flat(&fake)), softplus(real.clone() - fake.clone(), 1.0).mean()),
        (relativistic.discriminator(flat(&real), flat(&fake)), softplus(fake.clone() - real.clone(), 1.0).mean()),
        (
            finite_difference_penalty(flat(&real), flat(&fake), 0.02),
            (real - fake).reshape([3, 35]).mean_dim(1).square().mean() / (0.02f32 * 0.02),
        ),
    ];
    for (i, (rows, maps)) in pairs.into_iter().enumerate() {
        assert_eq!(tensor::scalar(rows).to_bits(), tensor::scalar(maps).to_bits(), "{i}");
    }
}

#[test]
fn guessing_costs_what_is_said() {
    let device = Device::flex();
    let zeros = || exact(&[0.0; 4], [4, 1], &device);
    for loss in AdversarialLoss::ALL {
        let found = number(loss.discriminator(zeros(), zeros()));
        match loss.guessing() {
            Some(said) => assert!((found - f64::from(said)).abs() < 1e-6, "{loss:?}: {found}"),
            None => assert_eq!(loss, AdversarialLoss::Wasserstein),
        }
    }
}
