//! Sets, vectors and the cache together, on pictures made here.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use burn::tensor::{Device, Tensor};
use impasto_image::{EncodeOptions, Format, Limits, Picture};

use super::{Cache, EvalNetworks, NetworkKind, PictureSet, embed};
use crate::control::{Control, Event};
use crate::device::{self, DeviceSpec};
use crate::error::{EngineError, Result};
use crate::features::{Embedder, EmbedderProtocol};
use crate::tensor::ImageTensor;

/// An embedder of impasto's own that counts what it is given.
struct Counting {
    inner: Box<dyn Embedder>,
    pictures: AtomicUsize,
}

impl Embedder for Counting {
    fn protocol(&self) -> &EmbedderProtocol {
        self.inner.protocol()
    }
    fn device(&self) -> &Device {
        self.inner.device()
    }
    fn embed(&self, pictures: ImageTensor) -> Result<Vec<Tensor<2>>> {
        self.pictures.fetch_add(pictures.dims()[0], Ordering::Relaxed);
        self.inner.embed(pictures)
    }
}

fn counting() -> Counting {
    let device = device::open(DeviceSpec::Cpu).unwrap().device;
    let inner = EvalNetworks::open(None, &device).unwrap().embedder(NetworkKind::Percept).unwrap();
    Counting { inner, pictures: AtomicUsize::new(0) }
}

/// A picture with a pattern of its own.
fn pattern(seed: u32, width: u32, height: u32) -> Picture {
    let value = |i: u32| {
        let (x, y) = (i % width, i / width);
        [(x * (seed + 3) + y) % 17, (x + y * (seed + 5)) % 13, (x * y + seed) % 11].map(|v| v as f32 / 17.0)
    };
    Picture::from_rgb(width, height, (0..width * height).flat_map(value).collect()).unwrap()
}

fn write(picture: &Picture, path: &Path) {
    impasto_image::save(picture, path, &EncodeOptions::new(Format::Png), true).unwrap();
}

fn read(folder: &Path, cache: Option<&Cache>, control: &Control) -> Result<PictureSet> {
    PictureSet::read(&[folder.to_owned()], &Limits::default(), cache, control)
}

