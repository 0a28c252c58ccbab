//! Where a sieve's primes first divide one of its numbers: many primes in step, by floating-point arithmetic that is exact.
//!
//! Every value is an integer below 2^53. Remainders are kept next to zero, between -r/2 and r/2 of a prime r below 2^27, so a
//! remainder times 2^26, or times another, stays below 2^52; and a quotient is below 2^51, so to add 1.5 * 2^52 and take it away
//! rounds it. Plain loops over arrays are what the compiler turns into the widest instructions that it is given.

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use super::Kind;
use crate::primes::fermat::Lanewise;

/// Primes in step: four registers of the widest kind hide what an operation waits for the one before.
pub(super) const LANES: usize = 32;

/// Primes are below.
pub(super) const BOUND: u32 = 1 << 27;

/// Bits of a digit.
const DIGIT: usize = 26;

/// A number in digits, the highest first.
pub(super) struct Digits(Zeroizing<Vec<f64>>);

impl Digits {
    pub(super) fn of(number: &BoxedUint) -> Digits {
        let words = number.as_words();
        let word = |at: usize| u128::from(words.get(at).copied().unwrap_or(0));
        let digit = |at: usize| {
            let bit = DIGIT * at;
            let two = word(bit / 64) | word(bit / 64 + 1) << 64;
            (two >> (bit % 64)) as u32 & ((1 << DIGIT) - 1)
        };
        let count = (64 * words.len()).div_ceil(DIGIT);
        let mut digits = Zeroizing::new(Vec::with_capacity(count));
        digits.extend((0..count).rev().map(|at| f64::from(digit(at))));
        Digits(digits)
    }
}

/// For each prime the first k with start + step * k = 0 modulo it, and the first with 2 * (start + step * k) + 1 = 0.
pub(super) struct FirstMultiples<'a> {
    pub(super) kind: Kind,
    pub(super) start: &'a Digits,
    /// Odd, below `BOUND`, and not dividing the step.
    pub(super) primes: &'a [u32; LANES],
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
        for digit in self.start.0.iter() {
            for (i, rest) in start.iter_mut().enumerate() {
                *rest = modulo(fused::<FUSED>(*rest, f64::from(1 << DIGIT), *digit), i);
            }
        }
        // Twice the step, c, divides r * r - 1, so 1 + r * (c - r % c) is a multiple of c, and this is 1 / c modulo r.
        let c = 2.0 * f64::from(self.kind.step());
        let half_step = |r: f64| {
            let down = r / c - 0.5 + ROUNDS - ROUNDS;
            (1.0 + r * (c - (r - c * down))) / c
        };
        let positive = |value: f64, r: f64| (if value < 0.0 { value + r } else { value }) as i32 as u32;
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
