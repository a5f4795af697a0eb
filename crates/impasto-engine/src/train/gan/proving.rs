//! What every architecture must keep to, tried out on tiny networks.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{Architecture, Build, DiscriminatorNet, Draw, GeneratorNet, Grid, Made, Mode};
use crate::generator::{Generator, Noise, Synthesis};
use crate::rng;
use crate::tensor::values;
use crate::train::ParamGrads;
use crate::weights::{self, Arrays, Precision};

/// Pictures of a batch.
const N: usize = 3;

/// Tries out everything below.
pub(crate) fn prove<A: Architecture>(build: &Build<A::Config>) {
    A::validate(build).unwrap();
    assert!(A::macs_per_pixel(build) > 0.0);
    gradients_reach_every_weight::<A>(build);
    let made = pictures_depend_on_themselves_only::<A>(build);
    files_keep_every_bit(build, &made);
    wrapped_pictures_have_no_seam(&made);
    grey_pictures_have_no_colour::<A>(build);
    slopes_are_exact::<A>(build);
}

fn draw<G: GeneratorNet>(net: &G, first: u64, device: &Device) -> Draw {
    let seeds: Vec<u64> = (first..first + N as u64).collect();
    let form = net.form();
    let labels: Vec<usize> = seeds.iter().map(|&seed| seed as usize % form.classes.len().max(1)).collect();
    Draw {
        latents: form.latents(&seeds, device),
        labels: form.labels(&labels, device),
        synthesis: Synthesis::seeds(&seeds),
    }
}

fn finite(what: &str, values: &[f32]) {
    assert!(values.iter().all(|v| v.is_finite()), "{what} is not finite");
}

/// Asserts that a module's gradients are finite and that nothing but standing statistics goes without.
fn all_reached<M: Module>(net: &M, loss: &Tensor<1>, exempt: &[&str]) {
    let grads = ParamGrads::of(net, &loss.backward()).into_tensors();
    for name in weights::collect(net).keys() {
        let grad = grads.iter().find(|(path, _)| path == name);
        let last = name.rsplit('.').next().unwrap();
        let standing = ["mean", "variance", "centre"].contains(&last);
        assert!(grad.is_some() != standing || exempt.contains(&last), "{name}: gradient {}", grad.is_some());
        if let Some((_, grad)) = grad {
            finite(name, &values(grad.clone()));
        }
    }
}

fn gradients_reach_every_weight<A: Architecture>(build: &Build<A::Config>) {
    let device = Device::flex().autodiff();
    let generator = A::generator(build, 1, &device);
    let discriminator = A::discriminator(build, 1, &device);
    let Draw { latents, labels, synthesis } = draw(&generator, 0, &device);
    let styles = GeneratorNet::map(&generator, latents, labels.clone());
    let form = generator.form().clone();
    assert_eq!(styles.dims(), [N, form.layers, form.width]);
    let images = generator.synthesise(styles, &synthesis, Mode::Train);
    let [rows, columns] = build.size;
    assert_eq!(images.dims(), [N, 3, rows, columns]);
    let pictures = values(images.clone());
    finite("a picture", &pictures);
    assert!(pictures.iter().all(|v| (-2.0..=3.0).contains(v)));
    assert_ne!(pictures[..pictures.len() / N], pictures[pictures.len() / N..2 * pictures.len() / N]);

    let verdict = discriminator.judge(images.clone(), labels.clone());
    assert_eq!(verdict.logits.dims()[0], N);
    finite("a logit", &values(verdict.logits.clone()));
    let read = verdict.codes.clone().map(|codes| codes.dims());
    assert_eq!(read, (!form.codes.is_empty()).then(|| [N, form.codes.len()]));
    // A logit's own sum could be blind to what all pictures share.
    let loss = |verdict: &super::Verdict| {
        let logits = verdict.logits.clone().square().sum() + verdict.logits.clone().sum();
        match &verdict.codes {
            Some(codes) => logits + codes.clone().square().sum(),
            None => logits,
        }
    };
    all_reached(&generator, &loss(&verdict), &[]);

    let real = images.detach();
    let verdict = discriminator.judge(real.clone(), labels);
    let total = match discriminator.rebuilt(&verdict, &real, 1) {
        Some(error) => loss(&verdict) + error,
        None => loss(&verdict),
    };
    all_reached(&discriminator, &total, &["mean", "variance"]);
    let again = A::generator(build, 1, &device);
    assert_eq!(weights::collect(&again), weights::collect(&generator));
    assert_ne!(weights::collect(&A::generator(build, 2, &device)), weights::collect(&generator));
}

