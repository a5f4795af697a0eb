//! Where tensors live. The only file that names a backend.

use std::fmt;
use std::str::FromStr;
#[cfg(feature = "flex")]
use std::sync::OnceLock;

use burn::tensor::Device;

use crate::error::{EngineError, Result};

/// What a user may ask for with `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceSpec {
    /// The best device that is compiled in and present.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU by index.
    Cuda(usize),
    /// A GPU through WebGPU (Vulkan, Metal or DirectX 12), by index; the system's default without one.
    Wgpu(Option<usize>),
}

impl FromStr for DeviceSpec {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => {
                let index = index.parse().map_err(|_| {
                    EngineError::Caller(format!("device '{text}': the part after ':' must be a number"))
                })?;
                (name, Some(index))
            }
            None => (text, None),
        };
        match (name, index) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("cuda", index) => Ok(Self::Cuda(index.unwrap_or(0))),
            ("wgpu" | "vulkan" | "metal", index) => Ok(Self::Wgpu(index)),
            _ => Err(EngineError::Caller(format!("unknown device '{text}': use auto, cpu, cuda[:n] or wgpu[:n]"))),
        }
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
            Self::Wgpu(None) => f.write_str("wgpu"),
            Self::Wgpu(Some(n)) => write!(f, "wgpu:{n}"),
        }
    }
}

/// An opened device and its name.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    /// The handle tensors are made with (without autodiff).
    pub device: Device,
    /// Which one it is; never [`DeviceSpec::Auto`].
    pub spec: DeviceSpec,
}

/// Opens a device.
///
/// # Errors
/// [`EngineError::Environment`] when the device is not compiled in or not present.
pub fn open(spec: DeviceSpec) -> Result<OpenDevice> {
    match spec {
        DeviceSpec::Auto => {
            let best = available().into_iter().next();
            open(best.ok_or_else(|| EngineError::Environment("no device is compiled into this binary".into()))?)
        }
        DeviceSpec::Cpu => open_cpu(),
        DeviceSpec::Cuda(index) => open_cuda(index),
        DeviceSpec::Wgpu(index) => open_wgpu(index),
    }
}

/// Every device that is compiled in and present, best first.
pub fn available() -> Vec<DeviceSpec> {
    let mut found = Vec::new();
    found.extend((0..cuda_count()).map(DeviceSpec::Cuda));
    if wgpu_present() {
        found.push(DeviceSpec::Wgpu(None));
    }
    if cfg!(feature = "flex") {
        found.push(DeviceSpec::Cpu);
    }
    found
}

/// The names of the backends compiled into this binary.
pub fn compiled() -> Vec<&'static str> {
    [("cuda", cfg!(feature = "cuda")), ("wgpu", cfg!(feature = "wgpu")), ("cpu", cfg!(feature = "flex"))]
        .into_iter()
        .filter_map(|(name, on)| on.then_some(name))
        .collect()
}

/// The environment variable that, set to `off`, leaves impasto's own CPU kernels out: the same operations are then composed
/// from burn's, as on other devices. For comparisons and for telling whose mistake something is. Read once.
pub const KERNELS_VARIABLE: &str = "IMPASTO_KERNELS";

/// Whether `device` runs impasto's own CPU kernels; elsewhere the same operations are composed from burn's.
pub fn has_kernels(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    {
        static WANTED: OnceLock<bool> = OnceLock::new();
        let wanted = *WANTED.get_or_init(|| std::env::var_os(KERNELS_VARIABLE).is_none_or(|value| value != "off"));
        wanted && device.clone().inner() == Device::flex()
    }
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// Runs `work`, a network's passes or steps of training on `device`, without its threads falling asleep in between, which
/// is [`impasto_kernels::awake`] where the kernels run.
pub fn awake<R: Send>(device: &Device, work: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "flex")]
    if has_kernels(device) {
        return impasto_kernels::awake(work);
    }
    let _ = device;
    work()
}

