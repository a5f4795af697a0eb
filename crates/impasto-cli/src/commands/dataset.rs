//! `impasto dataset`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use impasto_engine::data::Imitation;
use impasto_engine::data::gallery::{
    self, ClassSource, Gallery, GallerySettings, LeftOut, Recipe, SourceSummary, Spread, Survey,
};
use impasto_engine::pipeline::{OutputOptions, Target};
use impasto_engine::weights::write_atomic;
use impasto_image::{Picture, sheet};

use super::gallery::GalleryArgs;
use super::models::refuse_existing;
use super::pictures::{LimitArgs, parse_size};
use crate::failure::{FAILED, Failure};
use crate::output::{self, Reporter};

/// Lines of a kind that are printed before the rest is only counted.
const SHOWN: usize = 10;
/// Names of a group of duplicates that are printed.
const GROUP: usize = 6;
/// Pictures on the sheet, and how many beside each other.
const SHEET: (usize, u32) = (64, 8);

/// Subcommands of `impasto dataset`.
#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// Say what pictures are like, which of them cannot be used and why, and what to train on them.
    Check(CheckArgs),
}

/// Options of `impasto dataset check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Folders of pictures to any depth, zip and tar files of pictures (with the labels of StyleGAN or WebDataset or
    /// without), or IDX files; several are taken together.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Check for training at this size in pixels, a number or ROWSxCOLUMNS: what is too small is refused, and the finished
    /// pictures are kept for the training.
    #[arg(long, value_name = "PX", value_parser = parse_size)]
    res: Option<[usize; 2]>,
    #[command(flatten)]
    gallery: GalleryArgs,
    /// Write everything that was found to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a picture of what training would see: some of the finished pictures, spread over all.
    #[arg(long, value_name = "FILE", requires = "res")]
    sheet: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
pub(crate) fn run(command: DatasetCommand, reporter: &Reporter) -> Result<(), Failure> {
    let DatasetCommand::Check(args) = command;
    let options = OutputOptions { overwrite: args.overwrite, parameters: false, ..OutputOptions::default() };
    let sheet = args.sheet.clone().map(Target::File);
    if let Some(target) = &sheet {
        target.check(&options)?;
    }
    if let Some(json) = &args.json {
        refuse_existing(json, args.overwrite)?;
    }
    let control = reporter.control();
    let mut settings = GallerySettings { limits: args.limits.limits(), ..args.gallery.settings(ClassSource::Auto) };
    let survey = match args.res {
        Some(size) => {
            settings.size = size;
            let (gallery, survey) = gallery::read(&args.paths, &settings, &control)?;
            if let Some(target) = &sheet {
                target.write(&overview(&gallery)?, &options, None, &control)?;
            }
            survey
        }
        None => gallery::survey(&args.paths, &settings, &control)?,
    };
    table(&survey).iter().for_each(|line| reporter.result(line));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&survey)
            .map_err(|e| Failure { code: FAILED, message: format!("cannot write JSON: {e}") })?;
        write_atomic(path, text.as_bytes())?;
    }
    reporter.result("");
    let recipe = Recipe::of(&survey, None, args.res);
    reporter.result(&recommendation(&survey, &recipe, &args));
    recipe.why.iter().for_each(|line| reporter.result(&format!("- {line}")));
    let way = Imitation::of(survey.used);
    reporter.result(&format!("as an artist  {}", way.advice()));
    reporter.result(&format!("- {}", way.reason()));
    for written in [&args.json, &args.sheet].into_iter().flatten() {
        reporter.result(&format!("written {}", written.display()));
    }
    Ok(())
}

