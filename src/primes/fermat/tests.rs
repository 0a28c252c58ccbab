//! The kernels against each other and against `crypto-primes`.

use crypto_bigint::Odd;
use crypto_primes::hazmat::MillerRabin;

use super::*;

fn number(octets: &[u8]) -> BoxedUint {
    super::super::integer(octets)
}

fn random_odd(bits: u32) -> BoxedUint {
    let mut octets = vec![0; bits.div_ceil(8) as usize];
    crate::crypto::random(&mut octets).unwrap();
    octets[0] &= 0xff >> (bits.next_multiple_of(8) - bits);
    octets[0] |= 0x80 >> (bits.next_multiple_of(8) - bits);
    *octets.last_mut().unwrap() |= 1;
    number(&octets)
}

fn refs(numbers: &[BoxedUint]) -> Vec<&BoxedUint> {
    numbers.iter().collect()
}

#[test]
fn all_kernels_find_what_the_definition_finds_in_small_numbers() {
    let numbers: Vec<BoxedUint> = (3_u32..20_003).step_by(2).map(BoxedUint::from).collect();
    let expected: Vec<bool> = (3_u64..20_003).step_by(2).map(|n| power(2, n - 1, n) == 1).collect();
    for engine in Engine::all() {
        assert_eq!(engine.fermat(&refs(&numbers)), expected, "{}", engine.name());
    }
}

fn power(base: u64, mut exponent: u64, n: u64) -> u64 {
    let (mut base, mut result) = (base % n, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % n;
        }
        base = base * base % n;
        exponent >>= 1;
    }
    result
}

#[test]
fn strong_tests_agree_with_another_implementation_in_all_sizes() {
    for bits in [16, 64, 100, 255, 256, 500, 512, 1024, 1536] {
        let numbers: Vec<BoxedUint> = (0..16).map(|_| random_odd(bits)).collect();
        let bases: Vec<BoxedUint> = (0..16).map(|_| random_odd(bits - 2)).collect();
        let expected: Vec<bool> = numbers.iter().zip(&bases).map(|(n, base)| judge(n, base)).collect();
        for engine in Engine::all() {
            assert_eq!(engine.miller_rabin(&refs(&numbers), &refs(&bases)), expected, "{} {bits}", engine.name());
        }
    }
}

fn judge(n: &BoxedUint, base: &BoxedUint) -> bool {
    MillerRabin::new(Odd::new(n.clone()).unwrap()).test(base).is_probably_prime()
}
