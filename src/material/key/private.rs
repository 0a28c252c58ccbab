//! Private keys as files hold them: PKCS#8 (RFC 5208, RFC 5958), PKCS#1 RSAPrivateKey (RFC 8017) and SEC 1 ECPrivateKey
//! (RFC 5915). Everything secret is wiped when the key goes.

use std::fmt;

use zeroize::Zeroizing;

use super::kind::{Algorithm, ec_kind, named, oid};
use super::read::{DsaPrivateKey, EcPrivateKey, parts, rsa, scalar, version, whole_octets};
use super::{KeyKind, PublicKey, write};
use crate::crypto::{self, Curve, RsaNumbers};
use crate::material::der::{self, DerError, Reader, tag};

/// How the file spells the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// PrivateKeyInfo or OneAsymmetricKey: `PRIVATE KEY`.
    Pkcs8,
    /// RSAPrivateKey: `RSA PRIVATE KEY`.
    Pkcs1,
    /// ECPrivateKey: `EC PRIVATE KEY`.
    Sec1,
    /// The six numbers of OpenSSL: `DSA PRIVATE KEY`.
    Dsa,
}

impl Form {
    /// The standard's name.
    pub fn word(self) -> &'static str {
        match self {
            Form::Pkcs8 => "PKCS#8",
            Form::Pkcs1 => "PKCS#1",
            Form::Sec1 => "SEC1",
            Form::Dsa => "OpenSSL's DSA form",
        }
    }

    /// The label of its PEM block.
    pub fn label(self) -> &'static str {
        match self {
            Form::Pkcs8 => "PRIVATE KEY",
            Form::Pkcs1 => "RSA PRIVATE KEY",
            Form::Sec1 => "EC PRIVATE KEY",
            Form::Dsa => "DSA PRIVATE KEY",
        }
    }
}

/// Why bytes are not a key that can be used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// An EncryptedPrivateKeyInfo: a passphrase is needed.
    Encrypted,
    /// The passphrase that was given does not open it.
    WrongPassphrase,
    /// It is encrypted in a way that is not known here, or that asks for too much work; in words.
    Encryption(String),
    /// A key of an algorithm that is not known here, as a dotted object identifier.
    Unsupported(String),
    /// Not a private key, or a broken one.
    Malformed(DerError),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyFault::Encrypted => f.write_str("the key is encrypted"),
            KeyFault::WrongPassphrase => f.write_str("the passphrase does not open the key"),
            KeyFault::Encryption(what) => write!(f, "the key is encrypted in a way that is not supported: {what}"),
            KeyFault::Unsupported(oid) => write!(f, "a private key of an unsupported algorithm: {}", named(oid)),
            KeyFault::Malformed(error) => write!(f, "not a whole private key: {error}"),
        }
    }
}

impl From<DerError> for KeyFault {
    fn from(error: DerError) -> KeyFault {
        KeyFault::Malformed(error)
    }
}

/// What the key consists of.
pub enum Parts {
    /// RSA and RSA-PSS.
    Rsa {
        /// The eight numbers.
        numbers: RsaNumbers<Zeroizing<Vec<u8>>>,
        /// There are more than two primes; those beyond are not kept.
        more_primes: bool,
    },
    /// Elliptic curves of SEC 1.
    Ec {
        /// The private scalar, left-padded to the curve's size where the curve is known.
        scalar: Zeroizing<Vec<u8>>,
        /// The public point, where the file holds it.
        point: Option<Vec<u8>>,
    },
    /// Ed25519 and Ed448.
    Edwards {
        /// The seed.
        seed: Zeroizing<Vec<u8>>,
        /// The public key, where the file holds it.
        public: Option<Vec<u8>>,
    },
    /// A known algorithm whose secret is not looked at: TLS servers cannot use it (DSA, Diffie-Hellman, X25519).
    Opaque {
        /// The public key, where the file holds it.
        public: Option<Vec<u8>>,
    },
}

/// A private key. It has no `Clone`, no `Display` and no way into JSON; it leaves by `pkcs8_der` and `to_pkcs8_pem` only.
pub struct PrivateKey {
    form: Form,
    kind: KeyKind,
    algorithm: Vec<u8>,
    parts: Parts,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} [secret])", self.kind)
    }
}

