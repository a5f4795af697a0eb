//! Every entry of the registry builds tiny, runs forward and backward, saves, loads, gives the same picture bit for bit
//! and takes any size; every trainer goes on from its state as if it had not stopped.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Tensor;
use impasto_image::{EncodeOptions, Format, Picture};

use super::*;
use crate::blocks::{Conv, ConvConfig, avg_pool2, relu};
use crate::control::Control;
use crate::data::{Augment, Folder, Gallery};
use crate::descriptor::{StyleInput, Task};
use crate::device::{self, DeviceSpec};
use crate::pipeline::{Painter, Resources, StyleSource, StyleSpec, StylizeJob};
use crate::tensor::values;
use crate::traits::{Style, StyleRequest};
use crate::weights::{self, FORMAT_VERSION, Precision};

/// Stands for a perception network: five levels of four channels.
struct Stub {
    levels: Vec<Conv>,
}

impl Stub {
    fn new(device: &Device) -> Self {
        let conv = |i: usize| ConvConfig::same(if i == 0 { 3 } else { 4 }, 4, 3).init(3, &format!("stub.{i}"), device);
        // Frozen, as perception networks are: halves of a batch go through it side by side.
        let level = |i: usize| conv(i).no_grad();
        Self { levels: (0..5).map(level).collect() }
    }
}

impl Features for Stub {
    fn name(&self) -> &'static str {
        "stub"
    }

    fn extract(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        let mut x = image;
        let mut taps = Vec::new();
        for (i, conv) in self.levels.iter().enumerate() {
            if i > 0 {
                x = avg_pool2(x);
            }
            x = relu(conv.forward(x));
            taps.push(x.clone());
        }
        taps
    }

    fn min_side(&self) -> usize {
        32
    }

    fn content_level(&self) -> usize {
        3
    }
}

fn cpu() -> Device {
    device::open(DeviceSpec::Cpu).unwrap().device
}

fn picture(width: u32, height: u32, seed: u64) -> Picture {
    let mut rng = crate::rng::stream(seed, "sweep", 0);
    let rgb = (0..width * height * 3).map(|_| crate::rng::Rng::random::<f32>(&mut rng)).collect();
    Picture::from_rgb(width, height, rgb).unwrap()
}

fn save_png(path: &Path, picture: &Picture) {
    impasto_image::save(picture, path, &EncodeOptions::new(Format::Png), true).unwrap();
}

fn image(seed: u64, device: &Device) -> Tensor<4> {
    crate::tensor::from_picture(&picture(64, 64, seed), device)
}

fn build(entry: &Entry, arrays: Option<&Arrays>, device: &Device) -> Option<Box<dyn Stylizer>> {
    let config = (entry.tiny)();
    match entry.build {
        Build::Network(build) => Some(
            build(BuildParts { config: &config, arrays, seed: 1, direction: Direction::default(), device }).unwrap(),
        ),
        Build::Optimisation { settings, build } => {
            let tiny = toml::Table::try_from(&config).unwrap();
            Some(build(&settings.complete(&tiny).unwrap(), Box::new(Stub::new(device)), device).unwrap())
        }
        Build::Features(_) | Build::Generator(_) => None,
    }
}

fn run(stylizer: &dyn Stylizer, content: Tensor<4>) -> Tensor<4> {
    let takes = stylizer.descriptor().style_input != StyleInput::None;
    let styles = takes.then(|| (Style::Picture(image(2, &content.device())), 1.0)).into_iter().collect();
    let request = StyleRequest { content, styles, strength: 1.0, seed: 5, preview: None };
    stylizer.stylize(request, &Control::silent()).unwrap()
}

