//! The shared data set, which is not part of the project: tests that need it say so when it is not there.

use std::path::{Path, PathBuf};

/// The data folder, from `IMPASTO_SHARED` or beside the workspace; `None`, said aloud, when it is absent.
pub(crate) fn data() -> Option<PathBuf> {
    let shared = std::env::var_os("IMPASTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let data = shared.join("data");
    if data.is_dir() {
        return Some(data);
    }
    #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
    {
        eprintln!("skipped: no shared data at {data:?}; set IMPASTO_SHARED");
    }
    None
}

/// Every file beneath a folder, in a stable order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the data folder is readable").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
