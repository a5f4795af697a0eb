//! The style table: how near painted photographs are to the photograph and to the painting.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use impasto_engine::device::{self, DeviceSpec, OpenDevice};
use impasto_engine::features::{LpipsSqueeze, PocketVgg, VggWidth};
use impasto_engine::metrics::{self, StyleDistances as Distances, StyleStatistics as Statistics};
use impasto_engine::pipeline::{Painter, Resources, StylizeJob};
use impasto_engine::{Control, tensor};
use impasto_image::{EncodeOptions, Format, Picture, resize, resize_to_short_side, sheet};
use serde::Serialize;

use crate::networks::Network;
use crate::record::{self, Circumstances};
use crate::shared::{self, Shared};
use crate::statistics::{Estimate, Pairs, median};

/// Cells of contact sheets.
const CELL: (u32, u32) = (256, 256);

/// Options of `style`.
#[derive(Debug, Args)]
pub(crate) struct StyleArgs {
    /// Photographs, evenly spread over the 24 of the Kodak set.
    #[arg(long, value_name = "N", default_value_t = 24)]
    contents: usize,
    /// Paintings, the first of the ten.
    #[arg(long, value_name = "N", default_value_t = 10)]
    styles: usize,
    /// Shorter side of photographs and paintings in pixels.
    #[arg(long, value_name = "PX", default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=2048))]
    size: u32,
    /// Weights of fusion in place of the bundled ones; a row for each.
    #[arg(long, value_name = "FILE")]
    weights: Vec<PathBuf>,
    /// A run of fusion whose newest checkpoint's averaged weights get a row.
    #[arg(long, value_name = "RUN")]
    checkpoint: Vec<PathBuf>,
    /// Write every painted picture and a contact sheet for each method into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to compute: auto, cpu, cuda:N or wgpu:N.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceSpec,
}

/// One method's figures.
#[derive(Debug)]
struct Row {
    label: String,
    network: Option<Network>,
    lpips: Pairs,
    gram: Pairs,
    /// Means of `gram` at each level, finest first.
    gram_levels: Vec<f64>,
    gram_squared: Pairs,
    moments: Pairs,
    seconds: Option<f64>,
}

/// A row as it is recorded.
#[derive(Debug, Serialize)]
struct RowRecord<'a> {
    label: &'a str,
    network: Option<&'a Network>,
    lpips: Estimate,
    style_gram: Estimate,
    style_gram_levels: &'a [f64],
    style_gram_squared: Estimate,
    style_moments: Estimate,
    seconds_median: Option<f64>,
}

/// The difference of a row to MicroAST's as it is recorded.
#[derive(Debug, Serialize)]
struct DifferenceRecord<'a> {
    label: &'a str,
    lpips_over_pairs: Estimate,
    lpips_over_pictures: Estimate,
    style_gram_over_pairs: Estimate,
    style_gram_over_pictures: Estimate,
}

/// All that is recorded.
#[derive(Debug, Serialize)]
struct Record<'a> {
    bench: &'static str,
    circumstances: &'a Circumstances,
    device: String,
    short_side: u32,
    contents: Vec<String>,
    styles: Vec<String>,
    rows: Vec<RowRecord<'a>>,
    differences_to_microast: Vec<DifferenceRecord<'a>>,
}

/// Runs the comparison.
pub(crate) fn run(args: &StyleArgs) -> Result<()> {
    let circumstances = Circumstances::now();
    let shared = Shared::find()?;
    let opened = device::open(args.device)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let networks = networks(args, &shared, &opened, scratch.path())?;
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    }
    let contents = shared.photographs(args.contents)?;
    let styles = shared.paintings(args.styles)?;
    if styles.is_empty() {
        bail!("--styles must be at least 1");
    }
    let mut table = Table::new(args, &shared, &opened, networks, &contents)?;
    for (i, style) in styles.iter().enumerate() {
        eprintln!("painting {} of {}: {}", i + 1, styles.len(), shared::stem(style));
        table.add_style(style)?;
    }
    if let Some(out) = &args.out {
        table.write_sheets(out)?;
    }
    let rows = table.rows()?;
    let record = record(&rows, args, &opened, &circumstances, &contents, &styles)?;
    println!("{}", circumstances.line());
    println!(
        "{} Kodak photographs x {} paintings, short side {} px, on {}\n",
        contents.len(),
        styles.len(),
        args.size,
        opened.spec
    );
    print(&record);
    if let Some(path) = &args.json {
        record::append(path, &record)?;
    }
    Ok(())
}

