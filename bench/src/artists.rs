//! How well artists are imitated: photographs painted as each of five artists would, beside the photographs themselves and
//! beside single paintings as styles, measured against works that training did not see.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use impasto_engine::Control;
use impasto_engine::data::Imitation;
use impasto_engine::device::{self, DeviceSpec, OpenDevice};
use impasto_engine::metrics::{Embeddings, Interval, kernel_distance_interval};
use impasto_engine::models::PerceptionSpec;
use impasto_engine::pipeline::eval::attribution::{Corpora, StyleSpace};
use impasto_engine::pipeline::eval::{Cache, EvalNetworks, NetworkKind, PictureSet, embed};
use impasto_engine::pipeline::{Painter, Resources, StyleSource, StyleSpec, StylizeJob};
use impasto_engine::tensor;
use impasto_image::{EncodeOptions, Format, Limits, Picture, resize_to_long_side};
use serde::Serialize;

use crate::networks::Network;
use crate::record::{self, Circumstances};
use crate::shared::{self, Shared};

/// Every so many works one is held back.
const HELD_BACK: usize = 5;

/// Photographs that are painted: those of Kodak, and others evenly spread.
const PHOTOGRAPHS: usize = 100;

/// Works that stand for their artist where a single painting is the style, each for as many photographs.
const SINGLE: usize = 10;

/// Longer side at which photographs are painted, about that of the works.
const SIDE: u32 = 640;

/// What is done with the photographs.
const WAYS: [&str; 4] = ["photographs", "fusion", "microast", "artist"];

