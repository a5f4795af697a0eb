//! `impasto generate`, and what all commands on a trained generator share.

use std::path::{Path, PathBuf};

use clap::Args;
use impasto_engine::device::OpenDevice;
use impasto_engine::models::GeneratorSpec;
use impasto_engine::pipeline::generate::{
    ClassShare, CodeValue, GenerationJob, Grid, Made, Mix, Move, NoiseMode, Point, Seeds, Studio, sheet,
};
use impasto_engine::pipeline::{OutputOptions, Target};
use impasto_engine::{Control, EngineError};
use impasto_image::Picture;

use super::pictures::{AdjustmentArgs, LimitArgs, OutputArgs};
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;
use crate::preset::PresetArg;

/// The grid that is as square as the number of pictures allows.
const AUTO: &str = "auto";

/// The generator and what its pictures look like.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pictures")]
pub(crate) struct GenerationArgs {
    /// A generator: a name of 'impasto models list', a weights file, or the folder of a training run.
    #[arg(value_name = "MODEL")]
    model: GeneratorSpec,
    /// Truncation psi: towards 0 more usual and less varied, 1 as they come.
    #[arg(long, value_name = "PSI", default_value_t = 1.0, allow_negative_numbers = true)]
    trunc: f32,
    /// Truncate only so many layers, from the coarsest.
    #[arg(long, value_name = "N")]
    trunc_cutoff: Option<usize>,
    /// A class by name or number; several are mixed by their weights (dress:0.5). Where absent, seed N is of class N modulo
    /// the number of classes.
    #[arg(long = "class", value_name = "CLASS[:WEIGHT]")]
    classes: Vec<ClassShare>,
    /// A structured code and what it is set to: a categorical one to a category (0=2), a continuous one to a value from -4 to
    /// 4 (c0=-1.5); may be given several times. Where absent, each picture's seed decides.
    #[arg(long, value_name = "CODE=VALUE")]
    code: Vec<CodeValue>,
    /// The noise in the layers: random (drawn from each picture's seed), const (the same for all) or none.
    #[arg(long, value_name = "KIND", default_value_t = NoiseMode::default())]
    noise: NoiseMode,
    /// Move along a direction that 'impasto explore directions' found (garments-directions.safetensors:pca0=2.5).
    #[arg(long = "move", value_name = "FILE:NAME=AMOUNT")]
    moves: Vec<Move>,
    /// Take the styles of another picture, a seed or a code's file, in some layers (12@4- or code.safetensors@0-2).
    #[arg(long, value_name = "SEED|FILE@LAYERS")]
    mix: Option<Mix>,
    /// Let pictures go on where they began, as patterns without seams.
    #[arg(long)]
    tile: bool,
    /// Write every picture N x N times beside and below itself.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "tile", hide_default_value = true)]
    tile_preview: u32,
    /// Turn pictures left to right.
    #[arg(long)]
    mirror: bool,
    #[command(flatten)]
    adjust: AdjustmentArgs,
}

impl GenerationArgs {
    pub(crate) fn job(&self) -> GenerationJob {
        GenerationJob {
            model: self.model.clone(),
            trunc: self.trunc,
            trunc_cutoff: self.trunc_cutoff,
            classes: self.classes.clone(),
            codes: self.code.clone(),
            noise: self.noise,
            moves: self.moves.clone(),
            mix: self.mix.clone(),
            tile: self.tile,
            repeat: self.tile_preview,
            mirror: self.mirror,
            adjust: self.adjust.adjustments(),
        }
    }

    /// What the generator is called in file names.
    pub(crate) fn label(&self) -> String {
        self.model.label()
    }

    /// Opens the generator.
    pub(crate) fn open(&self, global: &Global, control: &Control) -> Result<Studio, Failure> {
        self.open_on(global.open_device()?, control)
    }

    /// Opens the generator on a device.
    pub(crate) fn open_on(&self, device: OpenDevice, control: &Control) -> Result<Studio, Failure> {
        let spec = device.spec;
        let studio = Studio::open(self.job(), device)?;
        let (form, title) = (studio.form(), &studio.model().header.title);
        let [h, w] = form.size;
        let classes = if form.classes.is_empty() { String::new() } else { format!(", {} classes", form.classes.len()) };
        let codes = if form.codes.is_empty() { String::new() } else { format!(", codes {}", form.codes) };
        control.note(format!("{title}: {w}x{h}{classes}{codes}, on {spec}"));
        Ok(studio)
    }
}

