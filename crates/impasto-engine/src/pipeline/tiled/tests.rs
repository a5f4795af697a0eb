use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use impasto_image::adjust::Adjustments;
use impasto_image::{EncodeOptions, Format, Picture};

use super::*;
use crate::control::Event;
use crate::device::{self, DeviceSpec};
use crate::error::EngineError;
use crate::pipeline::{Painter, Resources, StyleSource, StyleSpec};
use crate::registry::{self, Build, BuildParts};
use crate::rng::{self, Rng};
use crate::weights::{self, FORMAT_VERSION, Header, Precision};

/// A folder with a content, a style and weights of every network.
struct Room {
    folder: tempfile::TempDir,
}

/// Smooth forms and some noise, with transparent parts where asked for.
fn picture(width: u32, height: u32, seed: u64, alpha: bool) -> Picture {
    let mut rng = rng::stream(seed, "tiles", 0);
    let mut picture = Picture::filled(width, height, [0.0; 3]).unwrap();
    for (i, pixel) in picture.triples_mut().iter_mut().enumerate() {
        let (x, y) = ((i as u32 % width) as f32, (i as u32 / width) as f32);
        let wave = |fx: f32, fy: f32| 0.5 + 0.35 * (x * fx + y * fy + seed as f32).sin();
        *pixel = [wave(0.05, 0.02), wave(0.01, 0.09), wave(0.2, 0.13)].map(|v| v + 0.1 * rng.random::<f32>());
    }
    picture.alpha = alpha.then(|| (0..picture.pixels()).map(|i| (i % 7) as f32 / 6.0).collect());
    picture
}

impl Room {
    fn new(width: u32, height: u32, alpha: bool) -> Self {
        let room = Self { folder: tempfile::tempdir().unwrap() };
        for (name, picture) in
            [("content.png", picture(width, height, 1, alpha)), ("style.png", picture(80, 70, 2, false))]
        {
            let options = EncodeOptions { depth: Some(Depth::U16), ..EncodeOptions::new(Format::Png) };
            impasto_image::save(&picture, &room.path(name), &options, true).unwrap();
        }
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Random weights of the size that is used.
    fn model(&self, method: &str) -> PathBuf {
        let path = self.path("model.safetensors");
        let entry = registry::find(method).unwrap();
        let Build::Network(build) = entry.build else { panic!("{method} is no network") };
        let config = serde_json::json!({});
        let device = device::open(DeviceSpec::Cpu).unwrap().device;
        let stylizer = build(BuildParts {
            config: &config,
            arrays: None,
            seed: 5,
            direction: Default::default(),
            device: &device,
        })
        .unwrap();
        let header = Header {
            version: FORMAT_VERSION,
            algorithm: method.to_owned(),
            title: method.to_owned(),
            licence: "MIT".to_owned(),
            config,
            training: serde_json::Value::Null,
        };
        weights::save(&path, &header, &stylizer.arrays(), Precision::F32).unwrap();
        path
    }

    fn job(&self, method: &str) -> StylizeJob {
        let job = StylizeJob { method: method.to_owned(), model: Some(self.model(method)), ..StylizeJob::default() };
        let style = StyleSpec { source: StyleSource::Picture(self.path("style.png")), weight: 1.0 };
        let styles = job.method().unwrap().takes_style().then_some(style).into_iter().collect();
        StylizeJob { styles, ..job }
    }

    fn painter(&self, job: StylizeJob, tile: Option<u32>) -> Painter {
        let resources = Resources { tile, ..Resources::new(device::open(DeviceSpec::Cpu).unwrap()) };
        Painter::new(job, resources, &Control::silent()).unwrap()
    }

    /// Paints the content into a file of floating point.
    fn paint(&self, painter: &Painter, name: &str, control: &Control) -> Result<Picture> {
        let target = Target::File(self.path(name));
        let options = OutputOptions { depth: Some(Depth::F32), overwrite: true, ..OutputOptions::default() };
        painter.paint_file(&Input::File(self.path("content.png")), &target, &options, None, control)?;
        Ok(impasto_image::open(&self.path(name), &Limits::default()).unwrap())
    }
}

fn decibels(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width, a.height, a.rgb.len()), (b.width, b.height, b.rgb.len()));
    let squares: f64 = a.rgb.iter().zip(&b.rgb).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    -10.0 * (squares / a.rgb.len() as f64).max(1e-20).log10()
}

/// Cancels itself after so many steps of painting.
fn stopping(after: u64) -> Control {
    let steps = AtomicU64::new(0);
    let itself: Arc<std::sync::OnceLock<Control>> = Arc::default();
    let handle = Arc::clone(&itself);
    let control = Control::new(move |event| {
        if matches!(&event, Event::Progress { message, .. } if message.contains("tile"))
            && steps.fetch_add(1, Ordering::Relaxed) + 1 == after
            && let Some(control) = handle.get()
        {
            control.cancel();
        }
    });
    let _once = itself.set(control.clone());
    control
}

/// A server paints previews meanwhile: after reading, before and after colours and masks.
#[test]
fn a_picture_painted_at_once_rests_between_its_steps() {
    let room = Room::new(64, 48, false);
    let rests = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&rests);
    let control = Control::silent().with_rest(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    room.paint(&room.painter(room.job("fusion"), None), "painted.tif", &control).unwrap();
    assert_eq!(rests.load(Ordering::Relaxed), 3);
}

