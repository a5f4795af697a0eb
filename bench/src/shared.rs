//! The files comparisons are made with. They are no part of the project: `IMPASTO_SHARED` says where they are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Names of the paintings, below `data/paintings`. Ten hands and ten ways to paint, none of them in the folders that
/// `fusion` is trained on.
pub(crate) const PAINTINGS: [&str; 10] = [
    "classics/starry_night_google.jpg",
    "met_cc0/bruegel_harvesters.jpg",
    "met_cc0/uehara_konen_waves.jpg",
    "classics/the_scream.jpg",
    "met_cc0/turner_grand_canal_venice.jpg",
    "classics/woman-with-hat-matisse.jpg",
    "met_cc0/latour_magdalen.jpg",
    "met_cc0/caillebotte_chrysanthemums.jpg",
    "met_cc0/manet_monet_family_garden.jpg",
    "classics/shipwreck.jpg",
];

/// The artists, and their folders below `data/paintings`.
pub(crate) const ARTISTS: [(&str, &str); 5] = [
    ("van-gogh", "vangogh_1888_1890"),
    ("van-gogh-early", "vangogh_1881_1886_dark"),
    ("hokusai", "hokusai_36views"),
    ("monet", "monet"),
    ("tarot", "tarot_rws"),
];

/// The distilled VGG-19.
const VGG: &str = "weights/features/vgg19_pocket16x_relu1_1-5_1_f32.safetensors";
/// LPIPS-Squeeze, trunk and heads.
const LPIPS: &str = "weights/metrics/lpips_squeeze_full_v0.1_f32.safetensors";
/// MicroAST with its authors' tensor names.
const MICROAST: &str = "weights/style/microast_f32.safetensors";

/// The encoders and decoders of five-level WCT.
const WCT: &str = "weights/style/wct_vgg19_16x_f16.safetensors";

/// Where the files are.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    data: PathBuf,
}

impl Shared {
    /// Below `$IMPASTO_SHARED`; `../shared` beside the project where that is not set.
    pub(crate) fn find() -> Result<Self> {
        let root = match std::env::var_os("IMPASTO_SHARED") {
            Some(path) => PathBuf::from(path),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        };
        let data = root.join("data");
        if !data.is_dir() {
            bail!("there is no folder {}; set IMPASTO_SHARED to the folder that holds data/", data.display());
        }
        Ok(Self { data })
    }

    fn file(&self, name: &str) -> Result<PathBuf> {
        let path = self.data.join(name);
        if path.is_file() { Ok(path) } else { bail!("there is no file {}", path.display()) }
    }

    pub(crate) fn vgg(&self) -> Result<PathBuf> {
        self.file(VGG)
    }

    pub(crate) fn lpips(&self) -> Result<PathBuf> {
        self.file(LPIPS)
    }

    pub(crate) fn microast(&self) -> Result<PathBuf> {
        self.file(MICROAST)
    }

    pub(crate) fn wct(&self) -> Result<PathBuf> {
        self.file(WCT)
    }

    /// The pictures of one part of the garments, `train10k` or `t10k`; their labels lie beside them.
    pub(crate) fn garments(&self, part: &str) -> Result<PathBuf> {
        self.file(&format!("fashion/fashion_mnist/{part}-images-idx3-ubyte.gz"))
    }

    /// The folder of the networks that measure.
    pub(crate) fn networks(&self) -> PathBuf {
        self.data.join("weights")
    }

    /// The first `count` of [`PAINTINGS`].
    pub(crate) fn paintings(&self, count: usize) -> Result<Vec<PathBuf>> {
        PAINTINGS.iter().take(count).map(|name| self.file(&format!("paintings/{name}"))).collect()
    }

    /// The pictures of a folder of paintings, by name.
    pub(crate) fn works(&self, folder: &str) -> Result<Vec<PathBuf>> {
        pictures_below(&self.data.join("paintings").join(folder))
    }

    /// The photographs in two parts: `count`, all of the Kodak set among them and others evenly spread, and the rest.
    pub(crate) fn photographs_apart(&self, count: usize) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let root = self.data.join("photos");
        let kodak = pictures_below(&root.join("kodak24"))?;
        let others: Vec<PathBuf> = pictures_below(&root)?
            .into_iter()
            .filter(|path| !path.starts_with(root.join("masks")) && !kodak.contains(path))
            .collect();
        let wanted = count.saturating_sub(kodak.len()).min(others.len());
        let chosen: Vec<PathBuf> = (0..wanted).map(|i| others[i * others.len() / wanted].clone()).collect();
        let rest = others.into_iter().filter(|path| !chosen.contains(path)).collect();
        Ok((kodak.into_iter().chain(chosen).take(count).collect(), rest))
    }

    /// `count` of the 24 Kodak photographs, evenly spread over them.
    pub(crate) fn photographs(&self, count: usize) -> Result<Vec<PathBuf>> {
        const ALL: usize = 24;
        let count = count.clamp(1, ALL);
        (0..count).map(|i| self.file(&format!("photos/kodak24/kodim{:02}.png", 1 + i * ALL / count))).collect()
    }
}

/// The pictures below a folder, by their paths.
fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(pictures_below(&path)?);
        } else if path.extension().and_then(|e| e.to_str()).and_then(impasto_image::Format::from_extension).is_some() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A file's name without folders and extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads a picture.
pub(crate) fn open(path: &Path) -> Result<impasto_image::Picture> {
    let limits = impasto_image::Limits::default();
    impasto_image::open(path, &limits).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_are_spread() {
        let Ok(shared) = Shared::find() else { return };
        let names = |count| shared.photographs(count).unwrap().iter().map(|p| stem(p)).collect::<Vec<_>>();
        assert_eq!(names(3), ["kodim01", "kodim09", "kodim17"]);
        assert_eq!(names(99).len(), 24);
        assert_eq!(names(24)[23], "kodim24");
    }
}
