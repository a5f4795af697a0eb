//! What is written into a picture about how it was made. Files appear by their names without folders: pictures travel.

use std::path::{Path, PathBuf};

use impasto_image::Parameters;
use impasto_image::adjust::Adjustments;
use impasto_image::colour::PreserveColor;
use serde_json::{Value, json};

use super::files::{Input, Origin};
use super::job::{Region, StylizeJob};
use super::painter::Painter;
use crate::models::{PerceptionSpec, hash_file};
use crate::traits::Direction;

/// A picture's name and hash.
fn file(input: &Input, origin: &Origin) -> Value {
    json!({"name": input.public_name(), "blake3": origin.blake3})
}

/// A mask's name and hash; it was read, so it is there unless someone took it away meanwhile.
fn mask(path: &Path) -> Option<Value> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Some(json!({"name": name, "blake3": hash_file(path).ok()?}))
}

/// What made a picture out of `content`.
pub(super) fn of_stylize(painter: &Painter, content: &Input, origin: &Origin) -> Parameters {
    let job = painter.job();
    let command = command(job, content);
    let model = painter.model().map(|model| {
        json!({"algorithm": model.header.algorithm, "title": model.header.title, "licence": model.header.licence,
            "blake3": model.blake3})
    });
    let styles: Vec<Value> = painter
        .style_facts()
        .iter()
        .map(|fact| json!({"name": fact.name, "share": fact.share, "blake3": fact.blake3}))
        .collect();
    let named: Vec<String> = painter.style_facts().iter().map(|f| format!("{} {:.2}", f.name, f.share)).collect();
    let weights = painter.model().map_or(String::new(), |model| format!(" ({})", &model.blake3[..12]));
    let style = if named.is_empty() { String::new() } else { format!(", style {}", named.join(" + ")) };
    let text = format!(
        "impasto {}: {}{weights}{style}, strength {}, seed {}; {command}",
        env!("CARGO_PKG_VERSION"),
        job.method,
        job.strength,
        job.seed,
    );
    let json = json!({
        "impasto": env!("CARGO_PKG_VERSION"),
        "command": command,
        "job": public(job),
        "content": file(content, origin),
        "styles": styles,
        "mask": job.mask.as_deref().and_then(mask),
        "model": model,
        "perception": painter.perception().map(PerceptionSpec::public_name),
        "device": painter.device_name(),
        "made_from": origin.parameters.as_ref().map(|p| &p.json),
    });
    Parameters { text: printable(&text), json }
}

/// What an adjustment made out of `content`.
pub(super) fn of_adjust(adjust: &Adjustments, content: &Input, origin: &Origin) -> Parameters {
    let mut command = format!("impasto adjust {}", quoted(&content.public_name()));
    push_adjustments(&mut command, adjust);
    let json = json!({
        "impasto": env!("CARGO_PKG_VERSION"),
        "command": command,
        "adjust": adjust,
        "content": file(content, origin),
        "made_from": origin.parameters.as_ref().map(|p| &p.json),
    });
    Parameters { text: printable(&format!("impasto {}: {command}", env!("CARGO_PKG_VERSION"))), json }
}

/// The job with file names in place of paths.
pub(super) fn public(job: &StylizeJob) -> Value {
    let mut job = job.clone();
    let bare = |path: &mut PathBuf| *path = path.file_name().unwrap_or_default().into();
    job.model.iter_mut().for_each(bare);
    job.mask.iter_mut().for_each(bare);
    let mut value = serde_json::to_value(&job).unwrap_or_default();
    if !job.regions.is_empty() {
        let region = |region: &Region| json!({"mask": region.mask, "style": region.style.public_name()});
        job.regions.iter_mut().for_each(|region| bare(&mut region.mask));
        value["regions"] = job.regions.iter().map(region).collect();
    }
    value["styles"] = job.styles.iter().map(|style| weighted(&style.public_name(), style.weight)).collect();
    if let Some(perception) = &job.perception {
        value["perception"] = perception.public_name().into();
    }
    value
}

fn weighted(name: &str, weight: f32) -> String {
    if weight == 1.0 { name.to_owned() } else { format!("{name}:{weight}") }
}

