//! What commands on picture files share: inputs, output names, going on after a failure.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use impasto_engine::pipeline::{Input, OutputOptions, Target, memory};
use impasto_engine::{Control, EngineError, Event};
use impasto_image::adjust::Adjustments;
use impasto_image::{Depth, Format, Limits, MetadataPolicy};

use crate::failure::{FAILED, Failure, INTERRUPTED};
use crate::output::Reporter;

/// Standard input or output.
const STANDARD: &str = "-";

/// What a batch is called in progress.
const STAGE: &str = "pictures";

/// Where results go and how they are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The result's file, its format told by the extension; - writes a PNG to standard output.
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["out_dir", "name"])]
    output: Option<PathBuf>,
    /// Folder for the results; beside each input, or here without inputs, when absent. Made if need be.
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Name of each result, with {stem} and what the command offers in braces.
    #[arg(long, value_name = "TEMPLATE")]
    name: Option<String>,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
    /// Bits a sample; the input's, as far as the format can hold them, when absent.
    #[arg(long, value_name = "BITS")]
    depth: Option<DepthArg>,
    /// JPEG quality.
    #[arg(long, value_name = "1-100", default_value_t = OutputOptions::default().jpeg_quality, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// What happens to the input's EXIF and XMP.
    #[arg(long, value_name = "POLICY", default_value = "keep-except-location")]
    metadata: MetadataArg,
    /// Write neither the input's metadata nor how the picture was made.
    #[arg(long)]
    no_metadata: bool,
}

/// Limits on inputs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Largest picture that is read, in megapixels.
    #[arg(long, value_name = "MP", value_parser = clap::value_parser!(u32).range(1..))]
    max_megapixels: Option<u32>,
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if let Some(megapixels) = self.max_megapixels {
            limits.max_pixels = u64::from(megapixels) * 1_000_000;
            // Whoever trusts a large picture trusts its file and a long side.
            limits.max_file_bytes = limits.max_file_bytes.max(limits.max_pixels.saturating_mul(16));
            limits.max_side = limits.max_side.max(65_535);
        }
        limits
    }
}

/// Rows and columns: `128`, or `96x128`.
pub(crate) fn parse_size(text: &str) -> Result<[usize; 2], String> {
    let number = |part: &str| part.trim().parse::<usize>().map_err(|_| format!("'{part}' is no number of pixels"));
    match text.split_once(['x', 'X']) {
        Some((rows, columns)) => Ok([number(rows)?, number(columns)?]),
        None => Ok([number(text)?; 2]),
    }
}

