//! Errors, grouped by who must act on them.

use std::path::PathBuf;

use crate::format::Format;

/// Who must act when something failed; stable, so that programs may map it to exit codes or HTTP statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself was wrong: an option, an extension, an existing file that may not be overwritten.
    Caller,
    /// The bytes given are not a picture that can be read.
    Input,
    /// The input may be fine, but is larger than the limits in force.
    Limit,
    /// The disk, the folder or the permissions stand in the way.
    Environment,
    /// A fault of this program.
    Internal,
    /// Nobody: the caller asked to stop.
    Cancelled,
}

/// Everything that can go wrong in this crate. Each message is one line and says what to do.
///
/// No variant ever carries picture contents; [`ImageError::kind`] tells who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file name's extension names no format that can be written.
    #[error("cannot tell the output format from {0:?}: use one of .png, .jpg, .webp, .tif, .bmp")]
    UnknownExtension(PathBuf),

    /// The output format cannot do what was asked of it.
    #[error("{format} cannot {what}")]
    OutputUnsupported {
        /// The format asked for.
        format: Format,
        /// What it cannot do, and what to do instead.
        what: String,
    },

    /// An argument is out of its range; the text names it, its value and the range.
    #[error("{0}")]
    InvalidArgument(String),

    /// The output exists and overwriting was not allowed.
    #[error("{0:?} already exists: choose another name or allow overwriting")]
    AlreadyExists(PathBuf),

    /// The bytes start like no supported format.
    #[error("not a supported picture ({0}): use PNG, JPEG, WebP, TIFF, BMP or GIF")]
    UnknownFormat(String),

    /// The file is damaged or cut short.
    #[error("the {format} file is damaged: {reason}")]
    Corrupt {
        /// The format its first bytes announce.
        format: Format,
        /// What the decoder found.
        reason: String,
    },

    /// The file is of a supported format but uses a feature that is not supported.
    #[error("the {format} file uses a feature that is not supported: {reason}")]
    Unsupported {
        /// The format its first bytes announce.
        format: Format,
        /// The feature.
        reason: String,
    },

    /// The file is of a format that cannot be read by rows.
    #[error("a {0} file is read whole, which takes too much memory here: convert it to PNG, TIFF or .impraw first")]
    NotByRows(Format),

    /// A decoder hit a bug of its own on this file; the panic was contained.
    #[error("the {format} decoder failed on this file (contained): {reason}")]
    DecoderPanicked {
        /// The format its first bytes announce.
        format: Format,
        /// The panic message.
        reason: String,
    },

    /// A limit was exceeded; nothing large had been allocated yet.
    #[error("{what} is {found}, over the limit of {limit}: raise the limit if you trust the file")]
    Limit {
        /// What was measured, with its unit, e.g. "the picture's pixel count".
        what: &'static str,
        /// The value found.
        found: u64,
        /// The limit in force.
        limit: u64,
    },

    /// A decoder refused to allocate more memory than the limits allow.
    #[error("decoding the {format} file needs more memory than the limits allow")]
    DecoderMemory {
        /// The format its first bytes announce.
        format: Format,
    },

    /// There is no such file.
    #[error("{0:?} does not exist")]
    NotFound(PathBuf),

    /// The folder to write into does not exist.
    #[error("cannot write {path:?}: the folder {folder:?} does not exist; create it first")]
    MissingFolder {
        /// The output file.
        path: PathBuf,
        /// Its missing folder.
        folder: PathBuf,
    },

    /// The path exists but is not a regular file.
    #[error("{0:?} is not a file")]
    NotAFile(PathBuf),

    /// Permission was refused.
    #[error("no permission to {action} {path:?}: check the owner and mode of the file and its folder")]
    PermissionDenied {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
    },

    /// The disk or the quota is full; nothing was left behind.
    #[error("no space left to write {0:?}: free some space; nothing was written")]
    DiskFull(PathBuf),

    /// Any other failure of the file system.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A sample is NaN or infinite, so there is no colour to write.
    #[error("the picture holds values that are not numbers (first at sample {index}): nothing was written")]
    NotFinite {
        /// Index of the first such sample.
        index: usize,
    },

    /// A picture whose buffers do not match its size.
    #[error("a {width}x{height} picture needs {expected} samples, got {found}")]
    SizeMismatch {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Samples needed.
        expected: u64,
        /// Samples given.
        found: u64,
    },

    /// The caller's progress function asked to stop; what was being made is gone again.
    #[error("interrupted")]
    Interrupted,

    /// An encoder failed although its input was valid.
    #[error("the {format} encoder failed: {reason}")]
    Encoder {
        /// The format being written.
        format: Format,
        /// What the encoder said.
        reason: String,
    },
}

impl ImageError {
    /// Who must act.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownExtension(_)
            | Self::OutputUnsupported { .. }
            | Self::InvalidArgument(_)
            | Self::AlreadyExists(_) => ErrorKind::Caller,
            Self::UnknownFormat(_) | Self::Corrupt { .. } | Self::Unsupported { .. } | Self::DecoderPanicked { .. } => {
                ErrorKind::Input
            }
            Self::Limit { .. } | Self::DecoderMemory { .. } | Self::NotByRows(_) => ErrorKind::Limit,
            Self::NotFound(_)
            | Self::MissingFolder { .. }
            | Self::NotAFile(_)
            | Self::PermissionDenied { .. }
            | Self::DiskFull(_)
            | Self::Io { .. } => ErrorKind::Environment,
            Self::NotFinite { .. } | Self::SizeMismatch { .. } | Self::Encoder { .. } => ErrorKind::Internal,
            Self::Interrupted => ErrorKind::Cancelled,
        }
    }

    /// Sorts an error of the file system into the variant that says what to do.
    pub(crate) fn from_io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let path = path.to_path_buf();
        match source.kind() {
            Io::NotFound => Self::NotFound(path),
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::PermissionDenied { action, path },
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => Self::DiskFull(path),
            Io::AlreadyExists => Self::AlreadyExists(path),
            Io::IsADirectory => Self::NotAFile(path),
            _ => Self::Io { action, path, source },
        }
    }

    pub(crate) fn corrupt(format: Format, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt { format, reason: one_line(&reason.to_string()) }
    }

    pub(crate) fn unsupported(format: Format, reason: impl std::fmt::Display) -> Self {
        Self::Unsupported { format, reason: one_line(&reason.to_string()) }
    }
}

/// Decoders quote the file in their messages: control characters go, and the length is bounded.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_bounded_line() {
        let error = ImageError::corrupt(Format::Png, format!("a\nb\u{7}{}", "x".repeat(1000)));
        let text = error.to_string();
        assert!(!text.contains('\n') && text.len() < 300, "{text}");
        assert_eq!(error.kind(), ErrorKind::Input);
    }

    #[test]
    fn file_system_errors_say_what_to_do() {
        use std::io::{Error, ErrorKind as Io};
        let cases = [
            (Io::NotFound, "does not exist"),
            (Io::PermissionDenied, "no permission"),
            (Io::ReadOnlyFilesystem, "no permission"),
            (Io::StorageFull, "no space left"),
            (Io::BrokenPipe, "cannot write"),
        ];
        for (kind, expected) in cases {
            let error = ImageError::from_io("write", std::path::Path::new("a.png"), Error::from(kind));
            assert!(error.to_string().contains(expected), "{kind:?}: {error}");
        }
    }
}
