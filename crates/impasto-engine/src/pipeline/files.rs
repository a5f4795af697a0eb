//! Pictures from files and into files, with errors that say whose turn it is.

use std::io::Read;
use std::path::{Path, PathBuf};

use impasto_image::{Depth, EncodeOptions, ErrorKind, Format, ImageError, Limits, MetadataPolicy, Parameters, Picture};

use crate::control::Control;
use crate::data::picture_files;
use crate::error::{EngineError, Result};

/// Where a picture comes from.
#[derive(Debug, Clone)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Bytes already in memory, with a name for messages.
    Memory {
        /// The name.
        name: String,
        /// The file's bytes.
        bytes: Vec<u8>,
    },
}

/// What the header of a picture file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) format: Format,
    /// Pixels.
    pub(super) width: u32,
    /// Pixels.
    pub(super) height: u32,
    /// Bytes of the file.
    pub(super) bytes: u64,
}

impl Measure {
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// A picture that was read.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The picture.
    pub picture: Picture,
    /// Its file.
    pub origin: Origin,
}

/// The file a picture comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// BLAKE3 of the file.
    pub blake3: String,
    /// What an earlier impasto wrote into it.
    pub parameters: Option<Parameters>,
}

/// The paths with every folder replaced by the pictures below it, sorted.
///
/// # Errors
/// [`EngineError::File`] for a folder without pictures.
pub fn pictures_below(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let mut files = picture_files(path)?;
        if files.is_empty() {
            return Err(EngineError::file(path, "holds no pictures (PNG, JPEG, WebP, TIFF, BMP or GIF)"));
        }
        files.sort();
        found.extend(files);
    }
    Ok(found)
}

impl Input {
    /// The path, or the name of what has none.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Memory { name, .. } => Path::new(name),
        }
    }

    /// The name without folders, as it may be published.
    pub fn public_name(&self) -> String {
        self.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Reads and decodes it; what the decoder noticed becomes notes.
    ///
    /// # Errors
    /// [`EngineError::File`] when it cannot be read, [`EngineError::Picture`] when it is no picture or over the limits.
    pub fn open(&self, limits: &Limits, control: &Control) -> Result<Opened> {
        let path = self.path();
        let from_file;
        let bytes = match self {
            Self::File(path) => {
                from_file = read(path, limits)?;
                &from_file
            }
            Self::Memory { bytes, .. } => bytes,
        };
        let picture = impasto_image::decode(bytes, limits).map_err(|e| EngineError::picture(path, e))?;
        for note in &picture.notes {
            control.note(format!("{}: {note}", path.display()));
        }
        // Parameters are a courtesy: a picture is not refused for what its texts hold.
        let parameters = impasto_image::read_parameters(bytes, limits).ok().flatten();
        let origin = Origin { blake3: blake3::hash(bytes).to_hex().to_string(), parameters };
        Ok(Opened { picture, origin })
    }

    /// What the header of a file says; `None` for what is not a file, or no picture that is within `limits`.
    pub(super) fn measure(&self, limits: &Limits) -> Option<Measure> {
        let Self::File(path) = self else { return None };
        let (format, width, height) = impasto_image::canvas::size(path, limits).ok()?;
        Some(Measure { format, width, height, bytes: std::fs::metadata(path).ok()?.len() })
    }

    /// The file without its picture. What an earlier impasto wrote is found within the limits.
    ///
    /// # Errors
    /// [`EngineError::File`] when it cannot be read.
    pub fn origin(&self, limits: &Limits) -> Result<Origin> {
        let (blake3, parameters) = match self {
            Self::Memory { bytes, .. } => {
                (blake3::hash(bytes).to_hex().to_string(), impasto_image::read_parameters(bytes, limits))
            }
            Self::File(path) => (crate::models::hash_file(path)?, impasto_image::read_parameters_from(path, limits)),
        };
        // A courtesy, as in [`Input::open`].
        Ok(Origin { blake3, parameters: parameters.ok().flatten() })
    }
}

/// The bytes of a picture file, never more than the limit.
///
/// # Errors
/// [`EngineError::File`] when it is missing, not a file, or may not be read; [`EngineError::Picture`] when it is too large.
pub(super) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => EngineError::file(path, "does not exist"),
        std::io::ErrorKind::PermissionDenied => EngineError::file(path, "may not be read: check its owner and mode"),
        _ => EngineError::io(path, &e),
    };
    let size = std::fs::metadata(path).map_err(failed)?;
    if size.is_dir() {
        return Err(EngineError::file(path, "is a folder, not a picture"));
    }
    let limit = limits.max_file_bytes;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let found = size.len().max(bytes.len() as u64);
        let source = ImageError::Limit { what: "the file's size in bytes", found, limit };
        return Err(EngineError::picture(path, source));
    }
    Ok(bytes)
}

