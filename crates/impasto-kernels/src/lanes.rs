//! Vectors of the instruction sets behind one trait, so that each inner loop is written once.
//!
//! Arrays of `f32` are not enough here: whether the compiler keeps nested arrays in registers depends on the shape of the
//! tile, and where it does not the loops run ten times slower.
#![allow(unsafe_code)]

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vbslq_f32, vcgtq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmulq_f32, vst1q_f32, vsubq_f32,
    vuzp1q_f32, vuzp2q_f32, vzip1q_f32, vzip2q_f32,
};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use std::arch::wasm32::{
    f32x4_add, f32x4_mul, f32x4_pmax, f32x4_splat, f32x4_sub, i32x4_shuffle, v128, v128_load, v128_store,
};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T0, _mm_prefetch, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps_pd, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_max_ps, _mm256_mul_ps, _mm256_permute2f128_ps, _mm256_permute4x64_pd, _mm256_set1_ps,
    _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps, _mm512_add_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_mul_ps, _mm512_permutex2var_ps, _mm512_set1_ps,
    _mm512_setr_epi32, _mm512_storeu_ps, _mm512_sub_ps,
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

    /// `self` where it is larger than `other`, else `other`, also where one of them is no number.
    fn larger(self, other: Self) -> Self;

    /// The values of both in turns, those of `self` first: two vectors.
    fn zip(self, other: Self) -> [Self; 2];

    /// The inverse of [`Lanes::zip`]: every second value of both, from the first on and from the second on.
    fn unzip(self, other: Self) -> [Self; 2];

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
    fn larger(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        let lane = |l: usize| if a[l] > b[l] { a[l] } else { b[l] };
        Self([lane(0), lane(1), lane(2), lane(3)])
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        let (a, b) = (self.0, other.0);
        [Self([a[0], b[0], a[1], b[1]]), Self([a[2], b[2], a[3], b[3]])]
    }

    #[inline(always)]
    fn unzip(self, other: Self) -> [Self; 2] {
        let (a, b) = (self.0, other.0);
        [Self([a[0], a[2], b[0], b[2]]), Self([a[1], a[3], b[1], b[3]])]
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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn zip_avx512(a: __m512, b: __m512) -> [__m512; 2] {
    let first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let second = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    [_mm512_permutex2var_ps(a, first, b), _mm512_permutex2var_ps(a, second, b)]
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn unzip_avx512(a: __m512, b: __m512) -> [__m512; 2] {
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    [_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b)]
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn zip_avx2(a: __m256, b: __m256) -> [__m256; 2] {
    // Values 0, 1, 4, 5 and 2, 3, 6, 7 of both: the halves of a vector are turned by themselves.
    let (outer, inner) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    [_mm256_permute2f128_ps::<0x20>(outer, inner), _mm256_permute2f128_ps::<0x31>(outer, inner)]
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn unzip_avx2(a: __m256, b: __m256) -> [__m256; 2] {
    // Pairs of one and the other in turns, which are sorted as if they were values of twice the size.
    let even = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
    let odd = _mm256_castps_pd(_mm256_shuffle_ps::<0b11_01_11_01>(a, b));
    let even = _mm256_permute4x64_pd::<0b11_01_10_00>(even);
    let odd = _mm256_permute4x64_pd::<0b11_01_10_00>(odd);
    [_mm256_castpd_ps(even), _mm256_castpd_ps(odd)]
}

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
// As in the implementations below.
#[allow(unused_unsafe)]
#[inline(always)]
fn larger_neon(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    // SAFETY: the type exists only where the instructions do.
    unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
}

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
// As in the implementations below.
#[allow(unused_unsafe)]
#[inline(always)]
fn zip_neon(a: float32x4_t, b: float32x4_t) -> [float32x4_t; 2] {
    // SAFETY: the type exists only where the instructions do.
    unsafe { [vzip1q_f32(a, b), vzip2q_f32(a, b)] }
}

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
// As in the implementations below.
#[allow(unused_unsafe)]
#[inline(always)]
fn unzip_neon(a: float32x4_t, b: float32x4_t) -> [float32x4_t; 2] {
    // SAFETY: the type exists only where the instructions do.
    unsafe { [vuzp1q_f32(a, b), vuzp2q_f32(a, b)] }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
fn larger_simd128(a: v128, b: v128) -> v128 {
    // The second where the first is less than it.
    f32x4_pmax(b, a)
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
fn zip_simd128(a: v128, b: v128) -> [v128; 2] {
    [i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b)]
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
fn unzip_simd128(a: v128, b: v128) -> [v128; 2] {
    [i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b)]
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
        $store:expr, ($a:ident, $b:ident, $c:ident) => $fma:expr, $add:ident, $sub:ident, $mul:ident,
        $larger:ident, $zip:ident, $unzip:ident
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
            fn larger(self, other: Self) -> Self {
                // SAFETY: the processor has the instructions, see `Lanes`.
                Self(unsafe { $larger(self.0, other.0) })
            }

            #[inline(always)]
            fn zip(self, other: Self) -> [Self; 2] {
                // SAFETY: the processor has the instructions, see `Lanes`.
                let [first, second] = unsafe { $zip(self.0, other.0) };
                [Self(first), Self(second)]
            }

            #[inline(always)]
            fn unzip(self, other: Self) -> [Self; 2] {
                // SAFETY: the processor has the instructions, see `Lanes`.
                let [even, odd] = unsafe { $unzip(self.0, other.0) };
                [Self(even), Self(odd)]
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
    (a, b, c) => _mm256_fmadd_ps(a, b, c), _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_max_ps, zip_avx2,
    unzip_avx2
);
#[cfg(target_arch = "x86_64")]
intrinsics!(
    Avx512, 16 of 32, fused true, halved::<Avx2>, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    (a, b, c) => _mm512_fmadd_ps(a, b, c), _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_max_ps, zip_avx512,
    unzip_avx512
);
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
intrinsics!(
    Neon, 4 of 32, fused true, four, vdupq_n_f32, vld1q_f32, vst1q_f32,
    (a, b, c) => vfmaq_f32(c, a, b), vaddq_f32, vsubq_f32, vmulq_f32, larger_neon, zip_neon, unzip_neon
);
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
intrinsics!(
    Simd128, 4 of 16, fused false, four, f32x4_splat, v128_load, v128_store,
    (a, b, c) => f32x4_add(f32x4_mul(a, b), c), f32x4_add, f32x4_sub, f32x4_mul, larger_simd128, zip_simd128,
    unzip_simd128
);