impl PrivateKey {
    /// From DER in any of the forms; the first elements tell which one it is.
    pub fn from_der(bytes: &[u8]) -> Result<PrivateKey, KeyFault> {
        let mut inside = der::whole(bytes, tag::SEQUENCE)?;
        let first = inside.any()?;
        let unknown = DerError { what: "not a private key in a known form", offset: 0 };
        match (first.tag, inside.peek()) {
            (tag::SEQUENCE, Some(tag::OCTET_STRING)) => {
                inside.any()?;
                inside.end().map_err(|_| unknown)?;
                Err(KeyFault::Encrypted)
            }
            (tag::INTEGER, Some(tag::SEQUENCE)) => PrivateKey::from_pkcs8(bytes),
            (tag::INTEGER, Some(tag::INTEGER)) if inside.count() == Some(5) => PrivateKey::from_dsa(bytes),
            (tag::INTEGER, Some(tag::INTEGER)) => PrivateKey::from_pkcs1(bytes),
            (tag::INTEGER, Some(tag::OCTET_STRING)) => PrivateKey::from_sec1(bytes),
            _ => Err(unknown.into()),
        }
    }

    /// From PKCS#8, version 1 or version 2 (which adds the public key).
    pub fn from_pkcs8(bytes: &[u8]) -> Result<PrivateKey, KeyFault> {
        let mut info = der::whole(bytes, tag::SEQUENCE)?;
        // Some programs label an encrypted key as a plain one.
        let mut inside = info.clone();
        if inside.expect(tag::SEQUENCE).and_then(|_| inside.expect(tag::OCTET_STRING)).is_ok() && inside.is_empty() {
            return Err(KeyFault::Encrypted);
        }
        let version = version(&mut info)?;
        let algorithm = Algorithm::read(&mut info)?;
        let key = info.expect(tag::OCTET_STRING)?.reader();
        info.optional(tag::context(0))?;
        let public = info.optional(tag::context_primitive(1))?;
        if public.is_some() != (version == 1) {
            return Err(DerError { what: "a version that does not fit the content", offset: 0 }.into());
        }
        info.end()?;
        let public = public.map(|tlv| whole_octets(tlv.content)).transpose()?;
        let (kind, parts) = parts(&algorithm, key, public)?;
        let algorithm = if algorithm.oid == oid::RSA { write::rsa_algorithm() } else { algorithm.raw.to_vec() };
        let pkcs8 = match &parts {
            Parts::Edwards { seed, public: Some(_) } if kind == KeyKind::Ed25519 => {
                write::pkcs8(&algorithm, &write::edwards(seed))
            }
            _ => Zeroizing::new(bytes.to_vec()),
        };
        Ok(PrivateKey { form: Form::Pkcs8, kind, algorithm, parts, pkcs8 })
    }

    /// From a PKCS#1 RSAPrivateKey.
    pub fn from_pkcs1(bytes: &[u8]) -> Result<PrivateKey, KeyFault> {
        let mut outer = Reader::new(bytes);
        let (bits, parts) = rsa(&mut outer)?;
        outer.end()?;
        let algorithm = write::rsa_algorithm();
        let pkcs8 = write::pkcs8(&algorithm, bytes);
        Ok(PrivateKey { form: Form::Pkcs1, kind: KeyKind::Rsa { bits }, algorithm, parts, pkcs8 })
    }

