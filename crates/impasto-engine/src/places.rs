//! Where the system keeps files of each kind.

use std::ffi::OsString;
use std::path::PathBuf;

/// The user's own folder for what can be made again: `impasto/WHAT` where the system keeps caches (`XDG_CACHE_HOME` or
/// `~/.cache`, `~/Library/Caches` on macOS, `LOCALAPPDATA` on Windows); `None` where the environment names no such place.
pub(crate) fn cache_folder(what: &str) -> Option<PathBuf> {
    cache_folder_of(what, std::env::consts::OS, |name| std::env::var_os(name))
}

/// The user's own folder for what cannot be made again: `impasto/WHAT` where the system keeps data (`XDG_DATA_HOME` or
/// `~/.local/share`, `~/Library/Application Support` on macOS, `APPDATA` on Windows); `None` where the environment names no
/// such place.
pub fn data_folder(what: &str) -> Option<PathBuf> {
    data_folder_of(what, std::env::consts::OS, |name| std::env::var_os(name))
}

/// A variable that holds an absolute path.
fn absolute(variable: impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from).filter(|path| path.has_root())
}

fn data_folder_of(what: &str, system: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| absolute(&variable, name);
    let base = match system {
        "windows" => absolute("APPDATA"),
        "macos" => absolute("HOME").map(|home| home.join("Library/Application Support")),
        _ => absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share"))),
    };
    Some(base?.join("impasto").join(what))
}

fn cache_folder_of(what: &str, system: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| absolute(&variable, name);
    let base = match system {
        "windows" => absolute("LOCALAPPDATA"),
        "macos" => absolute("HOME").map(|home| home.join("Library/Caches")),
        _ => absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache"))),
    };
    Some(base?.join("impasto").join(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data() {
        let linux = [("HOME", "/home/a"), ("XDG_DATA_HOME", "/data")];
        for (system, variables, expected) in [
            ("linux", &linux[..], Some("/data/impasto/studio")),
            ("linux", &linux[..1], Some("/home/a/.local/share/impasto/studio")),
            ("macos", &linux[..], Some("/home/a/Library/Application Support/impasto/studio")),
            ("windows", &[("APPDATA", "/users/a")], Some("/users/a/impasto/studio")),
            ("linux", &[], None),
        ] {
            let found = data_folder_of("studio", system, |name| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into())
            });
            assert_eq!(found, expected.map(PathBuf::from), "{system} {variables:?}");
        }
    }

    #[test]
    fn caches() {
        let linux = [("HOME", "/home/a"), ("XDG_CACHE_HOME", "/fast")];
        for (system, variables, expected) in [
            ("linux", &linux[..], Some("/fast/impasto/features")),
            ("linux", &linux[..1], Some("/home/a/.cache/impasto/features")),
            ("linux", &[("HOME", "/home/a"), ("XDG_CACHE_HOME", "relative")], Some("/home/a/.cache/impasto/features")),
            ("macos", &linux[..], Some("/home/a/Library/Caches/impasto/features")),
            ("windows", &[("LOCALAPPDATA", "/users/a")], Some("/users/a/impasto/features")),
            ("linux", &[], None),
        ] {
            let found = cache_folder_of("features", system, |name| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into())
            });
            assert_eq!(found, expected.map(PathBuf::from), "{system} {variables:?}");
        }
    }
}
