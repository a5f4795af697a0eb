//! Reading a gallery: every source in turn, its pictures decoded side by side, what is wrong with any of them kept apart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;

use super::Gallery;
use super::cache::Cache;
use super::classes::{self, Classes};
use super::duplicates::{self, Sorted};
use super::look::{self, Look};
use super::recipe::{self, Recipe};
use super::settings::{ClassSource, GallerySettings};
use super::sketch::Facing;
use super::source::{Item, Labels, Source};
use super::survey::{ClassCount, Duplicates, LeftOut, SourceSummary, Spread, Survey};
use crate::control::{Control, Event};
use crate::data::Rejected;
use crate::data::folder::shares;
use crate::error::{EngineError, Result};

/// Pictures, and bytes of their files, that are collected before they are decoded side by side.
const BATCH: (usize, u64) = (256, 64 << 20);

/// Rejected pictures that are named where all are rejected.
const EXAMPLES: usize = 3;

/// Reads pictures from folders, archives and files, and says what they are like. What cannot be used is left out, with
/// its reason in the survey. The result does not depend on the number of threads. With [`GallerySettings::cache`] the
/// same pictures with the same settings are decoded once.
///
/// # Errors
/// [`EngineError::Caller`] for settings that do not fit, or classes that are not there; [`EngineError::File`] for a path
/// that is missing or holds no picture that can be used, and for damaged labels; [`EngineError::Limit`] when the pictures
/// would take more memory than the settings allow; [`EngineError::Cancelled`].
pub fn read(paths: &[PathBuf], settings: &GallerySettings, control: &Control) -> Result<(Gallery, Survey)> {
    settings.validate().map_err(EngineError::Caller)?;
    let sources = find(paths)?;
    let cache = match &settings.cache {
        Some(folder) => Some(Cache::open(folder, &sources, settings, control)?),
        None => None,
    };
    if let Some((gallery, survey)) = cache.as_ref().and_then(Cache::get) {
        return Ok((gallery, survey));
    }
    let (gallery, survey) = gather(&sources, settings, true, control)?.finish(&sources, settings, control)?;
    let gallery = gallery.ok_or_else(|| EngineError::Internal("a gallery without pictures".into()))?;
    if let Some(Err(problem)) = cache.map(|cache| cache.put(&gallery, &survey)) {
        control.warn(format!("{problem}; the pictures will be read again next time"));
    }
    Ok((gallery, survey))
}

/// Says what pictures are like without making any of them fit: [`GallerySettings::size`] does not count, so none is too
/// small.
///
/// # Errors
/// As [`read`].
pub fn survey(paths: &[PathBuf], settings: &GallerySettings, control: &Control) -> Result<Survey> {
    let sources = find(paths)?;
    gather(&sources, settings, false, control)?.finish(&sources, settings, control).map(|(_, survey)| survey)
}

/// The sources below all paths.
fn find(paths: &[PathBuf]) -> Result<Vec<Source>> {
    if paths.is_empty() {
        return Err(EngineError::Caller("name a folder or file with pictures".into()));
    }
    let found = paths.iter().map(|path| Source::find(path)).collect::<Result<Vec<_>>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// A picture that could be read.
struct Read {
    /// Index of its source.
    source: usize,
    /// Name within it.
    name: String,
    bytes: u64,
    look: Look,
}

/// Everything that was found.
struct Gathered {
    read: Vec<Read>,
    /// Source, name, reason.
    rejected: Vec<(usize, String, String)>,
    labels: Vec<Option<Labels>>,
}

/// Decodes what a source gives, some at a time.
struct Reader<'a> {
    settings: &'a GallerySettings,
    framed: bool,
    control: &'a Control,
    source: usize,
    waiting: Vec<Item>,
    bytes: u64,
    /// Pictures in all, where that is known.
    total: Option<u64>,
    gathered: Gathered,
}

fn gather(sources: &[Source], settings: &GallerySettings, framed: bool, control: &Control) -> Result<Gathered> {
    let total: Option<u64> = sources.iter().map(Source::count).sum();
    let stage = total.map_or("reading pictures".to_owned(), |total| format!("reading {total} pictures"));
    control.emit(Event::Started { stage: stage.clone(), total: total.unwrap_or(0) });
    let begun = Instant::now();
    let gathered = Gathered { read: Vec::new(), rejected: Vec::new(), labels: Vec::new() };
    let mut reader = Reader { settings, framed, control, source: 0, waiting: Vec::new(), bytes: 0, total, gathered };
    for (index, source) in sources.iter().enumerate() {
        reader.source = index;
        let wanted = matches!(settings.classes, ClassSource::Auto | ClassSource::Labels);
        let labels = source.each(wanted, &settings.limits, &mut |item| reader.take(item))?;
        reader.flush()?;
        reader.gathered.labels.push(labels);
    }
    control.emit(Event::Finished { stage, seconds: begun.elapsed().as_secs_f64() });
    let mut gathered = reader.gathered;
    gathered.read.sort_by(|a, b| (a.source, &a.name).cmp(&(b.source, &b.name)));
    gathered.rejected.sort();
    Ok(gathered)
}

