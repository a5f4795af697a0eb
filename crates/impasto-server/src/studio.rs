//! The built files of `web/`. They are kept in the repository, so that building impasto needs no other tools.

/// The files.
#[derive(rust_embed::RustEmbed)]
#[folder = "studio/"]
pub(crate) struct Studio;

#[cfg(test)]
mod tests;