/// The networks compared, `fusion` first.
fn networks(args: &StyleArgs, shared: &Shared, opened: &OpenDevice, scratch: &Path) -> Result<Vec<Network>> {
    let device = &opened.device;
    let mut networks = Vec::new();
    for file in &args.weights {
        networks.push(Network::from_file(file, device)?);
    }
    for run in &args.checkpoint {
        networks.push(Network::from_checkpoint(run, device, scratch)?);
    }
    if networks.is_empty() {
        match Network::bundled(device)? {
            Some(network) => networks.push(network),
            None => eprintln!("no weights of fusion are built in: give --weights or --checkpoint for its row"),
        }
    }
    if networks.len() > 1 {
        // The labels must say which is which.
        for network in &mut networks {
            network.label = format!("{} ({})", network.algorithm, network.origin);
        }
    }
    networks.push(Network::microast(&shared.microast()?, device, scratch)?);
    Ok(networks)
}

/// A content with the size and name it is compared under.
struct Content {
    name: String,
    picture: Picture,
    statistics: Statistics,
    /// LPIPS to itself.
    lpips: f64,
}

/// Values of one method as they come.
#[derive(Default)]
struct Column {
    lpips: Vec<f64>,
    gram: Vec<f64>,
    /// Sums over the pairs.
    gram_levels: Vec<f64>,
    gram_squared: Vec<f64>,
    moments: Vec<f64>,
    seconds: Vec<f64>,
    /// Small pictures for the contact sheet.
    cells: Vec<Picture>,
}

impl Column {
    fn add(&mut self, lpips: f64, style: Distances) {
        self.lpips.push(lpips);
        self.gram.push(style.gram);
        self.gram_levels.resize(style.levels.len(), 0.0);
        for (sum, level) in self.gram_levels.iter_mut().zip(style.levels) {
            *sum += level;
        }
        self.gram_squared.push(style.gram_squared);
        self.moments.push(style.moments);
    }
}

/// The comparison while it runs.
struct Table<'a> {
    args: &'a StyleArgs,
    resources: Resources,
    networks: Vec<Network>,
    contents: Vec<Content>,
    style_cells: Vec<Picture>,
    vgg: PocketVgg,
    lpips: LpipsSqueeze,
    /// Of each network, then of the copied content and of the copied style.
    columns: Vec<Column>,
}

/// The row whose picture is the content itself.
const IDENTITY: &str = "identity copy";
/// The row whose picture is the painting, stretched to the content's size.
const STYLE_COPY: &str = "style copy";

impl<'a> Table<'a> {
    fn new(
        args: &'a StyleArgs,
        shared: &Shared,
        opened: &OpenDevice,
        networks: Vec<Network>,
        contents: &[PathBuf],
    ) -> Result<Self> {
        let device = &opened.device;
        let vgg = PocketVgg::load(&shared.vgg()?, VggWidth::Wide, device)?;
        let lpips = LpipsSqueeze::load(&shared.lpips()?, device)?;
        let read = |path: &PathBuf| -> Result<Content> {
            let picture = resize_to_short_side(&shared::open(path)?, args.size);
            let image = tensor::from_picture(&picture, device);
            let lpips = metrics::lpips(&lpips, image.clone(), image.clone())?.into();
            Ok(Content { name: shared::stem(path), statistics: Statistics::of(&vgg, image), picture, lpips })
        };
        let columns = (0..networks.len() + 2).map(|_| Column::default()).collect();
        Ok(Self {
            args,
            resources: Resources::new(opened.clone()),
            contents: contents.iter().map(read).collect::<Result<_>>()?,
            style_cells: Vec::new(),
            lpips,
            vgg,
            networks,
            columns,
        })
    }

