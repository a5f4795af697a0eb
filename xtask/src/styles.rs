//! The bundled styles: which works, which part of them, and how they become codes.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use impasto_engine::device::{self, DeviceSpec};
use impasto_engine::pipeline::{Resources, StyleDescription, make_style};
use impasto_engine::weights::write_atomic;
use impasto_image::{Limits, Picture, crop, open};

use crate::root;

/// Options of `xtask styles`.
#[derive(Debug, Args)]
pub(crate) struct StylesArgs {
    /// The shared folder, with the paintings in data/paintings.
    #[arg(long, default_value_os_t = default_shared())]
    shared: PathBuf,
    /// Weights file that shall read the styles; the bundled weights when absent.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder of the style files.
    #[arg(long, short, default_value_os_t = root().join("crates/impasto-engine/assets/styles"))]
    output: PathBuf,
}

/// From `IMPASTO_SHARED`, or beside the workspace.
fn default_shared() -> PathBuf {
    std::env::var_os("IMPASTO_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from)
}

/// A work that becomes a style.
struct Work {
    /// What users type.
    name: &'static str,
    title: &'static str,
    artist: &'static str,
    year: &'static str,
    /// Below data/paintings.
    file: &'static str,
    /// What is cut off as shares of width and height: left, top, right, bottom. Paper, frames and titles are no style.
    trim: [f32; 4],
    /// Shorter side at which it is seen, where the usual size does not suit it.
    size: Option<u32>,
}

impl Work {
    const fn new(
        name: &'static str,
        title: &'static str,
        artist: &'static str,
        year: &'static str,
        file: &'static str,
    ) -> Self {
        Self { name, title, artist, year, file, trim: [0.0; 4], size: None }
    }

    const fn trim(self, trim: [f32; 4]) -> Self {
        Self { trim, ..self }
    }
}

const VAN_GOGH: &str = "Vincent van Gogh";
const HOKUSAI: &str = "Katsushika Hokusai";
const MONET: &str = "Claude Monet";

/// All in the public domain; chosen to differ in hand, palette and scale. Reproductions whose origin is doubtful (copies in
/// oil that are sold as posters) were left out.
const WORKS: [Work; 14] = [
    Work::new(
        "garden-at-bougival",
        "The Garden at Bougival",
        "Berthe Morisot",
        "1884",
        "berthe_morisot/the_garden_at_bougival_1884.jpg",
    ),
    Work::new("great-wave", "The Great Wave off Kanagawa", HOKUSAI, "about 1831", "hokusai_36views/hokusai-01.jpg")
        .trim([0.025, 0.03, 0.025, 0.03]),
    Work::new("harvesters", "The Harvesters", "Pieter Bruegel the Elder", "1565", "met_cc0/bruegel_harvesters.jpg")
        .trim([0.015; 4]),
    Work::new("houses-of-parliament", "The Houses of Parliament, Sunset", MONET, "1903", "monet/monet_11.jpg")
        .trim([0.015; 4]),
    Work::new("ocean-waves", "Waves (Hato zu)", "Uehara Konen", "about 1910", "met_cc0/uehara_konen_waves.jpg"),
    Work::new(
        "peasant-woman",
        "Head of a Peasant Woman with White Cap",
        VAN_GOGH,
        "1885",
        "vangogh_1881_1886_dark/vg_0161.jpg",
    )
    .trim([0.015; 4]),
    Work::new(
        "red-fuji",
        "Fine Wind, Clear Morning (Red Fuji)",
        HOKUSAI,
        "about 1831",
        "hokusai_36views/hokusai-02.jpg",
    )
    .trim([0.035; 4]),
    Work::new("shipwreck", "The Wreck of a Transport Ship", "J. M. W. Turner", "about 1810", "classics/shipwreck.jpg"),
    Work::new("starry-night", "The Starry Night", VAN_GOGH, "1889", "classics/starry_night_google.jpg"),
    Work::new("the-moon", "The Moon", "Pamela Colman Smith", "1909", "tarot_rws/m18.jpg")
        .trim([0.06, 0.06, 0.06, 0.10]),
    Work::new("the-scream", "The Scream", "Edvard Munch", "1893", "classics/the_scream.jpg"),
    Work::new("water-lilies", "The Water Lily Pond", MONET, "1904", "monet/monet_02.jpg").trim([0.01; 4]),
    Work::new("wheat-field", "Wheat Field with Cypresses", VAN_GOGH, "1889", "vangogh_1888_1890/vg_0772.jpg")
        .trim([0.015; 4]),
    Work::new("woman-with-a-hat", "Woman with a Hat", "Henri Matisse", "1905", "classics/woman-with-hat-matisse.jpg")
        .trim([0.02; 4]),
];

/// Makes every style file and removes those of works that are no longer bundled.
pub(crate) fn make(args: &StylesArgs) -> Result<()> {
    let data = args.shared.join("data");
    let manifest = std::fs::read_to_string(data.join("MANIFEST.tsv")).context("reading data/MANIFEST.tsv")?;
    let origins = origins(&manifest);
    let resources = Resources::new(device::open(DeviceSpec::Cpu)?);
    std::fs::create_dir_all(&args.output)?;
    for work in &WORKS {
        let path = format!("paintings/{}", work.file);
        let Some((source, licence)) = origins.get(path.as_str()) else {
            bail!("{path} is not in the manifest");
        };
        ensure!(is_free(licence), "{path}: the manifest does not call it public domain or CC0 but '{licence}'");
        let picture = trimmed(&open(&data.join(&path), &Limits::default())?, work.trim);
        let about = StyleDescription {
            title: work.title.to_owned(),
            artist: work.artist.to_owned(),
            year: work.year.to_owned(),
            source: source.clone(),
            licence: "public domain".to_owned(),
        };
        let bytes = make_style(&picture, &about, args.model.as_deref(), work.size, &resources)?;
        write_atomic(&args.output.join(format!("{}.safetensors", work.name)), &bytes)?;
        println!("{:<22}{:>6} bytes  {}, {}", work.name, bytes.len(), work.title, work.artist);
    }
    remove_others(args)
}

/// Source and licence by path, from the manifest (path, repository, commit, source path, sha256, licence, note).
fn origins(manifest: &str) -> HashMap<&str, (String, &str)> {
    manifest
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [path, repository, commit, source, _, licence, ..] = fields[..] else { return None };
            Some((path, (format!("github.com/{repository} at {}: {source}", commit.get(..12)?), licence)))
        })
        .collect()
}

