//! Writing a file whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::ImageError;
use crate::format::Format;
use crate::picture::Picture;

use super::{EncodeOptions, encode};

/// Encodes a picture and writes it to `path`, atomically.
///
/// The bytes go to a temporary file in the same folder, are forced to disk, and take the name in one step; whatever
/// happens before leaves the old file, or none, and no rubbish. With `overwrite` false an existing file is never replaced,
/// not even one that appears meanwhile. An overwritten file keeps its permissions, and a link keeps pointing to it.
///
/// # Errors
/// [`ErrorKind::Caller`](crate::ErrorKind::Caller): an extension that is unknown or of another format than
/// `options.format`, a file that exists. [`ErrorKind::Environment`](crate::ErrorKind::Environment): a missing or read-only
/// folder, a full disk. Otherwise as [`encode`].
pub fn save(picture: &Picture, path: &Path, options: &EncodeOptions, overwrite: bool) -> Result<(), ImageError> {
    check_extension(path, options.format)?;
    let mut pending = Pending::new(path, overwrite)?;
    let bytes = encode(picture, options)?;
    pending.write(|file| Ok(file.write_all(&bytes)?))?;
    pending.finish()
}

/// Refuses a path whose extension names no format, or another than `format`.
pub(crate) fn check_extension(path: &Path, format: Format) -> Result<(), ImageError> {
    match path.extension().and_then(|e| e.to_str()).and_then(Format::from_extension) {
        None => Err(ImageError::UnknownExtension(path.to_path_buf())),
        Some(named) if named != format => {
            let wanted = format.extension();
            let what = format!("be saved as {path:?}: name it .{wanted} or choose the format {named}");
            Err(ImageError::OutputUnsupported { format, what })
        }
        Some(_) => Ok(()),
    }
}

/// A file under another name beside the one it is to replace. Dropped without [`Pending::finish`] it leaves nothing.
pub(crate) struct Pending {
    file: NamedTempFile,
    target: PathBuf,
    folder: PathBuf,
    overwrite: bool,
}

impl Pending {
    /// Refuses what cannot be written, then makes the file.
    pub(crate) fn new(path: &Path, overwrite: bool) -> Result<Self, ImageError> {
        // Cheap refusals before the expensive part; the last step checks again without a gap.
        let existing = path.symlink_metadata().ok();
        if existing.is_some() && !overwrite {
            return Err(ImageError::AlreadyExists(path.to_path_buf()));
        }
        let target = if existing.as_ref().is_some_and(|meta| meta.is_symlink()) {
            path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
        } else {
            path.to_path_buf()
        };
        if target.is_dir() {
            return Err(ImageError::NotAFile(target));
        }
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        if !folder.is_dir() {
            return Err(ImageError::MissingFolder { path: path.to_path_buf(), folder });
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".impasto-").suffix(".tmp");
        #[cfg(unix)]
        let fresh = {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private by default; a picture gets what any new file gets, the umask applied.
            std::fs::Permissions::from_mode(0o666)
        };
        #[cfg(unix)]
        builder.permissions(fresh);
        let file = builder.tempfile_in(&folder).map_err(|source| ImageError::from_io("write", &target, source))?;
        Ok(Self { file, target, folder, overwrite })
    }

    /// Another handle of the file.
    pub(crate) fn handle(&self) -> Result<File, ImageError> {
        self.file.as_file().try_clone().map_err(|source| ImageError::from_io("write", &self.target, source))
    }

    /// Lets `work` write the file; failures of the file system are told as such.
    pub(crate) fn write(&mut self, work: impl FnOnce(&mut File) -> Result<(), Failed>) -> Result<(), ImageError> {
        work(self.file.as_file_mut()).map_err(|failed| match failed {
            Failed::Io(source) => ImageError::from_io("write", &self.target, source),
            Failed::Image(error) => error,
        })
    }

    /// Forces the file to disk and gives it its name, in one step.
    pub(crate) fn finish(self) -> Result<(), ImageError> {
        let Self { file, target, folder, overwrite } = self;
        let fail = |source| ImageError::from_io("write", &target, source);
        let permissions = std::fs::metadata(&target).ok().map(|meta| meta.permissions());
        if let Some(permissions) = permissions.filter(|p| !p.readonly()) {
            // A file system without permissions must not keep a picture from being saved.
            let _best_effort = file.as_file().set_permissions(permissions);
        }
        file.as_file().sync_all().map_err(fail)?;
        let placed = if overwrite { file.persist(&target) } else { file.persist_noclobber(&target) };
        placed.map_err(|error| fail(error.error))?;
        // The new name is only as durable as the folder that holds it; where folders cannot be synced, nothing is lost.
        #[cfg(unix)]
        let _best_effort = File::open(&folder).and_then(|folder| folder.sync_all());
        #[cfg(not(unix))]
        drop(folder);
        Ok(())
    }
}

/// Why a file could not be filled.
pub(crate) enum Failed {
    /// The file system refused.
    Io(io::Error),
    /// Something else, which says so itself.
    Image(ImageError),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ImageError> for Failed {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}
