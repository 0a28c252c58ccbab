//! Judges Diffie-Hellman parameters: large enough, a safe prime, and a generator that generates something.

use crate::finding::{Finding, Origin, Rule, rules};
use crate::material::dh::DhParams;
use crate::primes::{self, Primality};

/// The smallest prime that is called good.
pub const MIN_BITS: usize = 2048;

/// What was found out, and what is wrong with it.
#[derive(Debug)]
pub struct Judgement {
    /// Whether the prime is a safe one; none where it was not tested.
    pub safe_prime: Option<bool>,
    /// What the generator generates; none where that is not known.
    pub order: Option<Order>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// The order of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// (p - 1) / 2, a prime.
    Half,
    /// p - 1.
    Full,
    /// The q that the parameters name.
    Subgroup,
}

impl Order {
    /// The usual letters: p = 2q + 1, or p = jq + 1.
    pub fn word(self) -> &'static str {
        match self {
            Order::Half | Order::Subgroup => "q",
            Order::Full => "2q",
        }
    }
}

/// Judges the parameters. The primes of the named groups are known; others are tested up to the size that takes seconds.
pub fn judge(params: &DhParams, at: &Origin) -> Judgement {
    judge_tested(params, primality(params), at)
}

/// Judges parameters of whose prime it is known what kind it is, if that could be found out.
pub fn judge_tested(params: &DhParams, primality: Option<Primality>, at: &Origin) -> Judgement {
    let bits = params.bits();
    let mut findings = Vec::new();
    let mut note = |rule: &'static Rule, message: String| findings.push(rule.at(at.clone().into(), message));
    match params.known() {
        _ if bits >= MIN_BITS => {}
        Some(shared) => note(
            &DH_SHARED,
            format!(
                "this prime of {bits} bits is {}, {}: one that very many servers share",
                shared.name, shared.source
            ),
        ),
        None => note(&DH_TOO_SMALL, format!("the prime has {bits} bits; at least {MIN_BITS} are asked for")),
    }
    match primality {
        Some(Primality::SafePrime) => {}
        Some(Primality::Prime(factor)) => {
            let why = factor.map_or("is composite".into(), |factor| format!("is divisible by {factor}"));
            note(&DH_NOT_SAFE, format!("the modulus of {bits} bits is prime, but (p - 1) / 2 {why}"));
        }
        Some(Primality::Composite(factor)) => {
            let why = factor.map_or(String::new(), |factor| format!(": it is divisible by {factor}"));
            note(&DH_NOT_PRIME, format!("the modulus of {bits} bits is not a prime number{why}"));
        }
        // Where no server can use it, whether it is prime does not matter.
        None if bits > OPENSSL_MAX => {}
        None => note(
            &DH_NOT_TESTED,
            format!("the modulus has {bits} bits; above {MAX} it is searched for small factors only"),
        ),
    }
    if bits > OPENSSL_MAX {
        note(
            &DH_TOO_LARGE,
            format!(
                "the modulus has {bits} bits; OpenSSL uses none above {OPENSSL_MAX}, and it was not tested further"
            ),
        );
    }
    let order = in_range(params).then(|| order(params, primality)).flatten();
    match (order, &params.q) {
        _ if !in_range(params) => note(&DH_GENERATOR, "the generator is not between 2 and p - 2".into()),
        (Some(Order::Full), _) => note(&DH_FULL_GROUP, "the generator has the order p - 1, not (p - 1) / 2".into()),
        (None, Some(_)) if bits <= MAX => {
            note(&DH_SUBGROUP, "the q of the parameters is not the prime order of the generator".into())
        }
        _ => {}
    }
    Judgement { safe_prime: primality.map(|p| p == Primality::SafePrime), order, findings }
}

fn primality(params: &DhParams) -> Option<Primality> {
    if params.group().is_some() || params.known().is_some_and(|known| known.safe) {
        return Some(Primality::SafePrime);
    }
    if params.bits() <= MAX {
        return Some(primes::primality(&params.p));
    }
    // Where even this takes long it would be longer than any file of a server.
    let factor = (params.bits() <= MAX_DIVIDED).then(|| primes::small_factor(&params.p)).flatten();
    factor.map(|factor| Primality::Composite(Some(factor)))
}

/// What the generator, which is in range, generates.
fn order(params: &DhParams, primality: Option<Primality>) -> Option<Order> {
    let safe = primality == Some(Primality::SafePrime);
    match &params.q {
        _ if params.bits() > MAX || matches!(primality, Some(Primality::Composite(_)) | None) => None,
        Some(q) if !primes::is_subgroup(&params.p, &params.g, q) => None,
        Some(_) if !safe => Some(Order::Subgroup),
        // Of a safe prime's group each element but 1 and -1 has one of these two orders.
        _ if safe => Some(if primes::is_square(&params.p, &params.g) { Order::Half } else { Order::Full }),
        _ => None,
    }
}

