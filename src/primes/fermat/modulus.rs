//! What all kernels share: how numbers are cut into limbs, and the constants of Montgomery's multiplication. Nothing here
//! branches on the numbers or uses them as an index.

use crypto_bigint::{BoxedUint, Integer};
use zeroize::{Zeroize, Zeroizing};

use super::{Lanewise, SMALL_LANES};

/// How numbers of a size are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    radix: u32,
    limbs: usize,
}

impl Form {
    /// Limbs of `radix` bits, a multiple of `tile`, with the six bits to spare that make R > 64n.
    pub(super) fn new(bits: u32, radix: u32, tile: usize) -> Form {
        Form { radix, limbs: ((bits + 6).div_ceil(radix) as usize).next_multiple_of(tile) }
    }

    /// log2 of R.
    fn width(self) -> u32 {
        self.radix * self.limbs as u32
    }

    fn mask(self) -> u64 {
        (1 << self.radix) - 1
    }

    /// The bits of limb k.
    #[inline(always)]
    fn limb(self, number: &BoxedUint, k: usize) -> u64 {
        let words = number.as_words();
        let (word, bit) = (self.radix as usize * k / 64, self.radix as usize * k % 64);
        let at = |word: usize| words.get(word).copied().unwrap_or(0);
        // Two shifts: by 64 bits at once is not allowed where `bit` is 0.
        (at(word) >> bit | at(word + 1) << 1 << (63 - bit)) & self.mask()
    }
}

/// One limb of each number that a kernel has a lane for.
pub(super) trait Limb: Copy + Zeroize + AsRef<[u64]> + AsMut<[u64]> {
    /// Zero in all lanes: a constant, so that a limb that is made lane by lane stays in a register.
    const ZERO: Self;

    /// A limb made lane by lane.
    #[inline(always)]
    fn from_lanes(of: impl Fn(usize) -> u64) -> Self {
        let mut limb = Self::ZERO;
        for (lane, value) in limb.as_mut().iter_mut().enumerate() {
            *value = of(lane);
        }
        limb
    }
}

/// Numbers side by side, limb by limb; wiped when they are done with.
pub(super) type Numbers<L> = Zeroizing<Vec<L>>;

/// A kernel: multiplication modulo as many numbers at once as it has lanes. The value proves that the processor can do it.
pub(super) trait Arithmetic: Copy {
    /// One limb of each number.
    type Limb: Limb;
    /// Numbers at once.
    const LANES: usize;

    /// Does work with its instructions.
    fn run<W: Lanewise>(self, work: W) -> W::Output;

    /// As `Engine::remainders`; none where it has no instruction for it.
    fn remainders(self, _digits: &[u64], _moduli: &[u32; SMALL_LANES]) -> Option<[u64; SMALL_LANES]> {
        None
    }

    /// How it cuts numbers of up to so many bits.
    fn form(bits: u32) -> Form;

    /// x = 2^double * x * x / R modulo n, with `double` 0 or 1 in each lane; x < 4n before and after. The columns, two for each
    /// limb, are room to work in.
    fn square(self, n: &Modulus<Self::Limb>, x: &mut [Self::Limb], double: &Self::Limb, columns: &mut [Self::Limb]);

    /// x = x * y / R modulo n; x and y < 4n before, x < 2n after.
    fn multiply(self, n: &Modulus<Self::Limb>, x: &mut [Self::Limb], y: &[Self::Limb], columns: &mut [Self::Limb]);
}

/// The moduli and what goes with them. A lane without a number of its own computes with the first one.
pub(super) struct Modulus<L: Zeroize> {
    /// The moduli, odd.
    pub(super) n: Numbers<L>,
    /// -1 / n modulo 2^radix.
    pub(super) inverse: Zeroizing<L>,
    /// R modulo n, which stands for 1.
    pub(super) one: Numbers<L>,
    form: Form,
}