/// Options of `impasto generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    generation: GenerationArgs,
    /// Seeds of the pictures, like 0,1,4-6; one of --seed, or drawn, when absent.
    #[arg(long, value_name = "SEEDS")]
    seeds: Option<Seeds>,
    /// A picture's code, as 'impasto explore' keeps them; may be given several times.
    #[arg(long, value_name = "FILE")]
    style_code: Vec<PathBuf>,
    /// Lay the pictures out on one sheet; files of their own are written as well where --out-dir is given.
    #[arg(long, value_name = "COLSxROWS", num_args = 0..=1, default_missing_value = AUTO, value_parser = parse_grid)]
    grid: Option<GridArg>,
    #[command(flatten)]
    _preset: PresetArg,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// `--grid`: as square as can be, or as given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GridArg(Option<Grid>);

impl GridArg {
    pub(crate) fn of(self, count: usize) -> Result<Grid, EngineError> {
        let grid = self.0.unwrap_or_else(|| Grid::square(count));
        grid.holds(count).map(|()| grid)
    }
}

pub(crate) fn parse_grid(text: &str) -> Result<GridArg, EngineError> {
    if text == AUTO { Ok(GridArg(None)) } else { text.parse().map(|grid| GridArg(Some(grid))) }
}

/// Runs the command.
pub(crate) fn run(args: GenerateArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let mut points = Point::list(args.seeds.as_ref(), &args.style_code);
    if points.is_empty() {
        points.push(Point::Seed(global.seed()));
    }
    let model = args.generation.label();
    let grid = args.grid.map(|grid| grid.of(points.len())).transpose()?;
    let sheet_target = match grid {
        Some(_) if args.output.has_folder() => Some(Target::File(args.output.beside(&format!("{model}-grid.png"))?)),
        Some(_) => args.output.made(&[vec![("model", model.clone())]], "{model}-grid.png")?.pop(),
        None => None,
    };
    let each = grid.is_none() || args.output.has_folder();
    let names: Vec<_> = points.iter().map(|point| vec![("model", model.clone()), ("seed", point.label())]).collect();
    let targets = if each { args.output.made(&names, "{model}-{seed}.png")? } else { Vec::new() };
    let options = args.output.options();
    let all: Vec<Target> = targets.iter().chain(&sheet_target).cloned().collect();
    reporter.claim_stdout(&all)?;
    check(&all, &options)?;
    let control = reporter.control();
    let studio = args.generation.open(global, &control)?;
    if let Some(grid) = grid {
        grid.check(studio.size(), &args.limits.limits())?;
    }
    let writer = Writer { options: &options, reporter, control: &control };
    let mut kept = Vec::new();
    studio.generate(&points, &control, |index, made| {
        if let Some(target) = targets.get(index) {
            writer.write(target, &made)?;
        }
        if grid.is_some() {
            kept.push(made.picture);
        }
        Ok(())
    })?;
    if let (Some(grid), Some(target)) = (grid, sheet_target) {
        let parameters = studio.sheet_parameters(&points, grid)?;
        writer.write(&target, &Made { picture: sheet(&kept, grid), parameters })?;
    }
    Ok(())
}

/// Refuses early what could not be written.
pub(crate) fn check(targets: &[Target], options: &OutputOptions) -> Result<(), EngineError> {
    targets.iter().try_for_each(|target| target.check(options))
}

/// Writes what was made and says where.
pub(crate) struct Writer<'a> {
    pub(crate) options: &'a OutputOptions,
    pub(crate) reporter: &'a Reporter,
    pub(crate) control: &'a Control,
}

impl Writer<'_> {
    pub(crate) fn write(&self, target: &Target, made: &Made) -> Result<(), EngineError> {
        let parameters = Some(made.parameters.clone());
        match (target.write(&made.picture, self.options, parameters, self.control)?, target) {
            (Some(bytes), _) => {
                self.reporter.bytes(&bytes).map_err(|failure| EngineError::Environment(failure.message))
            }
            (None, Target::File(path)) => {
                self.say(path);
                Ok(())
            }
            (None, Target::Memory(_)) => Ok(()),
        }
    }

    /// Writes a picture without parameters of its own.
    pub(crate) fn plain(&self, path: &Path, picture: &Picture) -> Result<(), EngineError> {
        let target = Target::File(path.to_owned());
        target.write(picture, self.options, None, self.control)?;
        self.say(path);
        Ok(())
    }

    /// Says where a result is.
    pub(crate) fn say(&self, path: &Path) {
        self.reporter.result(&path.display().to_string());
    }
}