/// 1 < g < p - 1. In a group of a safe prime every such element has an order of at least (p - 1) / 2.
fn in_range(params: &DhParams) -> bool {
    let (p, g) = (&params.p, &params.g);
    let mut last = p.clone();
    if let Some(low) = last.last_mut() {
        *low &= !1;
    }
    let below = g.len() < last.len() || g.len() == last.len() && *g < last;
    !matches!(g[..], [] | [1]) && below
}

const MAX: usize = primes::MAX_DH_BITS;
const MAX_DIVIDED: usize = 65_536;

/// OPENSSL_DH_MAX_MODULUS_BITS.
const OPENSSL_MAX: usize = 10_000;

rules! {
    /// Below 2048 bits.
    DH_TOO_SMALL = Error "dh-too-small" {
        summary: "the prime of the Diffie-Hellman parameters is too small: connections could be read by others",
        help: "`pkit dhparam new` writes a group of 3072 bits",
        source: "RFC 7919 section 2, RFC 9325 section 4.1, weakdh.org (Logjam)",
    }
    /// Below 2048 bits, and the same on many servers.
    DH_SHARED = Error "dh-shared-prime" {
        summary: "the prime of the Diffie-Hellman parameters is too small and shared by many servers: broken once, it is broken everywhere",
        help: "`pkit dhparam new` writes a group of 3072 bits",
        source: "weakdh.org (Logjam: Adrian and others, Imperfect Forward Secrecy, 2015), RFC 9325 section 4.1",
    }
    /// Larger than OpenSSL takes.
    DH_TOO_LARGE = Error "dh-too-large" {
        summary: "the modulus of the Diffie-Hellman parameters is larger than OpenSSL uses: no handshake with it succeeds",
        help: "`pkit dhparam new` writes a group of 3072 bits; 8192 is the largest that is in use",
        source: "OpenSSL's dh.h, OPENSSL_DH_MAX_MODULUS_BITS",
    }
    /// The whole group.
    DH_FULL_GROUP = Info "dh-full-group" {
        summary: "the generator makes the whole group, so one bit of each secret can be seen; that is harmless in TLS",
        help: "nothing needs to be done; `pkit dhparam new` writes groups whose generator has a prime order",
        source: "RFC 7919 section 8.1, NIST SP 800-56A revision 3 section 5.5.1.1",
    }
    /// A q that is not the order.
    DH_SUBGROUP = Error "dh-subgroup" {
        summary: "the subgroup that the Diffie-Hellman parameters name (q) is not the one that the generator makes",
        help: "`pkit dhparam new` writes a group that is known to be good",
        source: "RFC 3279 section 2.3.3, RFC 2631 section 2.2.2",
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
    /// Too large to test, or too many.
    DH_NOT_TESTED = Skipped "dh-not-tested" {
        summary: "the parameters were not tested for primality, which would take minutes: too large, or too many of them",
        help: "use a named group, alone in its file: `pkit dhparam new`",
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

    fn judged(p: &[u8], g: &[u8], q: Option<&[u8]>) -> Judgement {
        let params = DhParams { p: p.to_vec(), g: g.to_vec(), q: q.map(<[u8]>::to_vec) };
        judge(&params, &Origin::file("dh.pem"))
    }

    fn codes(p: &[u8], g: &[u8]) -> Vec<&'static str> {
        judged(p, g, None).findings.iter().map(|f| f.rule.code).collect()
    }

    #[test]
    fn named_groups_are_good_and_their_generators_are_still_looked_at() {
        let p = Group::Ffdhe2048.params().p;
        assert!(codes(&p, &[2]).is_empty());
        for bad in [vec![], vec![1], p.clone(), [&p[..255], &[0xfe]].concat(), vec![0xff; 257]] {
            assert!(codes(&p, &bad).contains(&"dh-generator"));
        }
        // 7 is no square modulo ffdhe2048.
        assert_eq!(judged(&p, &[2], None).order, Some(Order::Half));
        assert_eq!(judged(&p, &[7], None).order, Some(Order::Full));
        assert_eq!(codes(&p, &[7]), ["dh-full-group"]);
        assert_eq!(judged(&p, &[2], Some(&p)).findings[0].rule.code, "dh-subgroup");
    }

    #[test]
    fn size_primality_and_safety_are_told_apart() {
        let small = |p: u32| judged(&p.to_be_bytes()[2..], &[2], None).findings;
        let codes_of = |findings: &[Finding]| findings.iter().map(|f| f.rule.code).collect::<Vec<_>>();
        let composite = small(0x807b);
        assert_eq!(codes_of(&composite), ["dh-too-small", "dh-not-prime"]);
        assert!(composite[1].message.ends_with("divisible by 31"), "{}", composite[1].message);
        assert_eq!(codes_of(&small(65_521)), ["dh-too-small", "dh-not-safe"]);
        assert_eq!(codes_of(&small(65_267))[0], "dh-too-small");
        assert_eq!(codes(&[&[0xff; 1024][..], &[0xf1]].concat(), &[2]), ["dh-not-tested"]);
        assert_eq!(codes(&[0xff; 8192], &[2]), ["dh-not-prime", "dh-too-large"]);
        assert_eq!(codes(&[0xff; 1 << 20], &[2]), ["dh-too-large"]);
    }
}
