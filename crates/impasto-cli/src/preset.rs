//! `--preset FILE`: settings that the studio's page saved, written out as the options they stand for, before the command
//! line is read. What is given beside them goes before them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::Args;
use impasto_image::adjust::Adjustments;
use serde_json::Value;

use crate::failure::{Failure, INPUT};

/// The option's name.
const OPTION: &str = "--preset";

/// The version of the files.
const VERSION: u64 = 1;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The commands that take a preset, and the kinds of requests that they do.
const COMMANDS: [(&str, &str); 3] = [("stylize", "stylize"), ("adjust", "adjust"), ("generate", "generate")];

/// The option as it appears in help; [`expanded`] takes it out before it is read.
#[derive(Debug, Args)]
pub(crate) struct PresetArg {
    /// Settings that were saved as a file in the studio; options that are given as well go before them.
    #[arg(long, value_name = "FILE")]
    #[allow(dead_code)]
    preset: Option<std::path::PathBuf>,
}

/// The command line with the options that its preset stands for.
pub(crate) fn expanded(given: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let command = given.iter().skip(1).position(|word| COMMANDS.iter().any(|(name, _)| word == name));
    let Some(command) = command.map(|place| place + 1) else { return Ok(given) };
    let Some(at) = given.iter().position(|word| names(word, OPTION)).filter(|at| *at > command) else {
        return Ok(given);
    };
    let joined = given[at].to_str().and_then(|word| word.split_once('=')).map(|(_, file)| OsString::from(file));
    let (file, next) = match joined {
        Some(file) => (file, at + 1),
        None => (given.get(at + 1).cloned().ok_or_else(|| Failure::usage("--preset needs a file"))?, at + 2),
    };
    let kind = COMMANDS.iter().find(|(name, _)| given[command] == *name).map_or("", |(_, kind)| kind);
    let rest: Vec<OsString> = given[..at].iter().chain(&given[next.min(given.len())..]).cloned().collect();
    let request = read(Path::new(&file), kind)?;
    let has = |option: &str| rest.iter().any(|word| names(word, option));
    let options = options(&request, &has).map_err(|text| Failure::usage(format!("{}: {text}", file.display())))?;
    let mut all = rest[..=command].to_vec();
    all.extend(options.into_iter().map(OsString::from));
    all.extend(rest[command + 1..].iter().cloned());
    Ok(all)
}