/// `--max-memory`.
pub(crate) fn parse_memory(text: &str) -> Result<u64, EngineError> {
    memory::parse(text)
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DepthArg {
    /// 8 bit.
    #[value(name = "8")]
    U8,
    /// 16 bit.
    #[value(name = "16")]
    U16,
    /// 32 bit floating point.
    #[value(name = "32f")]
    F32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MetadataArg {
    /// All of it.
    Keep,
    /// Without the place where the picture was taken.
    KeepExceptLocation,
    /// None of it.
    Strip,
}

/// Adjustments, each neutral when absent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Adjustments")]
pub(crate) struct AdjustmentArgs {
    /// Warmer above 0, cooler below; -1 to 1.
    #[arg(long, value_name = "V", default_value_t = Adjustments::default().temperature, allow_negative_numbers = true)]
    temperature: f32,
    /// Added to every value; -1 to 1.
    #[arg(long, value_name = "V", default_value_t = Adjustments::default().brightness, allow_negative_numbers = true)]
    brightness: f32,
    /// Factor on the distance from middle grey; 0 to 4, neutral 1.
    #[arg(long, value_name = "V", default_value_t = Adjustments::default().contrast, allow_negative_numbers = true)]
    contrast: f32,
    /// Brighter mid-tones above 1; 0.1 to 10, neutral 1.
    #[arg(long, value_name = "V", default_value_t = Adjustments::default().gamma, allow_negative_numbers = true)]
    gamma: f32,
    /// Factor on the distance from grey; 0 to 4, neutral 1.
    #[arg(long, value_name = "V", default_value_t = Adjustments::default().saturation, allow_negative_numbers = true)]
    saturation: f32,
    /// Turns colours by so many degrees.
    #[arg(long, value_name = "DEG", default_value_t = Adjustments::default().hue, allow_negative_numbers = true)]
    hue: f32,
    /// Fine contrast added above 0; below, the picture is softened, from -1 on by a Gaussian of so many pixels; -5 to 5.
    #[arg(long, value_name = "V", default_value_t = Adjustments::default().sharpen, allow_negative_numbers = true)]
    sharpen: f32,
    /// Grain laid over the picture, strongest in mid-tones, where this is its deviation; 0 to 1, and 0.02 to 0.05 look like film.
    #[arg(long, value_name = "AMOUNT", default_value_t = Adjustments::default().grain, allow_negative_numbers = true)]
    grain: f32,
    /// Seed of the grain.
    #[arg(long, value_name = "N", default_value_t = Adjustments::default().grain_seed)]
    grain_seed: u32,
}

impl AdjustmentArgs {
    pub(crate) fn adjustments(&self) -> Adjustments {
        let &Self { temperature, brightness, contrast, gamma, saturation, hue, sharpen, grain, grain_seed } = self;
        Adjustments { temperature, brightness, contrast, gamma, saturation, hue, sharpen, grain, grain_seed }
    }
}

impl OutputArgs {
    pub(crate) fn options(&self) -> OutputOptions {
        OutputOptions {
            overwrite: self.overwrite,
            depth: self.depth.map(|depth| match depth {
                DepthArg::U8 => Depth::U8,
                DepthArg::U16 => Depth::U16,
                DepthArg::F32 => Depth::F32,
            }),
            jpeg_quality: self.quality,
            metadata: match (self.no_metadata, self.metadata) {
                (true, _) | (_, MetadataArg::Strip) => MetadataPolicy::Strip,
                (_, MetadataArg::Keep) => MetadataPolicy::Keep,
                (_, MetadataArg::KeepExceptLocation) => MetadataPolicy::KeepExceptLocation,
            },
            parameters: !self.no_metadata,
        }
    }

    /// Where the results of a command without inputs go, one for each list of what the braces of a name offer;
    /// `template` is the default name.
    pub(crate) fn made(&self, results: &[Vec<(&str, String)>], template: &str) -> Result<Vec<Target>, Failure> {
        if let Some(output) = &self.output {
            if results.len() > 1 {
                let text = format!("-o names one file, there are {} results; use --out-dir", results.len());
                return Err(Failure::usage(text));
            }
            return Ok(vec![target(output)]);
        }
        self.make_folder()?;
        let template = self.name.as_deref().unwrap_or(template);
        let folder = self.out_dir.clone().unwrap_or_default();
        let paths = results.iter().map(|values| Ok(folder.join(fill(template, None, values)?)));
        let paths = paths.collect::<Result<Vec<_>, Failure>>()?;
        check_distinct(&paths, "results", "give each a name of its own")?;
        Ok(paths.into_iter().map(Target::File).collect())
    }

    /// Whether a folder for the results was given.
    pub(crate) fn has_folder(&self) -> bool {
        self.out_dir.is_some()
    }

    /// Where one more result goes, beside the others.
    pub(crate) fn beside(&self, name: &str) -> Result<PathBuf, Failure> {
        self.make_folder()?;
        Ok(self.out_dir.clone().unwrap_or_default().join(name))
    }

    fn make_folder(&self) -> Result<(), Failure> {
        self.out_dir.as_deref().map_or(Ok(()), make_folder)
    }

    /// The target of every input. `template` is the default name, `values` what its braces offer besides `{stem}`.
    pub(crate) fn targets(
        &self,
        inputs: &[PathBuf],
        template: &str,
        values: &[(&str, String)],
    ) -> Result<Vec<Target>, Failure> {
        if let Some(output) = &self.output {
            if inputs.len() > 1 {
                let text = format!("-o names one file, there are {} inputs; use --out-dir or --name", inputs.len());
                return Err(Failure::usage(text));
            }
            return Ok(vec![target(output)]);
        }
        if inputs.len() == 1 && is_standard(&inputs[0]) && self.out_dir.is_none() && self.name.is_none() {
            return Ok(vec![Target::Memory(Format::Png)]);
        }
        self.make_folder()?;
        let template = self.name.as_deref().unwrap_or(template);
        let mut paths = Vec::with_capacity(inputs.len());
        for input in inputs {
            let stem = if is_standard(input) {
                "stdin".into()
            } else {
                input.file_stem().unwrap_or_default().to_string_lossy()
            };
            let name = fill(template, Some(&stem), values)?;
            let beside = || if is_standard(input) { PathBuf::new() } else { input.with_file_name("") };
            paths.push(self.out_dir.clone().unwrap_or_else(beside).join(name));
        }
        check_distinct(&paths, "inputs", "use --name with {stem}, or --out-dir")?;
        Ok(paths.into_iter().map(Target::File).collect())
    }
}

/// Refuses to write two things to one place.
pub(crate) fn check_distinct(
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    what: &str,
    advice: &str,
) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for path in paths {
        let path = path.as_ref();
        if !seen.insert(path.to_owned()) {
            return Err(Failure::usage(format!("two {what} would be written to {}; {advice}", path.display())));
        }
    }
    Ok(())
}

/// Makes a folder for results; one without a name is there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Failure> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure { code: FAILED, message: format!("cannot make {}: {e}", folder.display()) })
}

