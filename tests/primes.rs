//! The prime engine from outside: its kernels judged by other arithmetic, and thousands of small searches.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd, Resize};
use crypto_primes::hazmat::MillerRabin;
use pkit::primes::{Engine, Primality, SafePrimes, is_prime, new_rsa, primality};

use crate::common::scaled;

/// Primes, safe primes, Carmichael numbers, strong pseudoprimes to the base 2 and to more bases, squares and products.
const TOLD: [u128; 24] = [
    7,
    23,
    65_537,
    4_294_967_087,
    18_446_744_073_709_551_557,
    (1 << 127) - 1,
    (1 << 89) - 1,
    2_039,
    561,
    1_105,
    8_911,
    825_265,
    321_197_185,
    5_394_826_801,
    2_047,
    3_277,
    8_321,
    1_373_653,
    3_215_031_751,
    341_550_071_728_321,
    318_665_857_834_031_151_167_461,
    1_194_649,
    12_327_121,
    (1 << 67) - 1,
];

fn number(octets: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(octets)
}

fn by_chance(bits: u32) -> BoxedUint {
    let mut octets = vec![0; bits.div_ceil(8) as usize];
    pkit::crypto::random(&mut octets).unwrap();
    let spare = bits.next_multiple_of(8) - bits;
    octets[0] = octets[0] & 0xff >> spare | 0x80 >> spare;
    *octets.last_mut().unwrap() |= 1;
    number(&octets)
}

/// 2^(n - 1) = 1 modulo n, by `crypto-bigint`.
fn fermat(n: &BoxedUint) -> bool {
    let parameters = BoxedMontyParams::new_vartime(Odd::new(n.clone()).unwrap());
    let two = BoxedMontyForm::new(BoxedUint::from(2_u8).resize(n.bits_precision()), &parameters);
    two.pow(&n.wrapping_sub(BoxedUint::one())).retrieve().cmp_vartime(BoxedUint::one()).is_eq()
}

/// In every lane, and in batches that do not fill all of them.
#[test]
fn kernels_and_other_arithmetic_agree() {
    let told: Vec<BoxedUint> = TOLD.iter().map(|n| number(&n.to_be_bytes())).collect();
    for round in 0..scaled(1_200) {
        let bits = 16 + (round as u32 * 7) % 400;
        let mut numbers: Vec<BoxedUint> = (0..1 + round % 19).map(|_| by_chance(bits)).collect();
        let lane = round % numbers.len();
        numbers[lane] = told[round % told.len()].clone();
        let expected: Vec<bool> = numbers.iter().map(fermat).collect();
        let bases: Vec<BoxedUint> =
            numbers.iter().map(|n| if n.bits() > 20 { by_chance(19) } else { 2_u8.into() }).collect();
        let strong = |(n, base): (&BoxedUint, &BoxedUint)| {
            MillerRabin::new(Odd::new(n.clone()).unwrap()).test(&base.resize(n.bits_precision())).is_probably_prime()
        };
        let strong: Vec<bool> = numbers.iter().zip(&bases).map(strong).collect();
        let (numbers, bases): (Vec<_>, Vec<_>) = (numbers.iter().collect(), bases.iter().collect());
        for engine in Engine::all() {
            assert_eq!(engine.fermat(&numbers), expected, "{}: {numbers:?}", engine.name());
            assert_eq!(engine.miller_rabin(&numbers, &bases), strong, "{}: {numbers:?} {bases:?}", engine.name());
        }
    }
}

/// Every search ends, what it finds is right, and it is spread as it should be: the second bit and the remainders.
#[test]
fn small_searches_end_and_are_right() {
    let engines = Engine::all();
    let count = scaled(600);
    let (mut second, mut by_seven) = (0, [0_usize; 7]);
    for round in 0..count {
        let (bits, threads) = (48 + round as u32 % 24, 1 + round % 5);
        let engine = engines[round % engines.len()];
        let p = SafePrimes { bits, engine, threads, watch: &|_| () }.find().unwrap();
        assert_eq!(primality(&p), Primality::SafePrime);
        let p = p.iter().fold(0_u128, |p, octet| p << 8 | u128::from(*octet));
        assert_eq!((128 - p.leading_zeros(), p % 24), (bits, 23));
        second += (p >> (bits - 2) & 1) as usize;
        by_seven[(p % 7) as usize] += 1;
    }
    // Neither p nor (p - 1) / 2 is divisible by 7, so five remainders are left. Six standard deviations are allowed.
    assert_eq!((by_seven[0], by_seven[1]), (0, 0));
    let near = |found: usize, share: f64| {
        let (n, found) = (count as f64, found as f64);
        (found - n * share).abs() < 6.0 * (n * share * (1.0 - share)).sqrt() + n * 0.02
    };
    assert!(near(second, 0.5), "{second} of {count}");
    assert!(by_seven[2..].iter().all(|found| near(*found, 0.2)), "{by_seven:?} of {count}");
}

#[test]
fn small_keys_are_right() {
    for round in 0..scaled(60) {
        let engines = Engine::all();
        let key = new_rsa(512, engines[round % engines.len()]).unwrap();
        assert!(is_prime(&key.p) && is_prime(&key.q) && *key.p > *key.q);
        assert_eq!((key.n.len(), key.n[0] >> 7, key.p[0] >> 6, key.q[0] >> 6), (64, 1, 3, 3));
    }
}