impl Reader<'_> {
    fn take(&mut self, item: Item) -> Result<()> {
        self.bytes += item.bytes;
        self.waiting.push(item);
        if self.waiting.len() >= BATCH.0 || self.bytes >= BATCH.1 { self.flush() } else { Ok(()) }
    }

    /// Decodes what waits, no more pixels at a time than memory is likely to hold.
    fn flush(&mut self) -> Result<()> {
        self.control.check()?;
        let items = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let limits = &self.settings.limits;
        let pixels: Vec<u64> = items.par_iter().map(|item| look::pixels(&item.content, limits)).collect();
        let look = |item: &Item| {
            self.control.check()?;
            Ok(look::look(&item.content, self.settings, self.framed))
        };
        let mut looks = Vec::with_capacity(items.len());
        for share in shares(&pixels) {
            looks.extend(items[share].par_iter().map(look).collect::<Result<Vec<_>>>()?);
        }
        for (Item { name, bytes, .. }, look) in items.into_iter().zip(looks) {
            match look {
                Ok(look) => self.gathered.read.push(Read { source: self.source, name, bytes, look }),
                Err(reason) => self.gathered.rejected.push((self.source, name, reason)),
            }
        }
        self.check_memory()?;
        if let Some(total) = self.total {
            let done = (self.gathered.read.len() + self.gathered.rejected.len()) as u64;
            self.control.emit(Event::Progress { done: done.min(total), total, message: String::new() });
        }
        Ok(())
    }

    fn check_memory(&self) -> Result<()> {
        let [rows, columns] = self.settings.size;
        let most = self.settings.max_memory / (3 * rows * columns) as u64;
        if self.framed && self.gathered.read.len() as u64 > most {
            let text = format!(
                "more than {most} pictures of {rows}x{columns} px take more than {} MiB: choose a smaller size or fewer \
                 pictures, or allow more memory",
                self.settings.max_memory >> 20
            );
            return Err(EngineError::Limit(text));
        }
        Ok(())
    }
}

impl Gathered {
    /// Sorts out duplicates and classes, and says what everything is like.
    fn finish(
        mut self,
        sources: &[Source],
        settings: &GallerySettings,
        control: &Control,
    ) -> Result<(Option<Gallery>, Survey)> {
        let shown = Shown::new(sources);
        let mut survey = self.describe(sources, &shown);
        let Classes { names, labels, from } = {
            let pictures: Vec<(usize, &str)> = self.read.iter().map(|read| (read.source, read.name.as_str())).collect();
            classes::assign(&pictures, &self.labels, settings)?
        };
        let mut usable = Vec::with_capacity(self.read.len());
        for (index, read) in self.read.iter().enumerate() {
            match (from, labels[index]) {
                (Some(from), None) => {
                    self.rejected.push((read.source, read.name.clone(), from.missing().to_owned()));
                }
                _ => usable.push((index, &read.look)),
            }
        }
        let Sorted { kept, exact, near, left_out } = duplicates::sort(&usable, settings, control)?;
        let name = |&index: &usize| shown.name(self.read[index].source, &self.read[index].name);
        let names_of = |groups: &[Vec<usize>]| groups.iter().map(|group| group.iter().map(name).collect()).collect();
        let left_out =
            left_out.iter().map(|(copy, of, near)| LeftOut { name: name(copy), copy_of: name(of), near: *near });
        survey.duplicates = Duplicates { exact: names_of(&exact), near: names_of(&near), left_out: left_out.collect() };
        let mut facing = Facing::new();
        kept.iter().for_each(|&index| facing.add(&self.read[index].look.sketch));
        survey.facing = facing.share();
        let differ = |group: &&Vec<usize>| group.iter().any(|&index| labels[index] != labels[group[0]]);
        let differing = exact.iter().filter(differ).count();
        let near_differing = near.iter().filter(differ).count();

        let labels: Vec<usize> = kept.iter().filter_map(|&index| labels[index]).collect();
        survey.used = kept.len();
        survey.classes_from = from.map(|from| from.to_string());
        survey.classes = names.iter().map(|name| ClassCount { name: name.clone(), pictures: 0 }).collect();
        labels.iter().for_each(|&label| survey.classes[label].pictures += 1);
        self.rejected.sort();
        let rejected = |(source, name, reason): &(usize, String, String)| Rejected {
            path: shown.name(*source, name).into(),
            reason: reason.clone(),
        };
        survey.rejected = self.rejected.iter().map(rejected).collect();
        if kept.is_empty() {
            let example = |r: &Rejected| format!("{}: {}", r.path.display(), r.reason);
            let examples: Vec<String> = survey.rejected.iter().take(EXAMPLES).map(example).collect();
            let text = format!("none of its {} pictures can be used, such as {}", survey.found, examples.join("; "));
            return Err(EngineError::file(sources[0].path(), text));
        }
        survey.recipe = Recipe::of(&survey, None, None);
        survey.warnings = recipe::warnings(&survey);
        if differing > 0 {
            let text = format!("{differing} groups of pictures with the same pixels are in different classes");
            survey.warnings.push(text);
        }
        if near_differing > 0 && settings.drop_near_duplicates {
            let text = format!("{near_differing} groups of pictures that are nearly the same are in different classes");
            survey.warnings.push(text);
        }
        let used: Vec<String> = kept.iter().map(name).collect();
        let gallery = self.assemble(&kept, used, names, labels, settings.size)?;
        Ok((gallery, survey))
    }

