//! Judges keys: do a private key's numbers fit together, is the key strong, will TLS take it, and is it the one that a
//! certificate or request was made for?

use super::weak;
use crate::crypto::{self, RsaNumbers};
use crate::finding::{Finding, Location, Origin, rules};
use crate::material::encryption::{ENCRYPTION_UNSUPPORTED, PASSPHRASE_WRONG};
use crate::material::key::{KeyFault, KeyKind, Parts, PrivateKey, PublicKey};
use crate::primes;

/// The smallest RSA key that is called good unless more is asked for.
pub const MIN_BITS: usize = 2048;

/// Why a file's key could not be used at all.
pub fn fault(fault: &KeyFault, at: &Origin) -> Finding {
    let rule = match fault {
        KeyFault::Encrypted => &KEY_ENCRYPTED,
        KeyFault::WrongPassphrase => &PASSPHRASE_WRONG,
        KeyFault::Encryption(_) => &ENCRYPTION_UNSUPPORTED,
        KeyFault::Unsupported(_) => &KEY_UNSUPPORTED,
        KeyFault::Malformed(_) => &KEY_MALFORMED,
    };
    rule.at(at.clone().into(), fault.to_string())
}

/// Do the numbers of the key fit together? Computed here for any size, since ring refuses many sound keys. None for a kind of
/// key that is not computed with, because TLS does not take it (`strength` says so).
pub fn consistency(key: &PrivateKey, at: &Origin) -> Option<Vec<Finding>> {
    let at = Location::from(at.clone());
    let kind = key.kind();
    Some(match key.parts() {
        Parts::Rsa { more_primes: true, .. } => {
            vec![KEY_NOT_JUDGED.at(at, format!("{kind} with more than two primes: its numbers are not checked"))]
        }
        Parts::Rsa { numbers, .. } => rsa_consistency(numbers.in_order().map(|n| n.as_slice()), kind, &at),
        Parts::Ec { scalar, point } => ec_consistency(scalar, point.as_deref(), kind, at)?,
        Parts::Edwards { public, .. } => edwards_consistency(key, public.as_deref(), at),
        Parts::Opaque { .. } => return None,
    })
}

/// Everything that can be said of a public key that is to be used: its strength, and what makes it easy to break.
pub fn public(key: &PublicKey, at: &Origin) -> Vec<Finding> {
    let mut findings = strength(key, MIN_BITS, at);
    findings.extend(weak::public(key, at));
    findings
}

/// The same as far as it is known at once: for the many certificates that are met on the way.
pub fn quick(key: &PublicKey, at: &Origin) -> Vec<Finding> {
    let mut findings = strength(key, MIN_BITS, at);
    findings.extend(weak::quick(key, at));
    findings
}

/// Is the key strong enough, and of a kind that TLS takes?
pub fn strength(key: &PublicKey, min_bits: usize, at: &Origin) -> Vec<Finding> {
    let kind = key.kind();
    let mut findings = kind_strength(kind, min_bits, at);
    if let Some((_, e)) = key.rsa()
        && (matches!(e, [] | [1]) || e.last().is_some_and(|b| b % 2 == 0))
    {
        let e = crypto::hex(&e[..e.len().min(8)]);
        findings.push(KEY_EXPONENT.at(at.clone().into(), format!("{kind} with the public exponent 0x{e}")));
    }
    findings
}

/// The same for a key whose public half is not known: by its kind alone.
pub fn kind_strength(kind: &KeyKind, min_bits: usize, at: &Origin) -> Vec<Finding> {
    let at = Location::from(at.clone());
    let found = match kind {
        KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } if *bits < min_bits => {
            KEY_TOO_SMALL.at(at, format!("{kind}: at least {min_bits} bits are asked for"))
        }
        KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } if *bits > primes::MAX_RSA_BITS => {
            KEY_TOO_LARGE.at(at, format!("{kind}: OpenSSL takes up to {} bits", primes::MAX_RSA_BITS))
        }
        kind if !kind.signs_in_tls() => {
            KEY_NOT_FOR_TLS.at(at, format!("{kind}: TLS servers and clients in use do not take it"))
        }
        _ => return vec![],
    };
    vec![found]
}

