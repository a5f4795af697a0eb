//! Where the system keeps files of each kind.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where systems keep one kind of a user's files.
struct Kind {
    /// The variable of Windows that names the folder.
    windows: &'static str,
    /// The folder of macOS, below the home.
    macos: &'static str,
    /// The variable of the XDG specification that names the folder elsewhere.
    xdg: &'static str,
    /// The folder below the home where that variable is not set.
    usual: &'static str,
}

const CACHE: Kind = Kind { windows: "LOCALAPPDATA", macos: "Library/Caches", xdg: "XDG_CACHE_HOME", usual: ".cache" };

const DATA: Kind =
    Kind { windows: "APPDATA", macos: "Library/Application Support", xdg: "XDG_DATA_HOME", usual: ".local/share" };

/// The user's own folder for what can be made again: `impasto/WHAT` where the system keeps caches (`XDG_CACHE_HOME` or
/// `~/.cache`, `~/Library/Caches` on macOS, `LOCALAPPDATA` on Windows); `None` where the environment names no such place.
pub(crate) fn cache_folder(what: &str) -> Option<PathBuf> {
    CACHE.folder(what, std::env::consts::OS, |name| std::env::var_os(name))
}

/// The user's own folder for what cannot be made again: `impasto/WHAT` where the system keeps data (`XDG_DATA_HOME` or
/// `~/.local/share`, `~/Library/Application Support` on macOS, `APPDATA` on Windows); `None` where the environment names no
/// such place.
pub fn data_folder(what: &str) -> Option<PathBuf> {
    DATA.folder(what, std::env::consts::OS, |name| std::env::var_os(name))
}

impl Kind {
    fn folder(&self, what: &str, system: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.has_root());
        let base = match system {
            "windows" => absolute(self.windows),
            "macos" => absolute("HOME").map(|home| home.join(self.macos)),
            _ => absolute(self.xdg).or_else(|| Some(absolute("HOME")?.join(self.usual))),
        };
        Some(base?.join("impasto").join(what))
    }
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
            let found = DATA.folder("studio", system, |name| {
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
            let found = CACHE.folder("features", system, |name| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into())
            });
            assert_eq!(found, expected.map(PathBuf::from), "{system} {variables:?}");
        }
    }
}
