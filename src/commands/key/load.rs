//! From a file's bytes to the keys, certificates and requests in it, PEM or DER.

use crate::checks::key::PUBLIC_NOT_FOUND;
use crate::error::{Error, Result};
use crate::files::read::Input;
use crate::finding::Origin;
use crate::material::der::{self, DerError, tag};
use crate::material::key::{KeyFault, PrivateKey, PublicKey};

/// One thing with a key in it.
pub(super) enum Item {
    /// A private key.
    Key(PrivateKey),
    /// A private key that cannot be used.
    Broken(KeyFault),
    /// The public key of a certificate.
    Certificate(PublicKey),
    /// The public key of a certificate request.
    Request(PublicKey),
}

/// An item and where it stands.
pub(super) struct Found {
    pub(super) origin: Origin,
    pub(super) item: Item,
}

/// Everything with a key in it, in the order of the file.
pub(super) fn items(input: &Input) -> Vec<Found> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let starts: Vec<usize> = (0..input.bytes.len()).filter(|at| input.bytes[*at..].starts_with(BEGIN)).collect();
    if starts.is_empty() {
        return der_item(&input.bytes)
            .map(|item| Found { origin: Origin::file(&input.path), item })
            .into_iter()
            .collect();
    }
    let ends = starts.iter().skip(1).copied().chain([input.bytes.len()]);
    let block = |(index, (start, end)): (usize, (usize, usize))| {
        let line = 1 + input.bytes[..start].iter().filter(|b| **b == b'\n').count();
        let item = pem_item(&input.bytes[start..end])?;
        Some(Found { origin: Origin { line, index, ..Origin::file(&input.path) }, item })
    };
    starts.iter().copied().zip(ends).enumerate().filter_map(block).collect()
}

/// The public key of the first certificate, or of the first request, that the file holds.
pub(super) fn public(input: &Input, wanted: Wanted) -> Result<(Origin, PublicKey)> {
    let found = items(input).into_iter().find_map(|found| match (found.item, wanted) {
        (Item::Certificate(key), Wanted::Certificate) | (Item::Request(key), Wanted::Request) => {
            Some((found.origin, key))
        }
        _ => None,
    });
    found.ok_or_else(|| {
        let message = format!("{} holds no {} that can be read", input.path.display(), wanted.word());
        Error::input(&PUBLIC_NOT_FOUND, message).path(&input.path)
    })
}

/// What a key is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Certificate,
    Request,
}

impl Wanted {
    pub(super) fn word(self) -> &'static str {
        match self {
            Wanted::Certificate => "certificate",
            Wanted::Request => "request",
        }
    }
}

fn pem_item(block: &[u8]) -> Option<Item> {
    let cut =
        || Item::Broken(KeyFault::Malformed(DerError { what: "a PEM block that is cut off or damaged", offset: 0 }));
    let is_key = block
        .split(|b| *b == b'\n')
        .next()
        .is_some_and(|line| line.ends_with(b"PRIVATE KEY-----") || line.ends_with(b"PRIVATE KEY-----\r"));
    let Ok(pem) = pem::parse(block) else { return is_key.then(cut) };
    if is_key && pem.headers().get("Proc-Type").is_some_and(|t| t.ends_with("ENCRYPTED")) {
        return Some(Item::Broken(KeyFault::Encrypted));
    }
    match pem.tag() {
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Some(key(pem.contents())),
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => spki(pem.contents()).map(Item::Certificate),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => spki(pem.contents()).map(Item::Request),
        _ => None,
    }
}

fn der_item(bytes: &[u8]) -> Option<Item> {
    if bytes.first() != Some(&tag::SEQUENCE) {
        return None;
    }
    match (PrivateKey::from_der(bytes), spki(bytes)) {
        (Err(KeyFault::Malformed(_)), Some(public)) if is_request(bytes) => Some(Item::Request(public)),
        (Err(KeyFault::Malformed(_)), Some(public)) => Some(Item::Certificate(public)),
        (parsed, _) => Some(parsed.map_or_else(Item::Broken, Item::Key)),
    }
}

fn key(bytes: &[u8]) -> Item {
    PrivateKey::from_der(bytes).map_or_else(Item::Broken, Item::Key)
}

/// The SubjectPublicKeyInfo: the first SEQUENCE in TBSCertificate (RFC 5280, 4.1) or CertificationRequestInfo (RFC 2986, 4.1)
/// that begins with an algorithm and goes on with a BIT STRING.
fn spki(bytes: &[u8]) -> Option<PublicKey> {
    let mut signed = der::Reader::new(bytes).enter(tag::SEQUENCE).ok()?;
    let mut body = signed.enter(tag::SEQUENCE).ok()?;
    while !body.is_empty() {
        let element = body.any().ok()?;
        let mut inside = element.reader();
        if element.tag == tag::SEQUENCE && inside.enter(tag::SEQUENCE).is_ok() && inside.peek() == Some(tag::BIT_STRING)
        {
            return PublicKey::from_spki(element.raw).ok();
        }
    }
    None
}

/// A request begins with its version, 0; a certificate with `[0]` or a serial number and an algorithm.
fn is_request(bytes: &[u8]) -> bool {
    let begin = || {
        let mut body = der::Reader::new(bytes).enter(tag::SEQUENCE)?.enter(tag::SEQUENCE)?;
        body.unsigned()?;
        body.expect(tag::SEQUENCE)?;
        Ok::<_, DerError>(body.peek() == Some(tag::SEQUENCE) && body.any()?.reader().enter(tag::SEQUENCE).is_ok())
    };
    begin().unwrap_or(false)
}
