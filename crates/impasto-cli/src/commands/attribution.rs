//! `impasto inspect --against` and `--saliency`: whose hand, and what says so.

use std::path::{Path, PathBuf};

use clap::Args;
use impasto_engine::Control;
use impasto_engine::models::PerceptionSpec;
use impasto_engine::pipeline::eval::Cache;
use impasto_engine::pipeline::eval::attribution::{
    Attribution, Corpora, Heat, Judge, Reliability, RunCritic, StyleSpace, reaction,
};
use impasto_engine::pipeline::{OutputOptions, Target};
use impasto_image::{Limits, Picture};

use super::pictures::input;
use crate::args::Global;
use crate::failure::{FAILED, Failure};
use crate::output::Reporter;

/// Nearness below which a picture is said to be unlike a corpus.
const UNLIKE: f64 = 0.05;

/// What probabilities mean.
const SUPPOSED: &str = "the probabilities suppose that it is by one of these hands";

/// Options of `impasto inspect` about styles.
#[derive(Debug, Args)]
#[command(next_help_heading = "Whose hand")]
pub(crate) struct AttributionArgs {
    /// Compare the picture's style with the pictures of a folder, all by one hand; give it again for each hand.
    #[arg(long, value_name = "DIR")]
    against: Vec<PathBuf>,
    /// Save a picture of what speaks for (orange) and against (blue) the most probable hand.
    #[arg(long, value_name = "FILE")]
    saliency: Option<PathBuf>,
    /// The hand, by its folder's name, that --saliency is about; with --discriminator the class.
    #[arg(long, value_name = "NAME", requires = "saliency")]
    towards: Option<String>,
    /// With --saliency: what looks real (orange) and made (blue) to the discriminator of a training run of fusion or of a
    /// generator, at the size that it was trained at.
    #[arg(long, value_name = "RUN", requires = "saliency", conflicts_with = "against")]
    discriminator: Option<PathBuf>,
    /// The perception network: percept, or another as KIND:FILE.
    #[arg(long, value_name = "NETWORK", requires = "against")]
    perception: Option<PerceptionSpec>,
    /// Folder in which styles of pictures are kept for the next time; impasto's own in the user's cache when absent.
    #[arg(long, value_name = "DIR", requires = "against", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
    /// Keep no styles of pictures for the next time, and use none.
    #[arg(long)]
    no_cache: bool,
    /// Replace the file that --saliency names.
    #[arg(long, requires = "saliency")]
    overwrite: bool,
}

impl AttributionArgs {
    pub(crate) fn is_asked_for(&self) -> bool {
        !self.against.is_empty() || self.saliency.is_some()
    }

    /// Where the map goes, checked before the work.
    fn target(&self, files: &[PathBuf]) -> Result<Option<(Target, OutputOptions)>, Failure> {
        let Some(path) = &self.saliency else { return Ok(None) };
        if files.len() > 1 {
            return Err(Failure::usage("--saliency names one file; give one picture"));
        }
        if self.against.is_empty() && self.discriminator.is_none() {
            return Err(Failure::usage(
                "--saliency needs --against DIR or --discriminator RUN: what should it be about?",
            ));
        }
        let target = Target::File(path.clone());
        let options = OutputOptions { overwrite: self.overwrite, parameters: false, ..OutputOptions::default() };
        target.check(&options)?;
        Ok(Some((target, options)))
    }
}

/// Runs the command.
pub(crate) fn run(
    files: &[PathBuf],
    args: &AttributionArgs,
    json: bool,
    limits: &Limits,
    global: &Global,
    control: &Control,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let target = args.target(files)?;
    let device = global.open_device()?.device;
    let save = |heat: &Heat, picture: &Picture| -> Result<(), Failure> {
        if let Some((target, options)) = &target {
            target.write(&heat.over(picture), options, None, control)?;
        }
        Ok(())
    };
    if let Some(run) = &args.discriminator {
        let device = device.autodiff();
        let critic = RunCritic::open(run, &device)?;
        let opened = input(&files[0], limits)?.open(limits, control)?;
        let [seen, shown] = critic.views(&opened.picture)?;
        let class = critic.class(&seen, args.towards.as_deref(), &device)?;
        if let Some((_, name)) = class.filter(|_| args.towards.is_none()) {
            control
                .note(format!("judged as one of '{name}', as which it looks most real; --towards NAME says another"));
        }
        let class = class.map(|(class, _)| class);
        let heat = reaction(|image| critic.score(image, class), &seen, &shown, &device, 0)?;
        return save(&heat, &shown);
    }
    let spec = args.perception.clone().map_or_else(|| PerceptionSpec::bundled("perception"), Ok)?;
    let cache = match args.cache_dir.clone().or_else(Cache::default_folder) {
        Some(folder) if !args.no_cache => Some(Cache::open(folder)?),
        _ => None,
    };
    let corpora = Corpora::read(&args.against, StyleSpace::open(&spec, &device)?, limits, cache.as_ref(), control)?;
    for (number, file) in files.iter().enumerate() {
        let opened = input(file, limits)?.open(limits, control)?;
        let own: Option<blake3::Hash> = opened.origin.blake3.parse().ok();
        let judge = corpora.judge(own.as_ref())?;
        let found = judge.attribute(&opened.picture)?;
        if json {
            print_json(file, &found, reporter)?;
        } else {
            if number == 0 {
                print_corpora(&found, reporter);
            }
            print_picture(file, &found, reporter);
        }
        if target.is_some() {
            let heat = evidence(&judge, &corpora, args, &found, &opened.picture)?;
            save(&heat, &opened.picture)?;
        }
    }
    Ok(())
}

