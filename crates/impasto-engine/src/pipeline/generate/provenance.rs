//! What is written into a picture about the generator and the settings that made it. Files appear by their names without
//! folders: pictures travel.

use std::path::{Path, PathBuf};

use base64::Engine;
use impasto_image::Parameters;
use serde_json::{Map, Value, json};

use super::{Code, GenerationJob, Grid, Layers, Mix, NoiseMode, Point, Seeds, Studio};
use crate::error::Result;
use crate::models::hash_file;
use crate::pipeline::provenance::{printable, push_adjustments, quoted};

/// Most bytes of a code that a picture carries.
const CARRIED: usize = 24 << 10;

/// A command line in the making.
#[derive(Debug)]
pub(in crate::pipeline) struct Line(String);

impl Line {
    /// `impasto COMMAND MODEL`.
    pub(in crate::pipeline) fn new(command: &str, job: &GenerationJob) -> Self {
        Self(format!("impasto {command} {}", quoted(&job.model.public_name())))
    }

    /// A word without an option.
    pub(in crate::pipeline) fn argument(mut self, value: &str) -> Self {
        self.0.push_str(&format!(" {}", quoted(value)));
        self
    }

    /// `--NAME VALUE`.
    pub(in crate::pipeline) fn option(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push_str(&format!(" --{name} {}", quoted(&value.to_string())));
        self
    }

    /// `--NAME`, where it is asked for.
    pub(in crate::pipeline) fn flag(mut self, name: &str, on: bool) -> Self {
        if on {
            self.0.push_str(&format!(" --{name}"));
        }
        self
    }

    /// The options of points.
    pub(in crate::pipeline) fn points(mut self, seeds: &str, codes: &str, points: &[Point]) -> Self {
        let numbers = points.iter().filter_map(|point| match point {
            Point::Seed(seed) => Some(*seed),
            Point::Code(_) => None,
        });
        let numbers = Seeds(numbers.collect());
        if !numbers.0.is_empty() {
            self = self.option(seeds, numbers);
        }
        for point in points {
            if let Point::Code(path) = point {
                self = self.option(codes, bare(path).display());
            }
        }
        self
    }

    /// The options of a job.
    pub(in crate::pipeline) fn job(mut self, job: &GenerationJob) -> Self {
        if job.trunc != 1.0 {
            self = self.option("trunc", job.trunc);
        }
        if let Some(cutoff) = job.trunc_cutoff {
            self = self.option("trunc-cutoff", cutoff);
        }
        for class in &job.classes {
            self = self.option("class", class);
        }
        for code in &job.codes {
            self = self.option("code", code);
        }
        if job.noise != NoiseMode::default() {
            self = self.option("noise", job.noise);
        }
        for step in &job.moves {
            self = self.option("move", super::Move { file: bare(&step.file), ..step.clone() });
        }
        if let Some(mix) = &job.mix {
            self = self.option("mix", public(mix));
        }
        self = self.flag("tile", job.tile).flag("mirror", job.mirror);
        if job.repeat > 1 {
            self = self.option("tile-preview", job.repeat);
        }
        push_adjustments(&mut self.0, &job.adjust);
        self
    }
}

/// A mixture without folders.
fn public(mix: &Mix) -> Mix {
    let with = match &mix.with {
        Point::Code(path) => Point::Code(bare(path)),
        Point::Seed(seed) => Point::Seed(*seed),
    };
    Mix { with, ..mix.clone() }
}

/// A path's last part.
fn bare(path: &Path) -> PathBuf {
    path.file_name().unwrap_or_default().into()
}

