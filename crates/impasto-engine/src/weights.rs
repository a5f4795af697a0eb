//! Weights files: one self-describing `.safetensors`; never pickle, never code.
//!
//! The file's metadata holds one key, `impasto`, whose value is the [`Header`] as JSON. Tensors are named by their path
//! in the module and stored as f32 or f16; they are f32 in memory.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};

/// The version of [`Header`] this build writes; files of a later version are refused.
pub const FORMAT_VERSION: u32 = 1;

/// Largest weights file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// What a weights file says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// See [`FORMAT_VERSION`].
    pub version: u32,
    /// The registry name of the algorithm the weights belong to.
    pub algorithm: String,
    /// What people call it.
    pub title: String,
    /// Licence of the weights, an SPDX expression.
    pub licence: String,
    /// The algorithm's configuration.
    pub config: serde_json::Value,
    /// How the weights came to be: data, settings, steps, figures. Free-form.
    #[serde(default)]
    pub training: serde_json::Value,
}

/// One tensor's shape and values in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// The values; as many as the product of the shape.
    pub values: Vec<f32>,
}

/// Tensors by name.
pub type Arrays = BTreeMap<String, Array>;

/// How values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bit: exact.
    F32,
    /// 16 bit: half the size, for shipped weights.
    F16,
}

/// All float parameters of a module by path (`encoder.conv1.weight`).
pub fn collect<M: Module>(module: &M) -> Arrays {
    #[derive(Default)]
    struct Collect {
        path: Vec<String>,
        arrays: Arrays,
    }
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            let shape = tensor.dims().to_vec();
            self.arrays.insert(self.path.join("."), Array { shape, values: crate::tensor::values(tensor) });
        }
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
    }
    let mut visitor = Collect::default();
    module.visit(&mut visitor);
    visitor.arrays
}

/// Puts `arrays` into a module of the same structure.
///
/// # Errors
/// A line that names the first tensor that is missing, superfluous, misshapen or not finite.
pub fn apply<M: Module>(module: M, arrays: &Arrays) -> Result<M, String> {
    struct Apply<'a> {
        path: Vec<String>,
        arrays: &'a Arrays,
        used: usize,
        problem: Option<String>,
    }
    impl ModuleMapper for Apply<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.path.join(".");
            let shape = param.lazy_shape().to_vec();
            let problem = match self.arrays.get(&name) {
                None => format!("tensor '{name}' is missing"),
                Some(array) if array.shape != shape => {
                    format!("tensor '{name}' has shape {:?}, expected {shape:?}", array.shape)
                }
                Some(array) if array.values.iter().any(|v| !v.is_finite()) => {
                    format!("tensor '{name}' holds values that are not finite")
                }
                Some(array) => {
                    self.used += 1;
                    let data = TensorData::new(array.values.clone(), shape);
                    let device = param.lazy_device();
                    let tracked = param.is_require_grad();
                    return param.map(|_| Tensor::from_data(data, &device).set_require_grad(tracked));
                }
            };
            self.problem.get_or_insert(problem);
            param
        }
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
    }
    let mut mapper = Apply { path: Vec::new(), arrays, used: 0, problem: None };
    let module = module.map(&mut mapper);
    if let Some(problem) = mapper.problem {
        return Err(problem);
    }
    if mapper.used != arrays.len() {
        let known = collect(&module);
        let extra = arrays.keys().find(|name| !known.contains_key(*name));
        return Err(format!("tensor '{}' does not belong to this network", extra.map_or("?", String::as_str)));
    }
    Ok(module)
}

/// The bytes of a safetensors file with `metadata`.
pub fn to_bytes(arrays: &Arrays, metadata: HashMap<String, String>, precision: Precision) -> Result<Vec<u8>> {
    let stored: Vec<(&String, &Array, Vec<u8>)> = arrays
        .iter()
        .map(|(name, array)| {
            let bytes = match precision {
                Precision::F32 => bytemuck::cast_slice(&array.values).to_vec(),
                Precision::F16 => array.values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            };
            (name, array, bytes)
        })
        .collect();
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
    };
    let views = stored
        .iter()
        .map(|(name, array, bytes)| Ok((name.as_str(), TensorView::new(dtype, array.shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| EngineError::Internal(e.to_string()))?;
    safetensors::serialize(views, Some(metadata)).map_err(|e| EngineError::Internal(e.to_string()))
}

/// Parses a safetensors file: its tensors (f32, f16 or bf16, widened to f32) and its metadata.
///
/// # Errors
/// A line that says what is wrong with the bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<(Arrays, HashMap<String, String>), String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| format!("not a safetensors file ({e})"))?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| format!("damaged safetensors file ({e})"))?;
    let mut arrays = Arrays::new();
    for (name, view) in file.iter() {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => data.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::BF16 => data.as_chunks::<2>().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
            other => return Err(format!("tensor '{name}' has type {other:?}; only F32, F16 and BF16 are read")),
        };
        arrays.insert(name.to_owned(), Array { shape: view.shape().to_vec(), values });
    }
    Ok((arrays, metadata.metadata().clone().unwrap_or_default()))
}

