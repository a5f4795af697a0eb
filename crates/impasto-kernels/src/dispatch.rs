//! Choice of the instruction set at run time.
#![allow(unsafe_code)]

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
    /// 4 lanes, which the compiler maps to what the target guarantees.
    Portable,
}

impl Isa {
    /// The best instruction set of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// Every instruction set that this processor can run, best first.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::detect()];
        #[cfg(target_arch = "x86_64")]
        if all[0] == Self::Avx512 && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            all.push(Self::Avx2);
        }
        if all[0] != Self::Portable {
            all.push(Self::Portable);
        }
        all
    }

    /// Lanes of one vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8,
            Self::Portable => 4,
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
                $crate::dispatch::Isa::Portable => $body::<$crate::lanes::Portable>($($arg),*),
            }
        }
    };
}
pub(crate) use dispatched;