#[test]
fn a_folder_is_read_with_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(matches!(read(folder.path(), None, &Control::silent()), Err(EngineError::File { .. })));
    std::fs::create_dir_all(at("b/.hidden")).unwrap();
    write(&pattern(1, 40, 30), &at("b/one.png"));
    write(&pattern(2, 30, 50), &at("a.png"));
    write(&pattern(3, 30, 30), &at("b/.hidden/three.png"));
    write(&pattern(3, 30, 30), &at(".three.png"));
    std::fs::write(at("notes.txt"), "nothing").unwrap();
    let whole = std::fs::read(at("a.png")).unwrap();
    std::fs::write(at("cut.png"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(at("words.jpg"), "no picture").unwrap();

    let set = read(folder.path(), None, &Control::silent()).unwrap();
    let files: Vec<_> = set.files().iter().map(|f| (f.path.clone(), f.width, f.height)).collect();
    assert_eq!(files, [(at("a.png"), 30, 50), (at("b/one.png"), 40, 30)]);
    let rejected: Vec<_> = set.rejected().iter().map(|r| r.path.clone()).collect();
    assert_eq!(rejected, [at("cut.png"), at("words.jpg")]);
    assert!(set.rejected().iter().all(|r| !r.reason.is_empty() && !r.reason.contains('\n')));
    assert_eq!(set.open(1).unwrap().width, 40);
    assert_eq!(set.select(&[1]).files()[0].path, at("b/one.png"));

    let renamed = tempfile::tempdir().unwrap();
    std::fs::copy(at("a.png"), renamed.path().join("x.png")).unwrap();
    std::fs::copy(at("b/one.png"), renamed.path().join("y.png")).unwrap();
    assert_eq!(read(renamed.path(), None, &Control::silent()).unwrap().blake3(), set.blake3());
    write(&pattern(9, 30, 50), &at("a.png"));
    assert!(set.open(0).unwrap_err().to_string().contains("changed"));
    let only = renamed.path().join("x.png");
    std::fs::write(&only, "x").unwrap();
    std::fs::remove_file(renamed.path().join("y.png")).unwrap();
    assert!(read(renamed.path(), None, &Control::silent()).unwrap_err().to_string().contains("none of its 1"));
    assert!(read(&renamed.path().join("absent"), None, &Control::silent()).is_err());
}

/// Vectors do not depend on what else is computed, on threads, or on where they come from; nothing is computed twice.
#[test]
fn vectors_are_kept_and_the_same() {
    let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for seed in 0..11 {
        write(&pattern(seed, 50 + seed, 40), &folder.path().join(format!("{seed:02}.png")));
    }
    std::fs::copy(folder.path().join("03.png"), folder.path().join("again.png")).unwrap();
    let cache = Cache::open(kept.path()).unwrap();
    let network = counting();
    let quiet = Control::silent();
    let set = read(folder.path(), Some(&cache), &quiet).unwrap();
    let count = || network.pictures.swap(0, Ordering::Relaxed);

    let alone = embed(&set.select(&[4]), &network, Some(&cache), &quiet).unwrap();
    assert_eq!(count(), 1);
    let all = embed(&set, &network, Some(&cache), &quiet).unwrap();
    assert_eq!(count(), 10, "twelve pictures, two of them equal, one known");
    assert_eq!((all.len(), all[0].len(), all[0].width()), (1, 12, network.protocol().width()));
    assert_eq!(all[0].row(4), alone[0].row(0));
    assert_eq!(all[0].row(3), all[0].row(11));
    assert_ne!(all[0].row(0), all[0].row(1));

    let set = read(folder.path(), Some(&cache), &quiet).unwrap();
    assert_eq!(embed(&set, &network, Some(&cache), &quiet).unwrap(), all);
    assert_eq!(count(), 0);
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(single.install(|| embed(&set, &network, None, &quiet)).unwrap(), all);
}

#[test]
fn a_full_disk_is_said_and_does_not_stop_the_work() {
    let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(&pattern(1, 40, 40), &folder.path().join("one.png"));
    let cache = Cache::open(kept.path().join("cache")).unwrap();
    // A file where the folder was: nothing can be written below it.
    std::fs::remove_dir(cache.folder()).unwrap();
    std::fs::write(cache.folder(), "").unwrap();
    let warnings = Arc::new(AtomicUsize::new(0));
    let seen = warnings.clone();
    let control = Control::new(move |event| {
        if matches!(event, Event::Warning { .. }) {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    let set = read(folder.path(), Some(&cache), &control).unwrap();
    assert_eq!(embed(&set, &counting(), Some(&cache), &control).unwrap()[0].len(), 1);
    assert_eq!(warnings.load(Ordering::Relaxed), 2);
}

#[test]
fn cancelling_stops_and_keeps_what_was_done() {
    let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for seed in 0..20 {
        write(&pattern(seed, 40, 40), &folder.path().join(format!("{seed:02}.png")));
    }
    let cache = Cache::open(kept.path()).unwrap();
    let set = read(folder.path(), Some(&cache), &Control::silent()).unwrap();
    let network = counting();
    let slot = Arc::new(OnceLock::<Control>::new());
    let own = slot.clone();
    let control = Control::new(move |event| {
        if let (Event::Progress { .. }, Some(control)) = (event, own.get()) {
            control.cancel();
        }
    });
    slot.set(control.clone()).unwrap();
    assert!(matches!(embed(&set, &network, Some(&cache), &control), Err(EngineError::Cancelled)));
    let before = network.pictures.swap(0, Ordering::Relaxed);
    assert!(before < 20, "{before}");
    embed(&set, &network, Some(&cache), &Control::silent()).unwrap();
    assert!(network.pictures.load(Ordering::Relaxed) < 20, "what was done is kept");
}
