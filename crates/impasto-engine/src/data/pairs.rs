//! Pictures that belong together: two folders with the same number of pictures of the same sizes in the same order, so
//! that crops with the same draws show the same part of both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use impasto_image::{Limits, Picture};
use rayon::prelude::*;

use super::folder::{Folder, Rejected, Stored, fitted, listed, picture_files};
use crate::control::Control;
use crate::error::{EngineError, Result};

/// Two pictures that belong together.
type Pair = [Stored; 2];

impl Folder {
    /// Reads every picture below `roots` as two that lie side by side, the left half and the right half; see
    /// [`Folder::load`] for the rest.
    ///
    /// # Errors
    /// Those of [`Folder::load`].
    pub fn side_by_side(roots: &[PathBuf], short_side: u32, min_side: u32, control: &Control) -> Result<[Self; 2]> {
        let files: Vec<[PathBuf; 2]> = listed(roots)?.into_iter().map(|path| [path.clone(), path]).collect();
        Self::paired(files, roots, control, |[path, _]| {
            let both = open(path)?;
            if !both.width.is_multiple_of(2) {
                return Err(format!("is {} px wide: two pictures side by side have an even width", both.width));
            }
            let width = both.width / 2;
            let half = |x| fitted(&impasto_image::crop(&both, x, 0, width, both.height), short_side, min_side);
            Ok([half(0)?, half(width)?])
        })
    }

    /// Reads the pictures of two folders (or single files) that have the same names in both, whatever their extensions;
    /// see [`Folder::load`] for the rest.
    ///
    /// # Errors
    /// [`EngineError::File`] for a picture without a partner; those of [`Folder::load`].
    pub fn matched([a, b]: [&[PathBuf]; 2], short_side: u32, min_side: u32, control: &Control) -> Result<[Self; 2]> {
        let (first, mut second) = (named(a)?, named(b)?);
        let counts = [first.len(), second.len()];
        let mut files = Vec::with_capacity(first.len());
        let alone = |path: &Path, other: &Path| {
            let (name, other) = (path.file_stem().unwrap_or_default().to_string_lossy(), other.display());
            let text =
                format!("has no partner called '{name}' in {other} (a holds {} pictures, b {})", counts[0], counts[1]);
            EngineError::file(path, text)
        };
        // Single files belong together whatever they are called.
        if counts == [1, 1] && a.len() == 1 && a[0].is_file() && b[0].is_file() {
            files.extend(first.into_values().zip(second.into_values()).map(|(a, b)| [a, b]));
        } else {
            for (name, path) in first {
                let partner = second.remove(&name).ok_or_else(|| alone(&path, &b[0]))?;
                files.push([path, partner]);
            }
            if let Some(path) = second.into_values().next() {
                return Err(alone(&path, &a[0]));
            }
        }
        Self::paired(files, a, control, |[a, b]| {
            let (first, second) = (open(a)?, open(b)?);
            if (first.width, first.height) != (second.width, second.height) {
                let Picture { width, height, .. } = second;
                let size = format!("{}x{}", first.width, first.height);
                return Err(format!("is {size}, its partner {width}x{height}: both must be of one size"));
            }
            Ok([fitted(&first, short_side, min_side)?, fitted(&second, short_side, min_side)?])
        })
    }

    fn paired(
        files: Vec<[PathBuf; 2]>,
        roots: &[PathBuf],
        control: &Control,
        read: impl Fn(&[PathBuf; 2]) -> Result<Pair, String> + Sync,
    ) -> Result<[Self; 2]> {
        let outcomes = files.par_iter().map(|files| control.check().map(|()| read(files)));
        let outcomes = outcomes.collect::<Result<Vec<_>>>()?;
        let mut folders = [Self::empty(), Self::empty()];
        for (paths, outcome) in files.into_iter().zip(outcomes) {
            match outcome {
                Ok(pair) => {
                    for ((folder, picture), path) in folders.iter_mut().zip(pair).zip(paths) {
                        folder.push(path, picture);
                    }
                }
                Err(reason) => {
                    let [path, _] = paths;
                    folders[0].reject(Rejected { path, reason });
                }
            }
        }
        folders[0].not_empty(roots)?;
        Ok(folders)
    }
}

