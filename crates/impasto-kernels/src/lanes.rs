//! Vectors of the instruction sets behind one trait, so that each inner loop is written once.
//!
//! Arrays of `f32` are not enough here: whether the compiler keeps nested arrays in registers depends on the shape of the
//! tile, and where it does not the loops run ten times slower.
#![allow(unsafe_code)]

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use std::arch::aarch64::{float32x4_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmulq_f32, vst1q_f32, vsubq_f32};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use std::arch::wasm32::{f32x4_add, f32x4_mul, f32x4_splat, f32x4_sub, v128, v128_load, v128_store};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T0, _mm_prefetch, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mul_ps,
    _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

/// A vector of `f32`.
///
/// The types for AVX are named by [`dispatched`](crate::dispatch::dispatched) only, inside functions that run after the
/// detection of their instructions; this is what makes the methods sound. Those for NEON and for WebAssembly exist only
/// where the whole program is built for their instructions.
pub(crate) trait Lanes: Copy {
    /// How many values.
    const COUNT: usize;

    /// How many vectors the processor holds at once: the size of register tiles follows from it.
    const REGISTERS: usize;

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
    const REGISTERS: usize = 16;
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
        four(&self.0)
    }
}

/// The sum of four lanes.
#[inline(always)]
fn four(lanes: &[f32; 4]) -> f32 {
    let [a, b, c, d] = *lanes;
    (a + c) + (b + d)
}

/// 8 lanes with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

/// 16 lanes with AVX-512F.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

/// 4 lanes with NEON, which every 64-bit ARM processor with a floating-point unit has.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t);

/// 4 lanes with WebAssembly's vectors, which a program is built for as a whole. They have no fused multiply-add.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[derive(Clone, Copy)]
pub(crate) struct Simd128(v128);

/// The sum of the lanes by way of vectors of half the length.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn halved<H: Lanes>(lanes: &[f32]) -> f32 {
    H::load(lanes).plus(H::load(&lanes[H::COUNT..])).total()
}

/// Implements [`Lanes`] with intrinsics: how many lanes and registers, whether the multiply-add (whose operands are named
/// first) is fused, how lanes are summed, and the instructions.
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
macro_rules! intrinsics {
    (
        $name:ident, $count:literal of $registers:literal, fused $fused:literal, $total:path, $splat:ident, $load:expr,
        $store:expr, ($a:ident, $b:ident, $c:ident) => $fma:expr, $add:ident, $sub:ident, $mul:ident
    ) => {
        // Where the whole program is built for the instructions, most of them are safe to call.
        #[allow(unused_unsafe)]
        impl Lanes for $name {
            const COUNT: usize = $count;
            const REGISTERS: usize = $registers;
            const FMA: bool = $fused;

            #[inline(always)]
            fn splat(value: f32) -> Self {
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load(values: &[f32]) -> Self {
                let values = &values[..$count];
                // SAFETY: the processor has the instructions, see `Lanes`; the slice holds one vector.
                Self(unsafe { $load(values.as_ptr().cast()) })
            }

            #[inline(always)]
            fn store(self, values: &mut [f32]) {
                let values = &mut values[..$count];
                // SAFETY: the processor has the instructions, see `Lanes`; the slice holds one vector.
                unsafe { $store(values.as_mut_ptr().cast(), self.0) }
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                let ($a, $b, $c) = (self.0, factor.0, term.0);
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $fma })
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
                $total(&lanes)
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
intrinsics!(
    Avx2, 8 of 16, fused true, halved::<Portable>, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    (a, b, c) => _mm256_fmadd_ps(a, b, c), _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps
);
#[cfg(target_arch = "x86_64")]
intrinsics!(
    Avx512, 16 of 32, fused true, halved::<Avx2>, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    (a, b, c) => _mm512_fmadd_ps(a, b, c), _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps
);
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
intrinsics!(
    Neon, 4 of 32, fused true, four, vdupq_n_f32, vld1q_f32, vst1q_f32,
    (a, b, c) => vfmaq_f32(c, a, b), vaddq_f32, vsubq_f32, vmulq_f32
);
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
intrinsics!(
    Simd128, 4 of 16, fused false, four, f32x4_splat, v128_load, v128_store,
    (a, b, c) => f32x4_add(f32x4_mul(a, b), c), f32x4_add, f32x4_sub, f32x4_mul
);