/// Does the private key belong to the public key of a certificate or request? `what` says which of them it is.
pub fn pair(key: &PrivateKey, at: &Origin, public: &PublicKey, what: &str, other: &Origin) -> Vec<Finding> {
    let at = Location::from(at.clone());
    let Some(own) = key.public() else {
        let why = "its public key cannot be computed here and is not in the file";
        return vec![KEY_NOT_JUDGED.at(at, format!("{}: {why}, so the {what} cannot be compared", key.kind()))];
    };
    if own == *public {
        return vec![];
    }
    let (own_kind, kind, own, theirs) = (own.kind(), public.kind(), own.sha256(), public.sha256());
    let what = format!("the key ({own_kind}) does not belong to the {what} {other} ({kind})");
    vec![KEY_MISMATCH.at(at, format!("{what}: public key SHA-256 {own} here, {theirs} there"))]
}

fn rsa_consistency(numbers: [&[u8]; 8], kind: &KeyKind, at: &Location) -> Vec<Finding> {
    const LIMIT: usize = primes::MAX_RSA_BITS;
    if numbers.iter().any(|n| n.len() * 8 > LIMIT) {
        return vec![KEY_NOT_JUDGED.at(at.clone(), format!("{kind}: numbers beyond {LIMIT} bits are not checked"))];
    }
    let [n, e, d, p, q, dp, dq, qinv] = numbers;
    let misfits = primes::rsa_misfits(&RsaNumbers { n, e, d, p, q, dp, dq, qinv });
    misfits.iter().map(|m| KEY_INCONSISTENT.at(at.clone(), format!("{kind}: {} {}", m.number, m.what))).collect()
}

fn ec_consistency(scalar: &[u8], point: Option<&[u8]>, kind: &KeyKind, at: Location) -> Option<Vec<Finding>> {
    let curve = kind.curve()?;
    let wrong = |what| Some(vec![KEY_INCONSISTENT.at(at.clone(), format!("{kind}: {what}"))]);
    let Some(derived) = crypto::public_point(curve, scalar) else {
        return wrong("the private scalar is not between 1 and the group's order");
    };
    match point.map(|point| crypto::uncompressed(curve, point)) {
        None => Some(vec![KEY_PUBLIC_MISSING.at(at, bare(kind))]),
        Some(None) => wrong("the public point is not on the curve"),
        Some(Some(point)) if point != derived => wrong("the public point does not belong to the private scalar"),
        Some(Some(_)) => Some(vec![]),
    }
}

fn edwards_consistency(key: &PrivateKey, public: Option<&[u8]>, at: Location) -> Vec<Finding> {
    let kind = key.kind();
    let Some(public) = public else { return vec![KEY_PUBLIC_MISSING.at(at, bare(kind))] };
    if *kind != KeyKind::Ed25519 {
        return vec![KEY_NOT_JUDGED.at(at, format!("{kind}: the public key cannot be computed here"))];
    }
    if key.public().is_some_and(|own| own.octets() == public) {
        vec![]
    } else {
        vec![KEY_INCONSISTENT.at(at, format!("{kind}: the public key does not belong to the seed"))]
    }
}

fn bare(kind: &KeyKind) -> String {
    format!("{kind}: the file holds no public key to compare with; only --cert or --csr can tell a damaged key")
}

