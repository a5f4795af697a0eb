//! Choice of the instruction set at run time.
#![allow(unsafe_code)]

use std::fmt;
use std::sync::OnceLock;

use crate::lanes::{self, Lanes};

/// The environment variable that narrows the choice, for tests and measurements: `avx512` or `avx2`, `neon`, `simd128`, or
/// `portable`. Read once. It rules this crate's kernels only, not what other libraries choose for themselves.
pub const ISA_VARIABLE: &str = "IMPASTO_ISA";

/// An instruction set that the running processor has.
///
/// The variants other than [`Isa::Portable`] are made by [`Isa::detect`] and the like only, after detection: having one in hand proves
/// that its instructions may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// 16 lanes, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 lanes, 16 registers, fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 4 lanes, 32 registers, fused multiply-add.
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    Neon,
    /// 4 lanes of WebAssembly.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
    /// 4 lanes, which the compiler maps to what the target guarantees.
    Portable,
}

/// The value of [`ISA_VARIABLE`] names no instruction set of this processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsaError {
    value: String,
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
        let (value, names) = (&self.value, names.join(", "));
        write!(f, "{ISA_VARIABLE}={value} is not to be had here: unset it or set it to one of: {names}")
    }
}

impl std::error::Error for IsaError {}

/// The name of the instruction set that the kernels run, one of those of [`ISA_VARIABLE`].
///
/// # Errors
/// [`ISA_VARIABLE`] names none of this processor's. Programs ask at their start; the kernels, which have no way to
/// refuse, would run on the slowest, which every processor has.
pub fn instruction_set() -> Result<&'static str, IsaError> {
    Isa::chosen().as_ref().map(|isa| isa.name()).map_err(IsaError::clone)
}

impl Isa {
    /// The instruction set to run: the best of this processor, or the one asked for by [`ISA_VARIABLE`].
    pub(crate) fn detect() -> Self {
        *Self::chosen().as_ref().unwrap_or(&Self::Portable)
    }

    fn chosen() -> &'static Result<Self, IsaError> {
        static CHOSEN: OnceLock<Result<Isa, IsaError>> = OnceLock::new();
        CHOSEN.get_or_init(|| Self::choose(std::env::var_os(ISA_VARIABLE).map(|v| v.to_string_lossy().into_owned())))
    }

    fn choose(value: Option<String>) -> Result<Self, IsaError> {
        let available = Self::available();
        match value.filter(|value| !value.is_empty()) {
            None => Ok(available[0]),
            Some(value) => available.into_iter().find(|isa| isa.name() == value).ok_or(IsaError { value }),
        }
    }

    /// Every instruction set that this processor can run, best first; never empty.
    pub(crate) fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                found.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
            }
        }
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        found.push(Self::Neon);
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        found.push(Self::Simd128);
        found.push(Self::Portable);
        found
    }

    fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::Neon => "neon",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128 => "simd128",
            Self::Portable => "portable",
        }
    }

    /// Lanes of one vector.
    pub(crate) fn lanes(self) -> usize {
        self.vectors().0
    }

    /// Vectors that the processor holds at once.
    pub(crate) fn registers(self) -> usize {
        self.vectors().1
    }

    /// Lanes and registers.
    fn vectors(self) -> (usize, usize) {
        fn of<V: Lanes>() -> (usize, usize) {
            (V::COUNT, V::REGISTERS)
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => of::<lanes::Avx512>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => of::<lanes::Avx2>(),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Self::Neon => of::<lanes::Neon>(),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128 => of::<lanes::Simd128>(),
            Self::Portable => of::<lanes::Portable>(),
        }
    }
}

/// Defines a function that runs `$body`, generic over [`Lanes`](crate::lanes::Lanes), compiled for each instruction set.
///
/// `$body` must be `#[inline(always)]`, so that it is compiled with the features of the function around it.
macro_rules! dispatched {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) => $body:ident) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(isa: $crate::dispatch::Isa, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $type),*) {
                $body::<$crate::lanes::Avx512>($($arg),*);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $type),*) {
                $body::<$crate::lanes::Avx2>($($arg),*);
            }
            match isa {
                // SAFETY: the variant exists only where AVX-512 was detected.
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code)]
                $crate::dispatch::Isa::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: the variant exists only where AVX2 and FMA were detected.
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code)]
                $crate::dispatch::Isa::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
                $crate::dispatch::Isa::Neon => $body::<$crate::lanes::Neon>($($arg),*),
                #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                $crate::dispatch::Isa::Simd128 => $body::<$crate::lanes::Simd128>($($arg),*),
                $crate::dispatch::Isa::Portable => $body::<$crate::lanes::Portable>($($arg),*),
            }
        }
    };
}
pub(crate) use dispatched;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_narrows_the_choice() {
        let best = Isa::available()[0];
        let choose = |value: &str| Isa::choose(Some(value.to_owned()));
        assert_eq!(Isa::choose(None), Ok(best));
        assert_eq!(choose(""), Ok(best));
        for isa in Isa::available() {
            assert_eq!(choose(isa.name()), Ok(isa));
        }
        for value in ["sse9", "AVX2 ", "0"] {
            let message = choose(value).unwrap_err().to_string();
            assert!(message.contains(value) && message.contains("portable"), "{message}");
        }
    }
}
