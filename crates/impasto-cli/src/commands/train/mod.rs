//! `impasto train`. Its subcommands, their folders and settings come from the engine's registry; generators share one,
//! `gan`, which chooses among their architectures, and translators another, `translate`.

mod gan;
mod translate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand};
use impasto_engine::descriptor::Task;
use impasto_engine::models::PerceptionSpec;
use impasto_engine::pipeline::train::{Estimate, Schedule, TrainRequest, Training};
use impasto_engine::registry::{self, Entry, REGISTRY, Setting, Takes, Trainer};

use crate::args::Global;
use crate::failure::{Failure, INTERRUPTED};
use crate::output::{self, Reporter};

/// Options of `impasto train`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = false, arg_required_else_help = true)]
pub(crate) struct TrainArgs {
    /// What to train.
    #[command(subcommand)]
    new: Option<NewRun>,
    /// Go on with the run in this folder, exactly as it was begun; no settings can be given.
    #[arg(long, global = true, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Stop after this many minutes, with a checkpoint to resume from.
    #[arg(long, global = true, value_name = "M", allow_negative_numbers = true)]
    minutes: Option<f64>,
    /// Print the complete configuration and what the run needs, then stop; nothing is written.
    #[arg(long, short = 'n', global = true)]
    dry_run: bool,
    /// Resume although the pictures are not those the run was begun with.
    #[arg(long, global = true, requires = "resume")]
    accept_changed_data: bool,
}

/// Options of a new run that every algorithm has.
#[derive(Debug, Args)]
struct RunOptions {
    /// Folder in which the run gets its own, numbered one.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    run_dir: PathBuf,
    /// Steps in all.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Samples a step.
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Any setting listed by --help; the value is TOML. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Begin with the weights in this file instead of drawn ones, such as another run's weights.safetensors.
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Take over the `[training]` table of this file, such as another run's config.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Steps between log lines.
    #[arg(long, value_name = "N", default_value_t = Schedule::default().log_every)]
    log_every: u64,
    /// Steps between sample grids.
    #[arg(long, value_name = "N", default_value_t = Schedule::default().preview_every)]
    preview_every: u64,
    /// Steps between checkpoints.
    #[arg(long, value_name = "N", default_value_t = Schedule::default().checkpoint_every)]
    checkpoint_every: u64,
    /// Steps between looks at how training goes.
    #[arg(long, value_name = "N", default_value_t = Schedule::default().watch_every)]
    watch_every: u64,
    /// Checkpoints kept.
    #[arg(long, value_name = "N", default_value_t = Schedule::default().keep)]
    keep: usize,
}

/// A subcommand: one for every algorithm of the registry that is trained on crops and no translator, one for all
/// generators and one for all translators.
#[derive(Debug)]
struct NewRun {
    what: What,
    options: RunOptions,
    /// What of this was given on the command line, as the user typed it.
    given: Vec<String>,
}

/// What is to be trained.
#[derive(Debug)]
enum What {
    /// An algorithm, on crops.
    Algorithm(Box<AlgorithmRun>),
    /// A generator, on whole pictures.
    Gan(Box<gan::GanRun>),
    /// A translator, on pictures of two kinds.
    Translate(Box<translate::TranslateRun>),
}

#[derive(Debug)]
struct AlgorithmRun {
    algorithm: &'static str,
    sources: BTreeMap<String, Vec<PathBuf>>,
    perception: Option<PerceptionSpec>,
    judges: Vec<PerceptionSpec>,
    crop: Option<usize>,
    preset: Option<String>,
}

/// What can be trained on pictures of some kind.
fn trainable(takes: Takes) -> impl Iterator<Item = (&'static Entry, &'static Trainer)> {
    let trainers = REGISTRY.iter().filter_map(|entry| Some((entry, entry.trainer.as_ref()?)));
    trainers.filter(move |(_, trainer)| trainer.takes == takes)
}