/// Where a picture goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file, its format told by the extension.
    File(PathBuf),
    /// Memory, in this format.
    Memory(Format),
}

/// How pictures are written.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputOptions {
    /// Whether existing files are replaced.
    pub overwrite: bool,
    /// Bits a sample; the source's where the format can hold them when absent.
    pub depth: Option<Depth>,
    /// JPEG quality, 1 to 100.
    pub jpeg_quality: u8,
    /// What happens to the source's EXIF and XMP.
    pub metadata: MetadataPolicy,
    /// Whether what made the picture is written into it.
    pub parameters: bool,
}

impl Default for OutputOptions {
    fn default() -> Self {
        let encode = EncodeOptions::new(Format::Png);
        Self {
            overwrite: false,
            depth: None,
            jpeg_quality: encode.jpeg_quality,
            metadata: encode.metadata,
            parameters: true,
        }
    }
}

impl Target {
    /// The format it is written in.
    ///
    /// # Errors
    /// [`EngineError::Caller`] when the path's extension names none.
    pub fn format(&self) -> Result<Format> {
        match self {
            Self::File(path) => Ok(EncodeOptions::for_path(path).map_err(write_error)?.format),
            Self::Memory(format) => Ok(*format),
        }
    }

    /// Refuses early what [`Target::write`] would refuse after the work: an unknown or unwritable format, an existing
    /// file, a missing or read-only folder.
    ///
    /// # Errors
    /// [`EngineError::Caller`] or [`EngineError::Environment`].
    pub fn check(&self, options: &OutputOptions) -> Result<()> {
        let format = self.format()?;
        let Self::File(path) = self else { return Ok(()) };
        if format.depths().is_empty() {
            let text =
                format!("{}: {format} can be read but not written; use .png, .jpg, .webp or .tif", path.display());
            return Err(EngineError::Caller(text));
        }
        let folder = free_place(path, options.overwrite)?;
        // Modes and owners say little (root, network shares, read-only mounts): only trying tells.
        tempfile::Builder::new()
            .prefix(".impasto-")
            .tempfile_in(folder)
            .map(drop)
            .map_err(|e| EngineError::Environment(format!("cannot write into {}: {e}", folder.display())))
    }

    /// Writes the picture, whole or not at all. Returns the bytes for [`Target::Memory`].
    ///
    /// # Errors
    /// As [`Target::check`]; [`EngineError::Environment`] for a full disk.
    pub fn write(
        &self,
        picture: &Picture,
        options: &OutputOptions,
        parameters: Option<Parameters>,
        control: &Control,
    ) -> Result<Option<Vec<u8>>> {
        let encode = self.encode_options(options, picture.source.grey && is_grey(picture), parameters)?;
        for loss in encode.losses(picture) {
            control.warn(loss);
        }
        match self {
            Self::File(path) => {
                impasto_image::save(picture, path, &encode, options.overwrite).map_err(write_error)?;
                Ok(None)
            }
            Self::Memory(_) => impasto_image::encode(picture, &encode).map(Some).map_err(write_error),
        }
    }

    /// How a picture is encoded for this target; `grey` where it may be stored without colours.
    pub(super) fn encode_options(
        &self,
        options: &OutputOptions,
        grey: bool,
        parameters: Option<Parameters>,
    ) -> Result<EncodeOptions> {
        Ok(EncodeOptions {
            format: self.format()?,
            depth: options.depth,
            jpeg_quality: options.jpeg_quality,
            metadata: options.metadata,
            grey: grey.then_some(true),
            parameters: parameters.filter(|_| options.parameters),
        })
    }
}

/// Whether no pixel has a colour.
pub(super) fn is_grey(picture: &Picture) -> bool {
    picture.triples().iter().all(|[r, g, b]| r == g && g == b)
}

/// The image crate's messages about writing name the file themselves.
pub(super) fn write_error(error: ImageError) -> EngineError {
    match error.kind() {
        ErrorKind::Caller | ErrorKind::Input => EngineError::Caller(error.to_string()),
        ErrorKind::Limit => EngineError::Limit(error.to_string()),
        ErrorKind::Environment => EngineError::Environment(error.to_string()),
        ErrorKind::Internal => EngineError::Internal(error.to_string()),
        ErrorKind::Cancelled => EngineError::Cancelled,
    }
}

/// The folder of a file that may be written: one that is not there yet, or that may be replaced.
///
/// # Errors
/// [`EngineError::Caller`] for a file that exists, [`EngineError::Environment`] for a folder that does not.
pub fn free_place(path: &Path, overwrite: bool) -> Result<&Path> {
    if path.symlink_metadata().is_ok() && !overwrite {
        let text = format!("{} already exists; choose another name or give --overwrite", path.display());
        return Err(EngineError::Caller(text));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let text = format!("cannot write {}: the folder {} does not exist", path.display(), folder.display());
        return Err(EngineError::Environment(text));
    }
    Ok(folder)
}