/// The instruction set that impasto's own CPU kernels run: the best of this processor, or the one that the environment
/// variable `IMPASTO_ISA` asks for (`avx512`, `avx2` or `portable`).
///
/// # Errors
/// [`EngineError::Environment`] when the variable asks for one that this processor lacks or that does not exist.
pub fn instruction_set() -> Result<&'static str> {
    impasto_kernels::instruction_set().map_err(|problem| EngineError::Environment(problem.to_string()))
}

#[cfg(feature = "flex")]
fn open_cpu() -> Result<OpenDevice> {
    instruction_set()?;
    Ok(OpenDevice { device: Device::flex(), spec: DeviceSpec::Cpu })
}

#[cfg(not(feature = "flex"))]
fn open_cpu() -> Result<OpenDevice> {
    Err(missing_feature("cpu", "flex"))
}

#[cfg(feature = "cuda")]
fn cuda_count() -> usize {
    guarded(|| {
        Device::enumerate(burn::tensor::DeviceFilter::new().with(burn::tensor::DeviceType::Cuda)).into_vec().len()
    })
    .unwrap_or(0)
}

#[cfg(not(feature = "cuda"))]
fn cuda_count() -> usize {
    0
}

#[cfg(feature = "cuda")]
fn open_cuda(index: usize) -> Result<OpenDevice> {
    if index >= cuda_count() {
        return Err(EngineError::Environment(format!(
            "cuda:{index} is not present; 'impasto doctor' lists the devices found"
        )));
    }
    Ok(OpenDevice { device: Device::cuda(index), spec: DeviceSpec::Cuda(index) })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(_: usize) -> Result<OpenDevice> {
    Err(missing_feature("cuda", "cuda"))
}

#[cfg(feature = "wgpu")]
fn wgpu_present() -> bool {
    guarded(|| {
        !Device::enumerate(burn::tensor::DeviceFilter::new().with(burn::tensor::DeviceType::Wgpu)).into_vec().is_empty()
    })
    .unwrap_or(false)
}

#[cfg(not(feature = "wgpu"))]
fn wgpu_present() -> bool {
    false
}

#[cfg(feature = "wgpu")]
fn open_wgpu(index: Option<usize>) -> Result<OpenDevice> {
    use burn::tensor::DeviceKind;
    if !wgpu_present() {
        return Err(EngineError::Environment(
            "no GPU was found through WebGPU; 'impasto doctor' lists the devices found".into(),
        ));
    }
    let kind = index.map_or(DeviceKind::DefaultDevice, DeviceKind::DiscreteGpu);
    Ok(OpenDevice { device: Device::wgpu(kind), spec: DeviceSpec::Wgpu(index) })
}

#[cfg(not(feature = "wgpu"))]
fn open_wgpu(_: Option<usize>) -> Result<OpenDevice> {
    Err(missing_feature("wgpu", "wgpu"))
}

/// GPU drivers are loaded at run time and their bindings panic where they are absent.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn guarded<T>(probe: impl FnOnce() -> T + std::panic::UnwindSafe) -> Option<T> {
    std::panic::catch_unwind(probe).ok()
}

#[cfg(any(not(feature = "flex"), not(feature = "cuda"), not(feature = "wgpu")))]
fn missing_feature(device: &str, feature: &str) -> EngineError {
    EngineError::Environment(format!(
        "{device} is not compiled into this binary; build it with 'cargo build --release --features {feature}' or use \
         one of: {}",
        compiled().join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_parse_and_print() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3", "wgpu", "wgpu:1"] {
            assert_eq!(text.parse::<DeviceSpec>().unwrap().to_string(), text);
        }
        for text in ["", "gpu", "cuda:x", "cpu:1", "auto:0"] {
            assert!(text.parse::<DeviceSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_device_that_is_not_compiled_in_says_how_to_get_it() {
        if !cfg!(feature = "cuda") {
            let message = open(DeviceSpec::Cuda(0)).unwrap_err().to_string();
            assert!(message.contains("--features cuda"), "{message}");
        }
    }
}