    /// Paints all contents in a style with all networks and takes the figures.
    fn add_style(&mut self, path: &Path) -> Result<()> {
        let control = Control::silent();
        let device = self.resources.device.device.clone();
        let style = resize_to_short_side(&shared::open(path)?, self.args.size);
        let statistics = |picture: &Picture| Statistics::of(&self.vgg, tensor::from_picture(picture, &device));
        let target = statistics(&style);
        // Contents have few sizes: the painting is stretched to each once.
        let mut stretched: Vec<(Picture, Statistics)> = Vec::new();
        let mut painters = Vec::with_capacity(self.networks.len());
        for network in &self.networks {
            let job = StylizeJob {
                styles: vec![path.to_string_lossy().parse()?],
                method: network.algorithm.to_owned(),
                model: network.file.clone(),
                style_size: Some(self.args.size),
                ..StylizeJob::default()
            };
            painters.push(Painter::new(job, self.resources.clone(), &control)?);
        }
        for content in &self.contents {
            let original = tensor::from_picture(&content.picture, &device);
            let lpips = |picture: &Picture| -> Result<f64> {
                Ok(metrics::lpips(&self.lpips, tensor::from_picture(picture, &device), original.clone())?.into())
            };
            for (i, painter) in painters.iter().enumerate() {
                let begin = Instant::now();
                let picture = painter.paint(&content.picture, None, &control)?;
                let seconds = begin.elapsed().as_secs_f64();
                let column = &mut self.columns[i];
                column.seconds.push(seconds);
                column.add(lpips(&picture)?, statistics(&picture).distances(&target));
                if let Some(out) = &self.args.out {
                    let label = file_name(&self.networks[i].label);
                    save(&picture, &out.join(format!("{}-{}-{label}.png", content.name, shared::stem(path))))?;
                    column.cells.push(cell(&picture));
                }
            }
            let size = (content.picture.width, content.picture.height);
            let copy = match stretched.iter().position(|(picture, _)| (picture.width, picture.height) == size) {
                Some(known) => &stretched[known],
                None => {
                    let picture = resize(&style, size.0, size.1);
                    let own = statistics(&picture);
                    stretched.push((picture, own));
                    &stretched[stretched.len() - 1]
                }
            };
            let copies = self.networks.len();
            self.columns[copies].add(content.lpips, content.statistics.distances(&target));
            self.columns[copies + 1].add(lpips(&copy.0)?, copy.1.distances(&target));
        }
        self.style_cells.push(cell(&style));
        Ok(())
    }

    /// One sheet for each network: photographs to the right, paintings downwards.
    fn write_sheets(&self, out: &Path) -> Result<()> {
        let blank = Picture::filled(1, 1, [0.5; 3])?;
        let originals: Vec<Picture> = self.contents.iter().map(|content| cell(&content.picture)).collect();
        for (network, column) in self.networks.iter().zip(&self.columns) {
            let mut cells: Vec<&Picture> = std::iter::once(&blank).chain(&originals).collect();
            for (style, painted) in self.style_cells.iter().zip(column.cells.chunks(self.contents.len())) {
                cells.push(style);
                cells.extend(painted);
            }
            let sheet = sheet::contact_sheet(&cells, self.contents.len() as u32 + 1, CELL, 4);
            let path = out.join(format!("sheet-{}.png", file_name(&network.label)));
            save(&sheet, &path)?;
            eprintln!("wrote {}", path.display());
        }
        Ok(())
    }

    fn rows(self) -> Result<Vec<Row>> {
        let contents = self.contents.len();
        let copies = [IDENTITY, STYLE_COPY].map(|label| (label.to_owned(), None));
        let heads = self.networks.into_iter().map(|network| (network.label.clone(), Some(network))).chain(copies);
        let row = |((label, network), column): ((String, Option<Network>), Column)| -> Result<Row> {
            Ok(Row {
                label,
                network,
                lpips: Pairs::new(column.lpips, contents)?,
                gram_levels: column.gram_levels.iter().map(|sum| sum / column.gram.len() as f64).collect(),
                gram: Pairs::new(column.gram, contents)?,
                gram_squared: Pairs::new(column.gram_squared, contents)?,
                moments: Pairs::new(column.moments, contents)?,
                seconds: (!column.seconds.is_empty()).then(|| median(&column.seconds)),
            })
        };
        heads.zip(self.columns).map(row).collect()
    }
}

fn cell(picture: &Picture) -> Picture {
    let scale = f64::from(CELL.0) / f64::from(picture.width.max(picture.height));
    let side = |side: u32| (f64::from(side) * scale).round() as u32;
    resize(picture, side(picture.width), side(picture.height))
}