/// What has a subcommand of its own.
fn alone() -> impl Iterator<Item = (&'static Entry, &'static Trainer)> {
    trainable(Takes::Crops).filter(|(entry, _)| entry.descriptor.task != Task::Translator)
}

/// The options that name an algorithm's folders and perception network.
fn own_args(trainer: &'static Trainer) -> Vec<Arg> {
    let mut args: Vec<Arg> = trainer
        .roles
        .iter()
        .map(|role| {
            let mut about = role.about.to_owned();
            about[..1].make_ascii_uppercase();
            Arg::new(role.name)
                .long(role.name)
                .value_name("DIR")
                .help(format!("{about}, searched to any depth"))
                .value_parser(clap::value_parser!(PathBuf))
                .num_args(1..)
                .action(ArgAction::Append)
        })
        .collect();
    if let Some(option) = trainer.perception {
        let help = "The network that losses compare with, such as vgg19-pocket:FILE";
        let parser = |text: &str| text.parse::<PerceptionSpec>();
        args.push(Arg::new(option).long(option).value_name("NETWORK").help(help).value_parser(parser));
    }
    if let Some(option) = trainer.judges {
        let help = "A further network that judges all pictures together, such as googlenet:FILE; repeatable";
        let parser = |text: &str| text.parse::<PerceptionSpec>();
        let arg = Arg::new(option).long(option).value_name("NETWORK").help(help).value_parser(parser);
        args.push(arg.action(ArgAction::Append));
    }
    if let Some(default) = trainer.presets.first() {
        let about: Vec<String> = trainer.presets.iter().map(|p| format!("{} ({})", p.name, p.about)).collect();
        let names: Vec<&'static str> = trainer.presets.iter().map(|preset| preset.name).collect();
        let help = format!("Settings that belong together: {} [default: {}]", about.join(", "), default.name);
        args.push(Arg::new("preset").long("preset").value_name("NAME").help(help).value_parser(names));
    }
    let crop = Arg::new("crop").long("crop").value_name("PX").help("Side of the square crops in pixels");
    args.push(crop.value_parser(clap::value_parser!(usize)));
    args
}

fn settings_help(settings: &[Setting]) -> String {
    let mut text = String::from("Settings for --set:\n");
    for setting in settings {
        text.push_str(&format!("  {} = {}\n      {}\n", setting.name, setting.default, setting.about));
    }
    text
}

impl Subcommand for NewRun {
    fn augment_subcommands(command: Command) -> Command {
        let command = alone().fold(command, |command, (entry, trainer)| {
            let sub = RunOptions::augment_args(Command::new(entry.descriptor.name).args(own_args(trainer)));
            let about = format!("{}: {}", entry.descriptor.task, entry.descriptor.summary);
            let help = settings_help(&trainer.settings.list());
            command.subcommand(sub.about(about).long_about(None).after_long_help(help))
        });
        let sub = RunOptions::augment_args(gan::GanRun::augment_args(Command::new(gan::NAME)));
        let command = command.subcommand(sub.about(gan::ABOUT).long_about(None).after_long_help(gan::settings_help()));
        let sub = translate::TranslateRun::augment_args(Command::new(translate::NAME));
        let sub = RunOptions::augment_args(sub).about(translate::ABOUT).long_about(None);
        command.subcommand(sub.after_long_help(translate::settings_help()))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        [gan::NAME, translate::NAME].contains(&name) || alone().any(|(entry, _)| entry.descriptor.name == name)
    }
}