/// Reads a safetensors file of any origin.
///
/// # Errors
/// [`EngineError::File`] when it cannot be read or parsed.
pub fn read_arrays(path: &Path) -> Result<(Arrays, HashMap<String, String>)> {
    let size = std::fs::metadata(path).map_err(|e| EngineError::io(path, &e))?.len();
    if size > MAX_FILE_BYTES {
        return Err(EngineError::file(path, format!("{size} bytes is more than weights may have ({MAX_FILE_BYTES})")));
    }
    let bytes = std::fs::read(path).map_err(|e| EngineError::io(path, &e))?;
    from_bytes(&bytes).map_err(|reason| EngineError::file(path, reason))
}

/// The bytes of an impasto weights file.
pub fn encode(header: &Header, arrays: &Arrays, precision: Precision) -> Result<Vec<u8>> {
    let json = serde_json::to_string(header).map_err(|e| EngineError::Internal(e.to_string()))?;
    to_bytes(arrays, HashMap::from([("impasto".to_owned(), json)]), precision)
}

/// Parses an impasto weights file.
///
/// # Errors
/// A line that says what is wrong: not impasto's, too new, damaged.
pub fn decode(bytes: &[u8]) -> Result<(Header, Arrays), String> {
    let (arrays, metadata) = from_bytes(bytes)?;
    Ok((header_of(&metadata)?, arrays))
}

fn header_of(metadata: &HashMap<String, String>) -> Result<Header, String> {
    let json = metadata
        .get("impasto")
        .ok_or("not an impasto weights file (foreign weights are converted once, by an explicit import)")?;
    let version = serde_json::from_str::<serde_json::Value>(json)
        .ok()
        .and_then(|v| v.get("version").and_then(serde_json::Value::as_u64))
        .ok_or("its impasto header is damaged")?;
    if version > u64::from(FORMAT_VERSION) {
        return Err(format!("it was written by a newer impasto (format {version}); update impasto to read it"));
    }
    serde_json::from_str(json).map_err(|e| format!("its impasto header is damaged ({e})"))
}

/// The header that a file of impasto's keeps as JSON under `key`, if it was written in `newest` format at most; `absent`
/// is said of files without it.
///
/// # Errors
/// A line that says what is wrong with it.
pub(crate) fn kept_header<T: DeserializeOwned>(
    metadata: &HashMap<String, String>,
    key: &str,
    newest: u32,
    absent: &str,
) -> Result<T, String> {
    let json = metadata.get(key).ok_or(absent)?;
    let value: serde_json::Value = serde_json::from_str(json).map_err(|_| "its header is damaged")?;
    let version = value["version"].as_u64().ok_or("its header is damaged")?;
    if version > u64::from(newest) {
        return Err(format!("was written by a newer impasto (format {version}); update impasto to read it"));
    }
    serde_json::from_value(value).map_err(|e| format!("its header is damaged ({e})"))
}

/// Reads an impasto weights file.
///
/// # Errors
/// [`EngineError::File`] when it cannot be read or is not one.
pub fn load(path: &Path) -> Result<(Header, Arrays)> {
    let (arrays, metadata) = read_arrays(path)?;
    let header = header_of(&metadata).map_err(|reason| EngineError::file(path, reason))?;
    Ok((header, arrays))
}

/// Writes an impasto weights file atomically, replacing what is there.
///
/// # Errors
/// [`EngineError::Environment`] when it cannot be written.
pub fn save(path: &Path, header: &Header, arrays: &Arrays, precision: Precision) -> Result<()> {
    write_atomic(path, &encode(header, arrays, precision)?)
}

/// Writes `bytes` to `path` so that at any instant either the old or the new file is there: a temporary file in the
/// same folder, flushed to disk, renamed, and the folder flushed.
///
/// # Errors
/// [`EngineError::Environment`] or [`EngineError::File`] when it cannot be written.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let error = |e: &std::io::Error| EngineError::Environment(format!("cannot write {}: {e}", path.display()));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private by default; what they become gets the mode of any new file, the umask applied.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(|e| error(&e))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| error(&e))?;
    file.persist(path).map_err(|e| error(&e.error))?;
    sync_folder(folder).map_err(|e| error(&e))
}

/// Flushes a folder's entries to disk, where the system can.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