fn save(picture: &Picture, path: &Path) -> Result<()> {
    impasto_image::save(picture, path, &EncodeOptions::new(Format::Png), true)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A label as part of a file name.
fn file_name(label: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    label.chars().map(plain).collect::<String>().trim_matches('-').replace("--", "-")
}

fn record<'a>(
    rows: &'a [Row],
    args: &StyleArgs,
    opened: &OpenDevice,
    circumstances: &'a Circumstances,
    contents: &[PathBuf],
    styles: &[PathBuf],
) -> Result<Record<'a>> {
    let names = |paths: &[PathBuf]| paths.iter().map(|path| shared::stem(path)).collect();
    let is_peer = |row: &&Row| row.network.as_ref().is_some_and(|network| network.algorithm == "microast");
    let peer = rows.iter().find(is_peer);
    let own = rows.iter().filter(|row| row.network.as_ref().is_some_and(|network| network.algorithm != "microast"));
    Ok(Record {
        bench: "style",
        circumstances,
        device: opened.spec.to_string(),
        short_side: args.size,
        contents: names(contents),
        styles: names(styles),
        rows: rows
            .iter()
            .map(|row| RowRecord {
                label: &row.label,
                network: row.network.as_ref(),
                lpips: row.lpips.over_pairs(),
                style_gram: row.gram.over_pairs(),
                style_gram_levels: &row.gram_levels,
                style_gram_squared: row.gram_squared.over_pairs(),
                style_moments: row.moments.over_pairs(),
                seconds_median: row.seconds,
            })
            .collect(),
        differences_to_microast: own
            .zip(peer.into_iter().cycle())
            .map(|(row, peer)| {
                let (lpips, gram) = (row.lpips.minus(&peer.lpips)?, row.gram.minus(&peer.gram)?);
                Ok(DifferenceRecord {
                    label: &row.label,
                    lpips_over_pairs: lpips.over_pairs(),
                    lpips_over_pictures: lpips.over_pictures(),
                    style_gram_over_pairs: gram.over_pairs(),
                    style_gram_over_pictures: gram.over_pictures(),
                })
            })
            .collect::<Result<_>>()?,
    })
}

fn print(record: &Record<'_>) {
    let wide = record.rows.iter().map(|row| row.label.len()).max().unwrap_or_default().max(14);
    println!(
        "{:wide$}  {:>22}  {:>22}  {:>13}  {:>22}  {:>9}",
        "", "LPIPS to the content", "style (Gram)", "Gram, squared", "style (moments)", "s/picture"
    );
    for row in &record.rows {
        let seconds = row.seconds_median.map_or_else(|| "-".to_owned(), |s| format!("{s:.3}"));
        println!(
            "{:wide$}  {:>22}  {:>22}  {:>13}  {:>22}  {seconds:>9}",
            row.label,
            interval(row.lpips, 4),
            interval(row.style_gram, 2),
            format!("{:.2}", row.style_gram_squared.mean),
            interval(row.style_moments, 2),
        );
    }
    println!("\nstyle (Gram) by level, finest first:");
    for row in &record.rows {
        let levels: String = row.style_gram_levels.iter().map(|level| format!("{level:8.2}")).collect();
        println!("{:wide$}{levels}", row.label);
    }
    println!(
        "\nMeans; 95 % intervals by bootstrap over pairs. Lower is nearer: LPIPS-Squeeze to the photograph, style \
         distances (x 100) to the painting\nover five layers of the distilled VGG-19. Seconds: median of painting one \
         picture, its style encoded beforehand."
    );
    for row in &record.differences_to_microast {
        println!("\n{} minus microast, pair by pair:", row.label);
        let figures = [
            ("LPIPS", row.lpips_over_pairs, row.lpips_over_pictures, 4),
            ("style (Gram)", row.style_gram_over_pairs, row.style_gram_over_pictures, 2),
        ];
        for (name, pairs, pictures, digits) in figures {
            println!(
                "  {name:13} {:+.digits$}, 95 % interval {:+.digits$} to {:+.digits$} over these pairs, {:+.digits$} to \
                 {:+.digits$} for other photographs and paintings",
                pairs.mean, pairs.low, pairs.high, pictures.low, pictures.high
            );
        }
    }
}

fn interval(estimate: Estimate, digits: usize) -> String {
    format!("{:.digits$} [{:.digits$}, {:.digits$}]", estimate.mean, estimate.low, estimate.high)
}
