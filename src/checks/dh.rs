//! Judges Diffie-Hellman parameters: large enough, a safe prime, and a generator that generates something.

use crate::finding::{Finding, Origin, rules};
use crate::material::dh::DhParams;
use crate::primes::{self, Primality};

/// The smallest prime that is called good.
pub const MIN_BITS: usize = 2048;

/// What was found out, and what is wrong with it.
#[derive(Debug)]
pub struct Judgement {
    /// Whether the prime is a safe one; none where it was not tested.
    pub safe_prime: Option<bool>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Judges the parameters. The primes of the named groups are known; others are tested up to the size that takes seconds.
pub fn judge(params: &DhParams, at: &Origin) -> Judgement {
    let bits = params.bits();
    let mut findings = Vec::new();
    let mut note =
        |rule: &'static crate::finding::Rule, message: String| findings.push(rule.at(at.clone().into(), message));
    if bits < MIN_BITS {
        note(&DH_TOO_SMALL, format!("the prime has {bits} bits; at least {MIN_BITS} are asked for"));
    }
    let primality = if params.group().is_some() {
        Some(Primality::SafePrime)
    } else {
        (bits <= primes::MAX_DH_BITS).then(|| primes::primality(&params.p))
    };
    match primality {
        Some(Primality::SafePrime) => {}
        Some(Primality::Prime) => {
            note(&DH_NOT_SAFE, format!("the modulus of {bits} bits is prime, but (p - 1) / 2 is not"))
        }
        Some(Primality::Composite) => note(&DH_NOT_PRIME, format!("the modulus of {bits} bits is not a prime number")),
        None => {
            note(&DH_NOT_TESTED, format!("the prime has {bits} bits; it is not tested above {}", primes::MAX_DH_BITS))
        }
    }
    if !generates(params) {
        note(&DH_GENERATOR, "the generator is not between 2 and p - 2".into());
    }
    Judgement { safe_prime: primality.map(|p| p == Primality::SafePrime), findings }
}

/// 1 < g < p - 1. In a group of a safe prime every such element has an order of at least (p - 1) / 2.
fn generates(params: &DhParams) -> bool {
    let (p, g) = (&params.p, &params.g);
    let mut last = p.clone();
    if let Some(low) = last.last_mut() {
        *low &= !1;
    }
    let below = g.len() < last.len() || g.len() == last.len() && *g < last;
    !matches!(g[..], [] | [1]) && below
}

rules! {
    /// Below 2048 bits.
    DH_TOO_SMALL = Error "dh-too-small" {
        summary: "the prime of the Diffie-Hellman parameters is too small: connections could be read by others",
        help: "`pkit dhparam new` writes a group of 3072 bits",
        source: "RFC 7919 section 2, RFC 9325 section 4.1, weakdh.org (Logjam)",
    }
    /// Composite.
    DH_NOT_PRIME = Error "dh-not-prime" {
        summary: "the modulus of the Diffie-Hellman parameters is not a prime number: they are damaged or hostile",
        help: "`pkit dhparam new` writes a group that is known to be good",
        source: "NIST SP 800-56A revision 3 section 5.5.1.1",
    }
    /// Not a safe prime.
    DH_NOT_SAFE = Error "dh-not-safe" {
        summary: "the prime of the Diffie-Hellman parameters is not a safe prime: small subgroups can give away the secret",
        help: "`pkit dhparam new` writes a safe group; never use openssl's -dsaparam for a server",
        source: "RFC 7919 sections 1 and 8.1, RFC 2785",
    }
    /// Too large to test.
    DH_NOT_TESTED = Skipped "dh-not-tested" {
        summary: "the prime is larger than any group in use and was not tested: that would take minutes",
        help: "use a named group: `pkit dhparam new`",
        source: "the largest group of RFC 7919 has 8192 bits; OpenSSL refuses above OPENSSL_DH_MAX_MODULUS_BITS (10000)",
    }
    /// Out of range.
    DH_GENERATOR = Error "dh-generator" {
        summary: "the generator of the Diffie-Hellman parameters makes every secret guessable",
        help: "`pkit dhparam new` writes a group with the generator 2",
        source: "NIST SP 800-56A revision 3 section 5.5.1.1, RFC 2631 section 2.2.1",
    }
    /// No parameters there.
    DH_NOT_FOUND = Error "dh-not-found" {
        summary: "a file that should hold Diffie-Hellman parameters holds none that can be read",
        help: "name the file with the DH PARAMETERS block",
        source: "PKCS#3 section 9",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::material::dh::Group;

    fn codes(params: &DhParams) -> Vec<&'static str> {
        judge(params, &Origin::file("dh.pem")).findings.iter().map(|f| f.rule.code).collect()
    }

    #[test]
    fn named_groups_are_good_and_their_generators_are_still_looked_at() {
        let good = Group::Ffdhe2048.params();
        assert!(codes(&good).is_empty());
        for bad in [vec![], vec![1], good.p.clone(), [&good.p[..255], &[0xfe]].concat(), vec![0xff; 257]] {
            assert!(codes(&DhParams { g: bad, ..good.clone() }).contains(&"dh-generator"));
        }
    }

    #[test]
    fn size_primality_and_safety_are_told_apart() {
        let small = |p: u32| codes(&DhParams { p: p.to_be_bytes()[2..].to_vec(), g: vec![2] });
        assert_eq!(small(0x807b), ["dh-too-small", "dh-not-prime"]);
        assert_eq!(small(65_521), ["dh-too-small", "dh-not-safe"]);
        assert_eq!(small(65_267), ["dh-too-small"]);
        assert_eq!(codes(&DhParams { p: vec![0xff; 1025], g: vec![2] }), ["dh-not-tested"]);
    }
}