fn evidence(
    judge: &Judge<'_>,
    corpora: &Corpora,
    args: &AttributionArgs,
    found: &Attribution,
    picture: &Picture,
) -> Result<Heat, Failure> {
    let towards = args.towards.as_deref().unwrap_or(&found.likenesses[0].corpus);
    let Some(corpus) = corpora.names().position(|name| name == towards) else {
        let known: Vec<&str> = corpora.names().collect();
        return Err(Failure::usage(format!("--towards {towards}: the folders are {}", known.join(", "))));
    };
    Ok(judge.evidence(picture, corpus)?)
}

fn print_json(file: &Path, found: &Attribution, reporter: &Reporter) -> Result<(), Failure> {
    let line = serde_json::to_string(&serde_json::json!({"file": file, "attribution": found}))
        .map_err(|e| Failure { code: FAILED, message: format!("cannot print JSON: {e}") })?;
    reporter.result(&line);
    Ok(())
}

/// What can be said of the corpora before any picture is judged.
fn print_corpora(found: &Attribution, reporter: &Reporter) {
    let wide = found.corpora.iter().map(|c| c.name.len()).max().unwrap_or(0).max(10);
    let say = |line: String| reporter.result(line.trim_end());
    for (number, corpus) in found.corpora.iter().enumerate() {
        let own = found.reliability.as_ref().map_or(String::new(), |r| {
            let row: Vec<String> = r.confusion[number].iter().map(|count| format!("{count:>5}")).collect();
            let sum: usize = r.confusion[number].iter().sum();
            let share = 100.0 * r.confusion[number][number] as f64 / sum as f64;
            format!("{share:5.1} % known by the rest; given to each:{}", row.concat())
        });
        say(format!("  {:wide$}  {:>5} pictures  {own}", corpus.name, corpus.pictures));
        for (path, reason) in &corpus.rejected {
            say(format!("    left out: {}: {reason}", path.display()));
        }
    }
    if let Some(r) = &found.reliability {
        let Reliability {
            accuracy, balanced_accuracy, baseline_largest, baseline_colours, confidence, log_loss, ..
        } = r;
        say(format!(
            "told apart, each picture left out in turn: {:.1} % (corpora weighted alike {:.1} %); always the largest \
             {:.1} %, by colours alone {:.1} %, by the nearest pictures {:.1} %",
            100.0 * accuracy,
            100.0 * balanced_accuracy,
            100.0 * baseline_largest,
            100.0 * baseline_colours,
            100.0 * r.accuracy_nearest()
        ));
        say(format!("mean probability of what was named: {:.1} %; log loss {log_loss:.3}", 100.0 * confidence));
    }
}

fn print_picture(file: &Path, found: &Attribution, reporter: &Reporter) {
    let wide = found.corpora.iter().map(|c| c.name.len()).max().unwrap_or(0).max(10);
    let say = |line: String| reporter.result(line.trim_end());
    say(format!("{}:", file.display()));
    for path in &found.left_out {
        say(format!("  {} is this picture and was left out", path.display()));
    }
    for likeness in &found.likenesses {
        let probability = likeness.probability.map_or(String::new(), |p| format!("{:5.1} %", 100.0 * p));
        let parts = likeness
            .parts
            .map_or(String::new(), |[low, high]| format!("({:.0} to {:.0} % over parts)", 100.0 * low, 100.0 * high));
        say(format!(
            "  {:wide$}  {probability:>8} {parts:<24} distance {:.2}, nearer than {:3.0} % of its own",
            likeness.corpus,
            likeness.distance,
            100.0 * likeness.nearness
        ));
    }
    let best = &found.likenesses[0];
    let names: Vec<String> = best.nearest.iter().map(|(path, d)| format!("{} ({d:.2})", path.display())).collect();
    say(format!("  nearest: {}", names.join(", ")));
    let unlike = found.likenesses.iter().all(|likeness| likeness.nearness < UNLIKE);
    match (found.reliability.is_some(), unlike) {
        (true, true) => say(format!("  it is unlike all of these; {SUPPOSED}")),
        (true, false) => say(format!("  {SUPPOSED}")),
        (false, true) => say("  it is unlike all of these pictures".to_owned()),
        (false, false) => {}
    }
}
