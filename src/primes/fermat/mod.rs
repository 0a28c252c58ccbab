//! Many numbers tested at once: Fermat's test to the base 2, which finds candidates, and Miller and Rabin's to given bases,
//! which confirms them. A kernel for each kind of processor does the multiplications; which one is found at run time.
//!
//! The base 2 needs no multiplication beside the squarings: to double is to shift. That and eight numbers in step make a test
//! several times cheaper than one at a time. Nothing here branches on the numbers or uses them as an index: of the candidates
//! for secret primes, only how many there were can be seen in the time it takes.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512ifma;
#[cfg(target_arch = "x86_64")]
mod columns;
mod modulus;
mod portable;

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use modulus::{Arithmetic, Limb, Modulus, Numbers};

/// Numbers that are tested together.
pub(super) const LANES: usize = 8;

/// Small numbers that are worked on together: four registers of the widest kind hide what an operation waits for the one before.
pub(super) const SMALL_LANES: usize = 32;

/// The kernel that does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine(Kernel);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    #[cfg(target_arch = "x86_64")]
    Avx512Ifma(avx512ifma::Avx512Ifma),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    Portable(portable::Portable),
}

impl Engine {
    /// All that this processor can run, the fastest first.
    pub fn all() -> Vec<Engine> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            kernels.extend(avx512ifma::Avx512Ifma::detect().map(Kernel::Avx512Ifma));
            kernels.extend(avx2::Avx2::detect().map(Kernel::Avx2));
        }
        kernels.push(Kernel::Portable(portable::Portable));
        kernels.into_iter().map(Engine).collect()
    }

    /// The fastest that this processor can run.
    pub fn best() -> Engine {
        Engine::all().first().copied().unwrap_or(Engine(Kernel::Portable(portable::Portable)))
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Ifma(_) => "avx512ifma",
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(_) => "avx2",
            Kernel::Portable(_) => "portable",
        }
    }

    /// Which of the odd numbers n > 1 pass: 2^(n - 1) = 1 modulo n? All primes do, and very few others.
    pub fn fermat(self, numbers: &[&BoxedUint]) -> Vec<bool> {
        self.each(numbers, &[], Test::Fermat)
    }

    /// Which of the odd numbers n > 3 are strong probable primes to their base, 1 < base < n - 1 (FIPS 186-5, B.3.1)? Of a
    /// composite at most a quarter of the bases say so. An n with n - 1 divisible by 2^33 is told to be composite.
    pub fn miller_rabin(self, numbers: &[&BoxedUint], bases: &[&BoxedUint]) -> Vec<bool> {
        self.each(numbers, bases, Test::MillerRabin)
    }

    /// Does other work with the kernel's instructions.
    pub(super) fn run<W: Lanewise>(self, work: W) -> W::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Ifma(kernel) => kernel.run(work),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(kernel) => kernel.run(work),
            Kernel::Portable(kernel) => kernel.run(work),
        }
    }

    /// What a number leaves of odd moduli m: for each the c <= m with number + c * 2^(52 * digits) = 0 modulo m. The number
    /// comes in digits of 52 bits, the lowest first. None where the processor lacks the instruction that makes this quick.
    pub(super) fn remainders(self, digits: &[u64], moduli: &[u32; SMALL_LANES]) -> Option<[u64; SMALL_LANES]> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Ifma(kernel) => kernel.remainders(digits, moduli),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(kernel) => kernel.remainders(digits, moduli),
            Kernel::Portable(kernel) => kernel.remainders(digits, moduli),
        }
    }

    fn each(self, numbers: &[&BoxedUint], bases: &[&BoxedUint], test: Test) -> Vec<bool> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Ifma(kernel) => in_groups(kernel, numbers, bases, test),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(kernel) => in_groups(kernel, numbers, bases, test),
            Kernel::Portable(kernel) => in_groups(kernel, numbers, bases, test),
        }
    }
}