impl FromArgMatches for NewRun {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (name, matches) = matches.subcommand().ok_or_else(missing)?;
        let shared = ["resume", "minutes", "dry_run", "accept_changed_data", "progress", "quiet", "device", "seed"];
        let given = matches
            .ids()
            .filter(|id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine))
            .map(|id| id.as_str())
            .filter(|id| !shared.contains(id) && !["RunOptions", "GanRun", "GalleryArgs", "TranslateRun"].contains(id))
            .map(|id| format!("--{}", id.replace('_', "-")))
            .collect();
        let what = if name == gan::NAME {
            What::Gan(Box::new(gan::GanRun::from_arg_matches(matches)?))
        } else if name == translate::NAME {
            What::Translate(Box::new(translate::TranslateRun::from_arg_matches(matches)?))
        } else {
            let (entry, trainer) = alone().find(|(entry, _)| entry.descriptor.name == name).ok_or_else(missing)?;
            let paths = |role: &str| matches.get_many::<PathBuf>(role).into_iter().flatten().cloned().collect();
            What::Algorithm(Box::new(AlgorithmRun {
                algorithm: entry.descriptor.name,
                sources: trainer.roles.iter().map(|role| (role.name.to_owned(), paths(role.name))).collect(),
                perception: trainer.perception.and_then(|option| matches.get_one(option).cloned()),
                judges: trainer
                    .judges
                    .and_then(|option| matches.get_many(option))
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect(),
                crop: matches.get_one("crop").copied(),
                preset: (!trainer.presets.is_empty()).then(|| matches.get_one("preset").cloned()).flatten(),
            }))
        };
        Ok(Self { what, options: RunOptions::from_arg_matches(matches)?, given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Runs the command.
pub(crate) fn run(args: TrainArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let limit = args.minutes.map(time_limit).transpose()?;
    let control = reporter.control();
    let (training, dir) = match (&args.resume, args.new) {
        (Some(folder), new) => {
            refuse_settings(new.as_ref(), global)?;
            let (training, dir) = Training::resume(folder, args.accept_changed_data, &control)?;
            (training, Some(dir))
        }
        (None, Some(new)) => {
            let training = Training::prepare(&request(&new, global, &control)?, &control)?;
            let dir = if args.dry_run { None } else { Some(training.create_dir(&new.options.run_dir)?) };
            (training, dir)
        }
        (None, None) => {
            return Err(Failure::usage("say what to train, such as 'impasto train fusion', or give --resume RUN"));
        }
    };
    if args.dry_run {
        return dry_run(training, &control, reporter);
    }
    let Some(dir) = dir else { return Err(Failure::usage("no run folder")) };
    control.note(format!("run folder: {} on {}", dir.root().display(), training.config().device));
    let summary = training.run(&dir, limit, &control)?;
    let speed = format!("{:.2} images/s", summary.samples_per_second);
    if summary.complete {
        control.note(format!("done: {} steps, {speed}", summary.step));
        reporter.result(&dir.weights().display().to_string());
        return Ok(());
    }
    let message = format!(
        "stopped after {} steps ({speed}); go on with: impasto train --resume {}",
        summary.step,
        dir.root().display()
    );
    if control.is_cancelled() {
        return Err(Failure { code: INTERRUPTED, message });
    }
    control.note(message);
    reporter.result(&dir.weights().display().to_string());
    Ok(())
}

fn time_limit(minutes: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(minutes * 60.0)
        .map_err(|_| Failure::usage(format!("--minutes {minutes} is not a time; give a number above 0")))
}

/// A resumed run has its own configuration.
fn refuse_settings(new: Option<&NewRun>, global: &Global) -> Result<(), Failure> {
    let mut given: Vec<&str> = new.iter().flat_map(|new| &new.given).map(String::as_str).collect();
    given.extend(global.device.map(|_| "--device"));
    given.extend(global.seed.map(|_| "--seed"));
    if given.is_empty() {
        return Ok(());
    }
    let text = format!("--resume goes on with the run's own configuration; leave out {}", given.join(", "));
    Err(Failure::usage(text))
}

fn request(new: &NewRun, global: &Global, control: &impasto_engine::Control) -> Result<TrainRequest, Failure> {
    let options = &new.options;
    let given = match &options.config {
        Some(path) => read_settings(path)?,
        None => toml::Table::new(),
    };
    let crop = match &new.what {
        What::Algorithm(run) => run.crop,
        What::Translate(run) => run.crop,
        What::Gan(_) => None,
    };
    let shorthand = [
        ("steps", options.steps.map(|v| v.to_string())),
        ("batch", options.batch.map(|v| v.to_string())),
        ("crop", crop.map(|v| v.to_string())),
        ("seed", global.seed.map(|v| v.to_string())),
    ];
    let shorthand = shorthand.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value?)));
    let assigned: Vec<String> = shorthand.chain(options.set.iter().cloned()).collect();
    let types = |name: &str| {
        let trainer = registry::find(name)?.trainer.as_ref();
        Ok::<_, Failure>(trainer.ok_or_else(|| Failure::usage(format!("{name} cannot be trained")))?.settings)
    };
    let mut request = match &new.what {
        What::Algorithm(run) => {
            let mut settings = given;
            let types = types(run.algorithm)?;
            let presets = registry::find(run.algorithm)?.trainer.as_ref().map_or(&[][..], |trainer| trainer.presets);
            let preset = presets.iter().find(|preset| Some(preset.name) == run.preset.as_deref());
            let preset = preset.map_or(&[][..], |preset| preset.settings);
            preset.iter().try_for_each(|assignment| types.assign(&mut settings, assignment))?;
            assigned.iter().try_for_each(|assignment| types.assign(&mut settings, assignment))?;
            TrainRequest {
                algorithm: run.algorithm.to_owned(),
                sources: run.sources.clone(),
                perception: run.perception.clone(),
                judges: run.judges.clone(),
                settings,
                ..TrainRequest::default()
            }
        }
        What::Gan(run) => run.request(given, assigned, control)?,
        What::Translate(run) => run.request(given, assigned)?,
    };
    if !request.settings.contains_key("seed") {
        let seed = global.seed();
        types(&request.algorithm)?.assign(&mut request.settings, &format!("seed={seed}"))?;
        control.note(format!("seed {seed}"));
    }
    request.init = options.init.clone();
    request.schedule = Schedule {
        log_every: options.log_every,
        preview_every: options.preview_every,
        checkpoint_every: options.checkpoint_every,
        watch_every: options.watch_every,
        keep: options.keep,
    };
    request.device = global.device();
    Ok(request)
}

