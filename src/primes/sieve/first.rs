//! Where a sieve's primes first divide one of its numbers: many primes in step, by floating-point arithmetic that is exact.
//!
//! Every value is an integer below 2^53. Remainders are kept next to zero, between -r/2 and r/2 of a prime r below 2^27, so a
//! remainder times 2^26, or twice one times another, stays below 2^53; and a quotient is below 2^51, so to add 1.5 * 2^52 and
//! take it away rounds it. Plain loops over arrays are what the compiler turns into the widest instructions that it is given.

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use super::Kind;
use crate::primes::Engine;
use crate::primes::fermat::{Lanewise, SMALL_LANES as LANES};

/// Primes are below.
pub(super) const BOUND: u32 = 1 << 27;

/// Bits of a digit.
const DIGIT: usize = 26;

/// A number in digits.
pub(super) struct Digits {
    /// The highest first.
    single: Zeroizing<Vec<f64>>,
    /// Two in one, the lowest first.
    double: Zeroizing<Vec<u64>>,
}

impl Digits {
    pub(super) fn of(number: &BoxedUint) -> Digits {
        let words = number.as_words();
        let word = |at: usize| u128::from(words.get(at).copied().unwrap_or(0));
        let digit = |at: usize| {
            let bit = DIGIT * at;
            let two = word(bit / 64) | word(bit / 64 + 1) << 64;
            (two >> (bit % 64)) as u32 & ((1 << DIGIT) - 1)
        };
        let count = (64 * words.len()).div_ceil(DIGIT).next_multiple_of(2);
        let mut single = Zeroizing::new(Vec::with_capacity(count));
        single.extend((0..count).rev().map(|at| f64::from(digit(at))));
        let mut double = Zeroizing::new(Vec::with_capacity(count / 2));
        double.extend((0..count).step_by(2).map(|at| u64::from(digit(at)) | u64::from(digit(at + 1)) << DIGIT));
        Digits { single, double }
    }

    fn bits(&self) -> usize {
        DIGIT * self.single.len()
    }
}

/// For each prime the first k with start + step * k = 0 modulo it, and the first with 2 * (start + step * k) + 1 = 0. The
/// primes are odd, below `BOUND`, and do not divide the step.
pub(super) fn first_multiples(engine: Engine, kind: Kind, start: &Digits, primes: &[u32; LANES]) -> [[u32; LANES]; 2] {
    let remainders = engine.remainders(&start.double, primes);
    engine.run(FirstMultiples { kind, start, primes, remainders })
}

struct FirstMultiples<'a> {
    kind: Kind,
    start: &'a Digits,
    primes: &'a [u32; LANES],
    /// What the start leaves, where the kernel can tell.
    remainders: Option<[u64; LANES]>,
}

impl Lanewise for FirstMultiples<'_> {
    type Output = [[u32; LANES]; 2];

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> [[u32; LANES]; 2] {
        let (mut r, mut inverse) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            r[i] = f64::from(self.primes[i]);
            inverse[i] = 1.0 / r[i];
        }
        // value - r * round(value / r).
        let modulo = |value: f64, i: usize| {
            let quotient = fused::<FUSED>(value, inverse[i], ROUNDS) - ROUNDS;
            fused::<FUSED>(-quotient, r[i], value)
        };
        let mut start = [0.0; LANES];
        if let Some(remainders) = self.remainders {
            // start = -remainder * 2^bits, and the power comes by squaring.
            let bits = self.start.bits();
            let squarings = bits.ilog2().saturating_sub(4);
            let mut power = [0.0; LANES];
            for (i, power) in power.iter_mut().enumerate() {
                *power = modulo((1_u64 << (bits >> squarings)) as f64, i);
            }
            for squaring in (0..squarings).rev() {
                let twice = ((bits >> squaring & 1) + 1) as f64;
                for (i, power) in power.iter_mut().enumerate() {
                    *power = modulo(*power * *power * twice, i);
                }
            }
            for (i, start) in start.iter_mut().enumerate() {
                *start = modulo(-(f64::from(remainders[i] as u32)) * power[i], i);
            }
        } else {
            for digit in self.start.single.iter() {
                for (i, rest) in start.iter_mut().enumerate() {
                    *rest = modulo(fused::<FUSED>(*rest, f64::from(1 << DIGIT), *digit), i);
                }
            }
        }
        // Twice the step, c, divides r * r - 1, so 1 + r * (c - r % c) is a multiple of c, and this is 1 / c modulo r.
        let c = 2.0 * f64::from(self.kind.step());
        let half_step = |r: f64| {
            let down = r / c - 0.5 + ROUNDS - ROUNDS;
            (1.0 + r * (c - (r - c * down))) / c
        };
        // Behind 2^52 the bits of an integer are those of the number. A cast would look for what is no number, one by one.
        let positive = |value: f64, r: f64| {
            let value = if value < 0.0 { value + r } else { value };
            (value + TOP).to_bits() as u32
        };
        let (mut of_start, mut of_double) = ([0; LANES], [0; LANES]);
        for i in 0..LANES {
            let half = modulo(half_step(r[i]), i);
            // k = -start / step; and where start is -1/2, half a step before.
            let first = modulo(-start[i] * modulo(2.0 * half, i), i);
            of_start[i] = positive(first, r[i]);
            of_double[i] = positive(modulo(first - half, i), r[i]);
        }
        [of_start, of_double]
    }
}

/// a * b + c; where the processor has one instruction for it, by that one.
#[inline(always)]
fn fused<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// 1.5 * 2^52: what is added to it has no bits behind the point left.
const ROUNDS: f64 = 6_755_399_441_055_744.0;

/// 2^52.
const TOP: f64 = 4_503_599_627_370_496.0;