fn open(path: &Path) -> Result<Picture, String> {
    impasto_image::open(path, &Limits::default()).map_err(|e| format!("{}: {e}", path.display()))
}

/// The pictures below `roots` by their paths within, without extensions.
fn named(roots: &[PathBuf]) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut found = BTreeMap::new();
    for root in roots {
        let files = picture_files(root)?;
        if files.is_empty() {
            return Err(EngineError::file(root, "holds no pictures (PNG, JPEG, WebP, TIFF, BMP or GIF)"));
        }
        for file in files {
            let within = if root.is_file() { file.file_name().map(Path::new) } else { file.strip_prefix(root).ok() };
            let name = within.unwrap_or(&file).with_extension("");
            if let Some(other) = found.insert(name, file.clone()) {
                let text = format!("has the same name as {}: it is not clear which is the partner", other.display());
                return Err(EngineError::file(file, text));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use impasto_image::{EncodeOptions, Format};

    use super::*;
    use crate::data::{Augment, Crops};

    fn save(path: &Path, width: u32, height: u32, of: impl Fn(u32, u32) -> f32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let rgb = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| [of(x, y); 3]).collect();
        let picture = Picture::from_rgb(width, height, rgb).unwrap();
        impasto_image::save(&picture, path, &EncodeOptions::new(Format::Png), true).unwrap();
    }

    fn value(x: u32, y: u32) -> f32 {
        ((x * 7 + y * 13) % 101) as f32 / 255.0
    }

    /// Crops of both with the same draws.
    fn aligned(folders: [Folder; 2]) -> bool {
        let augment = Augment { mirror: true, half_size: 0.5 };
        let crops = folders.map(|folder| Crops::new(folder, 16, augment, 1, "pairs"));
        (0..20).all(|index| {
            let [a, b] = [&crops[0], &crops[1]].map(|crops| crops.sample(index));
            a.iter().zip(&b).all(|(a, b)| (a + 0.5 - b).abs() < 0.01)
        })
    }

    #[test]
    fn crops_of_pairs_show_the_same_part() {
        let folder = tempfile::tempdir().unwrap();
        let root = |name: &str| folder.path().join(name);
        for (name, width, height) in [("x/1", 40, 36), ("x/2", 35, 50), ("3", 60, 40)] {
            save(&root("a").join(format!("{name}.png")), width, height, value);
            save(&root("b").join(format!("{name}.png")), width, height, |x, y| value(x, y) + 0.5);
            let both = |x: u32, y| if x < width { value(x, y) } else { value(x - width, y) + 0.5 };
            save(&root("both").join(format!("{name}.png")), 2 * width, height, both);
        }
        let control = Control::silent();
        let matched = Folder::matched([&[root("a")], &[root("b")]], 48, 16, &control).unwrap();
        assert_eq!(matched[1].len(), 3);
        assert!(aligned(matched));
        assert!(aligned(Folder::side_by_side(&[root("both")], 48, 16, &control).unwrap()));
    }

    #[test]
    fn what_has_no_partner_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = |name: &str| folder.path().join(name);
        for name in ["a/1.png", "a/2.png", "b/1.png", "c/1.png", "c/2.png"] {
            save(&root(name), if name.starts_with('c') { 31 } else { 30 }, 30, value);
        }
        let control = Control::silent();
        let load = |a: &str, b: &str| Folder::matched([&[root(a)], &[root(b)]], 30, 16, &control);
        let refusal = |a, b| load(a, b).unwrap_err().to_string();
        for (a, b) in [("a", "b"), ("b", "a")] {
            let text = refusal(a, b);
            assert!(text.contains("2.png: has no partner called '2' in"), "{text}");
        }
        assert!(refusal("a", "b").contains("a holds 2 pictures, b 1"));
        assert!(refusal("a", "c").contains("is 30x30, its partner 31x30"));
        let text = Folder::side_by_side(&[root("c")], 30, 16, &control).unwrap_err().to_string();
        assert!(text.contains("even width"), "{text}");
        let text = Folder::matched([&[root("a")], &[root("a")]], 30, 64, &control).unwrap_err().to_string();
        assert!(text.contains("below the 64 px needed"), "{text}");
    }
}
