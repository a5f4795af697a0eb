//! A folder to work in, pictures and tiny networks, and the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use impasto_engine::device::{self, DeviceSpec};
use impasto_engine::registry::{self, Build, BuildParts};
use impasto_engine::weights::{self, Array, Arrays, FORMAT_VERSION, Header, Precision};
use impasto_image::{Depth, EncodeOptions, Format, Limits, Picture};
use serde_json::{Value, json};

/// A folder that goes away in the end.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// Says what was not tested, and why.
#[allow(clippy::print_stderr)]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Asserts success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Asserts failure with `code` and one error line that contains every part.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        let errors: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{self:?}");
        for part in parts {
            assert!(errors[0].contains(part), "no '{part}' in {self:?}");
        }
        self
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary, in the folder.
    pub(crate) fn plain(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// The same on the CPU, whatever else is there.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.plain(args);
        command.args(["--device", "cpu"]);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    /// Every file name below the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found.sort();
        found
    }

    /// A picture of `width` x `height`, different for every seed, written under `name`.
    pub(crate) fn picture(&self, name: &str, width: u32, height: u32, seed: u32) -> Picture {
        let picture = picture(width, height, seed);
        self.save(name, &picture);
        picture
    }

    pub(crate) fn save(&self, name: &str, picture: &Picture) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let options = EncodeOptions { depth: Some(picture.source.depth), ..EncodeOptions::for_path(&path).unwrap() };
        impasto_image::save(picture, &path, &options, true).unwrap();
    }

    pub(crate) fn open(&self, name: &str) -> Picture {
        impasto_image::open(&self.path(name), &Limits::default()).unwrap()
    }

    /// Tiny random weights of a network of the registry.
    pub(crate) fn model(&self, name: &str, algorithm: &str) -> (Header, Arrays) {
        let entry = registry::find(algorithm).unwrap();
        self.weights(name, algorithm, (entry.tiny)())
    }

    /// A tiny random generator of 16x16 pictures.
    pub(crate) fn generator(&self, name: &str, classes: &[&str]) {
        let mut config = (registry::find("dcgan").unwrap().tiny)();
        config["classes"] = json!(classes);
        self.weights(name, "dcgan", config);
    }

    /// The same with structured codes: one of three categories, and a continuous one.
    pub(crate) fn coded_generator(&self, name: &str) {
        let mut config = (registry::find("dcgan").unwrap().tiny)();
        config["codes"] = json!({"categorical": [3], "continuous": 1});
        self.weights(name, "dcgan", config);
    }

    fn weights(&self, name: &str, algorithm: &str, config: Value) -> (Header, Arrays) {
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let parts =
            BuildParts { config: &config, arrays: None, seed: 1, direction: Default::default(), device: &device };
        let arrays = match registry::find(algorithm).unwrap().build {
            Build::Network(build) => build(parts).unwrap().arrays(),
            Build::Generator(build) => build(parts).unwrap().arrays(),
            Build::Optimisation { .. } | Build::Features(_) => panic!("{algorithm} has no weights of this kind"),
        };
        let header = header(algorithm, config);
        weights::save(&self.path(name), &header, &arrays, Precision::F32).unwrap();
        (header, arrays)
    }

    /// A tiny random perception network.
    pub(crate) fn percept(&self, name: &str) {
        let (widths, convolutions, outputs) = ([4, 4, 4, 4, 4], [1, 1, 1, 1, 1], [4, 4, 4, 4, 4]);
        let mut arrays = Arrays::new();
        let mut conv = |name: String, shape: [usize; 4], seed: u32| {
            let values = noise(shape.iter().product(), seed).map(|v| (v - 0.5) * 0.8).collect();
            arrays.insert(format!("{name}.weight"), Array { shape: shape.to_vec(), values });
            arrays.insert(format!("{name}.bias"), Array { shape: vec![shape[0]], values: vec![0.1; shape[0]] });
        };
        for level in 0..5 {
            let inputs = if level == 0 { 3 } else { 4 };
            conv(format!("levels.{level}.0"), [4, inputs, 3, 3], level as u32);
            conv(format!("heads.{level}"), [4, 4, 1, 1], 10 + level as u32);
        }
        let config = json!({"widths": widths, "convolutions": convolutions, "outputs": outputs});
        weights::save(&self.path(name), &header("percept", config), &arrays, Precision::F32).unwrap();
    }
}

fn header(algorithm: &str, config: Value) -> Header {
    Header {
        version: FORMAT_VERSION,
        algorithm: algorithm.to_owned(),
        title: "tiny".to_owned(),
        licence: "MIT".to_owned(),
        config,
        training: Value::Null,
    }
}

/// Numbers in `[0, 1)`.
pub(crate) fn noise(count: usize, seed: u32) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    })
    .take(count)
}

/// Smooth colours with some noise.
pub(crate) fn picture(width: u32, height: u32, seed: u32) -> Picture {
    let mut noise = noise((width * height * 3) as usize, seed);
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let wave = ((x as f32 * 0.11 + y as f32 * 0.07 * (c + 1) as f32 + seed as f32).sin() + 1.0) / 2.0;
                rgb.push((0.8 * wave + 0.2 * noise.next().unwrap_or(0.0)).clamp(0.0, 1.0));
            }
        }
    }
    Picture::from_rgb(width, height, rgb).unwrap()
}

/// The picture as it comes back from an 8-bit file.
pub(crate) fn quantised(picture: &Picture) -> Vec<u8> {
    picture.rgb.iter().map(|v| (v * 255.0).round() as u8).collect()
}

/// PNG bytes.
pub(crate) fn png(picture: &Picture) -> Vec<u8> {
    impasto_image::encode(picture, &EncodeOptions::new(Format::Png)).unwrap()
}

/// Compares with the picture of this name in `golden/`. Golden pictures were looked at; with new weights, look at the new
/// ones and write them by `IMPASTO_BLESS=1 cargo test --workspace golden`.
pub(crate) fn golden(picture: &Picture, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/golden/{name}.png"));
    if std::env::var_os("IMPASTO_BLESS").is_some() {
        let options = EncodeOptions { depth: Some(Depth::U8), ..EncodeOptions::for_path(&path).unwrap() };
        impasto_image::save(picture, &path, &options, true).unwrap();
    }
    let golden = impasto_image::open(&path, &Limits::default()).unwrap();
    assert_eq!((picture.width, picture.height), (golden.width, golden.height), "{name}");
    // Indifferent to the last bits of other processors.
    let distances: Vec<f32> = picture.rgb.iter().zip(&golden.rgb).map(|(a, b)| (a - b).abs()).collect();
    let mean = distances.iter().sum::<f32>() / distances.len() as f32;
    let most = distances.iter().copied().fold(0.0, f32::max);
    assert!(mean < 0.004 && most < 0.05, "{name}: mean {mean}, most {most}");
}