/// What was found, line by line.
fn table(survey: &Survey) -> Vec<String> {
    let row = |name: &str, value: String| format!("{name:<13}{value}");
    let mut lines =
        vec![row("pictures", format!("{} found, {} used, {}", survey.found, survey.used, output::bytes(survey.bytes)))];
    let source = |s: &SourceSummary| format!("{} ({}): {}", s.name, s.kind, s.pictures);
    lines.extend(some(&survey.sources, source).map(|line| row("from", line)));
    let pixels = |s: &Spread| match s.min == s.max {
        true => format!("{:.0}", s.min),
        false => format!("{:.0} to {:.0}, middle {:.0}", s.min, s.max, s.median),
    };
    lines.push(row("widths", format!("{} px", pixels(&survey.width))));
    lines.push(row("heights", format!("{} px", pixels(&survey.height))));
    let aspect = survey.aspect;
    let read = survey.formats.values().sum::<usize>();
    lines.push(row(
        "proportions",
        match aspect.min == aspect.max {
            true => format!("{:.2}, width by height", aspect.min),
            false => format!(
                "{:.2} to {:.2}, middle {:.2}, width by height; {} of {read} near the middle",
                aspect.min, aspect.max, aspect.median, survey.same_aspect
            ),
        },
    ));
    let formats: Vec<String> = survey.formats.iter().map(|(format, count)| format!("{format} {count}")).collect();
    lines.push(row("formats", formats.join(", ")));
    let kinds = [(survey.grey, "grey"), (survey.transparent, "transparent"), (survey.deep, "of more than 8 bit")];
    let kinds: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}")).collect();
    lines.push(row("channels", if kinds.is_empty() { "all opaque colour of 8 bit".into() } else { kinds.join(", ") }));
    lines.push(row("classes", classes(survey)));
    let [exact, near] = survey.duplicates.superfluous();
    let left_out = survey.duplicates.are_left_out();
    let [exact_done, near_done] = left_out.map(|left_out| if left_out { " (left out)" } else { "" });
    let duplicates = format!("{exact} with the same pixels{exact_done}, {near} nearly the same{near_done}");
    lines.push(row("duplicates", duplicates));
    lines.push(row("rejected", survey.rejected.len().to_string()));
    if !survey.warnings.is_empty() {
        lines.push(String::new());
        lines.extend(survey.warnings.iter().map(|line| format!("! {line}")));
    }
    let group = |names: &Vec<String>| {
        let more = names.len().saturating_sub(GROUP);
        let shown = names[..names.len() - more].join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    };
    let copy = |one: &LeftOut| {
        let how = if one.near { "nearly the same as" } else { "the same pixels as" };
        format!("- left out: {}: {how} {}", one.name, one.copy_of)
    };
    // Groups are told where nothing of them is left out.
    let used = |groups: &[Vec<String>], left_out: bool| if left_out { Vec::new() } else { groups.to_vec() };
    let [exact_used, near_used] =
        [used(&survey.duplicates.exact, left_out[0]), used(&survey.duplicates.near, left_out[1])];
    let details = some(&survey.rejected, |r| format!("- not used: {}: {}", r.path.display(), r.reason))
        .chain(some(&survey.duplicates.left_out, copy))
        .chain(some(&exact_used, |names| format!("- same pixels: {}", group(names))))
        .chain(some(&near_used, |names| format!("- nearly the same: {}", group(names))));
    let details: Vec<String> = details.collect();
    if !details.is_empty() {
        lines.push(String::new());
        lines.extend(details);
    }
    lines
}

/// A line for each of the first, and one that counts the rest.
fn some<T>(all: &[T], line: impl Fn(&T) -> String) -> impl Iterator<Item = String> {
    let rest = all.len().saturating_sub(SHOWN);
    let last = (rest > 0).then(|| format!("  and {rest} more, all of them with --json FILE"));
    all.iter().take(SHOWN).map(line).collect::<Vec<_>>().into_iter().chain(last)
}

fn classes(survey: &Survey) -> String {
    let Some(from) = &survey.classes_from else {
        let folders = survey.folders.len();
        return match folders {
            0 | 1 => "none".to_owned(),
            _ => format!("none; with --classes from-folders there would be {folders}"),
        };
    };
    let mut shown: Vec<String> =
        survey.classes.iter().take(2 * SHOWN).map(|class| format!("{} {}", class.name, class.pictures)).collect();
    if survey.classes.len() > shown.len() {
        shown.push("...".to_owned());
    }
    format!("{} from {from}: {}", survey.classes.len(), shown.join(", "))
}

/// The command that follows the recipe.
fn recommendation(survey: &Survey, recipe: &Recipe, args: &CheckArgs) -> String {
    let [rows, columns] = recipe.size;
    let res = if rows == columns { rows.to_string() } else { format!("{rows}x{columns}") };
    let data: Vec<String> = args.paths.iter().map(|path| quoted(path)).collect();
    let classes = match survey.classes_from.as_deref() {
        Some(from) => format!(" --classes from-{from}"),
        None => String::new(),
    };
    format!(
        "recommended  impasto train gan --data {} --cfg {} --res {res}{classes}{}",
        data.join(" "),
        recipe.architecture,
        args.gallery.duplicates_option()
    )
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:,@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Some finished pictures, spread over all.
fn overview(gallery: &Gallery) -> Result<Picture, Failure> {
    let [rows, columns] = gallery.size().map(|side| side as u32);
    let count = gallery.len().min(SHEET.0);
    let picture = |index: usize| {
        let planes: Vec<f32> =
            gallery.picture(index * gallery.len() / count).iter().map(|&byte| f32::from(byte) / 255.0).collect();
        Picture::from_planar(columns, rows, &planes)
    };
    let pictures = (0..count).map(picture).collect::<Result<Vec<_>, _>>();
    let pictures = pictures.map_err(|e| Failure { code: FAILED, message: e.to_string() })?;
    Ok(sheet::contact_sheet(&pictures.iter().collect::<Vec<_>>(), SHEET.1, (columns, rows), 2))
}
