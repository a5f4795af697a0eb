//! `impasto stylize`.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use impasto_engine::models::PerceptionSpec;
use impasto_engine::pipeline::{
    Method, OutputOptions, Painter, Region, StyleSource, StyleSpec, StylizeJob, Target, file_label,
};
use impasto_engine::{EngineError, registry};

use super::paint::PaintArgs;
use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;
use crate::preset::PresetArg;

/// Options of `impasto stylize`.
#[derive(Debug, Args)]
pub(crate) struct StylizeArgs {
    /// Pictures to paint; - reads one from standard input.
    #[arg(required = true, value_name = "CONTENT")]
    contents: Vec<PathBuf>,
    /// A style: a painting, a style file, a name of 'impasto models list', or what a generator makes
    /// (gen:MODEL[:seed=N,trunc=PSI,class=CLASS,code=CODE], with a drawn seed where it has none); :WEIGHT mixes several (a.jpg:0.7).
    #[arg(long, short, required_unless_present = "artist", value_name = "STYLE[:WEIGHT]")]
    style: Vec<StyleSpec>,
    /// An artist that the model learned, by a name of 'impasto models list'; :WEIGHT mixes several, and styles with them,
    /// @coarse, @middle or @fine (joined by +) keeps an artist to composition, forms, or strokes and colours.
    #[arg(long, value_name = "ARTIST[@LAYERS][:WEIGHT]", value_parser = parse_artist)]
    artist: Vec<StyleSpec>,
    /// How to paint; 'impasto models list' lists the stylizers, refine adds some optimisation to the default's result
    /// [default: artist where an artist is named, else fusion].
    #[arg(long, short, value_name = "METHOD")]
    method: Option<String>,
    /// Weights file in place of the bundled weights.
    #[arg(long, visible_alias = "weights", value_name = "FILE")]
    model: Option<PathBuf>,
    /// Paint the light parts of a mask in a style of their own: a style as for --style, such as sky.png=artist:monet. May be
    /// given several times; later ones lie on top.
    #[arg(long, value_name = "MASK=STYLE")]
    region: Vec<Region>,
    /// Shorter side at which style pictures are seen: larger makes finer strokes.
    #[arg(long, value_name = "PX")]
    style_size: Option<u32>,
    /// Write the present state to this picture file during optimisation.
    #[arg(long, value_name = "FILE")]
    preview: Option<PathBuf>,
    /// Perception network of methods that optimise, such as vgg19-pocket:FILE.
    #[arg(long, value_name = "NETWORK")]
    perception: Option<PerceptionSpec>,
    #[command(flatten)]
    _preset: PresetArg,
    #[command(flatten)]
    settings: MethodSettings,
    #[command(flatten)]
    paint: PaintArgs,
}

/// One option for every setting of the methods that have settings, from the engine's declarations.
#[derive(Debug)]
struct MethodSettings {
    /// `KEY=VALUE` as given.
    given: Vec<String>,
}