/// Arithmetic in plain loops, which the compiler turns into a kernel's instructions where `run` is inlined into a function that is
/// compiled for them. FUSED: a product and a sum are one of them.
pub(super) trait Lanewise {
    type Output;
    fn run<const FUSED: bool>(self) -> Self::Output;
}

#[derive(Clone, Copy)]
enum Test {
    Fermat,
    MillerRabin,
}

/// As many at once as the kernel has lanes. Lanes that are left over compute with the first number, and nobody asks them.
fn in_groups<K: Arithmetic>(kernel: K, numbers: &[&BoxedUint], bases: &[&BoxedUint], test: Test) -> Vec<bool> {
    let groups = numbers.chunks(K::LANES).enumerate();
    let verdicts = groups.flat_map(|(group, numbers)| {
        let bases = bases.get(group * K::LANES..).unwrap_or_default();
        let passed = kernel.run(Group { kernel, numbers, bases, test });
        passed.as_ref()[..numbers.len()].iter().map(|one| *one == 1).collect::<Vec<bool>>()
    });
    verdicts.collect()
}

/// As many numbers as there are lanes, or fewer, and as many bases where the test asks for them. What it calls is inlined, so that
/// all of it is compiled for the kernel's instructions.
struct Group<'a, K> {
    kernel: K,
    numbers: &'a [&'a BoxedUint],
    bases: &'a [&'a BoxedUint],
    test: Test,
}

impl<K: Arithmetic> Lanewise for Group<'_, K> {
    type Output = K::Limb;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> K::Limb {
        let mut powers = Powers::new(self.kernel, self.numbers);
        match self.test {
            Test::Fermat => powers.fermat(self.numbers),
            Test::MillerRabin => powers.miller_rabin(self.numbers, &self.bases[..self.numbers.len()]),
        }
    }
}

/// Powers modulo some numbers, all in step.
struct Powers<K: Arithmetic> {
    kernel: K,
    modulus: Modulus<K::Limb>,
    columns: Numbers<K::Limb>,
    bits: u32,
}

impl<K: Arithmetic> Powers<K> {
    #[inline(always)]
    fn new(kernel: K, numbers: &[&BoxedUint]) -> Powers<K> {
        let bits = numbers.iter().map(|n| n.bits()).max().unwrap_or(0);
        let modulus = Modulus::new(K::form(bits), numbers);
        let columns = Zeroizing::new(vec![K::Limb::ZERO; 2 * modulus.n.len()]);
        Powers { kernel, modulus, columns, bits }
    }

    #[inline(always)]
    fn fermat(&mut self, numbers: &[&BoxedUint]) -> K::Limb {
        // n is odd, so n - 1 is n without its lowest bit.
        let power = self.power_of_two(self.bits, |bit, lane| if bit == 0 { 0 } else { bit_of(numbers, lane, bit) });
        self.modulus.is_one(power)
    }

    #[inline(always)]
    fn miller_rabin(&mut self, numbers: &[&BoxedUint], bases: &[&BoxedUint]) -> K::Limb {
        // n - 1 = 2^twos * odd.
        let less: Vec<Secret> = numbers.iter().map(|n| Secret::new(n.wrapping_sub(BoxedUint::one()))).collect();
        let twos: Vec<u32> = less.iter().map(|less| less.trailing_zeros()).collect();
        let odd: Vec<Secret> = less.iter().zip(&twos).map(|(less, twos)| Secret::new(less.shr(*twos))).collect();
        let twos = K::Limb::from_lanes(|lane| twos.get(lane).copied().unwrap_or(0).into());
        let mut x = self.power(bases, &odd.iter().map(|odd| &**odd).collect::<Vec<_>>());
        let mut passed = self.modulus.is_one(x.clone());
        // The squares up to (n - 1) / 2 may be -1. How many there are is a secret of the number, so it is always the same.
        for round in 0..MOST_TWOS {
            let hits = self.modulus.is_minus_one(x.clone());
            let counted = |lane: usize| hits.as_ref()[lane] & u64::from(u64::from(round) < twos.as_ref()[lane]);
            passed = K::Limb::from_lanes(|lane| passed.as_ref()[lane] | counted(lane));
            self.square(&mut x, &K::Limb::ZERO);
        }
        passed
    }

