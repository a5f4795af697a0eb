//! Which output was painted from which content in which style.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{EngineError, Result};
use crate::pipeline::eval::PictureSet;
use crate::pipeline::style::file_label;

/// A content and a style, by their places in their sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) content: usize,
    pub(super) style: usize,
}

/// The outputs of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pairing {
    /// The output of each pair.
    pub(super) outputs: BTreeMap<Pair, usize>,
    /// Outputs that belong to no pair.
    pub(super) strangers: Vec<usize>,
}

/// The stem of the file that `impasto stylize` writes.
pub(super) fn output_stem(content: &Path, style: &Path) -> String {
    format!("{}-{}", stem(content), file_label(&[stem(style)]))
}

/// A file's name without folders and extension.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Pairs outputs by their names, `{content}-{style}` without extensions.
///
/// # Errors
/// [`EngineError::Caller`] when a name could stand for two pairs, or two outputs for one pair;
/// [`EngineError::File`] for `folder` when no output has such a name.
pub(super) fn by_name(
    contents: &PictureSet,
    styles: &PictureSet,
    outputs: &PictureSet,
    folder: &Path,
) -> Result<Pairing> {
    let mut names: BTreeMap<String, Pair> = BTreeMap::new();
    for (content, c) in contents.files().iter().enumerate() {
        for (style, s) in styles.files().iter().enumerate() {
            let name = output_stem(&c.path, &s.path);
            if names.insert(name.clone(), Pair { content, style }).is_some() {
                let text = format!(
                    "'{name}' could stand for two pairs of a content and a style: name each file differently, or give \
                     --pairs FILE.csv with the columns output, content, style"
                );
                return Err(EngineError::Caller(text));
            }
        }
    }
    let mut pairing = Pairing { outputs: BTreeMap::new(), strangers: Vec::new() };
    for (index, file) in outputs.files().iter().enumerate() {
        match names.get(&stem(&file.path)) {
            Some(pair) => insert(&mut pairing, *pair, index, outputs)?,
            None => pairing.strangers.push(index),
        }
    }
    if pairing.outputs.is_empty() {
        let example = names.keys().next().map_or("", String::as_str);
        let found = outputs.files().first().map_or_else(String::new, |file| stem(&file.path));
        let text = format!(
            "no picture in it is named CONTENT-STYLE, such as '{example}.png' ('{found}' is not); name the outputs like that \
             or give --pairs FILE.csv with the columns output, content, style"
        );
        return Err(EngineError::file(folder, text));
    }
    Ok(pairing)
}

/// Pairs outputs by a table with the columns `output`, `content` and `style`, each the name of a file below its folder.
///
/// # Errors
/// [`EngineError::File`] for the table when it cannot be read, lacks a column, or names a file that is not there.
pub(super) fn by_table(
    table: &Path,
    (contents, content_root): (&PictureSet, &Path),
    (styles, style_root): (&PictureSet, &Path),
    (outputs, output_root): (&PictureSet, &Path),
) -> Result<Pairing> {
    let bad = |reason: String| EngineError::file(table, reason);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(table)
        .map_err(|e| bad(format!("cannot be read as a table: {e}")))?;
    let head = reader.headers().map_err(|e| bad(format!("cannot be read as a table: {e}")))?.clone();
    let column = |name: &str| {
        let found = head.iter().position(|head| head.eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            bad(format!("its first line must name the columns output, content and style; there is no '{name}'"))
        })
    };
    let columns = [column("output")?, column("content")?, column("style")?];
    let known = [(outputs, output_root), (contents, content_root), (styles, style_root)].map(places);
    let mut pairing = Pairing { outputs: BTreeMap::new(), strangers: Vec::new() };
    let mut used = vec![false; outputs.len()];
    for (line, record) in (2..).zip(reader.records()) {
        let record = record.map_err(|e| bad(format!("line {line}: {e}")))?;
        let mut found = [0; 3];
        for (place, (column, known)) in found.iter_mut().zip(columns.into_iter().zip(&known)) {
            let name = record.get(column).unwrap_or_default();
            *place = *known
                .get(Path::new(name))
                .ok_or_else(|| bad(format!("line {line}: there is no usable picture '{name}'")))?;
        }
        let [output, content, style] = found;
        used[output] = true;
        insert(&mut pairing, Pair { content, style }, output, outputs)?;
    }
    if pairing.outputs.is_empty() {
        return Err(bad("names no pairs".to_owned()));
    }
    pairing.strangers = (0..outputs.len()).filter(|&index| !used[index]).collect();
    Ok(pairing)
}

