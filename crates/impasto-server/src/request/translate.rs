//! Pictures translated by what was learnt here.

use impasto_engine::Direction;
use impasto_engine::models::TranslatorFile;
use impasto_engine::pipeline::StylizeJob;
use impasto_image::adjust::Adjustments;
use impasto_image::colour::PreserveColor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::generator::checked;
use super::{Output, Shelf, one};
use crate::problem::{Outcome, Problem};

/// A picture translated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Translate {
    /// The picture's id.
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// The translator, see `/v1/models`.
    pub(crate) model: String,
    /// Which way: `forward` (from a to b) or `back`, where the model knows it.
    #[serde(default)]
    pub(crate) direction: Way,
    /// How much of the translation.
    #[serde(default = "one")]
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) strength: f32,
    /// How the picture's own colours are kept: `none`, `luma`, `mean-covariance` or `histogram`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub(crate) preserve_color: PreserveColor,
    /// The id of a picture whose light parts are translated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mask: Option<String>,
    /// Whether the mask's dark parts are translated instead.
    #[serde(default)]
    pub(crate) invert_mask: bool,
    /// Pixels over which the mask's edges are softened.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10000)]
    pub(crate) feather: f32,
    /// Longer side of the result in pixels; the picture's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16, maximum = 16384)]
    pub(crate) size: Option<u32>,
    /// Adjustments of the translation.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) adjust: Adjustments,
    /// Seed of everything random.
    #[serde(default)]
    pub(crate) seed: u64,
    /// How the result is stored.
    #[serde(default)]
    pub(crate) output: Output,
}

/// Which way a translator translates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// From a to b.
    #[default]
    Forward,
    /// From b to a.
    Back,
}

impl Translate {
    /// What the engine is to do.
    pub(crate) fn job(&self, shelf: &dyn Shelf) -> Outcome<StylizeJob> {
        let unknown = |_| super::job::unknown("translator", &self.model, "/v1/models");
        let file = shelf.model(&self.model).map_err(unknown)?;
        let model = TranslatorFile::find(&file)
            .map_err(|_| Problem::validation(format!("{} translates nothing", self.model)))?;
        let direction = match self.direction {
            Way::Forward => Direction::AToB,
            Way::Back => Direction::BToA,
        };
        Ok(StylizeJob {
            strength: self.strength,
            preserve_color: self.preserve_color,
            mask: self.mask.as_deref().map(|id| shelf.picture(id)).transpose()?,
            invert_mask: self.invert_mask,
            feather: self.feather,
            size: self.size,
            adjust: self.adjust,
            seed: checked(self.seed)?,
            ..StylizeJob::translation(&model, direction)
        })
    }
}