fn is_free(licence: &str) -> bool {
    let licence = licence.to_lowercase();
    licence.contains("public domain") || licence.contains("cc0")
}

fn trimmed(picture: &Picture, [left, top, right, bottom]: [f32; 4]) -> Picture {
    let (w, h) = (picture.width as f32, picture.height as f32);
    let (x, y) = ((left * w).round() as u32, (top * h).round() as u32);
    let (width, height) = ((w * (1.0 - left - right)).round() as u32, (h * (1.0 - top - bottom)).round() as u32);
    crop(picture, x, y, width, height)
}

fn remove_others(args: &StylesArgs) -> Result<()> {
    for entry in std::fs::read_dir(&args.output)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default();
        let style = path.extension().is_some_and(|extension| extension == "safetensors");
        if style && !WORKS.iter().any(|work| name == work.name) {
            std::fs::remove_file(&path)?;
            println!("removed {}", path.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_are_named_once_and_well() {
        assert!(WORKS.is_sorted_by(|a, b| a.name < b.name));
        for work in &WORKS {
            assert!(work.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", work.name);
            assert!([work.title, work.artist, work.year].iter().all(|text| !text.is_empty()), "{}", work.name);
            assert!(work.trim.iter().all(|share| (0.0..0.2).contains(share)), "{}", work.name);
        }
    }

    #[test]
    fn the_manifest_tells_source_and_licence() {
        let row = "paintings/a.jpg\tsome/where\t0123456789abcdef\tb/c.jpg\tfeed\tPublic domain (x)\tnote";
        let origins = origins(row);
        let (source, licence) = &origins["paintings/a.jpg"];
        assert_eq!(source, "github.com/some/where at 0123456789ab: b/c.jpg");
        assert!(is_free(licence) && !is_free("CC BY-SA 4.0"));
    }

    #[test]
    fn trimming_takes_shares_of_each_side() {
        let picture = Picture::filled(200, 100, [0.5; 3]).unwrap();
        let cut = trimmed(&picture, [0.1, 0.0, 0.05, 0.2]);
        assert_eq!((cut.width, cut.height), (170, 80));
    }
}