fn insert(pairing: &mut Pairing, pair: Pair, output: usize, outputs: &PictureSet) -> Result<()> {
    let Some(known) = pairing.outputs.insert(pair, output) else { return Ok(()) };
    let [a, b] = [known, output].map(|index| outputs.files()[index].path.display().to_string());
    Err(EngineError::Caller(format!("{a} and {b} are outputs of the same content and style; leave one")))
}

/// The place of every file of a set by its path below the folder.
fn places((set, root): (&PictureSet, &Path)) -> BTreeMap<PathBuf, usize> {
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
    set.files().iter().enumerate().map(|(index, file)| (below(&file.path), index)).collect()
}

#[cfg(test)]
mod tests {
    use impasto_image::{EncodeOptions, Limits, Picture};

    use super::*;
    use crate::control::Control;

    /// A folder with small pictures of these names.
    fn set(root: &Path, names: &[&str]) -> PictureSet {
        for (index, name) in names.iter().enumerate() {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let picture = Picture::filled(4, 3, [index as f32 / 10.0; 3]).unwrap();
            impasto_image::save(&picture, &path, &EncodeOptions::for_path(&path).unwrap(), true).unwrap();
        }
        PictureSet::read(&[root.to_owned()], &Limits::default(), None, &Control::silent()).unwrap()
    }

    fn sets(folder: &Path, contents: &[&str], styles: &[&str], outputs: &[&str]) -> [PictureSet; 3] {
        [
            set(&folder.join("contents"), contents),
            set(&folder.join("styles"), styles),
            set(&folder.join("outputs"), outputs),
        ]
    }

    #[test]
    fn names_say_content_and_style() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = ["a-wave.png", "b-wave.jpg", "b-sea-storm.png", "sheet.png"];
        let [contents, styles, outputs] =
            sets(folder.path(), &["a.png", "deep/b.jpg"], &["sea-storm.png", "wave.png"], &outputs);
        let pairing = by_name(&contents, &styles, &outputs, folder.path()).unwrap();
        let found: Vec<_> = pairing.outputs.iter().map(|(pair, &output)| (pair.content, pair.style, output)).collect();
        // Sets are in the order of their paths: outputs a-wave, b-sea-storm, b-wave, sheet.
        assert_eq!(found, [(0, 1, 0), (1, 0, 1), (1, 1, 2)]);
        assert_eq!(pairing.strangers, [3]);
    }

    #[test]
    fn names_that_do_not_tell_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(&[&str], &[&str], &[&str], &str); 3] = [
            (&["a.png", "a-b.png"], &["b-c.png", "c.png"], &["a-b-c.png"], "'a-b-c' could stand for two pairs"),
            (&["x.png"], &["y.png"], &["x-y.png", "x-y.jpg"], "the same content and style"),
            (&["k.png"], &["l.png"], &["m.png"], "such as 'k-l.png'"),
        ];
        for (index, (contents, styles, outputs, part)) in cases.into_iter().enumerate() {
            let folder = folder.path().join(index.to_string());
            let [contents, styles, outputs] = sets(&folder, contents, styles, outputs);
            let error = by_name(&contents, &styles, &outputs, &folder).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn tables_pair_anything() {
        let folder = tempfile::tempdir().unwrap();
        let root = |name: &str| folder.path().join(name);
        let [contents, styles, outputs] = sets(folder.path(), &["a.png", "b/a.png"], &["s.png"], &["1.png", "2.png"]);
        let pair = |text: &str| {
            let table = root("pairs.csv");
            std::fs::write(&table, text).unwrap();
            let roots = ["contents", "styles", "outputs"].map(root);
            by_table(&table, (&contents, &roots[0]), (&styles, &roots[1]), (&outputs, &roots[2]))
        };
        let pairing = pair("style, output, content\ns.png, 2.png, a.png\n").unwrap();
        assert_eq!(pairing.outputs.into_iter().collect::<Vec<_>>(), [(Pair { content: 0, style: 0 }, 1)]);
        assert_eq!(pairing.strangers, [0]);
        for (text, part) in [
            ("output,content\n1.png,a.png\n", "no 'style'"),
            ("output,content,style\n9.png,a.png,s.png\n", "line 2: there is no usable picture '9.png'"),
            ("output,content,style\n", "names no pairs"),
            ("output,content,style\n1.png,a.png,s.png\n2.png,a.png,s.png\n", "same content and style"),
        ] {
            let error = pair(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
