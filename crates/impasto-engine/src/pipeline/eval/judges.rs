//! Figures of single pictures beside their content and their style.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::tensor::Tensor;
use impasto_image::alpha::over;
use impasto_image::{Picture, resize, resize_to_short_side};

use super::definitions::{
    checkerboard_metric, histogram_metric, lpips_metric, lpips_network, ms_ssim_metric, perception_metrics,
    psnr_metric, seam_metric, ssim_metric,
};
use super::report::Missing;
use super::spaces::Defined;
use super::{EvalNetworks, NetworkKind, Unavailable};
use crate::error::{EngineError, Result};
use crate::features::{Features, LpipsMaps, LpipsSqueeze};
use crate::losses;
use crate::metrics::{self, StyleStatistics};
use crate::tensor::{self, ImageTensor};

/// The smallest side that all figures can be had of, in pixels.
pub(super) const MIN_SIDE: u32 = 64;

/// Longer side to which larger pictures are shrunk before they are judged, so that memory is bounded.
pub(super) const MAX_SIDE: u32 = 1024;

/// Shorter side at which styles are seen (never enlarged): what stylizers see.
pub(super) const STYLE_SIDE: u32 = 512;

/// Bytes that a [`Subject`] holds for each pixel of its picture, by the sizes of LPIPS's seven maps (35 numbers), the maps
/// of content (6) and the picture (3).
pub(super) const SUBJECT_BYTES: u64 = 4 * 44;

/// What outputs allow to be measured, and what is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// The shortest side of any output at its judged size, in pixels.
    pub(super) shortest: u32,
    /// The least of the outputs' longer sides at their own size, in pixels.
    pub(super) least_long: u32,
    /// Pixels from a seam to the next in outputs that were painted in tiles.
    pub(super) tile: Option<u32>,
}

impl Scope {
    /// Of outputs with these widths and heights.
    pub(super) fn of(sizes: impl Iterator<Item = (u32, u32)>, tile: Option<u32>) -> Self {
        let mut scope = Self { shortest: u32::MAX, least_long: u32::MAX, tile };
        for (width, height) in sizes {
            let (w, h) = judged_size((width, height));
            scope.shortest = scope.shortest.min(w.min(h));
            scope.least_long = scope.least_long.min(width.max(height));
        }
        scope
    }
}

/// How pictures are read and sized, for protocols.
pub(super) fn rules() -> BTreeMap<String, String> {
    let rule = |name: &str, text: String| (name.to_owned(), text);
    BTreeMap::from([
        rule("reading", "first frame, EXIF orientation applied, profile to sRGB, transparency over white".into()),
        rule(
            "judged size",
            format!(
                "outputs at their own size, shrunk to {MAX_SIDE} px on the longer side where larger, at least \
                 {MIN_SIDE} px"
            ),
        ),
        rule("content size", "resized to the output's judged size".into()),
        rule("style size", format!("shrunk to {STYLE_SIDE} px on the shorter side where larger")),
        rule(
            "resizing of pairs",
            "Lanczos-3 to shrink, Catmull-Rom to enlarge, on sRGB values in floating point".into(),
        ),
    ])
}

/// The networks and what they can tell.
pub(super) struct Judges {
    device: crate::Device,
    lpips: Option<LpipsSqueeze>,
    /// Networks of style and content distances.
    perceptions: Vec<Box<dyn Features>>,
    /// Whether structure is compared at five scales.
    five_scales: bool,
    /// The grid of tiles whose seams are looked for.
    tile: Option<u32>,
    /// The metrics, in the order of [`Judges::figures`].
    pub(super) metrics: Vec<Defined>,
    /// What is left out, and why.
    pub(super) missing: Vec<Missing>,
}

/// A picture with what the networks see in it.
pub(super) struct Subject {
    image: ImageTensor,
    lpips: Option<LpipsMaps>,
    seen: Vec<(StyleStatistics, Tensor<4>)>,
    seam: Option<f64>,
}

impl Judges {
    /// Opens the networks that are there.
    ///
    /// # Errors
    /// When a network's file is there and damaged.
    pub(super) fn open(networks: &EvalNetworks) -> Result<Self> {
        let (mut missing, mut metrics) = (Vec::new(), Vec::new());
        let lpips = match networks.lpips() {
            Ok(network) => {
                metrics.push(lpips_metric(lpips_network(networks)?));
                Some(network)
            }
            Err(Unavailable::Missing(reason)) => {
                missing.push(Missing { metrics: vec!["lpips".into()], reason });
                None
            }
            Err(Unavailable::Unusable(error)) => return Err(error),
        };
        metrics.extend([psnr_metric(), ssim_metric(), histogram_metric(), checkerboard_metric()]);
        let mut perceptions = Vec::new();
        for (kind, short) in [(NetworkKind::PocketVgg, "vgg"), (NetworkKind::Percept, "percept")] {
            match networks.features(kind) {
                Ok(features) => {
                    metrics.extend(perception_metrics(short, kind, &*features, networks)?);
                    perceptions.push(features);
                }
                Err(Unavailable::Missing(reason)) => {
                    let names = ["content", "gram", "moments"].map(|name| format!("{name}-{short}"));
                    missing.push(Missing { metrics: names.into(), reason });
                }
                Err(Unavailable::Unusable(error)) => return Err(error),
            }
        }
        Ok(Self {
            device: networks.device().clone(),
            lpips,
            perceptions,
            five_scales: false,
            tile: None,
            metrics,
            missing,
        })
    }