    /// The pictures at these places as a gallery; `None` where they were only looked at.
    fn assemble(
        &mut self,
        kept: &[usize],
        used: Vec<String>,
        classes: Vec<String>,
        labels: Vec<usize>,
        size: [usize; 2],
    ) -> Result<Option<Gallery>> {
        let mut pixels = Vec::with_capacity(kept.len() * 3 * size[0] * size[1]);
        for &index in kept {
            match self.read[index].look.planes.take() {
                Some(planes) => pixels.extend(planes),
                None => return Ok(None),
            }
        }
        Gallery::new(size, classes, labels, pixels, used).map(Some).map_err(EngineError::Internal)
    }

    /// What can be said of all pictures that could be read.
    fn describe(&self, sources: &[Source], shown: &Shown) -> Survey {
        let spread =
            |value: &dyn Fn(&Look) -> f64| Spread::of(self.read.iter().map(|read| value(&read.look)).collect());
        let count = |has: &dyn Fn(&Look) -> bool| self.read.iter().filter(|read| has(&read.look)).count();
        let aspect = |look: &Look| f64::from(look.width) / f64::from(look.height);
        let aspects = spread(&aspect);
        let mut formats = BTreeMap::new();
        let mut folders = BTreeMap::new();
        for read in &self.read {
            let format = read.look.format.map_or("raw values".to_owned(), |format| format.to_string());
            *formats.entry(format).or_default() += 1;
            if let Some(folder) = classes::folder(&read.name) {
                *folders.entry(folder.to_owned()).or_default() += 1;
            }
        }
        let found = |source| {
            let read = self.read.iter().filter(|read| read.source == source).count();
            read + self.rejected.iter().filter(|rejected| rejected.0 == source).count()
        };
        let summary = |(index, source): (usize, &Source)| SourceSummary {
            name: shown.source(index).to_owned(),
            kind: source.kind().to_owned(),
            pictures: found(index),
        };
        Survey {
            sources: sources.iter().enumerate().map(summary).collect(),
            found: self.read.len() + self.rejected.len(),
            used: 0,
            bytes: self.read.iter().map(|read| read.bytes).sum(),
            width: spread(&|look| f64::from(look.width)),
            height: spread(&|look| f64::from(look.height)),
            short_side: spread(&|look| f64::from(look.width.min(look.height))),
            aspect: aspects,
            same_aspect: count(&|look| (aspect(look) / aspects.median).ln().abs() < 1.1f64.ln()),
            formats,
            grey: count(&|look| look.grey),
            transparent: count(&|look| look.transparent),
            deep: count(&|look| look.deep),
            facing: 0.0,
            classes_from: None,
            classes: Vec::new(),
            folders,
            duplicates: Duplicates::default(),
            rejected: Vec::new(),
            recipe: Recipe::default(),
            warnings: Vec::new(),
        }
    }
}

/// How sources and pictures are called.
struct Shown {
    sources: Vec<String>,
    /// What stands in front of the names of a source's pictures.
    prefixes: Vec<String>,
}

impl Shown {
    fn new(sources: &[Source]) -> Self {
        // What would move a terminal's cursor is not part of a name: some come from strangers' archives.
        let name = |source: &Source| {
            let path = source.path();
            printable(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
        };
        let several = sources.len() > 1;
        let prefix = |source: &Source| {
            if several && !source.is_picture() { format!("{}/", name(source)) } else { String::new() }
        };
        Self { sources: sources.iter().map(name).collect(), prefixes: sources.iter().map(prefix).collect() }
    }

    fn source(&self, index: usize) -> &str {
        &self.sources[index]
    }

    /// A picture's name, with that of its source in front where there are several.
    fn name(&self, source: usize, name: &str) -> String {
        format!("{}{}", self.prefixes[source], printable(name))
    }
}

fn printable(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}
