//! `impasto models`.

use std::path::PathBuf;

use clap::Subcommand;
use impasto_engine::descriptor::Task;
use impasto_engine::models::{self, bundled_generator, bundled_weights, generators, open_generator};
use impasto_engine::registry::{self, Build, Entry, REGISTRY, SettingsType};
use impasto_engine::styles;
use impasto_engine::weights::{self, Arrays, Header, Precision};

use super::inspect;
use crate::args::Global;
use crate::failure::{FAILED, Failure};
use crate::output::Reporter;

/// Subcommands of `impasto models`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List algorithms, bundled generators, artists and styles, one a line: name, kind, summary.
    List,
    /// Say everything about one.
    Show {
        /// A name that 'list' lists.
        name: String,
    },
    /// Convert weights that others publish for an algorithm into impasto's format.
    Import {
        /// The algorithm.
        algorithm: String,
        /// The foreign weights, as safetensors.
        file: PathBuf,
        /// The file to write.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Replace the file if it exists.
        #[arg(long)]
        overwrite: bool,
    },
}

/// Runs the command.
pub(crate) fn run(command: ModelsCommand, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    match command {
        ModelsCommand::List => list(reporter),
        ModelsCommand::Show { name } => show(&name, global, reporter),
        ModelsCommand::Import { algorithm, file, output, overwrite } => {
            let entry = registry::find(&algorithm)?;
            let Some(import) = entry.import else {
                return Err(Failure::usage(format!("there are no foreign weights that {algorithm} could take")));
            };
            refuse_existing(&output, overwrite)?;
            let (header, arrays) = import(&file, &global.open_device()?.device)?;
            weights::save(&output, &header, &arrays, Precision::F32)?;
            reporter.result(&output.display().to_string());
            Ok(())
        }
    }
}

/// Refuses to write over a file.
pub(crate) fn refuse_existing(path: &std::path::Path, overwrite: bool) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok() && !overwrite {
        let text = format!("{} already exists; choose another name or give --overwrite", path.display());
        return Err(Failure::usage(text));
    }
    Ok(())
}