fn grey_pictures_have_no_colour<A: Architecture>(build: &Build<A::Config>) {
    let device = Device::flex().autodiff();
    let net = A::generator(&Build { grey: true, ..build.clone() }, 1, &device);
    let Draw { latents, labels, synthesis } = draw(&net, 0, &device);
    let images = net.synthesise(GeneratorNet::map(&net, latents, labels), &synthesis, Mode::Train); // [n, 3, h, w]
    let plane = |channel: usize| values(images.clone().narrow(1, channel, 1));
    assert!(plane(0) == plane(1) && plane(1) == plane(2));
    assert!(values(A::generator(build, 1, &device).centre()) == values(net.centre()));
}

fn pictures_depend_on_themselves_only<A: Architecture>(build: &Build<A::Config>) -> Made<A> {
    let device = Device::flex();
    let config = serde_json::to_value(build).unwrap();
    let net = A::generator(build, 1, &device.clone().autodiff());
    let draws = [0, 10].map(|first| draw(&net, first, &device.clone().autodiff()));
    let before = weights::collect(&net);
    let net = net.calibrated(&draws);
    let arrays = weights::collect(&net);
    let still = |name: &str| !["mean", "variance", "centre"].iter().any(|end| name.ends_with(end));
    assert!(before.iter().filter(|(name, _)| still(name)).all(|(name, array)| arrays[name] == *array));

    let made = Made::<A>::new(&config, Some(&arrays), 7, &device).unwrap();
    let form = made.form().clone();
    assert_eq!(made.centre().dims(), [form.classes.len().max(1), form.layers, form.width]);
    finite("the centre", &values(made.centre()));
    for layer in 0..form.layers {
        assert_eq!(made.style_matrix(layer).dims()[1], form.width);
    }
    let batch = draw(&net, 20, &device);
    let styles = made.map(batch.latents.clone(), batch.labels.clone());
    let together = values(made.synthesise(styles, &batch.synthesis));
    finite("a picture", &together);
    let size = together.len() / N;
    for i in 0..N {
        let labels = batch.labels.clone().map(|labels| labels.narrow(0, i, 1));
        let styles = made.map(batch.latents.clone().narrow(0, i, 1), labels);
        let alone = values(made.synthesise(styles, &Synthesis::seeds(&[20 + i as u64])));
        assert_eq!(alone, together[i * size..(i + 1) * size], "picture {i} depends on those beside it");
    }
    assert_ne!(together[..size], together[size..2 * size]);
    made
}

fn files_keep_every_bit<A: Architecture>(build: &Build<A::Config>, made: &Made<A>) {
    let config = serde_json::to_value(build).unwrap();
    let bytes = weights::to_bytes(&made.arrays(), Default::default(), Precision::F32).unwrap();
    let (arrays, _) = weights::from_bytes(&bytes).unwrap();
    let again = Made::<A>::new(&config, Some(&arrays), 3, &Device::flex()).unwrap();
    let picture = |made: &Made<A>| values(made.synthesise(made.centre(), &Synthesis::seeds(&[4])));
    assert_eq!(picture(made), picture(&again));
}

fn wrapped_pictures_have_no_seam<A: Architecture>(made: &Made<A>) {
    let form = made.form();
    let base = Grid::of(form.size).unwrap().base;
    let seeds: Vec<u64> = (30..38).collect();
    let labels = form.labels(&vec![0; seeds.len()], &Device::flex());
    let styles = made.map(form.latents(&seeds, &Device::flex()), labels);
    for (dim, cells) in [(2, base[0]), (3, base[1])] {
        // Jumps between neighbours where cells of the base grid meet, over the border first. Noise would hide them.
        let jumps = |wrap: bool| {
            let images = made.synthesise(styles.clone(), &Synthesis { noise: Noise::Off, wrap });
            let side = images.dims()[dim];
            let at = |from: usize| images.clone().narrow(dim, from, 1);
            let jump = |cell: usize| {
                let from = cell * side / cells;
                values((at(from) - at((from + side - 1) % side)).abs().mean())[0]
            };
            (0..cells).map(jump).collect::<Vec<f32>>()
        };
        let (wrapped, plain) = (jumps(true), jumps(false));
        finite("a wrapped picture", &wrapped);
        let inside = wrapped[1..].iter().copied().fold(0.0, f32::max);
        assert!(wrapped[0] < 1.5 * inside, "dimension {dim}: {} across the seam, {inside} inside", wrapped[0]);
        assert_ne!(wrapped, plain, "dimension {dim}");
    }
}