#[test]
fn names_are_unique_and_speak() {
    for (i, entry) in REGISTRY.iter().enumerate() {
        let d = entry.descriptor;
        assert!(REGISTRY[..i].iter().all(|other| other.descriptor.name != d.name), "{}", d.name);
        assert!(d.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", d.name);
        assert!(!d.summary.is_empty() && !d.paper.is_empty() && !d.licence.is_empty(), "{}", d.name);
        assert_eq!(d.trainable, entry.trainer.is_some(), "{}", d.name);
        assert_eq!(find(d.name).unwrap().descriptor.name, d.name);
    }
    assert!(find("fussion").unwrap_err().to_string().contains("'fusion'"));
}

#[test]
fn stylizers_run_forward_and_backward_and_repeat() {
    for entry in REGISTRY {
        let name = entry.descriptor.name;
        let Some(stylizer) = build(entry, None, &cpu()) else { continue };
        let painted = values(run(&*stylizer, image(1, &cpu())));
        assert!(painted.iter().all(|v| v.is_finite()), "{name}");
        assert_eq!(painted, values(run(&*stylizer, image(1, &cpu()))), "{name} does not repeat");

        let arrays = stylizer.arrays();
        if !arrays.is_empty() {
            let bytes = weights::to_bytes(&arrays, Default::default(), Precision::F32).unwrap();
            let (loaded, _) = weights::from_bytes(&bytes).unwrap();
            let again = build(entry, Some(&loaded), &cpu()).unwrap();
            assert_eq!(painted, values(run(&*again, image(1, &cpu()))), "{name} differs after loading");
        }
        if entry.descriptor.differentiable {
            let device = cpu().autodiff();
            let stylizer = build(entry, None, &device).unwrap();
            let content = image(1, &device).require_grad();
            let grads = run(&*stylizer, content.clone()).square().sum().backward();
            let gradient = values(content.grad(&grads).unwrap());
            assert!(gradient.iter().all(|v| v.is_finite()) && gradient.iter().any(|v| *v != 0.0), "{name}");
        }
    }
}

/// A folder with some pictures.
fn pictures(folder: &Path) -> PathBuf {
    for seed in 0..4 {
        save_png(&folder.join(format!("{seed}.png")), &picture(80, 72, seed));
    }
    folder.to_owned()
}

/// Whole pictures of two classes, of the size that a tiny configuration says.
fn gallery(size: [usize; 2], classes: &[String]) -> Gallery {
    let count = 6;
    let pictures = (0..count).flat_map(|seed| picture(size[1] as u32, size[0] as u32, seed).to_planar());
    let pixels = pictures.map(|v| (v * 255.0) as u8).collect();
    let labels = if classes.is_empty() { Vec::new() } else { (0..count).map(|i| i as usize % classes.len()).collect() };
    let names = (0..count).map(|seed| seed.to_string()).collect();
    Gallery::new(size, classes.to_vec(), labels, pixels, names).unwrap()
}

fn objective(entry: &Entry, trainer: &Trainer, folder: &Path) -> Box<dyn Objective> {
    let tiny = toml::Table::try_from((entry.tiny)()).unwrap();
    let mut settings: toml::Table = toml::from_str("batch = 4\nsteps = 4\nseed = 3").unwrap();
    let device = cpu().autodiff();
    let material = match trainer.takes {
        Takes::Crops | Takes::Pairs => {
            settings.extend(toml::from_str::<toml::Table>("batch = 2\ncrop = 64\nshort_side = 64").unwrap());
            settings.insert("network".into(), tiny.into());
            if entry.descriptor.task == Task::Translator {
                // Everything that keeps a state of its own.
                let all = "pool = 3\naugment = { policy = \"ada\", probability = 0.5 }\ndiscriminator = { width = 4 }";
                settings.extend(toml::from_str::<toml::Table>(all).unwrap());
            }
            let load = || Folder::load(&[pictures(folder)], 64, 64, &Control::silent()).unwrap();
            let augment = Augment { mirror: true, half_size: 0.3 };
            let crops = trainer.roles.iter().map(|role| Crops::new(load(), 64, augment, 3, role.stream));
            Material::Crops(crops.collect())
        }
        Takes::Gallery => {
            // A header's configuration: what the pictures decide, and the network.
            let classes = tiny.get("classes").map_or(Vec::new(), |names| names.clone().try_into().unwrap());
            let gallery = gallery(tiny["size"].clone().try_into().unwrap(), &classes);
            settings.extend(tiny);
            // Everything that keeps a state of its own.
            let all = "augment = { policy = \"ada\", probability = 0.5 }\npaths = { weight = 1.0, every = 2 }";
            settings.extend(toml::from_str::<toml::Table>(all).unwrap());
            Material::Gallery(gallery)
        }
    };
    (trainer.build)(TrainParts {
        settings: trainer.settings.complete(&settings).unwrap(),
        material,
        features: trainer.perception.map(|_| Box::new(Stub::new(&device)) as Box<dyn Features>),
        judges: trainer.judges.iter().map(|_| Box::new(Stub::new(&device)) as Box<dyn Features>).collect(),
        provenance: serde_json::Value::Null,
        device,
    })
    .unwrap()
}

#[test]
fn trainers_step_restore_and_export_what_builds() {
    let folder = tempfile::tempdir().unwrap();
    for entry in REGISTRY {
        let (name, Some(trainer)) = (entry.descriptor.name, &entry.trainer) else { continue };
        let mut first = objective(entry, trainer, folder.path());
        for step in 0..3 {
            first.step(step).unwrap();
        }
        let state = first.state();
        let mut second = objective(entry, trainer, folder.path());
        second.restore(&state).unwrap();
        assert_eq!(second.state(), state, "{name}");
        for step in 3..6 {
            assert_eq!(first.step(step).unwrap(), second.step(step).unwrap(), "{name}, step {step}");
        }
        assert_eq!(first.state(), second.state(), "{name}");
        assert!(second.preview().unwrap().pixels() > 0);

        let (header, arrays) = second.export().unwrap();
        assert_eq!(header.algorithm, name);
        let direction = Direction::default();
        let parts = BuildParts { config: &header.config, arrays: Some(&arrays), seed: 0, direction, device: &cpu() };
        match entry.build {
            Build::Network(build) => drop(build(parts).unwrap()),
            Build::Features(build) => {
                let features = build(parts).unwrap();
                assert!(!features.extract(image(1, &cpu())).is_empty());
            }
            Build::Generator(build) => drop(build(parts).unwrap()),
            Build::Optimisation { .. } => panic!("{name}: an optimisation has nothing to train"),
        }
        assert!((trainer.macs_per_pixel)(&trainer.settings.complete(&toml::Table::new()).unwrap()).unwrap() > 0.0);
    }
}

#[test]
fn every_stylizer_takes_any_size_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let perception = folder.path().join("percept.safetensors");
    let entry = find("percept").unwrap();
    let (header, arrays) = objective(entry, entry.trainer.as_ref().unwrap(), folder.path()).export().unwrap();
    weights::save(&perception, &header, &arrays, Precision::F32).unwrap();
    let style = folder.path().join("style.png");
    save_png(&style, &picture(70, 50, 9));
    for entry in REGISTRY {
        let name = entry.descriptor.name;
        let Some(stylizer) = build(entry, None, &cpu()) else { continue };
        let mut job = StylizeJob { method: name.to_owned(), ..StylizeJob::default() };
        if job.method().unwrap().takes_style() {
            job.styles = vec![StyleSpec { source: StyleSource::Picture(style.clone()), weight: 1.0 }];
        }
        if let Build::Optimisation { .. } = entry.build {
            job.settings = toml::Table::try_from((entry.tiny)()).unwrap();
            job.perception = Some(format!("percept:{}", perception.display()).parse().unwrap());
        } else {
            let model = folder.path().join(format!("{name}.safetensors"));
            let header = Header {
                version: FORMAT_VERSION,
                algorithm: name.to_owned(),
                title: name.to_owned(),
                licence: "MIT".to_owned(),
                config: (entry.tiny)(),
                training: serde_json::Value::Null,
            };
            weights::save(&model, &header, &stylizer.arrays(), Precision::F32).unwrap();
            job.model = Some(model);
        }
        let resources = Resources::new(device::open(DeviceSpec::Cpu).unwrap());
        let painter = Painter::new(job, resources, &Control::silent()).unwrap();
        for (width, height) in [(1, 1), (5, 130), (67, 64), (97, 71)] {
            let mut content = picture(width, height, 4);
            content.alpha = Some(vec![0.5; content.pixels()]);
            let painted = painter.paint(&content, None, &Control::silent()).unwrap();
            assert_eq!((painted.width, painted.height), (width, height), "{name}");
            assert_eq!(painted.alpha, content.alpha, "{name}");
            assert!(painted.rgb.iter().all(|v| (0.0..=1.0).contains(v)), "{name}");
        }
    }
}
