//! `artist`: the generator of `fusion` adapted to the works of one artist or several. Its encoder stays; decoder and
//! modulation learn against a discriminator that sees this artist only, and each artist has a hand, a vector added to that of
//! the style, and a bank of style codes of works, among which a content chooses. Artists are mixed as styles are.
//!
//! It lies inside `fusion`, since it is the same network: nothing of it is written twice.

mod bank;
mod domains;
mod heads;
mod settings;
mod spread;
mod train;
mod works;

pub(super) use bank::Bank;
pub use settings::ArtistTraining;
pub use train::ArtistObjective;

use crate::descriptor::Descriptor;

/// What it is.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "artist",
    summary: "paints any picture as the artists would whose works it learned",
    paper: "impasto's own, after fusion; discriminators on features as in Projected GANs (Sauer et al. 2021), relativistic \
            with penalties (Huang et al. 2024)",
    // Of artists for whom contents are simplified; others take about 195, as `fusion` does.
    bytes_per_pixel: 265,
    ..super::DESCRIPTOR
};
