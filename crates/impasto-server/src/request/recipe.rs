//! From what impasto wrote into a picture back to what a client would ask.

use impasto_engine::Direction;
use impasto_engine::pipeline::{StyleSource, StyleSpec, StylizeJob};
use impasto_image::adjust::Adjustments;
use serde_json::Value;

use super::translate::Way;
use super::{Adjust, Class, Generate, Layer, Output, Request, Style, Stylize, Translate};

/// Finds the id of a stored picture by its BLAKE3.
pub(crate) type Stored<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What would make a picture again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recipe {
    pub(crate) request: Request,
    /// Names of pictures that are needed and not here.
    pub(crate) missing: Vec<String>,
}

/// The recipe in a picture's parameters; `None` where they tell of nothing that can be asked here.
pub(crate) fn recipe(parameters: &Value, stored: Stored<'_>) -> Option<Recipe> {
    let mut missing = Vec::new();
    let request = if let Some(job) = parameters.get("job") {
        stylize(job, parameters, stored, &mut missing)?
    } else if let Some(adjust) = parameters.get("adjust").filter(|_| parameters.get("generation").is_none()) {
        let adjust: Adjustments = serde_json::from_value(adjust.clone()).ok()?;
        let content = content(parameters, stored, &mut missing);
        Request::Adjust(Adjust { content, adjust, output: Output::default() })
    } else {
        generate(parameters)?
    };
    Some(Recipe { request, missing })
}

/// The name and hash of a file that parameters tell of.
fn told(file: &Value) -> Option<(&str, &str)> {
    Some((file.get("name")?.as_str()?, file.get("blake3")?.as_str()?))
}

fn content(parameters: &Value, stored: Stored<'_>, missing: &mut Vec<String>) -> Option<String> {
    let (name, hash) = told(parameters.get("content")?)?;
    let found = stored(hash);
    if found.is_none() {
        missing.push(name.to_owned());
    }
    found
}

fn stylize(job: &Value, parameters: &Value, stored: Stored<'_>, missing: &mut Vec<String>) -> Option<Request> {
    let mut job = job.clone();
    // Regions need masks of their own, which is more than can be asked here.
    if job.get("regions").is_some() {
        return None;
    }
    let mask = job.as_object_mut()?.remove("mask");
    let mask = match (mask.as_ref().and_then(Value::as_str), parameters.get("mask").and_then(told)) {
        (None, _) => None,
        (Some(_), Some((name, hash))) => stored(hash).or_else(|| {
            missing.push(name.to_owned());
            None
        }),
        (Some(name), None) => {
            missing.push(name.to_owned());
            None
        }
    };
    let job: StylizeJob = serde_json::from_value(job).ok()?;
    let facts = parameters.get("styles").and_then(Value::as_array).cloned().unwrap_or_default();
    // Only styles that had a weight left a fact.
    let mut facts = facts.iter();
    let mut styles = Vec::new();
    for spec in job.styles.iter().filter(|spec| spec.weight > 0.0) {
        styles.push(style(spec, facts.next(), stored, missing));
    }
    let content = content(parameters, stored, missing);
    // A kept model is called like its file.
    let model = job.model.as_deref().and_then(std::path::Path::file_stem);
    let model = model.map(|stem| stem.to_string_lossy().into_owned());
    if let (true, Some(model)) = (styles.is_empty(), &model) {
        return Some(Request::Translate(Translate {
            content,
            model: model.clone(),
            direction: if job.direction == Direction::default() { Way::Forward } else { Way::Back },
            strength: job.strength,
            preserve_color: job.preserve_color,
            mask,
            invert_mask: job.invert_mask,
            feather: job.feather,
            size: job.size,
            adjust: job.adjust,
            seed: job.seed,
            output: Output::default(),
        }));
    }
    let settings = serde_json::to_value(&job.settings).ok()?;
    Some(Request::Stylize(Stylize {
        content,
        styles,
        method: Some(job.method),
        model,
        settings: settings.as_object().cloned().unwrap_or_default(),
        strength: job.strength,
        preserve_color: job.preserve_color,
        mask,
        invert_mask: job.invert_mask,
        feather: job.feather,
        size: job.size,
        style_size: job.style_size,
        adjust: job.adjust,
        seed: job.seed,
        output: Output::default(),
    }))
}

fn style(spec: &StyleSpec, fact: Option<&Value>, stored: Stored<'_>, missing: &mut Vec<String>) -> Style {
    let mut style = Style { weight: spec.weight, ..Style::empty() };
    match &spec.source {
        StyleSource::Named(name) => style.name = Some(name.clone()),
        StyleSource::Artist(name, layers) => {
            style.artist = Some(name.clone());
            let each = [Layer::Coarse, Layer::Middle, Layer::Fine].into_iter().zip(layers.each());
            let chosen: Vec<Layer> = each.filter(|(_, has)| *has).map(|(layer, _)| layer).collect();
            style.layers = (chosen.len() < 3).then_some(chosen);
        }
        StyleSource::Picture(_) | StyleSource::Code(_) | StyleSource::Generated(_) => {
            let known = fact.and_then(told).and_then(|(_, hash)| stored(hash));
            if known.is_none() {
                missing.push(spec.public_name());
                style.missing = Some(spec.public_name());
            }
            style.file = known;
        }
    }
    style
}

fn generate(parameters: &Value) -> Option<Request> {
    let job = parameters.get("generation")?;
    // What files decided is told by the code that such a picture carries; the rest cannot be asked here, and without it this
    // would be another picture.
    let set = ["moves", "mix", "codes", "trunc_cutoff"].iter().any(|name| job.get(name).is_some());
    let unusual = |name: &str, usual: Value| job.get(name).is_some_and(|value| *value != usual);
    if set || unusual("noise", "random".into()) || unusual("repeat", 1.into()) || parameters.get("variation").is_some()
    {
        return None;
    }
    let seed = parameters.get("seed")?.as_u64()?;
    let number = |name: &str| job.get(name).and_then(Value::as_f64);
    let flag = |name: &str| job.get(name).and_then(Value::as_bool).unwrap_or_default();
    let classes = job.get("classes").and_then(Value::as_array).cloned().unwrap_or_default();
    let class = |share: &Value| {
        let share: impasto_engine::pipeline::generate::ClassShare = share.as_str()?.parse().ok()?;
        Some(Class { class: share.class, weight: share.weight })
    };
    let adjust = job.get("adjust").cloned().map(serde_json::from_value::<Adjustments>);
    let model = job.get("model")?.as_str()?;
    // A kept model is called like its file.
    let model = model.strip_suffix(".safetensors").unwrap_or(model).to_owned();
    Some(Request::Generate(Generate {
        trunc: number("trunc").unwrap_or(1.0) as f32,
        classes: classes.iter().filter_map(class).collect(),
        adjust: adjust.and_then(Result::ok).unwrap_or_default(),
        mirror: flag("mirror"),
        tile: flag("tile"),
        ..Generate::of(model, vec![seed])
    }))
}