impl<L: Limb> Modulus<L> {
    /// For odd numbers above 1, at least one and not more than there are lanes.
    #[inline(always)]
    pub(super) fn new(form: Form, numbers: &[&BoxedUint]) -> Modulus<L> {
        debug_assert!(numbers.iter().all(|n| n.bits() > 1 && n.bits() + 6 <= form.width() && bool::from(n.is_odd())));
        let n: Numbers<L> = split(form, numbers);
        // Newton's step doubles the bits that are right; n * n = 1 modulo 8 gives the first three.
        let newton = |n: u64| (0..5).fold(n, |found, _| found.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(found))));
        let inverse = L::from_lanes(|lane| newton(n[0].as_ref()[lane]).wrapping_neg() & form.mask());
        let inverse = Zeroizing::new(inverse);
        // The highest power of two that is below all of them, doubled until it is R.
        let below = numbers.iter().map(|n| n.bits() - 1).min().unwrap_or(0);
        let mut one = split(form, &[&BoxedUint::one_with_precision(below + 1).shl(below)]);
        for _ in below..form.width() {
            double(form, &mut one);
            subtract(form, &mut one, &n);
        }
        Modulus { n, inverse, one, form }
    }

    pub(super) fn radix(&self) -> u64 {
        self.form.radix.into()
    }

    pub(super) fn mask(&self) -> u64 {
        self.form.mask()
    }

    /// log2 of R.
    pub(super) fn width(&self) -> u32 {
        self.form.width()
    }

    /// The numbers as kernels take them.
    #[inline(always)]
    pub(super) fn split(&self, numbers: &[&BoxedUint]) -> Numbers<L> {
        split(self.form, numbers)
    }

    /// Where does x < 4n stand for 1? One in each lane that does.
    #[inline(always)]
    pub(super) fn is_one(&self, mut x: Numbers<L>) -> L {
        (0..3).for_each(|_| subtract(self.form, &mut x, &self.n));
        same(&x, &self.one)
    }

    /// Where does x < 4n stand for -1?
    #[inline(always)]
    pub(super) fn is_minus_one(&self, mut x: Numbers<L>) -> L {
        // x + 1 < 5n, and n itself becomes zero.
        add(self.form, &mut x, &self.one);
        (0..4).for_each(|_| subtract(self.form, &mut x, &self.n));
        same(&x, &vec![L::ZERO; x.len()])
    }

    /// What must hold between two steps.
    pub(super) fn holds(&self, x: &[L]) -> bool {
        x.iter().all(|limb| limb.as_ref().iter().all(|limb| *limb <= self.mask()))
    }
}

#[inline(always)]
fn split<L: Limb>(form: Form, numbers: &[&BoxedUint]) -> Numbers<L> {
    let number = |lane: usize| numbers.get(lane).or(numbers.first());
    let limb = |k| L::from_lanes(|lane| number(lane).map_or(0, |number| form.limb(number, k)));
    Zeroizing::new((0..form.limbs).map(limb).collect())
}

/// x = 2x; it has room.
#[inline(always)]
fn double<L: Limb>(form: Form, x: &mut [L]) {
    let mut carry = L::ZERO;
    for x in x {
        let sum = L::from_lanes(|lane| 2 * x.as_ref()[lane] + carry.as_ref()[lane]);
        *x = L::from_lanes(|lane| sum.as_ref()[lane] & form.mask());
        carry = L::from_lanes(|lane| sum.as_ref()[lane] >> form.radix);
    }
    debug_assert!(carry.as_ref().iter().all(|carry| *carry == 0));
}

/// x = x + y; it has room.
#[inline(always)]
fn add<L: Limb>(form: Form, x: &mut [L], y: &[L]) {
    let mut carry = L::ZERO;
    for (x, y) in x.iter_mut().zip(y) {
        let sum = L::from_lanes(|lane| x.as_ref()[lane] + y.as_ref()[lane] + carry.as_ref()[lane]);
        *x = L::from_lanes(|lane| sum.as_ref()[lane] & form.mask());
        carry = L::from_lanes(|lane| sum.as_ref()[lane] >> form.radix);
    }
    debug_assert!(carry.as_ref().iter().all(|carry| *carry == 0));
}

/// x = x - n where x is not below n.
#[inline(always)]
fn subtract<L: Limb>(form: Form, x: &mut [L], n: &[L]) {
    let difference = |x: &L, n: &L, borrow: &L| {
        L::from_lanes(|lane| x.as_ref()[lane].wrapping_sub(n.as_ref()[lane]).wrapping_sub(borrow.as_ref()[lane]))
    };
    let sign = |difference: &L| L::from_lanes(|lane| difference.as_ref()[lane] >> 63);
    // What would be borrowed in the end tells which of the two it is.
    let mut borrow = L::ZERO;
    for (x, n) in x.iter().zip(n) {
        borrow = sign(&difference(x, n, &borrow));
    }
    let mask = L::from_lanes(|lane| borrow.as_ref()[lane].wrapping_sub(1));
    let mut borrow = L::ZERO;
    for (x, n) in x.iter_mut().zip(n) {
        let n = L::from_lanes(|lane| n.as_ref()[lane] & mask.as_ref()[lane]);
        let less = difference(x, &n, &borrow);
        *x = L::from_lanes(|lane| less.as_ref()[lane] & form.mask());
        borrow = sign(&less);
    }
}

/// One in each lane where all limbs are the same.
#[inline(always)]
fn same<L: Limb>(x: &[L], y: &[L]) -> L {
    let mut difference = L::ZERO;
    for (x, y) in x.iter().zip(y) {
        for ((x, y), difference) in x.as_ref().iter().zip(y.as_ref()).zip(difference.as_mut()) {
            *difference |= x ^ y;
        }
    }
    // A difference below 2^radix minus one is negative where it was zero.
    L::from_lanes(|lane| difference.as_ref()[lane].wrapping_sub(1) >> 63)
}
