//! Eight numbers at once with AVX-512 IFMA: limbs of 52 bits, and one instruction each for the low and the high half of eight
//! products, added to eight columns.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_load_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_sllv_epi64, _mm512_srli_epi64, _mm512_srlv_epi64,
    _mm512_store_si512, _mm512_sub_epi64,
};
use std::array::from_fn;

use zeroize::DefaultIsZeroes;

use super::columns::{column_kernel, lane_operations, unroll};
use super::modulus::{self, Arithmetic, Form, Modulus};
use super::{Lanewise, SMALL_LANES};

/// Proof that the processor has the instructions: there is no other way to one than `detect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512Ifma(());

impl Avx512Ifma {
    pub(super) fn detect() -> Option<Avx512Ifma> {
        let there = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
        there.then_some(Avx512Ifma(()))
    }
}

/// A limb of eight numbers.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(super) struct Limb([u64; 8]);

impl DefaultIsZeroes for Limb {}

impl modulus::Limb for Limb {
    const ZERO: Self = Limb([0; 8]);
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

impl Arithmetic for Avx512Ifma {
    type Limb = Limb;
    const LANES: usize = 8;

    #[allow(unsafe_code)]
    fn run<W: Lanewise>(self, work: W) -> W::Output {
        // SAFETY: `self` proves that the processor has the features that the function is compiled for.
        unsafe { run(work) }
    }

    #[allow(unsafe_code)]
    fn remainders(self, digits: &[u64], moduli: &[u32; SMALL_LANES]) -> Option<[u64; SMALL_LANES]> {
        // SAFETY: as for `run`.
        Some(unsafe { remainders(digits, moduli) })
    }

    fn form(bits: u32) -> Form {
        Form::new(bits, 52, B)
    }

    #[allow(unsafe_code)]
    fn square(self, modulus: &Modulus<Limb>, x: &mut [Limb], double: &Limb, columns: &mut [Limb]) {
        // SAFETY: `self` proves that the processor has the features that the function is compiled for.
        unsafe { square(modulus, x, double, columns) }
    }

    #[allow(unsafe_code)]
    fn multiply(self, modulus: &Modulus<Limb>, x: &mut [Limb], y: &[Limb], columns: &mut [Limb]) {
        // SAFETY: as for `square`.
        unsafe { multiply(modulus, x, y, columns) }
    }
}

#[target_feature(enable = "avx512f")]
fn run<W: Lanewise>(work: W) -> W::Output {
    work.run::<true>()
}

type V = __m512i;

/// Limbs of a tile: its 20 columns, of which some 12 are live at a time, and 10 factors fit the 32 registers.
const B: usize = 10;

column_kernel!("avx512f,avx512ifma", [0 1 2 3 4 5 6 7 8 9]);

lane_operations!(
    "avx512f", load _mm512_load_si512, store _mm512_store_si512, zero _mm512_setzero_si512,
    splat _mm512_set1_epi64, add _mm512_add_epi64, and _mm512_and_si512, shift_right _mm512_srlv_epi64,
    shift_left _mm512_sllv_epi64
);

/// Both columns that x * y belongs to, with its halves of 52 bits added.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn product(low: V, high: V, x: V, y: V) -> (V, V) {
    (_mm512_madd52lo_epu64(low, x, y), _mm512_madd52hi_epu64(high, x, y))
}

/// The lowest 52 bits of column * inverse.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn digit(column: V, inverse: V, _mask: V) -> V {
    low(column, inverse)
}

/// The lowest 52 bits of x * y.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn low(x: V, y: V) -> V {
    _mm512_madd52lo_epu64(zero(), x, y)
}

/// By exact division, from the lowest digit on: the multiple of m that makes a digit zero is known from that digit alone, and
/// what it has above it is taken from the next one (Jebelean, "An algorithm for exact division", 1993).
#[target_feature(enable = "avx512f,avx512ifma")]
fn remainders(digits: &[u64], moduli: &[u32; SMALL_LANES]) -> [u64; SMALL_LANES] {
    const REGISTERS: usize = SMALL_LANES / 8;
    let mut limbs = [Limb::default(); REGISTERS];
    moduli.iter().enumerate().for_each(|(i, m)| limbs[i / 8].0[i % 8] = u64::from(*m));
    let moduli = limbs.each_ref().map(|limb| load(limb));
    let mut inverse = moduli;
    for (inverse, m) in inverse.iter_mut().zip(moduli) {
        // Newton's step doubles the bits that are right; m * m = 1 modulo 8 gives the first three.
        for _ in 0..5 {
            *inverse = low(*inverse, _mm512_sub_epi64(splat(2), low(m, *inverse)));
        }
    }
    let mut over = [zero(); REGISTERS];
    for digit in digits {
        for (at, over) in over.iter_mut().enumerate() {
            let rest = _mm512_sub_epi64(splat(*digit), *over);
            // One where the rest is negative.
            let borrowed = _mm512_srli_epi64::<63>(rest);
            *over = _mm512_madd52hi_epu64(borrowed, low(rest, inverse[at]), moduli[at]);
        }
    }
    for (limb, over) in limbs.iter_mut().zip(over) {
        store(limb, over);
    }
    from_fn(|i| limbs[i / 8].0[i % 8])
}
