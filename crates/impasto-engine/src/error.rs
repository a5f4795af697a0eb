//! Errors, grouped by who has to act.

use std::path::{Path, PathBuf};

use impasto_image::ImageError;

/// The engine's result type.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// What can go wrong in the engine. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The caller asked for something that cannot be done: wrong option, unknown name, impossible combination.
    #[error("{0}")]
    Caller(String),
    /// A file is missing, damaged, of the wrong kind, or does not fit what it is used for.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or folder in question.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A picture could not be read or written.
    #[error("{}: {source}", path.display())]
    Picture {
        /// The picture's path, or a name for it where it has none.
        path: PathBuf,
        /// What the image crate says.
        #[source]
        source: ImageError,
    },
    /// A limit on memory, pixels or time was reached.
    #[error("{0}")]
    Limit(String),
    /// The machine lacks something: a device, a permission, disk space.
    #[error("{0}")]
    Environment(String),
    /// Training went wrong again and again, whatever was changed.
    #[error("{0}")]
    Diverged(String),
    /// The work was cancelled through [`crate::Control`].
    #[error("cancelled")]
    Cancelled,
    /// A broken invariant of impasto itself; please report it.
    #[error("internal error: {0} (please report this)")]
    Internal(String),
}

/// Who has to act on an error; front ends map it to exit codes and HTTP statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The options or the request.
    Caller,
    /// An input file.
    Input,
    /// A resource limit.
    Limit,
    /// The machine.
    Environment,
    /// The settings or the data of a training.
    Training,
    /// Nobody: the user cancelled.
    Cancelled,
    /// impasto.
    Internal,
}

impl EngineError {
    /// An error about a file.
    pub fn file(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::File { path: path.as_ref().to_owned(), reason: reason.into() }
    }

    /// An input or output error on a path.
    pub fn io(path: impl AsRef<Path>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let path = path.as_ref();
        match error.kind() {
            K::NotFound | K::InvalidData | K::UnexpectedEof | K::IsADirectory | K::NotADirectory => {
                Self::file(path, error.to_string())
            }
            _ => Self::Environment(format!("{}: {error}", path.display())),
        }
    }

    /// An image error on a path.
    pub fn picture(path: impl AsRef<Path>, source: ImageError) -> Self {
        Self::Picture { path: path.as_ref().to_owned(), source }
    }

    /// Who has to act.
    pub fn blame(&self) -> Blame {
        use impasto_image::ErrorKind as I;
        match self {
            Self::Caller(_) => Blame::Caller,
            Self::File { .. } => Blame::Input,
            Self::Picture { source, .. } => match source.kind() {
                I::Caller => Blame::Caller,
                I::Input => Blame::Input,
                I::Limit => Blame::Limit,
                I::Environment => Blame::Environment,
                I::Internal => Blame::Internal,
                I::Cancelled => Blame::Cancelled,
            },
            Self::Limit(_) => Blame::Limit,
            Self::Environment(_) => Blame::Environment,
            Self::Diverged(_) => Blame::Training,
            Self::Cancelled => Blame::Cancelled,
            Self::Internal(_) => Blame::Internal,
        }
    }
}