/// Where `-o` or a path points.
fn target(path: &Path) -> Target {
    if is_standard(path) { Target::Memory(Format::Png) } else { Target::File(path.to_owned()) }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD
}

/// A name from a template; `stem` is the input's, where there is one.
fn fill(template: &str, stem: Option<&str>, values: &[(&str, String)]) -> Result<String, Failure> {
    let mut name = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((key, after)) = after.split_once('}') else {
            return Err(Failure::usage(format!("--name '{template}': a brace is not closed")));
        };
        let named = values.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str());
        let Some(value) = named.or(stem.filter(|_| key == "stem")) else {
            let known = stem.map(|_| "stem").into_iter().chain(values.iter().map(|(known, _)| *known));
            let known: Vec<String> = known.map(|known| format!("{{{known}}}")).collect();
            return Err(Failure::usage(format!("--name: there is no {{{key}}}; use {}", known.join(", "))));
        };
        name.push_str(before);
        name.push_str(value);
        rest = after;
    }
    name.push_str(rest);
    if name.contains(['/', '\\']) {
        return Err(Failure::usage(format!(
            "--name gives '{name}', which is not a file name; folders go into --out-dir"
        )));
    }
    Ok(name)
}

/// An input; standard input is read to its end, within the limits.
pub(crate) fn input(path: &Path, limits: &Limits) -> Result<Input, Failure> {
    if !is_standard(path) {
        return Ok(Input::File(path.to_owned()));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(limits.max_file_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| Failure { code: FAILED, message: format!("cannot read standard input: {e}") })?;
    Ok(Input::Memory { name: "stdin".to_owned(), bytes })
}

/// A command's inputs and where their results go.
pub(crate) struct Batch<'a> {
    pub(crate) inputs: &'a [PathBuf],
    pub(crate) targets: &'a [Target],
    pub(crate) limits: &'a Limits,
    /// Whether one picture is so quick that progress is counted in pictures.
    pub(crate) quick: bool,
}

impl Batch<'_> {
    /// Does `work` for every input and says where each result went. Goes on after a failure, and fails at the end.
    pub(crate) fn each(
        &self,
        control: &Control,
        reporter: &Reporter,
        work: impl Fn(&Input, &Target) -> Result<Option<Vec<u8>>, EngineError>,
    ) -> Result<(), Failure> {
        let total = self.inputs.len() as u64;
        let (counted, started) = (self.quick && total > 1, Instant::now());
        if counted {
            control.emit(Event::Started { stage: STAGE.to_owned(), total });
        }
        let mut failures: Vec<u8> = Vec::new();
        for (done, (path, target)) in (1..).zip(self.inputs.iter().zip(self.targets)) {
            let outcome = input(path, self.limits).and_then(|input| Ok(work(&input, target)?));
            match (outcome, target) {
                (Ok(Some(bytes)), _) => reporter.bytes(&bytes)?,
                (Ok(None), Target::File(path)) => reporter.result(&path.display().to_string()),
                (Ok(None), Target::Memory(_)) => {}
                (Err(failure), _) if failure.code == INTERRUPTED || total == 1 => return Err(failure),
                (Err(failure), _) => {
                    reporter.failure(&failure);
                    failures.push(failure.code);
                }
            }
            // Optimisation that was cancelled has given its best so far.
            if control.is_cancelled() {
                return Err(Failure { code: INTERRUPTED, message: "interrupted".to_owned() });
            }
            if counted {
                control.emit(Event::Progress { done, total, message: path.display().to_string() });
            }
        }
        if counted {
            control.emit(Event::Finished { stage: STAGE.to_owned(), seconds: started.elapsed().as_secs_f64() });
        }
        let Some(&first) = failures.first() else { return Ok(()) };
        let code = if failures.iter().all(|code| *code == first) { first } else { FAILED };
        Err(Failure { code, message: format!("{} of {total} pictures failed", failures.len()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_and_checked() {
        let values = [("style", "wave".to_owned())];
        assert_eq!(fill("{stem}-{style}.png", Some("a"), &values).unwrap(), "a-wave.png");
        assert_eq!(fill("x.png", None, &values).unwrap(), "x.png");
        assert!(fill("{stem}.png", None, &values).is_err());
        for template in ["{what}.png", "{stem.png", "../{stem}.png"] {
            assert_eq!(fill(template, Some("a"), &values).unwrap_err().code, crate::failure::USAGE, "{template}");
        }
    }
}