    /// With the metrics that depend on what outputs allow and what is asked for, or with why they are left out.
    pub(super) fn within(mut self, scope: Scope) -> Self {
        let least = metrics::MS_SSIM_SIDE;
        self.five_scales = scope.shortest as usize >= least;
        self.tile = scope.tile.filter(|&tile| tile + 2 <= scope.least_long);
        if self.five_scales {
            self.put_behind("ssim", ms_ssim_metric());
        } else {
            let reason = format!("needs sides of at least {least} px; the smallest output has {} px", scope.shortest);
            self.missing.push(Missing { metrics: vec!["ms-ssim".into()], reason });
        }
        match (self.tile, scope.tile) {
            (Some(tile), _) => self.put_behind("checkerboard", seam_metric(tile)),
            (None, Some(tile)) => {
                let reason =
                    format!("tiles of {tile} px have no seam in outputs of {} px on the longer side", scope.least_long);
                self.missing.push(Missing { metrics: vec!["seam".into()], reason });
            }
            (None, None) => {}
        }
        self
    }

    fn put_behind(&mut self, name: &str, metric: Defined) {
        let place = self.metrics.iter().position(|(known, _)| known.name == name);
        self.metrics.insert(place.map_or(self.metrics.len(), |place| place + 1), metric);
    }

    /// Whether LPIPS is among the metrics.
    pub(super) fn lpips_is_there(&self) -> bool {
        self.lpips.is_some()
    }

    /// What is seen in a picture as an output of this width and height: over white, at the judged size of such an output,
    /// whose sides are at least [`MIN_SIDE`]. Seams are looked for at the output's own size, where tiles are.
    ///
    /// # Errors
    /// Those of the networks.
    pub(super) fn subject(&self, picture: &Picture, size: (u32, u32)) -> Result<Subject> {
        let opaque = opaque(picture)?;
        let at = |(width, height): (u32, u32)| {
            let same = (opaque.width, opaque.height) == (width, height);
            let fitted = if same { Cow::Borrowed(&opaque) } else { Cow::Owned(resize(&opaque, width, height)) };
            tensor::from_picture(&fitted, &self.device)
        };
        let seam = self.tile.map(|tile| metrics::seam_score(at(size), Some(tile as usize))).transpose()?;
        let image = at(judged_size(size)); // [1, 3, h, w]
        let lpips = self.lpips.as_ref().map(|network| network.maps(image.clone())).transpose()?;
        let see = |features: &dyn Features| {
            let levels = features.extract(image.clone());
            let content = levels[features.content_level()].clone(); // [1, c, h / 8, w / 8]
            (StyleStatistics::of_levels(levels), content)
        };
        Ok(Subject { seen: self.perceptions.iter().map(|features| see(&**features)).collect(), image, lpips, seam })
    }

    /// What the networks see of a style: only statistics are kept.
    pub(super) fn style(&self, picture: &Picture) -> (ImageTensor, Vec<StyleStatistics>) {
        let image = tensor::from_picture(picture, &self.device); // [1, 3, h, w]
        let see = |features: &dyn Features| StyleStatistics::of(features, image.clone());
        (image.clone(), self.perceptions.iter().map(|features| see(&**features)).collect())
    }

    /// The figures of an output, in the order of [`Judges::metrics`] and in single precision, which is what caches keep.
    /// `content` has the output's size.
    ///
    /// # Errors
    /// Those of the metrics.
    pub(super) fn figures(
        &self,
        output: &Subject,
        content: &Subject,
        (style, statistics): &(ImageTensor, Vec<StyleStatistics>),
    ) -> Result<Vec<f32>> {
        let mut figures = Vec::with_capacity(self.metrics.len());
        if let (Some(network), Some(a), Some(b)) = (&self.lpips, &output.lpips, &content.lpips) {
            figures.push(tensor::scalar(network.between(a, b)));
        }
        let (a, b) = (&output.image, &content.image);
        figures.push(metrics::psnr(a.clone(), b.clone())?);
        figures.push(metrics::ssim(a.clone(), b.clone())? as f32);
        if self.five_scales {
            figures.push(metrics::ms_ssim(a.clone(), b.clone())? as f32);
        }
        figures.push(metrics::histogram_distance(a.clone(), style.clone())? as f32);
        figures.push(metrics::checkerboard_score(a.clone())? as f32);
        figures.extend(output.seam.map(|seam| seam as f32));
        for (index, (own, map)) in output.seen.iter().enumerate() {
            let distances = own.distances(&statistics[index]);
            let content = losses::content_distance(map.clone(), content.seen[index].1.clone());
            figures.extend([tensor::scalar(content), distances.gram as f32, distances.moments as f32]);
        }
        debug_assert_eq!(figures.len(), self.metrics.len());
        Ok(figures)
    }
}

/// The size at which an output of this width and height is judged: shrunk to [`MAX_SIDE`] where larger.
pub(super) fn judged_size((width, height): (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(MAX_SIDE) / f64::from(width.max(height).max(1))).min(1.0);
    let shrunk = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (shrunk(width), shrunk(height))
}

/// A style at the size at which it is seen.
pub(super) fn seen_style(picture: &Picture) -> Result<Picture> {
    let opaque = opaque(picture)?;
    let short = opaque.width.min(opaque.height);
    Ok(if short > STYLE_SIDE { resize_to_short_side(&opaque, STYLE_SIDE) } else { opaque })
}

/// A picture over white.
pub(super) fn opaque(picture: &Picture) -> Result<Picture> {
    Picture::from_rgb(picture.width, picture.height, over(picture, [1.0; 3]))
        .map_err(|e| EngineError::Internal(e.to_string()))
}
