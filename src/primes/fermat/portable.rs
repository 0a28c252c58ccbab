//! One number after the other with the multiplication that every processor of 64 bits has: limbs of 59 bits, columns of 128.

use super::Lanewise;
use super::modulus::{self, Arithmetic, Form, Modulus};

/// Needs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portable;

type Limb = [u64; 1];

impl modulus::Limb for Limb {
    const ZERO: Self = [0];
}

impl Arithmetic for Portable {
    type Limb = Limb;
    const LANES: usize = 1;

    fn run<W: Lanewise>(self, work: W) -> W::Output {
        work.run::<false>()
    }

    /// A column of 8192-bit numbers is the sum of 2 * 139 products below 2^118: less than 2^127.
    fn form(bits: u32) -> Form {
        Form::new(bits, 59, 1)
    }

    fn square(self, modulus: &Modulus<Limb>, x: &mut [Limb], double: &Limb, columns: &mut [Limb]) {
        let limbs = x.len();
        let column = |x: &[Limb], c: usize| {
            // Each pair once, and the middle apart.
            let (from, to) = (c.saturating_sub(limbs - 1), c.div_ceil(2));
            let pairs = sum(&x[from..to.max(from)], &x[c + 1 - to.max(from)..=c - from]);
            let middle = if c.is_multiple_of(2) { wide(x[c / 2][0], x[c / 2][0]) } else { 0 };
            2 * pairs + middle
        };
        reduce(modulus, x, columns, column);
        let mut carry = 0;
        for limb in x {
            let twice = (limb[0] << double[0]) + carry;
            (limb[0], carry) = (twice & modulus.mask(), twice >> modulus.radix());
        }
    }

    fn multiply(self, modulus: &Modulus<Limb>, x: &mut [Limb], y: &[Limb], columns: &mut [Limb]) {
        reduce(modulus, x, columns, |x, c| column(x, y, c));
    }
}

/// x = (sum of the columns) / R: column by column, with Montgomery's quotient found on the way in `quotient`.
fn reduce(modulus: &Modulus<Limb>, x: &mut [Limb], quotient: &mut [Limb], column_of: impl Fn(&[Limb], usize) -> u128) {
    let limbs = x.len();
    let (n, quotient) = (&modulus.n[..], &mut quotient[..limbs]);
    quotient.fill([0]);
    // The columns read x until the last one, so the result waits in the quotient's place for limbs that are done with.
    let mut carry: u128 = 0;
    for c in 0..2 * limbs {
        let mut total = carry + column_of(x, c) + column(quotient, n, c);
        if c < limbs {
            let digit = (total as u64).wrapping_mul(modulus.inverse[0]) & modulus.mask();
            quotient[c] = [digit];
            total += wide(digit, n[0][0]);
        } else {
            // Column c is the last to read limb c - limbs of the quotient.
            quotient[c - limbs] = [total as u64 & modulus.mask()];
        }
        carry = total >> modulus.radix();
    }
    x.copy_from_slice(quotient);
}

/// Column c of x * y.
fn column(x: &[Limb], y: &[Limb], c: usize) -> u128 {
    let from = c.saturating_sub(x.len() - 1);
    let to = c.min(x.len() - 1);
    if from > to { 0 } else { sum(&x[from..=to], &y[from..=to]) }
}

/// The sum of x_i * y_(last - i).
fn sum(x: &[Limb], y: &[Limb]) -> u128 {
    x.iter().zip(y.iter().rev()).map(|(x, y)| wide(x[0], y[0])).sum()
}

fn wide(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}
