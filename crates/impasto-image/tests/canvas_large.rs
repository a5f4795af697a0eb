//! Pictures larger than memory stay out of memory.
#![cfg(target_os = "linux")]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use impasto_image::adjust::Adjustments;
use impasto_image::canvas::{self, Adjusted, Bands, Canvas, Layout, Place};
use impasto_image::{Depth, EncodeOptions, ImageError, Limits, Picture, Source};

/// Tells the process that it is the child, and what to do: the step, then the folder.
const STEP: &str = "IMPASTO_TEST_STEP";
const FOLDER: &str = "IMPASTO_TEST_FOLDER";
/// Another side than the default, for trying by hand.
const SIDE: &str = "IMPASTO_TEST_SIDE";

/// Most that any step may have had in memory, in KiB.
const ALLOWED: u64 = 200 << 10;

fn side() -> u32 {
    std::env::var(SIDE).map_or(16_384, |side| side.parse().unwrap())
}

/// A picture that is computed where it is looked at: waves with a little noise, since nothing real is without.
struct Waves(Source);

impl Bands for Waves {
    fn layout(&self) -> Layout {
        Layout { width: side(), height: side(), alpha: false, depth: Depth::U8 }
    }

    fn source(&self) -> &Source {
        &self.0
    }

    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError> {
        let wave = |at: u32, length: f32| (at as f32 / length).sin() * 0.2;
        let columns: Vec<f32> = (0..side()).map(|x| 0.5 + wave(x, 300.0)).collect();
        let mut noise = y.wrapping_mul(2_654_435_761) | 1;
        let mut rgb = Vec::with_capacity((side() * rows * 3) as usize);
        for y in y..y + rows {
            let shades = [wave(y, 200.0), wave(y, 500.0), wave(y, 90.0)];
            for column in &columns {
                noise ^= noise << 13;
                noise ^= noise >> 17;
                noise ^= noise << 5;
                let grain = (noise & 1) as f32 / 255.0;
                rgb.extend(shades.map(|shade| column + shade + grain));
            }
        }
        Picture::from_rgb(side(), rows, rgb)
    }
}

fn step(name: &str, folder: &Path) -> Result<(), ImageError> {
    let go = &mut |_| ControlFlow::Continue(());
    let limits = Limits { max_pixels: 1 << 32, max_side: 1 << 16, max_file_bytes: 1 << 36, ..Limits::default() };
    let (png, tiff, raw) = (folder.join("a.png"), folder.join("a.tif"), folder.join("a.impraw"));
    let options = |path: &Path| EncodeOptions::for_path(path);
    match name {
        "draw PNG" => canvas::export(&Waves(Source::default()), &png, &options(&png)?, true, go),
        "import PNG" => canvas::import(&png, Place::File(&raw), &limits, go).map(drop),
        "export PNG" => canvas::export(&Canvas::open(&raw)?, &png, &options(&png)?, true, go),
        "export TIFF" => canvas::export(&Canvas::open(&raw)?, &tiff, &options(&tiff)?, true, go),
        "import TIFF" => canvas::import(&tiff, Place::Scratch(folder), &limits, go).map(drop),
        "adjust" => {
            let picture = Canvas::open(&raw)?;
            let adjustments = Adjustments { contrast: 1.2, sharpen: 0.5, ..Adjustments::default() };
            canvas::export(&Adjusted::new(&picture, adjustments)?, &tiff, &options(&tiff)?, true, go)
        }
        _ => panic!("no step {name}"),
    }
}

#[test]
#[ignore = "takes minutes and gigabytes of disk; the nightly stage runs it"]
#[expect(clippy::print_stderr, reason = "figures to look at")]
fn memory_does_not_grow_with_the_picture() {
    if let (Some(name), Some(folder)) = (std::env::var_os(STEP), std::env::var_os(FOLDER)) {
        step(name.to_str().unwrap(), Path::new(&folder)).unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        eprintln!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for name in ["draw PNG", "import PNG", "export PNG", "export TIFF", "import TIFF", "adjust"] {
        let started = Instant::now();
        // The peak is one of a whole process, so each step gets its own.
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--nocapture"])
            .env(STEP, name)
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        let peak = said.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        eprintln!("{name}, side {}: {:.1} s, {} MiB", side(), started.elapsed().as_secs_f64(), peak >> 10);
        assert!(peak < ALLOWED, "{name}: {peak} KiB");
    }
}