rules! {
    /// Numbers that do not fit together.
    KEY_INCONSISTENT = Error "key-inconsistent" {
        summary: "the numbers of a private key do not fit together: it is damaged or was put together wrongly",
        help: "restore the key from a backup, or make a new one and have the certificate issued anew",
        source: "RFC 8017 section 3.2, SEC 1 section 3.2.1, RFC 8032 section 5.1.5",
    }
    /// Not DER, or not a key.
    KEY_MALFORMED = Error "key-malformed" {
        summary: "a private key is cut off, damaged or not a key at all",
        help: "copy the file again, in binary mode where it is DER; else restore it from a backup",
        source: "RFC 5208, RFC 5915, RFC 5958, RFC 8017 appendix A.1.2, RFC 8410",
    }
    /// A passphrase is needed.
    KEY_ENCRYPTED = Skipped "key-encrypted" {
        summary: "the private key is encrypted, so nothing in it can be looked at",
        help: "give its passphrase: --passphrase-file FILE (pkit --help lists the other ways)",
        source: "RFC 5958 section 3, RFC 1421 section 4.6.1.1",
    }
    /// An algorithm that is not known here.
    KEY_UNSUPPORTED = Error "key-unsupported" {
        summary: "the private key is of an algorithm that pkit does not know",
        help: "use an RSA, ECDSA or Ed25519 key: `pkit key new`",
        source: "RFC 8446 section 4.2.3 lists what TLS servers sign with",
    }
    /// Some numbers are not computed with.
    KEY_NOT_JUDGED = Skipped "key-not-judged" {
        summary: "a part of the key cannot be checked here, so nothing is said about it",
        help: "let another program look: openssl pkey -in KEY -check -noout",
        source: "RFC 8017 section 3.1 (more than two primes), RFC 8032 section 5.2 (Ed448); limits keep the time bounded",
    }
    /// Below 2048 bits.
    KEY_TOO_SMALL = Error "key-too-small" {
        summary: "an RSA key is smaller than what is asked for; below 2048 bits no public CA signs and no client should trust",
        help: "make a new key: `pkit key new` makes RSA 3072",
        source: "NIST SP 800-131A revision 2 section 3, CA/Browser Forum baseline requirements 6.1.5",
    }
    /// Beyond OpenSSL's limit.
    KEY_TOO_LARGE = Error "key-too-large" {
        summary: "an RSA key is larger than servers can use",
        help: "make a new key: RSA 3072 or ECDSA P-256",
        source: "OpenSSL refuses moduli above OPENSSL_RSA_MAX_MODULUS_BITS (16384)",
    }
    /// DSA, brainpool, explicit parameters.
    KEY_NOT_FOR_TLS = Error "key-not-for-tls" {
        summary: "the key's algorithm or curve is not one that TLS clients in use accept",
        help: "make a new key: RSA 3072, ECDSA P-256 or P-384, or Ed25519",
        source: "RFC 8446 section 4.2.3 (no DSA; P-256, P-384, P-521), RFC 5480 section 2.1.1 (curves must be named)",
    }
    /// An even exponent, or 1.
    KEY_EXPONENT = Error "key-exponent" {
        summary: "the public exponent of an RSA key is 1 or even: it protects nothing, or cannot be inverted",
        help: "make a new key; every common program uses 65537",
        source: "RFC 8017 section 3.1, FIPS 186-5 appendix A.1.1",
    }
    /// Another key.
    KEY_MISMATCH = Error "key-mismatch" {
        summary: "a private key does not belong to the certificate or request",
        help: "find the key with this public key's SHA-256: `pkit key inspect` shows it for each file",
        source: "a server does not start with such a pair: SSL_CTX_check_private_key(3)",
    }
    /// Nothing to compare with.
    KEY_PUBLIC_MISSING = Info "key-public-missing" {
        summary: "the file holds the bare secret without the public key, so a damaged key looks like another good one",
        help: "compare it with its certificate: `pkit key check KEY --cert CERT`",
        source: "RFC 8410 section 7, RFC 5915 section 3 (the public key is optional)",
    }
    /// No key there.
    KEY_NOT_FOUND = Error "key-not-found" {
        summary: "a file that should hold a private key holds none",
        help: "name the file with the PRIVATE KEY block",
        source: "RFC 7468 sections 10 and 11",
    }
    /// No certificate or request there.
    PUBLIC_NOT_FOUND = Error "public-key-not-found" {
        summary: "a file that should hold a certificate or a request holds none that can be read",
        help: "name the file with the CERTIFICATE or CERTIFICATE REQUEST block",
        source: "RFC 7468 sections 5 and 7",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_takes_is_not_complained_about() {
        let codes = |kind: KeyKind| -> Vec<_> {
            kind_strength(&kind, MIN_BITS, &Origin::file("k")).iter().map(|f| f.rule.code).collect()
        };
        for good in [KeyKind::EcP256, KeyKind::EcP384, KeyKind::EcP521, KeyKind::Ed25519, KeyKind::Ed448] {
            assert!(codes(good).is_empty());
        }
        assert!(codes(KeyKind::Rsa { bits: 2048 }).is_empty());
        assert_eq!(codes(KeyKind::Rsa { bits: 2047 }), ["key-too-small"]);
        assert_eq!(codes(KeyKind::RsaPss { bits: 16_385 }), ["key-too-large"]);
        for other in [KeyKind::Dsa, KeyKind::Dh, KeyKind::X25519, KeyKind::EcExplicit(Some("P-256"))] {
            assert_eq!(codes(other), ["key-not-for-tls"]);
        }
    }
}
