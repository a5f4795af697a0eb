//! Vectors of the instruction sets behind one trait, so that each inner loop is written once.
//!
//! Arrays of `f32` are not enough here: whether the compiler keeps nested arrays in registers depends on the shape of the
//! tile, and where it does not the loops run ten times slower.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T0, _mm_prefetch, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mul_ps,
    _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

/// A vector of `f32`.
///
/// The types for AVX are named by [`dispatched`](crate::dispatch::dispatched) only, inside functions that run after the
/// detection of their instructions; this is what makes the methods sound.
pub(crate) trait Lanes: Copy {
    /// How many values.
    const COUNT: usize;

    /// Whether [`Lanes::scalar_fma`] is fused.
    const FMA: bool;

    /// One value in every lane.
    fn splat(value: f32) -> Self;

    /// The first values of a slice of at least [`Lanes::COUNT`].
    fn load(values: &[f32]) -> Self;

    /// To the first values of a slice of at least [`Lanes::COUNT`].
    fn store(self, values: &mut [f32]);

    /// `self * factor + term`.
    fn mul_add(self, factor: Self, term: Self) -> Self;

    /// `self + other`.
    fn plus(self, other: Self) -> Self;

    /// `self - other`.
    fn minus(self, other: Self) -> Self;

    /// `self * other`.
    fn times(self, other: Self) -> Self;

    /// The sum of the lanes, in an order of its own.
    fn total(self) -> f32;

    /// `a * b + c`, fused where the instruction exists.
    #[inline(always)]
    fn scalar_fma(a: f32, b: f32, c: f32) -> f32 {
        if Self::FMA { a.mul_add(b, c) } else { a * b + c }
    }
}

/// Asks for values that are going to be read, where the processor can be asked.
#[inline]
pub(crate) fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(crate::scratch::LINE) {
        // SAFETY: every x86-64 processor has the instruction, and it reads nothing that the program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Four values that the compiler maps to what the target guarantees.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 4]);

impl Lanes for Portable {
    const COUNT: usize = 4;
    /// Without the instruction `mul_add` would be a library call.
    const FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    fn load(values: &[f32]) -> Self {
        Self([values[0], values[1], values[2], values[3]])
    }

    #[inline(always)]
    fn store(self, values: &mut [f32]) {
        values[..4].copy_from_slice(&self.0);
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        let (a, b, c) = (self.0, factor.0, term.0);
        let lane = |l: usize| Self::scalar_fma(a[l], b[l], c[l]);
        Self([lane(0), lane(1), lane(2), lane(3)])
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        Self([a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]])
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        Self([a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]])
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        Self([a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]])
    }

    #[inline(always)]
    fn total(self) -> f32 {
        let [a, b, c, d] = self.0;
        (a + c) + (b + d)
    }
}

/// 8 lanes with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

/// 16 lanes with AVX-512F.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

/// Implements [`Lanes`] with intrinsics.
#[cfg(target_arch = "x86_64")]
macro_rules! intrinsics {
    (
        $name:ident, $count:literal, $half:ty, $splat:ident, $load:ident, $store:ident, $fma:ident, $add:ident, $sub:ident,
        $mul:ident
    ) => {
        impl Lanes for $name {
            const COUNT: usize = $count;
            const FMA: bool = true;

            #[inline(always)]
            fn splat(value: f32) -> Self {
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load(values: &[f32]) -> Self {
                let values = &values[..$count];
                // SAFETY: the processor has the instructions, see `Lanes`; the slice holds one vector.
                Self(unsafe { $load(values.as_ptr()) })
            }

            #[inline(always)]
            fn store(self, values: &mut [f32]) {
                let values = &mut values[..$count];
                // SAFETY: the processor has the instructions, see `Lanes`; the slice holds one vector.
                unsafe { $store(values.as_mut_ptr(), self.0) }
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $fma(self.0, factor.0, term.0) })
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $sub(self.0, other.0) })
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $mul(self.0, other.0) })
            }

            #[inline(always)]
            fn total(self) -> f32 {
                let mut lanes = [0.0; $count];
                self.store(&mut lanes);
                <$half>::load(&lanes).plus(<$half>::load(&lanes[$count / 2..])).total()
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
intrinsics!(
    Avx2,
    8,
    Portable,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps
);
#[cfg(target_arch = "x86_64")]
intrinsics!(
    Avx512,
    16,
    Avx2,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps
);