/// Options of `artists`.
#[derive(Debug, Args)]
pub(crate) struct ArtistsArgs {
    /// Make the folders that 'impasto train artist' learns from below --out, and stop.
    #[arg(long)]
    prepare: bool,
    /// Weights of `artist` in place of the bundled ones.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Folder for lists, pictures and features; pictures that are there are taken as they are.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What to judge: photographs, fusion, microast and artist; everything where not given.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = WAYS)]
    ways: Vec<String>,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// An artist's figures for one way of painting.
#[derive(Debug, Serialize)]
struct Cell {
    artist: &'static str,
    way: &'static str,
    /// Kernel distance in the 768 features of Inception to the works held back, times 1000.
    kid: f64,
    kid_interval: Interval,
    /// Mean LPIPS-Squeeze to the photographs.
    lpips: f64,
    /// Share of pictures that are nearest to the works of this artist.
    nearest: f64,
    /// Share of pictures that a classifier of hands gives to this artist.
    given: f64,
    /// Pictures that it gives to each artist, in the order of the table.
    given_to: Vec<usize>,
    /// Pictures that are nearest to each.
    nearest_to: Vec<usize>,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: &'a Circumstances,
    cells: &'a [Cell],
    /// The works themselves, each left out, by the same two measures: what they can tell at all.
    works: Works,
}

/// Of each artist, in the order of the table, the works that lie nearest to, and are given to, each artist.
#[derive(Debug, Serialize)]
struct Works {
    nearest_to: Vec<Vec<usize>>,
    given_to: Vec<Vec<usize>>,
}

/// Prints the table.
pub(crate) fn run(args: &ArtistsArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let shared = Shared::find()?;
    let sets = Sets::new(&shared, &args.out)?;
    if args.prepare {
        println!("{}", args.out.join("train").display());
        return Ok(());
    }
    let device = device::open(DeviceSpec::Cpu)?;
    let microast = Network::microast(&shared.microast()?, &device.device, &args.out)?;
    let microast = microast.file.context("MicroAST has no file")?;
    let mut judges = Judges::open(&shared, &sets, &args.out, &device)?;
    let mut cells = Vec::new();
    for (number, (artist, _)) in shared::ARTISTS.iter().enumerate() {
        for way in WAYS.into_iter().filter(|way| args.ways.is_empty() || args.ways.iter().any(|wanted| wanted == way)) {
            eprintln!("{artist}: {way}");
            let folder = args.out.join("painted").join(way).join(artist);
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            match way {
                "photographs" => paint(&sets.photographs, &folder, None)?,
                "artist" => {
                    let style = StyleSource::Artist((*artist).to_owned(), impasto_engine::Layers::ALL);
                    let painter = painter("artist", args.weights.clone(), style, &device)?;
                    paint(&sets.photographs, &folder, Some(&painter))?;
                }
                _ => {
                    let works = &sets.learned[number];
                    let share = sets.photographs.len().div_ceil(SINGLE);
                    for (place, photographs) in sets.photographs.chunks(share).enumerate() {
                        let work = works[place * works.len() / SINGLE].clone();
                        let weights = (way == "microast").then(|| microast.clone());
                        let painter = painter(way, weights, StyleSource::Picture(work), &device)?;
                        paint(photographs, &folder, Some(&painter))?;
                    }
                }
            }
            cells.push(judges.cell(artist, number, way, &folder, &sets)?);
        }
    }
    println!("{}", circumstances.line());
    let count = sets.photographs.len();
    println!("{count} photographs, longer side {SIDE} px, against the works held back (every fifth)\n");
    let works = judges.works()?;
    print(&cells, &works);
    if let Some(path) = &args.json {
        record::append(path, &Record { bench: "artists", circumstances: &circumstances, cells: &cells, works })?;
    }
    Ok(())
}

fn print(cells: &[Cell], works: &Works) {
    let to = "nearest to each; given to each";
    println!("{:<16}{:<14}{:>24}{:>8}{:>10}{:>8}   {to}", "", "", "KID-768 x 1000", "LPIPS", "nearest", "given");
    let share = |row: &[usize], number: usize| 100.0 * row[number] as f64 / row.iter().sum::<usize>() as f64;
    for (number, (artist, _)) in shared::ARTISTS.iter().enumerate() {
        let (near, given) = (&works.nearest_to[number], &works.given_to[number]);
        let shares = format!("{:>9.0}%{:>7.0}%", share(near, number), share(given, number));
        println!("{artist:<16}{:<14}{:>24}{:>8}{shares}   {near:?}; {given:?}", "works", "", "");
    }
    for cell in cells {
        let Interval { low, high, .. } = cell.kid_interval;
        let kid = format!("{:.2} [{:.2}, {:.2}]", cell.kid, 1e3 * low, 1e3 * high);
        let shares = format!("{:>9.0}%{:>7.0}%", 100.0 * cell.nearest, 100.0 * cell.given);
        let to = format!("{:?}; {:?}", cell.nearest_to, cell.given_to);
        println!("{:<16}{:<14}{kid:>24}{:>8.3}{shares}   {to}", cell.artist, cell.way, cell.lpips);
    }
    println!(
        "\nKID: to works that training did not see, lower is nearer, 95 % intervals. LPIPS-Squeeze to the photograph. Nearest: share\n\
         of pictures whose style is nearest to the works of this artist among all five (three neighbours); given: by the classifier\n\
         of 'impasto inspect --against', which learned from all works. Works: each as if it were not among them."
    );
}

/// The pictures, and folders of copies of them.
struct Sets {
    photographs: Vec<PathBuf>,
    /// Works of each artist that training may see.
    learned: Vec<Vec<PathBuf>>,
    /// Folders of those held back, and of all.
    held: Vec<PathBuf>,
    all: Vec<PathBuf>,
}

impl Sets {
    fn new(shared: &Shared, out: &Path) -> Result<Self> {
        let (test, rest) = shared.photographs_apart(PHOTOGRAPHS)?;
        link(&rest, &out.join("train/photos"))?;
        let (mut learned, mut held, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (name, folder) in shared::ARTISTS {
            let works = shared.works(folder)?;
            let part = |wanted: bool| -> Vec<PathBuf> {
                let parts = works.iter().enumerate().filter(|(i, _)| (i % HELD_BACK == HELD_BACK / 2) == wanted);
                parts.map(|(_, path)| path.clone()).collect()
            };
            let (back, seen) = (part(true), part(false));
            eprintln!("{name}: {} works, {} of them held back. {}", works.len(), back.len(), Imitation::of(seen.len()));
            link(&seen, &out.join("train/paintings").join(name))?;
            held.push(link(&back, &out.join("held").join(name))?);
            all.push(link(&works, &out.join("all").join(name))?);
            learned.push(seen);
        }
        Ok(Self { photographs: test, learned, held, all })
    }
}

/// A folder with copies of files, under their names.
fn link(files: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for file in files {
        let target = folder.join(name(file));
        if !target.exists() {
            std::fs::copy(file, &target).with_context(|| format!("cannot copy {}", file.display()))?;
        }
    }
    Ok(folder.to_owned())
}

/// A file's name with that of its folder, since names repeat between folders.
fn name(file: &Path) -> String {
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    format!("{folder}-{}", file.file_name().unwrap_or_default().to_string_lossy())
}

fn painter(method: &str, model: Option<PathBuf>, source: StyleSource, device: &OpenDevice) -> Result<Painter> {
    let styles = vec![StyleSpec { source, weight: 1.0 }];
    let job = StylizeJob { styles, method: method.to_owned(), model, ..StylizeJob::default() };
    Ok(Painter::new(job, Resources::new(device.clone()), &Control::silent())?)
}

/// A photograph as all ways of painting see it.
fn seen(path: &Path) -> Result<Picture> {
    let picture = shared::open(path)?;
    Ok(if picture.width.max(picture.height) > SIDE { resize_to_long_side(&picture, SIDE) } else { picture })
}

/// Paints what is not there yet; copies without a painter.
fn paint(photographs: &[PathBuf], folder: &Path, painter: Option<&Painter>) -> Result<()> {
    for path in photographs {
        let target = folder.join(name(path)).with_extension("png");
        if target.is_file() {
            continue;
        }
        let photograph = seen(path)?;
        let painted = match painter {
            Some(painter) => painter.paint(&photograph, None, &Control::silent())?,
            None => photograph,
        };
        impasto_image::save(&painted, &target, &EncodeOptions::new(Format::Png), true)?;
    }
    Ok(())
}

/// What measures.
struct Judges {
    networks: EvalNetworks,
    cache: Cache,
    corpora: Corpora,
    /// Vectors of the works held back, by artist.
    held: Vec<Embeddings>,
}

impl Judges {
    fn open(shared: &Shared, sets: &Sets, out: &Path, device: &OpenDevice) -> Result<Self> {
        let networks = EvalNetworks::open(Some(&shared.networks()), &device.device)?;
        let cache = Cache::open(out.join("features"))?;
        let space = StyleSpace::open(&PerceptionSpec::bundled("perception")?, &device.device)?;
        let corpora = Corpora::read(&sets.all, space, &Limits::default(), Some(&cache), &Control::silent())?;
        let mut judges = Self { networks, cache, corpora, held: Vec::new() };
        judges.held = sets.held.iter().map(|folder| Ok(judges.vectors(folder)?.1)).collect::<Result<_>>()?;
        Ok(judges)
    }

