//! Four numbers at once with AVX2: limbs of 28 bits, whose products of 56 bits are added to four columns.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_load_si256, _mm256_mul_epu32, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_sllv_epi64, _mm256_srlv_epi64, _mm256_store_si256,
};

use zeroize::DefaultIsZeroes;

use super::Lanewise;
use super::columns::{column_kernel, lane_operations, unroll};
use super::modulus::{self, Arithmetic, Form, Modulus};

/// Proof that the processor has the instructions: there is no other way to one than `detect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Avx2> {
        let there = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        there.then_some(Avx2(()))
    }
}

/// A limb of four numbers.
#[derive(Clone, Copy, Default)]
#[repr(C, align(32))]
pub(super) struct Limb([u64; 4]);

impl DefaultIsZeroes for Limb {}

impl modulus::Limb for Limb {
    const ZERO: Self = Limb([0; 4]);
}

impl AsRef<[u64]> for Limb {
    fn as_ref(&self) -> &[u64] {
        &self.0
    }
}

impl AsMut<[u64]> for Limb {
    fn as_mut(&mut self) -> &mut [u64] {
        &mut self.0
    }
}

impl Arithmetic for Avx2 {
    type Limb = Limb;
    const LANES: usize = 4;

    #[allow(unsafe_code)]
    fn run<W: Lanewise>(self, work: W) -> W::Output {
        // SAFETY: `self` proves that the processor has the features that the function is compiled for.
        unsafe { run(work) }
    }

    /// A column is the sum of two products for each limb: with 112 limbs (3072 bits) of 28 bits it stays below 2^64, and so it
    /// does with 304 limbs (8192 bits) of 27 bits.
    fn form(bits: u32) -> Form {
        Form::new(bits, if bits <= 3072 { 28 } else { 27 }, B)
    }

    #[allow(unsafe_code)]
    fn square(self, modulus: &Modulus<Limb>, x: &mut [Limb], double: &Limb, columns: &mut [Limb]) {
        // SAFETY: `self` proves that the processor has the feature that the function is compiled for.
        unsafe { square(modulus, x, double, columns) }
    }

    #[allow(unsafe_code)]
    fn multiply(self, modulus: &Modulus<Limb>, x: &mut [Limb], y: &[Limb], columns: &mut [Limb]) {
        // SAFETY: as for `square`.
        unsafe { multiply(modulus, x, y, columns) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn run<W: Lanewise>(work: W) -> W::Output {
    work.run::<true>()
}

type V = __m256i;

/// Limbs of a tile: some 5 live columns of its 8 and 4 factors fit the 16 registers.
const B: usize = 4;

column_kernel!("avx2", [0 1 2 3]);

lane_operations!(
    "avx2", load _mm256_load_si256, store _mm256_store_si256, zero _mm256_setzero_si256,
    splat _mm256_set1_epi64x, add _mm256_add_epi64, and _mm256_and_si256, shift_right _mm256_srlv_epi64,
    shift_left _mm256_sllv_epi64
);

/// The column that x * y belongs to, with the whole product added; the next one gets nothing.
#[inline]
#[target_feature(enable = "avx2")]
fn product(low: V, high: V, x: V, y: V) -> (V, V) {
    (add(low, _mm256_mul_epu32(x, y)), high)
}

/// The lowest bits of column * inverse. Of each factor the lowest 32 bits are read, and no more count.
#[inline]
#[target_feature(enable = "avx2")]
fn digit(column: V, inverse: V, mask: V) -> V {
    and(_mm256_mul_epu32(column, inverse), mask)
}