impl Studio {
    /// What is written into a picture that `line` makes; `facts` say what is special to it.
    pub(in crate::pipeline) fn parameters(&self, line: Line, facts: Value) -> Parameters {
        let mut job = self.job.clone();
        job.model = job.model.public();
        job.moves.iter_mut().for_each(|step| step.file = bare(&step.file));
        job.mix = job.mix.as_ref().map(public);
        let header = &self.model.header;
        let mut json = json!({
            "impasto": env!("CARGO_PKG_VERSION"),
            "command": line.0,
            "generation": job,
            "model": {"algorithm": header.algorithm, "title": header.title, "licence": header.licence,
                "blake3": self.model.blake3},
            "device": self.device_name(),
        });
        if let (Value::Object(json), Value::Object(facts)) = (&mut json, facts) {
            json.extend(facts);
        }
        let (version, hash) = (env!("CARGO_PKG_VERSION"), &self.model.blake3[..self.model.blake3.len().min(12)]);
        let text = format!("impasto {version}: generator {} ({hash}); {}", header.title, line.0);
        Parameters { text: printable(&text), json }
    }

    /// What points are.
    pub(in crate::pipeline) fn facts(&self, points: &[Point]) -> Result<Vec<Value>> {
        points.iter().map(fact).collect()
    }

    /// A code's file as text that a picture carries, so that the picture alone says where it lies: base64. `None` where that
    /// would be large, as projections with noise are.
    pub(in crate::pipeline) fn carried(&self, code: &Code) -> Result<Option<String>> {
        let bytes = code.encode(self.form(), &self.model, "carried by a picture")?;
        Ok((bytes.len() <= CARRIED).then(|| base64::engine::general_purpose::STANDARD.encode(bytes)))
    }

    /// The classes of a code by name, with their weights.
    fn named_classes(&self, code: &Code) -> Value {
        let named = self.form().classes.iter().zip(&code.classes).filter(|(_, weight)| **weight > 0.0);
        named.map(|(name, weight)| (name.clone(), json!(weight))).collect::<Map<_, _>>().into()
    }
}

/// What a point is.
fn fact(point: &Point) -> Result<Value> {
    Ok(match point {
        Point::Seed(seed) => json!({"seed": seed}),
        Point::Code(path) => {
            json!({"style_code": {"name": bare(path).display().to_string(), "blake3": hash_file(path)?}})
        }
    })
}

/// What made the picture of one point.
pub(super) fn of_point(studio: &Studio, point: &Point, code: &Code) -> Result<Parameters> {
    let mut facts = fact(point)?;
    // What files decide, too, is told by the picture alone.
    let mix = studio.job.mix.as_ref().map(|mix| &mix.with);
    if !studio.job.moves.is_empty() || [Some(point), mix].into_iter().flatten().any(|of| matches!(of, Point::Code(_))) {
        facts["code"] = json!(studio.carried(code)?);
    }
    if !code.classes.is_empty() {
        facts["classes"] = studio.named_classes(code);
    }
    let one = std::slice::from_ref(point);
    let line = Line::new("generate", &studio.job).points("seeds", "style-code", one).job(&studio.job);
    Ok(studio.parameters(line, facts))
}

/// What made a sheet.
pub(super) fn of_points(studio: &Studio, points: &[Point], grid: Grid) -> Result<Parameters> {
    let line = Line::new("generate", &studio.job).points("seeds", "style-code", points).option("grid", grid);
    let facts = points.iter().map(fact).collect::<Result<Vec<_>>>()?;
    Ok(studio.parameters(line.job(&studio.job), json!({"points": facts})))
}

/// What made a table of mixtures.
pub(super) fn of_mix(studio: &Studio, rows: &[Point], columns: &[Point], layers: &Layers) -> Result<Parameters> {
    let facts = |points: &[Point]| points.iter().map(fact).collect::<Result<Vec<_>>>();
    let facts = json!({"rows": facts(rows)?, "cols": facts(columns)?, "layers": layers});
    let line = Line::new("mix", &studio.job).points("rows", "row-code", rows).points("cols", "col-code", columns);
    Ok(studio.parameters(line.option("layers", layers).job(&studio.job), facts))
}