#[test]
fn tiles_paint_what_the_whole_paints() {
    let usual = StylizeJob::default();
    let finished = StylizeJob {
        preserve_color: PreserveColor::Histogram,
        adjust: Adjustments { sharpen: 1.0, contrast: 1.2, ..Adjustments::default() },
        ..usual.clone()
    };
    let cases = [
        ("fusion", (200, 150), 64, &usual, 1.0),
        ("fusion", (37, 301), 96, &usual, 1.0),
        ("fusion", (517, 70), 128, &usual, 0.6),
        ("fusion", (99, 131), 64, &finished, 0.1),
        ("microast", (131, 97), 64, &usual, 1.0),
        ("microast", (21, 301), 64, &usual, 0.5),
        ("microast", (310, 33), 96, &finished, 0.2),
        ("cut", (200, 150), 64, &usual, 1.0),
        ("cyclegan", (37, 301), 96, &finished, 0.6),
    ];
    for (method, (width, height), tile, like, strength) in cases {
        let room = Room::new(width, height, width == 131);
        let job = StylizeJob { preserve_color: like.preserve_color, adjust: like.adjust, strength, ..room.job(method) };
        let whole = room.paint(&room.painter(job.clone(), None), "whole.tif", &Control::silent()).unwrap();
        let tiled = room.paint(&room.painter(job, Some(tile)), "tiled.tif", &Control::silent()).unwrap();
        assert_eq!(whole.alpha, tiled.alpha);
        let likeness = decibels(&whole, &tiled);
        assert!(likeness >= 80.0, "{method} {width}x{height} in tiles of {tile}: {likeness:.1} dB");
        let left: Vec<_> = std::fs::read_dir(room.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 5, "{left:?}");
    }
}

#[test]
fn stopped_work_goes_on_to_the_same_bits() {
    let room = Room::new(200, 150, false);
    let painter = room.painter(room.job("fusion"), Some(64));
    let read = |name: &str| std::fs::read(room.path(name)).unwrap();
    room.paint(&painter, "straight.tif", &Control::silent()).unwrap();
    for after in [1, 20, 61, 166] {
        let error = room.paint(&painter, "stopped.tif", &stopping(after)).unwrap_err();
        assert!(matches!(error, EngineError::Cancelled), "{error}");
        assert!(!room.path("stopped.tif").exists() && room.path(".stopped.tif.impasto-work").exists());
        // Once more, so that work gone on with is stopped as well.
        let stopped = room.paint(&painter, "stopped.tif", &stopping(2));
        assert!(matches!(stopped, Err(EngineError::Cancelled)) || after == 166, "{after}");
        room.paint(&painter, "stopped.tif", &Control::silent()).unwrap();
        assert!(read("stopped.tif") == read("straight.tif"), "stopped after {after} tiles");
        assert!(!room.path(".stopped.tif.impasto-work").exists());
        std::fs::remove_file(room.path("stopped.tif")).unwrap();
    }
}

#[test]
fn work_of_another_job_is_not_gone_on_with() {
    let room = Room::new(120, 90, false);
    let job = StylizeJob { strength: 0.5, ..room.job("fusion") };
    room.paint(&room.painter(job, Some(64)), "a.tif", &stopping(30)).unwrap_err();
    let painter = room.painter(room.job("fusion"), Some(64));
    let fresh = room.paint(&painter, "b.tif", &Control::silent()).unwrap();
    assert_eq!(room.paint(&painter, "a.tif", &Control::silent()).unwrap().rgb, fresh.rgb);
}

#[test]
fn another_seed_goes_on_with_the_work() {
    let room = Room::new(120, 90, false);
    let job = |seed| StylizeJob { seed, ..room.job("microast") };
    room.paint(&room.painter(job(1), Some(64)), "a.tif", &stopping(5)).unwrap_err();
    let found = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&found);
    let control = Control::new(move |event| {
        if matches!(&event, Event::Note { message } if message.starts_with("going on")) {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    room.paint(&room.painter(job(2), Some(64)), "a.tif", &control).unwrap();
    assert_eq!(found.load(Ordering::Relaxed), 1);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let room = Room::new(150, 110, false);
    for method in ["fusion", "microast"] {
        let job = room.job(method);
        let painted: Vec<Picture> = [1, 2, 3]
            .into_iter()
            .map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let painter = room.painter(job.clone(), Some(64));
                    room.paint(&painter, "out.tif", &Control::silent()).unwrap()
                })
            })
            .collect();
        assert!(painted.windows(2).all(|pair| pair[0].rgb == pair[1].rgb), "{method}");
    }
}

#[test]
fn what_paints_no_tiles_says_so() {
    let room = Room::new(90, 80, false);
    let perception = crate::models::PerceptionSpec::bundled("perception").unwrap();
    let job = StylizeJob { method: "gatys".into(), model: None, perception: Some(perception), ..room.job("fusion") };
    let error = room.paint(&room.painter(job, Some(64)), "a.tif", &Control::silent()).unwrap_err().to_string();
    assert!(error.contains("gatys paints no tiles") && error.contains("--size"), "{error}");
    assert!(!Path::new(&room.path("a.tif")).exists());
}
