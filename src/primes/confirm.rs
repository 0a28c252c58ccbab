//! The second opinion. What the fast path found is tested anew: Miller and Rabin's test to random bases, then, by an
//! implementation that shares no code with it, Baillie and PSW's, and Pocklington's proof where there is one.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Integer, Odd, Resize};
use zeroize::Zeroizing;

use super::fermat::LANES;
use super::{Engine, random_bits};
use crate::crypto::Refused;
use crate::threads::both;

/// Bases tried of a number by itself, as many as there are lanes.
const ROUNDS: usize = LANES;
/// Bases tried of each of two large numbers that share the lanes: FIPS 186-5 (table B.1) asks for 5, 4 and 4 rounds for the primes
/// of keys of 2048, 3072 and 4096 bits.
const ROUNDS_OF_TWO: usize = LANES / 2;
const LARGE: u32 = 1536;

/// Is the number, above 4, a prime?
pub(super) fn is_prime(engine: Engine, number: &BoxedUint) -> Result<bool, Refused> {
    let strong = miller_rabin(engine, &[number; ROUNDS])?.into_iter().all(|passed| passed);
    Ok(strong && crypto_primes::is_prime(crypto_primes::Flavor::Any, number))
}

/// Which of two numbers of one size, above 4, are primes?
pub(super) fn are_primes(engine: Engine, [p, q]: [&BoxedUint; 2]) -> Result<[bool; 2], Refused> {
    if p.bits() < LARGE || q.bits() < LARGE {
        return Ok([is_prime(engine, p)?, is_prime(engine, q)?]);
    }
    let strong = miller_rabin(engine, &[[p; ROUNDS_OF_TWO], [q; ROUNDS_OF_TWO]].concat())?;
    let (of_p, of_q) = strong.split_at(ROUNDS_OF_TWO);
    let is_prime = |strong: &[bool], number| {
        strong.iter().all(|passed| *passed) && crypto_primes::is_prime(crypto_primes::Flavor::Any, number)
    };
    Ok([is_prime(of_p, p), is_prime(of_q, q)])
}

/// Which of the numbers pass Miller and Rabin's test, each to a base by chance? None that is even.
fn miller_rabin(engine: Engine, numbers: &[&BoxedUint]) -> Result<Vec<bool>, Refused> {
    if numbers.iter().any(|number| bool::from(number.is_even())) {
        return Ok(vec![false; numbers.len()]);
    }
    let bases = numbers.iter().map(|number| base(number)).collect::<Result<Vec<_>, Refused>>()?;
    Ok(engine.miller_rabin(numbers, &bases.iter().map(|base| &**base).collect::<Vec<_>>()))
}

/// Is p a prime, and q = (p - 1) / 2? For p this is then a proof as well (`fits_pocklington`), whose power is a part of Baillie
/// and PSW's test: what passes Miller and Rabin's to the base 2 has 2^(p - 1) = 1. With two threads and processors each number
/// has its own.
pub(super) fn is_safe_prime(engine: Engine, p: &BoxedUint, threads: usize) -> Result<bool, Refused> {
    let of_p = || Ok(has_no_factor_three(p) && is_prime(engine, p)?);
    let of_q = || is_prime(engine, &p.shr(1));
    if threads == 1 {
        return Ok(of_q()? && of_p()?);
    }
    let (p, q) = both(&of_p, of_q);
    Ok(p? && q?)
}

/// With q = (p - 1) / 2 prime, is p proven prime by Pocklington's theorem? q is a factor of p - 1 above the root of p; what must
/// hold besides is 2^(p - 1) = 1 modulo p, and that 2^2 - 1 = 3 has no factor in common with p.
pub(super) fn fits_pocklington(p: &BoxedUint) -> bool {
    let Some(odd) = Odd::new(p.clone()).into_option() else { return false };
    let two =
        BoxedMontyForm::new(BoxedUint::from(2_u8).resize(p.bits_precision()), &BoxedMontyParams::new_vartime(odd));
    let power = two.pow(&p.wrapping_sub(BoxedUint::one())).retrieve();
    bool::from(power.is_one()) && has_no_factor_three(p)
}

fn has_no_factor_three(number: &BoxedUint) -> bool {
    // 2^64 = 1 modulo 3, so the words can be added up.
    number.as_words().iter().map(|word| word % 3).sum::<u64>() % 3 != 0
}

/// A base by chance, 1 < base < number - 1.
fn base(number: &BoxedUint) -> Result<Zeroizing<BoxedUint>, Refused> {
    let last = Zeroizing::new(number.wrapping_sub(BoxedUint::one()));
    loop {
        let base = random_bits(number.bits())?;
        if *base > BoxedUint::one() && *base < *last {
            return Ok(base);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primes::integer;

    #[test]
    fn primes_are_confirmed_and_what_deceives_fermat_is_not() {
        // Carmichael numbers, strong pseudoprimes to the base 2, to the first twelve primes, and a square.
        let composites = [561_u128, 41_041, 825_265, 2_047, 3_277, 4_033, 318_665_857_834_031_151_167_461, 1_194_649];
        let primes = [7_u128, 11, 23, 65_537, 4_294_967_087, 18_446_744_073_709_551_557, (1 << 127) - 1];
        for engine in Engine::all() {
            for n in composites {
                assert!(!is_prime(engine, &integer(&n.to_be_bytes())).unwrap(), "{n}");
            }
            for n in primes {
                assert!(is_prime(engine, &integer(&n.to_be_bytes())).unwrap(), "{n}");
            }
            let large = |exponent: u32| BoxedUint::one().resize(2_304).shl(exponent).wrapping_sub(BoxedUint::one());
            // 2^2203 - 1 is a prime, 2^2207 - 1 has the factor 123593, 2^2209 - 1 the factor 2^47 - 1.
            for [a, b] in [[2203, 2203], [2203, 2207], [2209, 2203]] {
                let wanted = [a == 2203, b == 2203];
                assert_eq!(are_primes(engine, [&large(a), &large(b)]).unwrap(), wanted, "{a} {b}");
            }
            for (p, safe) in
                [(23_u32, true), (2_039, true), (4_294_967_087, true), (13, false), (65_537, false), (57, false)]
            {
                assert_eq!(is_safe_prime(engine, &integer(&p.to_be_bytes()), 2).unwrap(), safe, "{p}");
            }
        }
    }
}