fn list(reporter: &Reporter) -> Result<(), Failure> {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for entry in REGISTRY {
        let d = entry.descriptor;
        rows.push([d.name.to_owned(), d.task.to_string(), d.summary.to_owned()]);
    }
    for name in generators() {
        rows.push([name.to_owned(), "generator".to_owned(), decoded(name)?.0.title]);
    }
    for (name, learned) in artists()? {
        rows.push([name, "artist".to_owned(), format!("learned by {learned}; stylize --artist")]);
    }
    for name in styles::names() {
        let header = styles::named(name)?.header;
        let about = [header.title, header.artist, header.year].into_iter().filter(|part| !part.is_empty());
        rows.push([name.to_owned(), "style".to_owned(), about.collect::<Vec<_>>().join(", ")]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0) + 2;
    let (names, kinds) = (width(0), width(1));
    for [name, kind, about] in &rows {
        reporter.result(&format!("{name:<names$}{kind:<kinds$}{about}"));
    }
    Ok(())
}

/// The artists that bundled weights know, and the stylizer that paints like them.
fn artists() -> Result<Vec<(String, &'static str)>, Failure> {
    Ok(models::artists()?.into_iter().map(|artist| (artist, registry::ARTISTS)).collect())
}

/// The bundled generator called `name`.
fn decoded(name: &str) -> Result<(Header, Arrays), Failure> {
    let bytes = bundled_generator(name).unwrap_or_default();
    let failed = |reason| Failure { code: FAILED, message: format!("bundled generator {name}: {reason}") };
    weights::decode(bytes).map_err(failed)
}

fn show(name: &str, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    if let Some(bytes) = bundled_generator(name) {
        return show_generator(name, bytes.len(), global, reporter);
    }
    if let Some(entry) = REGISTRY.iter().find(|entry| entry.descriptor.name == name) {
        return show_algorithm(entry, reporter);
    }
    if styles::names().any(|known| known == name) {
        inspect::style(&styles::named(name)?, reporter);
        return Ok(());
    }
    let artists = artists()?;
    if let Some((artist, learned)) = artists.iter().find(|(artist, _)| artist == name) {
        let usage = format!("impasto stylize photo.jpg --artist {artist}");
        for (name, value) in [("name", artist.as_str()), ("kind", "artist"), ("learned by", learned), ("usage", &usage)]
        {
            reporter.result(&format!("{name:<12}{value}"));
        }
        return Ok(());
    }
    let fixed = REGISTRY.iter().map(|entry| entry.descriptor.name).chain(generators()).chain(styles::names());
    let mut known: Vec<&str> = fixed.collect();
    known.extend(artists.iter().map(|(artist, _)| artist.as_str()));
    Err(Failure::usage(format!("there is no model '{name}'{}", registry::suggest(name, known.into_iter()))))
}

fn show_generator(name: &str, size: usize, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let (generator, info) = open_generator(&name.parse()?, &global.open_device()?.device)?;
    let form = generator.form();
    let [h, w] = form.size;
    let classes = if form.classes.is_empty() { "none".to_owned() } else { form.classes.join(", ") };
    let rows = [
        ("name", name.to_owned()),
        ("kind", "generator".to_owned()),
        ("pictures", format!("{w}x{h}")),
        ("classes", classes),
        ("codes", form.codes.to_string()),
        ("latent", form.latent.to_string()),
        ("styles", format!("{} layers of {}", form.layers, form.width)),
        ("paper", generator.descriptor().paper.to_owned()),
        ("file", crate::output::bytes(size as u64)),
        ("blake3", info.blake3),
    ];
    for (name, value) in rows {
        reporter.result(&format!("{name:<12}{value}"));
    }
    inspect::header(&info.header, &decoded(name)?.1, reporter)
}

fn show_algorithm(entry: &Entry, reporter: &Reporter) -> Result<(), Failure> {
    let d = entry.descriptor;
    let yes = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let weights = match (entry.build, bundled_weights(d.name)) {
        (Build::Optimisation { .. }, _) => "none of its own".to_owned(),
        (_, Some(bytes)) => crate::output::bytes(bytes.len() as u64),
        (Build::Generator(_), None) => "those of the generators that were trained of it".to_owned(),
        (_, None) if d.task == Task::Translator => "those of the translators that were trained of it".to_owned(),
        (_, None) => "none built in; give a file with --model".to_owned(),
    };
    let rows = [
        ("name", d.name.to_owned()),
        ("kind", d.task.to_string()),
        ("summary", d.summary.to_owned()),
        ("paper", d.paper.to_owned()),
        ("licence", d.licence.to_owned()),
        ("smallest side", format!("{} px; smaller pictures are padded", d.min_side)),
        ("memory", format!("{} bytes per pixel", d.bytes_per_pixel)),
        ("differentiable", yes(d.differentiable)),
        ("trainable", yes(entry.trainer.is_some())),
        ("weights", weights),
    ];
    for (name, value) in rows {
        reporter.result(&format!("{name:<16}{value}"));
    }
    if let Some(bytes) = bundled_weights(d.name) {
        let (header, arrays) = weights::decode(bytes)
            .map_err(|reason| Failure { code: FAILED, message: format!("bundled weights of {}: {reason}", d.name) })?;
        inspect::header(&header, &arrays, reporter)?;
    }
    if let Build::Optimisation { settings, .. } = entry.build {
        show_settings("settings", settings, reporter);
    }
    if let Some(trainer) = &entry.trainer {
        show_settings("training settings", trainer.settings, reporter);
    }
    Ok(())
}

fn show_settings(title: &str, settings: SettingsType, reporter: &Reporter) {
    reporter.result(&format!("{title}:"));
    for setting in settings.list() {
        reporter.result(&format!("  {} = {}: {}", setting.name, setting.default, setting.about));
    }
}
