//! Losses: pure functions of tensors, each a mean over the batch, as `[1]`.

mod adversarial;
mod generator;
mod style;
mod translation;

pub use adversarial::{
    AdversarialLoss, Judge, Judged, Losses, Penalty, PenaltyKind, Source, finite_difference_penalty, interpolates,
};
pub use generator::{PathMean, Paths, information, mix_styles, path_lengths};
pub use style::{
    PLACE, content, content_distance, contrastive_style, gram, gram_distance, gram_error, liveliness, mean_covariance,
    mean_squared_error, moment_distance, moment_error, out_of_range, relative_distance, relative_error,
    sliced_wasserstein, squared_variation, total_variation, unfounded_forms,
};
pub use translation::{absolute_difference, patch_contrast, unit_rows};
