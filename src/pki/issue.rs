//! Certificates made (RFC 5280 section 4): what goes into one for a server, a client, a mailbox or a CA, and the frame around it.
//! Names, keys and alternative names of other people come in as DER and go out as they came. Whether a certificate may be made
//! is decided on a copy, signed by a key that is thrown away, so nothing that breaks a rule is ever signed in earnest.

use time::{Duration, OffsetDateTime};

use super::sign::{self, Signer, key_id};
use crate::crypto::{self, Refused};
use crate::error::{Error, Result};
use crate::material::cert::Cert;
use crate::material::der::{self, tag};
use crate::material::dn::Name;
use crate::material::ext::write::{self, EncodedName, Extension};
use crate::material::key::{KeyKind, PublicKey};

/// What an end-entity's certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A TLS server: serverAuth.
    Server,
    /// A TLS client: clientAuth.
    Client,
    /// S/MIME: emailProtection.
    Email,
}

impl Profile {
    /// The word for the command line and the index.
    pub fn word(self) -> &'static str {
        match self {
            Profile::Server => "server",
            Profile::Client => "client",
            Profile::Email => "email",
        }
    }

    /// The last arc of id-kp (RFC 5280 section 4.2.1.12).
    fn purpose(self) -> u8 {
        match self {
            Profile::Server => 1,
            Profile::Client => 2,
            Profile::Email => 4,
        }
    }

    /// digitalSignature, and what is needed for keys to be exchanged with this one: keyEncipherment with RSA (TLS 1.2 without
    /// forward secrecy, S/MIME), keyAgreement with ECDH in S/MIME (RFC 8550 section 4.4.2).
    fn usage(self, kind: &KeyKind) -> &'static [u8] {
        match (self, kind) {
            (Profile::Server | Profile::Email, KeyKind::Rsa { .. }) => &[DIGITAL_SIGNATURE, KEY_ENCIPHERMENT],
            (Profile::Email, KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521) => {
                &[DIGITAL_SIGNATURE, KEY_AGREEMENT]
            }
            _ => &[DIGITAL_SIGNATURE],
        }
    }
}

/// Where things of the issuer can be had; what has no URL is left out, never invented.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The issuer's CRL.
    pub crl: Option<String>,
    /// The issuer's certificate.
    pub issuer: Option<String>,
}

impl Places {
    fn extensions(&self) -> impl Iterator<Item = Extension> {
        let crl = self.crl.as_deref().map(write::crl_distribution_point);
        crl.into_iter().chain(self.issuer.as_deref().map(write::ca_issuers))
    }
}

/// The extensions of an end-entity.
pub fn end_entity(
    profile: Profile,
    key: &PublicKey,
    names: Option<Extension>,
    issuer_key_id: &[u8],
    places: &Places,
) -> Vec<Extension> {
    let mut list = vec![
        write::key_usage(profile.usage(key.kind())),
        write::extended_key_usage(&[profile.purpose()]),
        write::subject_key_id(&key_id(key)),
        write::authority_key_id(issuer_key_id),
    ];
    list.extend(names);
    list.extend(places.extensions());
    list
}

/// The extensions of a CA: path length always, name constraints critical.
pub fn authority(
    key: &PublicKey,
    issuer_key_id: &[u8],
    path_len: u32,
    permitted: &[EncodedName],
    places: &Places,
) -> Vec<Extension> {
    let mut list = vec![
        write::authority(path_len),
        write::key_usage(&[KEY_CERT_SIGN, CRL_SIGN]),
        write::subject_key_id(&key_id(key)),
        write::authority_key_id(issuer_key_id),
    ];
    list.extend((!permitted.is_empty()).then(|| write::permitted_names(permitted)));
    list.extend(places.extensions());
    list
}

/// How the key of this certificate is to be named in what it issues: as it calls itself.
pub fn issuer_key_id(issuer: &Cert) -> Vec<u8> {
    issuer.extensions.subject_key_id.clone().unwrap_or_else(|| key_id(&issuer.public_key))
}

/// A serial number: 128 random bits behind a fixed first byte, which keeps it positive and of one length (RFC 5280 section
/// 4.1.2.2 allows 20 bytes).
pub fn serial() -> Result<Vec<u8>> {
    let mut number = vec![1; 17];
    crypto::random(&mut number[1..]).map_err(|Refused(why)| Error::bug(format!("no serial number: {why}")))?;
    Ok(number)
}

/// The last instant of so many days: it belongs to the time of validity (RFC 5280 section 4.1.2.5).
pub fn last_instant(from: OffsetDateTime, days: u32) -> OffsetDateTime {
    from + Duration::days(days.into()) - Duration::SECOND
}

/// Everything that a certificate says.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// The serial number, positive.
    pub serial: &'a [u8],
    /// Who signs it.
    pub issuer: &'a Name,
    /// Who it is about.
    pub subject: &'a Name,
    /// First instant of validity.
    pub not_before: OffsetDateTime,
    /// Last instant of validity.
    pub not_after: OffsetDateTime,
    /// The key that it certifies.
    pub key: &'a PublicKey,
    /// In order.
    pub extensions: &'a [Extension],
}

impl Body<'_> {
    /// The certificate, signed.
    pub fn signed(&self, signer: &Signer<'_>) -> Result<Cert> {
        const VERSION_3: u8 = 2;
        let made = signer.signed(&der::sequence(&[
            &der::tlv(tag::context(0), &der::unsigned(&[VERSION_3])),
            &der::unsigned(self.serial),
            signer.identifier(),
            self.issuer.der(),
            &der::sequence(&[&der::time(self.not_before), &der::time(self.not_after)]),
            self.subject.der(),
            self.key.spki(),
            &der::tlv(tag::context(3), &write::extensions(self.extensions)),
        ]))?;
        Cert::from_der(&made).map_err(|fault| Error::bug(format!("a new certificate cannot be read: {fault}")))
    }

    /// The same certificate, signed by a key that nobody keeps: to be judged.
    pub fn copy(&self) -> Result<Cert> {
        self.signed(&Signer::of(&sign::throw_away()?)?)
    }
}

const DIGITAL_SIGNATURE: u8 = 0;
const KEY_ENCIPHERMENT: u8 = 2;
const KEY_AGREEMENT: u8 = 4;
const KEY_CERT_SIGN: u8 = 5;
const CRL_SIGN: u8 = 6;
