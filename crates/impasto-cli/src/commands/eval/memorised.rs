//! `impasto eval memorised`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impasto_engine::metrics::Interval;
use impasto_engine::pipeline::eval::memorised::{EmbeddingView, Memorised, MemorisedJob, memorised, pairs_sheet};
use impasto_engine::pipeline::eval::{Cache, EvalNetworks, NetworkKind};
use impasto_engine::pipeline::{OutputOptions, Target};

use crate::args::Global;
use crate::commands::pictures::LimitArgs;
use crate::failure::{FAILED, Failure};
use crate::output::Reporter;

/// Options of `impasto eval memorised`.
#[derive(Debug, Args)]
pub(crate) struct MemorisedArgs {
    /// Folder of the pictures that the generator was trained on; may be given again.
    #[arg(long, required = true, value_name = "DIR")]
    real: Vec<PathBuf>,
    /// Folder of its samples; may be given again.
    #[arg(long, required = true, value_name = "DIR")]
    fake: Vec<PathBuf>,
    /// Folder of pictures of the same kind that it was not trained on; may be given again.
    #[arg(long, value_name = "DIR")]
    held_out: Vec<PathBuf>,
    /// Networks in whose eyes distances are taken, beside the search for copies.
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', default_values = ["percept", "inception"])]
    network: Vec<NetworkArg>,
    /// Folder of the networks' weights; those in IMPASTO_SHARED when absent.
    #[arg(long, value_name = "DIR")]
    networks: Option<PathBuf>,
    /// Write everything that was found as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a picture of the most suspicious samples, each beside the training picture it is most like.
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// How many samples are shown.
    #[arg(long, value_name = "N", default_value_t = 12)]
    show: usize,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
    /// Keep no features for the next time, and use none.
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NetworkArg {
    Percept,
    Inception,
    Googlenet,
    None,
}

/// Runs the command.
pub(crate) fn run(args: MemorisedArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let (limits, control) = (args.limits.limits(), reporter.control());
    let options = OutputOptions { overwrite: args.overwrite, parameters: false, ..OutputOptions::default() };
    let sheet = args.sheet.clone().map(Target::File);
    if let Some(target) = &sheet {
        target.check(&options)?;
    }
    if let Some(path) = args.json.as_ref().filter(|path| path.exists() && !args.overwrite) {
        let text = format!("{} already exists; choose another name or give --overwrite", path.display());
        return Err(Failure::usage(text));
    }
    let cache = match Cache::default_folder() {
        Some(folder) if !args.no_cache => Some(Cache::open(folder)?),
        _ => None,
    };
    let kind = |network: &NetworkArg| match network {
        NetworkArg::Percept => Some(NetworkKind::Percept),
        NetworkArg::Inception => Some(NetworkKind::Inception),
        NetworkArg::Googlenet => Some(NetworkKind::GoogLeNet),
        NetworkArg::None => None,
    };
    let job = MemorisedJob {
        real: args.real,
        fake: args.fake,
        held_out: args.held_out,
        networks: args.network.iter().filter_map(kind).collect(),
        limits,
        seed: global.seed.unwrap_or(0),
    };
    let networks = EvalNetworks::open(args.networks.as_deref(), &global.open_device()?.device)?;
    let found = memorised(&job, &networks, cache.as_ref(), &control)?;
    print(&found, args.show, reporter);
    if let Some(path) = &args.json {
        let failed = |e: String| Failure { code: FAILED, message: format!("cannot write {}: {e}", path.display()) };
        let text = serde_json::to_vec_pretty(&found).map_err(|e| failed(e.to_string()))?;
        impasto_engine::weights::write_atomic(path, &text)?;
    }
    if let Some(target) = &sheet {
        target.write(&pairs_sheet(&found, args.show, &job.limits)?, &options, None, &control)?;
    }
    Ok(())
}

fn print(found: &Memorised, show: usize, reporter: &Reporter) {
    let say = |line: String| reporter.result(&line);
    let sets = [("real", Some(&found.real)), ("fake", Some(&found.fake)), ("held out", found.held_out.as_ref())];
    for (name, set) in sets.into_iter().filter_map(|(name, set)| Some((name, set?))) {
        say(format!("{name:<10}{} pictures", set.pictures));
        for (path, reason) in &set.rejected {
            say(format!("          left out: {}: {reason}", path.display()));
        }
    }
    let copies = &found.copies;
    let learnt = copies.limit.strangers.map_or_else(
        || "too few training pictures to learn it from".to_owned(),
        |d| format!("the nearest of the training pictures are {d:.2} apart, by the median"),
    );
    say(format!("copies    distance below {:.3} ({learnt})", copies.limit.distance));
    say(format!(
        "          {} of {} samples are copies of a training picture ({})",
        copies.copies,
        found.fake.pictures,
        percent(copies.share)
    ));
    if let Some(count) = copies.copies_of_held_out {
        say(format!("          {count} are copies of a picture held out"));
    }
    say(format!(
        "          {} samples repeat another sample; {} training pictures repeat another one",
        copies.duplicates_within_fake, copies.duplicates_within_real
    ));
    found.views.iter().for_each(|view| print_view(view, reporter));
    found.missing.iter().for_each(|reason| say(format!("left out  {reason}")));
    let suspects: Vec<_> = found.samples.iter().take(show).collect();
    if !suspects.is_empty() {
        say("most suspicious:".to_owned());
    }
    for sample in suspects {
        let verdict = match (sample.copy, sample.found.mirrored) {
            (true, true) => "COPY, mirrored",
            (true, false) => "COPY",
            (false, _) => "",
        };
        say(format!(
            "  {:.3}  {:<15} {} like {}",
            sample.found.distance,
            verdict,
            sample.file.display(),
            sample.like.display()
        ));
    }
}

fn print_view(view: &EmbeddingView, reporter: &Reporter) {
    let say = |line: String| reporter.result(&line);
    say(format!(
        "{:<10}{}: a sample's nearest training picture is at {}, a training picture's at {}",
        view.network,
        view.layer,
        interval(view.to_real),
        interval(view.within_real)
    ));
    if let Some(floor) = view.floor {
        say(format!("          {} samples are nearer than strangers come ({floor:.3})", view.below_floor));
    }
    if let Some(gap) = &view.gap {
        let verdict = if gap.excess.low > 0.0 { ": NEARER TO THE TRAINING PICTURES" } else { "" };
        say(format!(
            "          of {} pictures each, held-out ones are {} farther than training ones{verdict}",
            gap.pictures,
            percent(gap.excess)
        ));
    }
}

fn interval(i: Interval) -> String {
    format!("{:.3} [{:.3}, {:.3}]", i.value, i.low, i.high)
}

fn percent(i: Interval) -> String {
    format!("{:.1} % [{:.1}, {:.1}]", 100.0 * i.value, 100.0 * i.low, 100.0 * i.high)
}