/// Whether a word is an option, with its value or without.
fn names(word: &OsStr, option: &str) -> bool {
    word.to_str()
        .is_some_and(|word| word == option || word.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')))
}

fn read(path: &Path, kind: &str) -> Result<Value, Failure> {
    let refused = |reason: String| Failure { code: INPUT, message: format!("{}: {reason}", path.display()) };
    let size = std::fs::metadata(path).map_err(|e| refused(e.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(refused("is no preset: it is too large".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| refused(e.to_string()))?;
    let file: Value = serde_json::from_str(&text).map_err(|e| refused(format!("is no preset ({e})")))?;
    match file["impasto_preset"].as_u64() {
        Some(VERSION) => {}
        Some(newer) => return Err(refused(format!("has format {newer}, this impasto reads {VERSION}"))),
        None => return Err(refused("is no preset: the studio's 'Save as file' makes them".to_owned())),
    }
    match file["request"]["kind"].as_str() {
        Some(own) if own == kind => Ok(file["request"].clone()),
        own => Err(refused(format!("is a preset of '{}', not of '{kind}'", own.unwrap_or("nothing")))),
    }
}

/// The options that a request stands for, without those that are given.
fn options(request: &Value, has: &dyn Fn(&str) -> bool) -> Result<Vec<String>, String> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let mut add = |name: &str, value: Option<String>| found.push((format!("--{}", name.replace('_', "-")), value));
    if !has("--style") && !has("--artist") && !has("-s") {
        for style in request["styles"].as_array().into_iter().flatten() {
            let (option, text) = named(style)?;
            let weight = style["weight"].as_f64().unwrap_or(1.0);
            add(option, Some(if weight == 1.0 { text } else { format!("{text}:{weight}") }));
        }
    }
    if let (Some(model), false) = (request["model"].as_str(), request["kind"] == "generate" || has("--model")) {
        return Err(format!(
            "its model '{model}' was learnt in the studio; save its weights there and give them with --model FILE"
        ));
    }
    for name in ["method", "strength", "preserve_color", "size", "style_size", "seed", "trunc"] {
        let value = &request[name];
        // Neutral values are those of the options, too.
        if !value.is_null() && *value != "none" {
            add(name, Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
    }
    for (key, value) in request["settings"].as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        add("set", Some(format!("{key}={value}")));
    }
    if has("--mask") {
        let feather = request["feather"].as_f64().filter(|feather| *feather > 0.0);
        feather.into_iter().for_each(|feather| add("feather", Some(feather.to_string())));
        if request["invert_mask"] == true {
            add("invert_mask", None);
        }
    }
    let neutral = serde_json::to_value(Adjustments::default()).unwrap_or_default();
    for (name, value) in
        request["adjust"].as_object().into_iter().flatten().filter(|(name, value)| **value != neutral[*name])
    {
        add(name, Some(value.to_string()));
    }
    if let Some(quality) = request["output"]["jpeg_quality"].as_u64() {
        add("quality", Some(quality.to_string()));
    }
    for class in request["classes"].as_array().into_iter().flatten() {
        let (name, weight) = (class["class"].as_str().unwrap_or_default(), class["weight"].as_f64().unwrap_or(1.0));
        add("class", Some(format!("{name}:{weight}")));
    }
    let seeds: Vec<String> = request["seeds"].as_array().into_iter().flatten().map(Value::to_string).collect();
    if !seeds.is_empty() {
        add("seeds", Some(seeds.join(",")));
    }
    for flag in ["mirror", "tile"] {
        if request[flag] == true {
            add(flag, None);
        }
    }
    for name in ["codes", "moves"] {
        if request[name].as_array().is_some_and(|all| !all.is_empty()) {
            return Err(format!(
                "its {name} are of the studio; make such pictures there, or save their codes and use --style-code"
            ));
        }
    }
    if request["mix"].is_object() {
        return Err("its mixture is of the studio; mix here with --mix SEED@LAYERS".to_owned());
    }
    let kept = found.into_iter().filter(|(option, _)| !(has(option) || option == "--method" && has("-m")));
    Ok(kept.map(|(option, value)| value.map_or(option.clone(), |value| format!("{option}={value}"))).collect())
}

/// The option of a style, and its value without a weight.
fn named(style: &Value) -> Result<(&'static str, String), String> {
    if let Some(name) = style["name"].as_str() {
        return Ok(("style", name.to_owned()));
    }
    let Some(artist) = style["artist"].as_str() else {
        return Err("one of its styles is a picture in the studio; give --style with your file of it".to_owned());
    };
    let layers: Vec<&str> = style["layers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let at = if layers.is_empty() { String::new() } else { format!("@{}", layers.join("+")) };
    Ok(("artist", format!("{artist}{at}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(preset: &Value, words: &[&str]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.json");
        std::fs::write(&file, preset.to_string()).unwrap();
        let file = file.to_str().unwrap();
        let given = words.iter().map(|word| word.replace("FILE", file).into()).collect();
        let text = |word: OsString| word.into_string().unwrap();
        expanded(given).map(|all| all.into_iter().map(text).collect()).map_err(|failure| failure.message)
    }

    #[test]
    fn presets_are_the_options_they_stand_for() {
        let preset = json!({"impasto_preset": 1, "name": "x", "request": {"kind": "stylize", "content": null,
            "styles": [{"name": "great-wave", "weight": 0.5}, {"artist": "monet", "layers": ["fine"], "weight": 1.0}],
            "method": "artist", "strength": 0.8, "preserve_color": "luma", "feather": 3.0, "seed": 7,
            "adjust": {"contrast": 1.2, "hue": 0.0}, "output": {"format": "png", "jpeg_quality": 90}}});
        let whole = [
            "impasto",
            "stylize",
            "--style=great-wave:0.5",
            "--artist=monet@fine",
            "--method=artist",
            "--strength=0.8",
            "--preserve-color=luma",
            "--seed=7",
            "--contrast=1.2",
            "--quality=90",
            "a.jpg",
        ];
        assert_eq!(line(&preset, &["impasto", "stylize", "a.jpg", "--preset", "FILE"]).unwrap(), whole);
        assert_eq!(line(&preset, &["impasto", "stylize", "--preset=FILE", "a.jpg"]).unwrap(), whole);
        let own =
            line(&preset, &["impasto", "stylize", "--preset", "FILE", "--artist", "tarot", "--strength=1", "a.jpg"]);
        let own = own.unwrap();
        assert!(!own.iter().any(|word| word.contains("great-wave") || word == "--strength=0.8"), "{own:?}");
        let other = ["impasto", "train", "artist", "--preset", "quick"];
        assert_eq!(line(&preset, &other).unwrap(), other, "trainings have presets of their own");
    }

    #[test]
    fn what_is_no_preset_here_is_refused_with_its_reason() {
        let stylize = ["impasto", "stylize", "a.jpg", "--preset", "FILE"];
        for (preset, why) in [
            (json!([]), "is no preset"),
            (json!({"impasto_preset": 2}), "has format 2"),
            (json!({"impasto_preset": 1, "request": {"kind": "adjust"}}), "a preset of 'adjust'"),
            (json!({"impasto_preset": 1, "request": {"kind": "stylize", "styles": [{"file": "f_1"}]}}), "give --style"),
            (json!({"impasto_preset": 1, "request": {"kind": "stylize", "model": "mine"}}), "--model FILE"),
        ] {
            let said = line(&preset, &stylize).unwrap_err();
            assert!(said.contains(why), "{preset}: {said}");
        }
        assert!(line(&json!({}), &["impasto", "stylize", "--preset", "nothing.json"]).is_err());
        assert!(line(&json!({}), &["impasto", "stylize", "--preset"]).is_err());
    }
}
