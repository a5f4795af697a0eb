//! Writing a file whole or not at all.

use std::io::Write;
use std::path::Path;

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
    let extension = path.extension().and_then(|e| e.to_str()).and_then(Format::from_extension);
    match extension {
        None => return Err(ImageError::UnknownExtension(path.to_path_buf())),
        Some(named) if named != options.format => {
            let (format, wanted) = (options.format, options.format.extension());
            let what = format!("be saved as {path:?}: name it .{wanted} or choose the format {named}");
            return Err(ImageError::OutputUnsupported { format, what });
        }
        Some(_) => {}
    }
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
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(ImageError::MissingFolder { path: path.to_path_buf(), folder: folder.to_path_buf() });
    }
    write(&encode(picture, options)?, &target, folder, overwrite)
}

fn write(bytes: &[u8], target: &Path, folder: &Path, overwrite: bool) -> Result<(), ImageError> {
    let fail = |source| ImageError::from_io("write", target, source);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".impasto-").suffix(".tmp");
    let permissions = std::fs::metadata(target).ok().map(|meta| meta.permissions());
    #[cfg(unix)]
    let fresh = {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private by default; a picture gets what any new file gets, the umask applied.
        std::fs::Permissions::from_mode(0o666)
    };
    #[cfg(unix)]
    builder.permissions(fresh);
    let mut file = builder.tempfile_in(folder).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    if let Some(permissions) = permissions.filter(|p| !p.readonly()) {
        // A file system without permissions must not keep a picture from being saved.
        let _best_effort = file.as_file().set_permissions(permissions);
    }
    file.as_file().sync_all().map_err(fail)?;
    let placed = if overwrite { file.persist(target) } else { file.persist_noclobber(target) };
    placed.map_err(|error| fail(error.error))?;
    // The new name is only as durable as the folder that holds it; where folders cannot be synced, nothing is lost.
    #[cfg(unix)]
    let _best_effort = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}
