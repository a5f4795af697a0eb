//! `impasto explore evolve`.

use std::path::PathBuf;

use clap::Args;
use impasto_engine::pipeline::explore::{Evolution, EvolveJob};
use impasto_engine::pipeline::generate::{GenerationJob, Seeds};

use crate::args::Global;
use crate::commands::generate::GenerationArgs;
use crate::failure::Failure;
use crate::output::Reporter;

/// Options of `impasto explore evolve`.
#[derive(Debug, Args)]
pub(crate) struct EvolveArgs {
    #[command(flatten)]
    generation: GenerationArgs,
    /// Folder of the session, begun if there is none in it; MODEL-evolution when absent.
    #[arg(long, value_name = "DIR")]
    session: Option<PathBuf>,
    /// Numbers of those whom the next generation descends from, of any sheet.
    #[arg(long, value_name = "NUMBERS")]
    favourites: Option<Seeds>,
    /// Make the next generation.
    #[arg(long)]
    next: bool,
    /// Write pictures and codes of these individuals into the session's folder, for --style-code.
    #[arg(long, value_name = "NUMBERS")]
    save: Option<Seeds>,
    /// Individuals in a generation.
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// How far children differ from their parents, from 0 to 1.
    #[arg(long, value_name = "0-1", allow_negative_numbers = true)]
    mutation: Option<f32>,
    /// How far all individuals of a generation are apart at least (strangers are about 1.4 apart); from 0 to 1.
    #[arg(long, value_name = "0-1", allow_negative_numbers = true)]
    diversity: Option<f32>,
}

/// What a session begins with where nothing else is asked for.
const USUAL: EvolveJob = EvolveJob { seed: 0, size: 12, mutation: 0.35, diversity: 0.2 };

/// Runs the command.
pub(super) fn run(args: &EvolveArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let control = reporter.control();
    let folder = args.session.clone().unwrap_or_else(|| format!("{}-evolution", args.generation.label()).into());
    let Some((look, job)) = Evolution::settings(&folder)? else {
        if args.favourites.is_some() || args.next || args.save.is_some() {
            let text =
                format!("{} holds no session yet; run this without --favourites, --next and --save", folder.display());
            return Err(Failure::usage(text));
        }
        let job = EvolveJob {
            seed: global.seed(),
            size: args.size.unwrap_or(USUAL.size),
            mutation: args.mutation.unwrap_or(USUAL.mutation),
            diversity: args.diversity.unwrap_or(USUAL.diversity),
        };
        let studio = args.generation.open(global, &control)?;
        control.note(format!("seed {}", job.seed));
        let session = Evolution::begin(&studio, &folder, job, &control)?;
        reporter.result(&session.sheet_path(0).display().to_string());
        return Ok(());
    };
    check_settings(args, global, &look, job)?;
    let mut studio = args.generation.open(global, &control)?;
    studio.change(GenerationJob { model: studio.job().model.clone(), ..look })?;
    let mut session = Evolution::open(&studio, &folder)?;
    if let Some(favourites) = &args.favourites {
        session.choose(&favourites.0)?;
    }
    for &id in args.save.iter().flat_map(|save| &save.0) {
        session.save(id, &control)?.iter().for_each(|path| reporter.result(&path.display().to_string()));
    }
    if args.next {
        session.next(&control)?;
        reporter.result(&session.sheet_path(session.now().0).display().to_string());
    } else if args.save.is_none() {
        let (generation, favourites) = session.now();
        let chosen = Seeds(favourites.iter().map(|&id| id as u64).collect());
        let chosen = if chosen.0.is_empty() { "none".to_owned() } else { chosen.to_string() };
        reporter.result(&format!("generation {generation}, favourites {chosen}; --next makes their children"));
    }
    Ok(())
}

/// A session goes on as it began: options that ask for something else would silently do nothing.
fn check_settings(args: &EvolveArgs, global: &Global, look: &GenerationJob, job: EvolveJob) -> Result<(), Failure> {
    let asked = args.generation.job();
    let plain = GenerationJob::new(asked.model.clone());
    let same = GenerationJob { model: look.model.clone(), ..asked.clone() } == *look;
    let other = (asked != plain && !same)
        || global.seed.is_some_and(|seed| seed != job.seed)
        || args.size.is_some_and(|size| size != job.size)
        || args.mutation.is_some_and(|mutation| mutation != job.mutation)
        || args.diversity.is_some_and(|diversity| diversity != job.diversity);
    if other {
        let text = "this session began with other settings; leave them out, or begin another with --session DIR";
        return Err(Failure::usage(text));
    }
    Ok(())
}