/// The `[training]` table of a file.
fn read_settings(path: &Path) -> Result<toml::Table, Failure> {
    let refused =
        |reason: String| Failure { code: crate::failure::INPUT, message: format!("{}: {reason}", path.display()) };
    let text = std::fs::read_to_string(path).map_err(|e| refused(e.to_string()))?;
    let mut table: toml::Table = toml::from_str(&text).map_err(|e| refused(e.message().to_owned()))?;
    match table.remove("training") {
        Some(toml::Value::Table(training)) => Ok(training),
        _ => Err(refused("has no [training] table".to_owned())),
    }
}

fn dry_run(training: Training, control: &impasto_engine::Control, reporter: &Reporter) -> Result<(), Failure> {
    let config = training.config().clone();
    let estimate: Estimate = training.estimate(control)?;
    reporter.result(&config.to_toml()?);
    let pictures: usize = config.data.values().map(|source| source.pictures).sum();
    let memory = estimate.peak_bytes.map_or("not measured on this system".to_owned(), |peak| {
        format!("{} at the peak of the timed steps", output::bytes(peak))
    });
    let rows = [
        ("parameters", format!("{:.3} M", estimate.parameters as f64 / 1e6)),
        ("compute", format!("{:.1} kMAC per pixel", estimate.macs_per_pixel / 1e3)),
        ("data", format!("{pictures} pictures, {} kept in memory", output::bytes(estimate.data_bytes as u64))),
        ("memory", memory),
        (
            "speed",
            format!("{:.2} images/s, {} a step", estimate.samples_per_second, output::duration(estimate.per_step)),
        ),
        ("time", format!("{} for {} steps on {}", output::duration(estimate.total()), estimate.steps, config.device)),
    ];
    for (name, value) in rows {
        reporter.result(&format!("{name:<12}{value}"));
    }
    Ok(())
}
