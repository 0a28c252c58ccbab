//! Keys that look like keys and protect nothing: what broken generators, bad luck and pranks leave in a public key, and what a
//! private one shows besides. All of it is found offline, from the numbers alone; there is no list of leaked keys.
//!
//! One file per weakness: what it looks for, why that is fatal, and how small the chance is that a sound key looks the same.

pub mod bias;
pub mod exponent;
pub mod fermat;
pub mod length;
pub mod pattern;
pub mod polynomial;
pub mod prime;
pub mod roca;
pub mod shared;
pub mod small_factors;
pub mod trivial;
pub mod wiener;

use dashu_int::UBig;

pub use shared::{Shared, WEAK_SHARED_PRIME, shared_primes};

use crate::finding::{Finding, Location, Origin, Rule};
use crate::material::key::{Parts, PrivateKey, PublicKey};
use crate::primes;

/// The numbers of an RSA public key.
struct Rsa {
    n: UBig,
    e: UBig,
}

/// One look at an RSA public key: the words where it found something.
type Look = fn(&Rsa) -> Option<String>;

/// What is looked for in every RSA public key, in this order. Each takes a fraction of a millisecond.
const LOOKS: &[(&Rule, Look)] = &[
    (&exponent::WEAK_EXPONENT, exponent::look),
    (&exponent::EXPONENT_SMALL, exponent::small),
    (&length::WEAK_LENGTH, length::look),
    (&small_factors::WEAK_SMALL_FACTOR, small_factors::look),
    (&fermat::WEAK_CLOSE_PRIMES, fermat::look),
    (&roca::WEAK_ROCA, roca::look),
    (&wiener::WEAK_SMALL_D, wiener::look),
    (&polynomial::WEAK_POLYNOMIAL, polynomial::look),
    (&pattern::WEAK_PATTERN, pattern::look),
    (&bias::WEAK_BIAS, bias::look),
];

/// What takes several milliseconds a key, more than all else that is judged of a certificate: done where a key is what was asked
/// about, or what is to be signed for years, and not for each certificate of each host.
const COSTLY: &[(&Rule, Look)] = &[(&prime::WEAK_PRIME_MODULUS, prime::look)];

/// What speaks against a public key. A key that is too large to be used at all is not computed with.
pub fn public(key: &PublicKey, at: &Origin) -> Vec<Finding> {
    looked(key, at, LOOKS.iter().chain(COSTLY))
}

/// The same without what takes long.
pub fn quick(key: &PublicKey, at: &Origin) -> Vec<Finding> {
    looked(key, at, LOOKS.iter())
}

fn looked<'a>(key: &PublicKey, at: &Origin, looks: impl Iterator<Item = &'a (&'static Rule, Look)>) -> Vec<Finding> {
    let place = Location::from(at.clone());
    let kind = key.kind();
    let Some((n, e)) = key.rsa() else {
        let told = trivial::public(key).map(|what| trivial::WEAK_TRIVIAL.at(place, format!("{kind}: {what}")));
        return told.into_iter().collect();
    };
    let largest = primes::MAX_RSA_BITS / 8;
    if n.len() > largest || e.len() > largest {
        return vec![];
    }
    let rsa = Rsa { n: UBig::from_be_bytes(n), e: UBig::from_be_bytes(e) };
    if rsa.n.is_zero() {
        return vec![exponent::WEAK_EXPONENT.at(place, format!("{kind}: the modulus is zero"))];
    }
    let found = looks.filter_map(|(rule, look)| Some((*rule, look(&rsa)?)));
    let found: Vec<Finding> = found.map(|(rule, what)| rule.at(place.clone(), format!("{kind}: {what}"))).collect();
    // A modulus of small factors or of a pattern is biased too; the cause is enough.
    let cause = found.iter().any(|f| f.rule != &bias::WEAK_BIAS && f.severity == bias::WEAK_BIAS.severity);
    found.into_iter().filter(|f| !cause || f.rule != &bias::WEAK_BIAS).collect()
}

/// What a private key shows besides its public half: the primes and the exponent themselves, or the bare scalar.
pub fn private(key: &PrivateKey, at: &Origin) -> Vec<Finding> {
    let place = Location::from(at.clone());
    let kind = key.kind();
    let mut found = Vec::new();
    match key.parts() {
        Parts::Rsa { numbers, .. } if numbers.n.len() <= primes::MAX_RSA_BITS / 8 => {
            for (name, prime) in [("p", &numbers.p), ("q", &numbers.q)] {
                let told = pattern::in_octets(prime);
                found
                    .extend(told.map(|what| pattern::WEAK_PATTERN.at(place.clone(), format!("{kind}: {name} {what}"))));
            }
            let told = wiener::small(&numbers.d, &numbers.n);
            found.extend(told.map(|what| wiener::WEAK_SMALL_D.at(place, format!("{kind}: {what}"))));
        }
        Parts::Ec { scalar, .. } => {
            let told = trivial::secret(scalar);
            found
                .extend(told.map(|what| trivial::WEAK_TRIVIAL.at(place, format!("{kind}: the private scalar {what}"))));
        }
        Parts::Edwards { seed, .. } => {
            let told = trivial::secret(seed);
            found.extend(told.map(|what| trivial::WEAK_TRIVIAL.at(place, format!("{kind}: the seed {what}"))));
        }
        Parts::Rsa { .. } | Parts::Opaque { .. } => {}
    }
    found
}