/// A setting of one or several methods.
struct Shared {
    name: String,
    about: String,
    /// Method and default.
    defaults: Vec<(&'static str, String)>,
}

impl Shared {
    /// The help text; defaults are told apart only where they differ.
    fn help(&self) -> String {
        let same = self.defaults.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let defaults: Vec<String> = match self.defaults.first() {
            Some((_, default)) if same => vec![default.clone()],
            _ => self.defaults.iter().map(|(method, default)| format!("{method} {default}")).collect(),
        };
        format!("{} [default: {}]", self.about.trim_end_matches('.'), defaults.join(", "))
    }
}

/// The settings of all methods.
fn settings() -> Vec<Shared> {
    let mut found: Vec<Shared> = Vec::new();
    for method in Method::all() {
        let Some(settings) = method.settings() else { continue };
        for setting in settings.list() {
            let default = (method.name(), setting.default.trim_matches('"').to_owned());
            match found.iter_mut().find(|known| known.name == setting.name) {
                Some(known) => known.defaults.push(default),
                None => found.push(Shared { name: setting.name, about: setting.about, defaults: vec![default] }),
            }
        }
    }
    found
}

impl Args for MethodSettings {
    fn augment_args(command: Command) -> Command {
        let heading = "Settings of methods that optimise";
        let args = settings().into_iter().map(|setting| {
            Arg::new(setting.name.clone())
                .long(setting.name.replace('_', "-"))
                .value_name("V")
                .help(setting.help())
                .help_heading(heading)
                .allow_negative_numbers(true)
        });
        let set = Arg::new("set")
            .long("set")
            .value_name("KEY=VALUE")
            .help("Any of these settings by its name, the value in TOML")
            .action(clap::ArgAction::Append)
            .help_heading(heading);
        command.args(args).arg(set)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for MethodSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given: Vec<String> = settings()
            .into_iter()
            .map(|setting| setting.name)
            .filter(|name| matches.value_source(name) == Some(ValueSource::CommandLine))
            .filter_map(|name| Some(format!("{name}={}", matches.get_one::<String>(&name)?)))
            .collect();
        given.extend(matches.get_many::<String>("set").into_iter().flatten().cloned());
        Ok(Self { given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Runs the command.
pub(crate) fn run(args: StylizeArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let job = job(&args, global)?;
    job.validate()?;
    let styles: Vec<String> = job.styles.iter().map(StyleSpec::label).collect();
    let values = [("style", file_label(&styles)), ("method", job.method.clone()), ("seed", job.seed.to_string())];
    let work = args.paint.work(&args.contents, "{stem}-{style}.png", &values, reporter)?;
    let control = reporter.control();
    let resources = args.paint.resources(global)?;
    control.note(format!("{} on {}, seed {}", job.method, resources.device.spec, job.seed));
    if let Some(preview) = &args.preview {
        Target::File(preview.clone()).check(&OutputOptions { overwrite: true, ..args.paint.options() })?;
        if job.method()?.settings().is_none() {
            control.warn(format!("{} paints in one pass: there is nothing to preview", job.method));
        }
    }
    let painter = Painter::new(job, resources, &control)?;
    args.paint.paint(&painter, &work, args.preview.as_deref(), &control, reporter)
}

/// Regions with their styles settled, which come behind so many others.
fn regions(given: &[Region], seed: u64, before: usize) -> Vec<Region> {
    let settled = |(place, region): (usize, &Region)| Region {
        mask: region.mask.clone(),
        style: region.style.clone().drawn(seed, before + place),
    };
    given.iter().enumerate().map(settled).collect()
}

/// Whether a style is an artist.
pub(crate) fn names_artist(style: &StyleSpec) -> bool {
    matches!(style.source, StyleSource::Artist(..))
}

/// `--artist`, as a style.
pub(crate) fn parse_artist(text: &str) -> Result<StyleSpec, EngineError> {
    format!("artist:{text}").parse()
}

fn job(args: &StylizeArgs, global: &Global) -> Result<StylizeJob, Failure> {
    args.paint.check_masks(!args.region.is_empty())?;
    let styles = args.style.iter().chain(&args.artist);
    let regional = args.region.iter().map(|region| &region.style);
    let by_artist = styles.clone().chain(regional).any(names_artist);
    let default = if by_artist { registry::ARTISTS } else { registry::DEFAULT_STYLIZER };
    let name = args.method.as_deref().unwrap_or(default);
    let method = Method::named(name)?;
    let mut settings = toml::Table::new();
    for assignment in &args.settings.given {
        let Some(known) = method.settings() else {
            let key = assignment.split('=').next().unwrap_or_default();
            let text = format!("{name} has no setting '{key}'; choose a method that optimises, such as --method gatys");
            return Err(Failure::usage(text));
        };
        known.assign(&mut settings, assignment)?;
    }
    let seed = global.seed();
    let job = StylizeJob {
        styles: styles.cloned().enumerate().map(|(place, style)| style.drawn(seed, place)).collect(),
        regions: regions(&args.region, seed, args.style.len() + args.artist.len()),
        method: name.to_owned(),
        model: args.model.clone(),
        perception: args.perception.clone(),
        settings,
        style_size: args.style_size,
        ..StylizeJob::default()
    };
    Ok(args.paint.applied(job, seed))
}