/// The command line that does the same to files of the same names in one folder.
fn command(job: &StylizeJob, content: &Input) -> String {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let model = job.model.as_ref().map(name);
    let content = quoted(&content.public_name());
    let translates = job.method().is_ok_and(|method| !method.takes_style());
    let mut line = match &model {
        Some(model) if translates => format!("impasto translate {} {content}", quoted(model)),
        _ => format!("impasto stylize {content}"),
    };
    let mut push = |option: &str, value: String| line.push_str(&format!(" --{option} {}", quoted(&value)));
    for style in &job.styles {
        push("style", weighted(&style.public_name(), style.weight));
    }
    let default = StylizeJob::default();
    if job.direction == Direction::BToA {
        push("direction", "b-to-a".to_owned());
    }
    if job.method != default.method && !translates {
        push("method", job.method.clone());
    }
    if let Some(model) = model.filter(|_| !translates) {
        push("model", model);
    }
    if let Some(perception) = &job.perception {
        push("perception", perception.public_name());
    }
    if job.strength != default.strength {
        push("strength", job.strength.to_string());
    }
    if job.preserve_color != PreserveColor::None {
        push("preserve-color", job.preserve_color.to_string());
    }
    if let Some(mask) = &job.mask {
        push("mask", name(mask));
    }
    for region in &job.regions {
        push("region", format!("{}={}", name(&region.mask), region.style.public_name()));
    }
    if job.feather > 0.0 {
        push("feather", job.feather.to_string());
    }
    if let Some(size) = job.size {
        push("size", size.to_string());
    }
    if let Some(size) = job.style_size {
        push("style-size", size.to_string());
    }
    let usual = job.method().ok().and_then(|method| method.settings()?.complete(&toml::Table::new()).ok());
    for (key, value) in &job.settings {
        if usual.as_ref().and_then(|usual| usual.get(key)) != Some(value) {
            push(&key.replace('_', "-"), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    push("seed", job.seed.to_string());
    if job.invert_mask {
        line.push_str(" --invert-mask");
    }
    push_adjustments(&mut line, &job.adjust);
    line
}

/// The options of every adjustment that is not neutral.
pub(super) fn push_adjustments(line: &mut String, adjust: &Adjustments) {
    let (Ok(Value::Object(set)), Ok(neutral)) =
        (serde_json::to_value(adjust), serde_json::to_value(Adjustments::default()))
    else {
        return;
    };
    for (name, value) in set.iter().filter(|(name, value)| neutral.get(name) != Some(value)) {
        let name = name.replace('_', "-");
        match value.as_u64() {
            Some(value) => line.push_str(&format!(" --{name} {value}")),
            None => line.push_str(&format!(" --{name} {}", value.as_f64().unwrap_or_default() as f32)),
        }
    }
}

/// As a shell wants it.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Without what a text chunk cannot hold; a file may be called anything.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_repeat_the_job_and_name_no_folders() {
        let job = StylizeJob {
            styles: vec!["/home/me/a b.jpg:0.5".parse().unwrap(), "great-wave".parse().unwrap()],
            method: "gatys".to_owned(),
            settings: toml::from_str("steps = 5\nlevels = 5\noptimiser = 'adam'").unwrap(),
            strength: 0.7,
            adjust: Adjustments { hue: 5.0, grain: 0.05, grain_seed: u32::MAX, ..Adjustments::default() },
            seed: 9,
            ..StylizeJob::default()
        };
        let content = Input::File("/home/me/it's.png".into());
        let line = command(&job, &content);
        assert_eq!(
            line,
            r"impasto stylize 'it'\''s.png' --style 'a b.jpg:0.5' --style great-wave --method gatys --strength 0.7 "
                .to_owned()
                + "--optimiser adam --steps 5 --seed 9 --grain 0.05 --grain-seed 4294967295 --hue 5"
        );
        assert!(!public(&job).to_string().contains("home"));
    }

    #[test]
    fn texts_hold_no_control_characters() {
        assert_eq!(printable("a\u{1b}b\n"), "a?b?");
    }
}