    /// 2 to the power of an exponent of so many bits, told bit by bit, of each lane.
    #[inline(always)]
    fn power_of_two(&mut self, bits: u32, exponent: impl Fn(u32, usize) -> u64) -> Numbers<K::Limb> {
        let mut x = self.modulus.one.clone();
        for bit in (0..bits).rev() {
            self.square(&mut x, &K::Limb::from_lanes(|lane| exponent(bit, lane)));
        }
        x
    }

    /// The bases to the powers, four bits at a time. The factor is picked by reading all sixteen.
    #[inline(always)]
    fn power(&mut self, bases: &[&BoxedUint], exponents: &[&BoxedUint]) -> Numbers<K::Limb> {
        let mut base = self.modulus.split(bases);
        // base * R^2 / R: R^2 is what stands for R = 2^width.
        let width = self.modulus.width();
        let square_of_r = self.power_of_two(32 - width.leading_zeros(), |bit, _| u64::from(width >> bit & 1));
        self.multiply(&mut base, &square_of_r);
        let mut table = vec![self.modulus.one.clone()];
        for power in 1..16 {
            let mut next = table[power - 1].clone();
            self.multiply(&mut next, &base);
            table.push(next);
        }
        let mut x = self.modulus.one.clone();
        let mut factor = x.clone();
        for low in (0..self.bits).step_by(4).rev() {
            (0..4).for_each(|_| self.square(&mut x, &K::Limb::ZERO));
            let digit = |lane| (0..4).map(|bit| bit_of(exponents, lane, low + bit) << bit).sum::<u64>();
            pick(&table, &K::Limb::from_lanes(digit), &mut factor);
            self.multiply(&mut x, &factor);
        }
        x
    }

    #[inline(always)]
    fn square(&mut self, x: &mut [K::Limb], double: &K::Limb) {
        debug_assert!(self.modulus.holds(x));
        self.kernel.square(&self.modulus, x, double, &mut self.columns);
    }

    #[inline(always)]
    fn multiply(&mut self, x: &mut [K::Limb], y: &[K::Limb]) {
        debug_assert!(self.modulus.holds(x) && self.modulus.holds(y));
        self.kernel.multiply(&self.modulus, x, y, &mut self.columns);
    }
}

/// The row of the table that the digit of each lane names.
#[inline(always)]
fn pick<L: Limb>(table: &[Numbers<L>], digit: &L, out: &mut [L]) {
    out.fill(L::ZERO);
    for (index, row) in table.iter().enumerate() {
        // All ones where the digit is the index: only zero minus one is negative.
        let mask = L::from_lanes(|lane| ((digit.as_ref()[lane] ^ index as u64).wrapping_sub(1) >> 63).wrapping_neg());
        for (out, limb) in out.iter_mut().zip(row.iter()) {
            *out = L::from_lanes(|lane| out.as_ref()[lane] | limb.as_ref()[lane] & mask.as_ref()[lane]);
        }
    }
}

/// A bit of the number in this lane; lanes without a number have the first.
#[inline(always)]
fn bit_of(numbers: &[&BoxedUint], lane: usize, bit: u32) -> u64 {
    let number = numbers.get(lane).or(numbers.first());
    let word = number.and_then(|number| number.as_words().get(bit as usize / 64));
    word.map_or(0, |word| word >> (bit % 64) & 1)
}

type Secret = Zeroizing<BoxedUint>;

/// Squarings in Miller and Rabin's test, more than nearly all numbers need.
const MOST_TWOS: u32 = 32;

#[cfg(test)]
mod tests;