/// Where maps of the base grid, which lie in the tensors called `names`, are shifted around, so are wrapped pictures.
pub(crate) fn wrapped_pictures_shift<A: Architecture>(build: &Build<A::Config>, names: &[&str]) {
    let device = Device::flex();
    let Grid { base: [rows, columns], doublings } = Grid::of(build.size).unwrap();
    let made =
        |arrays: Option<&Arrays>| Made::<A>::new(&serde_json::to_value(build).unwrap(), arrays, 1, &device).unwrap();
    let plain = made(None);
    let mut arrays = plain.arrays();
    for name in names {
        // Down by one row and right by two columns.
        for plane in arrays.get_mut(*name).unwrap().values.chunks_exact_mut(rows * columns) {
            plane.rotate_right(columns);
            plane.chunks_exact_mut(columns).for_each(|row| row.rotate_right(2));
        }
    }
    let styles = plain.map(plain.form().latents(&[1, 2], &device), plain.form().labels(&[0, 0], &device));
    let synthesis = Synthesis { noise: Noise::Off, wrap: true };
    let shifts = [1_i64 << doublings, 2 << doublings];
    let expected = values(plain.synthesise(styles.clone(), &synthesis).roll(&shifts, &[2, 3]));
    let got = values(made(Some(&arrays)).synthesise(styles, &synthesis));
    let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "{worst}");
}

/// A module in f64, moved along a random direction.
fn wide<M: Module>(module: M, by: f64) -> M {
    struct Wide(f64);
    impl ModuleMapper for Wide {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let value = param.val().inner().cast(DType::F64);
            let step = direction(value.dims()).cast(DType::F64) * self.0;
            Param::from_tensor(Tensor::from_inner(value + step))
        }
    }
    module.map(&mut Wide(by))
}

/// The same for all tensors of a shape.
fn direction<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let draws = rng::normal(&mut rng::stream(5, "direction", 0), shape.iter().product());
    Tensor::from_data(TensorData::new(draws, shape), &Device::flex())
}

fn slopes_are_exact<A: Architecture>(build: &Build<A::Config>) {
    let device = Device::flex().autodiff();
    let net = A::discriminator(build, 1, &device);
    let [rows, columns] = build.size;
    let draws = rng::normal(&mut rng::stream(6, "images", 0), N * 3 * rows * columns);
    let images = Tensor::<4>::from_data(TensorData::new(draws, [N, 3, rows, columns]), &device) * 0.2 + 0.5;
    let images = images.detach();
    let labels = draw(&A::generator(build, 1, &device), 0, &device).labels;
    let slope = net.input_gradient(images.clone(), labels.clone());
    assert_eq!(slope.is_none(), A::inexact(&build.network).is_some(), "what is said of the exact gradient");
    let Some(slope) = slope else { return };
    let leaf = Tensor::from_inner(images.clone().inner()).require_grad();
    let expected = leaf.grad(&net.judge(leaf.clone(), labels.clone()).logits.sum().backward()).unwrap();
    let error = values((slope.inner() - expected.clone()).square().sum() / expected.square().sum())[0];
    assert!(error < 1e-8, "relative squared error {error}");

    // Once more, by the weights: in f64 against finite differences along one direction.
    let (images, labels) = (images.cast(DType::F64), labels.map(|labels| labels.cast(DType::F64)));
    let penalty = |net: &A::Discriminator| net.input_gradient(images.clone(), labels.clone()).unwrap().square().sum();
    let number = |tensor: Tensor<1>| tensor.inner().into_data().convert::<f64>().try_into_vec::<f64>().unwrap()[0];
    let at = wide(net.clone(), 0.0);
    let grads = ParamGrads::of(&at, &penalty(&at).backward()).into_tensors();
    let shapes = weights::collect(&at);
    let predicted: f64 = grads
        .into_iter()
        .map(|(name, grad)| {
            let count = shapes[&name].values.len();
            number((grad * direction([count]).cast(DType::F64)).sum())
        })
        .sum();
    // Small enough that hardly a rectifier bends in between.
    let h = 1e-7;
    let measured = (number(penalty(&wide(net.clone(), h))) - number(penalty(&wide(net, -h)))) / (2.0 * h);
    assert!((predicted - measured).abs() < 1e-3 * measured.abs().max(1e-3), "{predicted} {measured}");
}