    /// From a SEC 1 ECPrivateKey that names its curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<PrivateKey, KeyFault> {
        let mut outer = Reader::new(bytes);
        let ec = EcPrivateKey::read(&mut outer)?;
        outer.end()?;
        let parameters = ec.parameters.ok_or(DerError { what: "an EC key that names no curve", offset: 0 })?;
        let kind = ec_kind(parameters);
        let algorithm = write::ec_algorithm(parameters);
        let (scalar, point) = (scalar(&kind, ec.scalar)?, ec.point.map(<[u8]>::to_vec));
        let derived = || kind.curve().and_then(|curve| crypto::public_point(curve, &scalar));
        let pkcs8 = write::pkcs8(&algorithm, &write::ec(&scalar, point.clone().or_else(derived).as_deref()));
        Ok(PrivateKey { form: Form::Sec1, kind, algorithm, parts: Parts::Ec { scalar, point }, pkcs8 })
    }

    /// From the six numbers of a DSA key.
    pub fn from_dsa(bytes: &[u8]) -> Result<PrivateKey, KeyFault> {
        let DsaPrivateKey { group, public, private } = DsaPrivateKey::read(bytes)?;
        let algorithm = der::sequence(&[&der::tlv(tag::OID, oid::DSA), &der::sequence(&group)]);
        let pkcs8 = write::pkcs8(&algorithm, private);
        let parts = Parts::Opaque { public: Some(public.to_vec()) };
        Ok(PrivateKey { form: Form::Dsa, kind: KeyKind::Dsa, algorithm, parts, pkcs8 })
    }

    /// From a private scalar, as PKCS#8.
    pub fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<PrivateKey, KeyFault> {
        let point = crypto::public_point(curve, scalar);
        PrivateKey::from_pkcs8(&write::pkcs8(&write::curve_algorithm(curve), &write::ec(scalar, point.as_deref())))
    }

    /// From the eight numbers of RSA, as PKCS#8.
    pub fn from_rsa(numbers: &RsaNumbers<Zeroizing<Vec<u8>>>) -> Result<PrivateKey, KeyFault> {
        PrivateKey::from_pkcs8(&write::pkcs8(&write::rsa_algorithm(), &write::rsa(numbers)))
    }

    /// From an Ed25519 seed of 32 octets, as PKCS#8 version 1: OpenSSL 3.0 and GnuTLS 3.7 cannot read version 2.
    pub fn from_ed25519_seed(seed: &[u8]) -> Result<PrivateKey, KeyFault> {
        PrivateKey::from_pkcs8(&write::pkcs8(&write::ed25519_algorithm(), &write::edwards(seed)))
    }

    /// Algorithm and size or curve.
    pub fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// How the file spelled it.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The numbers themselves, for those who judge them.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The public key that belongs to it: computed where possible, else as the file has it, else none.
    pub fn public(&self) -> Option<PublicKey> {
        let octets = match &self.parts {
            Parts::Rsa { numbers, .. } => der::sequence(&[&der::unsigned(&numbers.n), &der::unsigned(&numbers.e)]),
            Parts::Ec { scalar, point } => match point {
                Some(point) => point.clone(),
                None => crypto::public_point(self.kind.curve()?, scalar)?,
            },
            Parts::Edwards { seed, .. } if self.kind == KeyKind::Ed25519 => crypto::ed25519_public(seed)?,
            Parts::Edwards { public, .. } | Parts::Opaque { public } => public.clone()?,
        };
        PublicKey::from_spki(&der::sequence(&[&self.algorithm, &der::bits(&octets)])).ok()
    }

    /// As PKCS#8 DER: as it was read if it was PKCS#8, but Ed25519 always in version 1, which every server reads.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The form that programs used before PKCS#8, where there is one for this kind of key.
    pub fn traditional(&self) -> Option<Form> {
        match (&self.parts, &self.kind) {
            (Parts::Rsa { .. }, KeyKind::Rsa { .. }) => Some(Form::Pkcs1),
            (Parts::Ec { .. }, _) => Some(Form::Sec1),
            _ => None,
        }
    }

    /// As DER in this form; none where the kind of key does not have it.
    pub fn der(&self, form: Form) -> Option<Zeroizing<Vec<u8>>> {
        match (form, &self.parts) {
            (Form::Pkcs8, _) => Some(self.pkcs8.clone()),
            (Form::Pkcs1, Parts::Rsa { .. }) if self.traditional() == Some(form) => {
                // What PKCS#8 wraps is the form itself.
                let mut info = der::whole(&self.pkcs8, tag::SEQUENCE).ok()?;
                info.any().ok()?;
                info.any().ok()?;
                Some(Zeroizing::new(info.expect(tag::OCTET_STRING).ok()?.content.to_vec()))
            }
            (Form::Sec1, Parts::Ec { scalar, point }) => {
                let mut algorithm = der::whole(&self.algorithm, tag::SEQUENCE).ok()?;
                algorithm.any().ok()?;
                let derived = || self.kind.curve().and_then(|curve| crypto::public_point(curve, scalar));
                let point = point.clone().or_else(derived);
                Some(write::sec1(scalar, algorithm.any().ok()?.raw, point.as_deref()))
            }
            _ => None,
        }
    }

    /// As a PEM block `PRIVATE KEY`.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        write::pem("PRIVATE KEY", &self.pkcs8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ed25519_key_is_written_as_version_1_whatever_was_read() {
        let key = PrivateKey::from_ed25519_seed(&[9; 32]).unwrap();
        assert_eq!(key.pkcs8_der().len(), 48);
        let public = key.public().unwrap();
        let version_2 = der::sequence(&[
            &der::unsigned(&[1]),
            &write::ed25519_algorithm(),
            &der::tlv(tag::OCTET_STRING, &write::edwards(&[9; 32])),
            &der::tlv(tag::context_primitive(1), &[&[0], public.octets()].concat()),
        ]);
        let again = PrivateKey::from_der(&version_2).unwrap();
        assert_eq!(again.pkcs8_der(), key.pkcs8_der());
        assert_eq!(again.public(), Some(public));
        assert_eq!(format!("{again:?}"), "PrivateKey(Ed25519 [secret])");
    }

    #[test]
    fn a_bare_scalar_becomes_pkcs8_with_the_same_public_key() {
        let curve = der::tlv(tag::OID, oid::P256);
        let scalar = der::tlv(tag::OCTET_STRING, &[5; 31]);
        let parameters = der::tlv(tag::context(0), &curve);
        let sec1 = PrivateKey::from_der(&der::sequence(&[&der::unsigned(&[1]), &scalar, &parameters])).unwrap();
        assert_eq!((sec1.form(), sec1.kind()), (Form::Sec1, &KeyKind::EcP256));
        let padded = [&[0][..], &[5; 31]].concat();
        let public = sec1.public().unwrap();
        assert_eq!(Some(public.octets().to_vec()), crypto::public_point(Curve::P256, &padded));
        let pkcs8 = PrivateKey::from_der(sec1.pkcs8_der()).unwrap();
        assert_eq!((pkcs8.form(), pkcs8.public()), (Form::Pkcs8, Some(public)));
    }

    #[test]
    fn a_dsa_key_of_openssl_becomes_pkcs8_with_the_same_public_key() {
        let numbers = [0, 23, 11, 4, 9, 7].map(|n| der::unsigned(&[n]));
        let form = der::sequence(&numbers.each_ref().map(Vec::as_slice));
        let key = PrivateKey::from_der(&form).unwrap();
        assert_eq!((key.form(), key.kind()), (Form::Dsa, &KeyKind::Dsa));
        assert_eq!(key.public().unwrap().octets(), numbers[4]);
        assert_eq!(PrivateKey::from_der(key.pkcs8_der()).unwrap().kind(), &KeyKind::Dsa);
        assert!(
            PrivateKey::from_dsa(&der::sequence(&numbers[..5].iter().map(Vec::as_slice).collect::<Vec<_>>())).is_err()
        );
    }

    #[test]
    fn encrypted_and_unsupported_keys_are_told_from_broken_ones() {
        let algorithm = der::sequence(&[&der::tlv(tag::OID, &[0x2a, 3, 4])]);
        let key = der::tlv(tag::OCTET_STRING, &[1, 2, 3]);
        let fault = |elements: &[&[u8]]| PrivateKey::from_der(&der::sequence(elements)).unwrap_err();
        assert_eq!(fault(&[&algorithm, &key]), KeyFault::Encrypted);
        assert_eq!(fault(&[&der::unsigned(&[]), &algorithm, &key]), KeyFault::Unsupported("1.2.3.4".into()));
        assert!(matches!(fault(&[&algorithm, &key, &key]), KeyFault::Malformed(_)));
        assert!(matches!(fault(&[]), KeyFault::Malformed(_)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            let _ = PrivateKey::from_der(&der::tlv(tag::SEQUENCE, &bytes));
            let _ = PublicKey::from_spki(&der::tlv(tag::SEQUENCE, &bytes));
        }
    }
}