    /// The pictures of a folder and their 768 features.
    fn vectors(&self, folder: &Path) -> Result<(PictureSet, Embeddings)> {
        let control = Control::silent();
        let set = PictureSet::read(&[folder.to_owned()], &Limits::default(), Some(&self.cache), &control)?;
        let embedder = self.networks.embedder(NetworkKind::Inception).map_err(impasto_engine::EngineError::from)?;
        let layers = embed(&set, &*embedder, Some(&self.cache), &control)?;
        Ok((set, layers.into_iter().next().context("Inception gave no layer")?))
    }

    /// What the measures of whose hand it is say of the works.
    fn works(&self) -> Result<Works> {
        let found = self.corpora.judge(None)?.reliability().context("a single corpus")?.clone();
        Ok(Works { nearest_to: found.confusion_nearest, given_to: found.confusion })
    }

    fn cell(
        &mut self,
        artist: &'static str,
        number: usize,
        way: &'static str,
        folder: &Path,
        sets: &Sets,
    ) -> Result<Cell> {
        let (set, vectors) = self.vectors(folder)?;
        let interval = kernel_distance_interval(&vectors, &self.held[number])?;
        let kid = 1e3 * impasto_engine::metrics::kernel_distance(&vectors, &self.held[number])?;
        let lpips = self.networks.lpips().map_err(impasto_engine::EngineError::from)?;
        let device = self.networks.device();
        let mut distance = 0.0;
        for path in &sets.photographs {
            let image = |picture: &Picture| tensor::from_picture(picture, device);
            let painted = shared::open(&folder.join(name(path)).with_extension("png"))?;
            let apart = lpips.distance(image(&seen(path)?), image(&painted))?;
            distance += f64::from(tensor::scalar(apart)) / sets.photographs.len() as f64;
        }
        let judge = self.corpora.judge(None)?;
        let (mut nearest_to, mut given_to) = (vec![0; shared::ARTISTS.len()], vec![0; shared::ARTISTS.len()]);
        let count = |counts: &mut [usize], corpus: &str| {
            let place = shared::ARTISTS.iter().position(|(name, _)| *name == corpus);
            counts[place.context("a corpus without an artist")?] += 1;
            anyhow::Ok(())
        };
        for index in 0..set.len() {
            let found = judge.attribute(&set.open(index)?)?;
            // The most probable comes first.
            count(&mut given_to, &found.likenesses[0].corpus)?;
            let near = found.likenesses.iter().min_by(|a, b| a.distance.total_cmp(&b.distance));
            count(&mut nearest_to, &near.context("no corpora")?.corpus)?;
        }
        let share = |counts: &[usize]| counts[number] as f64 / set.len() as f64;
        Ok(Cell {
            artist,
            way,
            kid,
            kid_interval: interval,
            lpips: distance,
            nearest: share(&nearest_to),
            given: share(&given_to),
            given_to,
            nearest_to,
        })
    }
}
