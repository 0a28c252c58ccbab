//! A small PKI for tests, made in memory: P-256 keys, valid from 1975 to 4096 unless a test says otherwise. rcgen makes the
//! certificates; CRLs are put together here, since tests want forms of them that no CA should publish.

use std::sync::atomic::{AtomicU64, Ordering};

use pkit::material::cert::Cert;
use pkit::material::der;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// A CA: its certificate and its key.
pub struct Authority {
    pub der: Vec<u8>,
    key: KeyPair,
    params: CertificateParams,
}

/// A certificate for a server or a client, and its key.
pub struct Leaf {
    pub der: Vec<u8>,
    pub serial: u64,
    pub key: KeyPair,
}

/// What a revocation list is to say. Dates are the beginnings of years.
pub struct Crl {
    pub number: u8,
    pub this_update: u16,
    pub next_update: Option<u16>,
    pub revoked: Vec<u64>,
    /// The number of the list that this one is a delta to.
    pub delta: Option<u64>,
    /// Entries as DER, behind those of `revoked`.
    pub entries: Vec<u8>,
    /// Extensions as DER.
    pub extensions: Vec<u8>,
}

impl Default for Crl {
    /// Current, and nobody is revoked.
    fn default() -> Crl {
        Crl {
            number: 1,
            this_update: 2020,
            next_update: Some(3000),
            revoked: Vec::new(),
            delta: None,
            entries: Vec::new(),
            extensions: Vec::new(),
        }
    }
}

impl Authority {
    /// Signs itself.
    pub fn root(name: &str) -> Authority {
        Authority::root_with(KeyPair::generate().unwrap(), name)
    }

    /// The same with a key that is there already.
    pub fn root_with(key: KeyPair, name: &str) -> Authority {
        let params = authority(name);
        Authority { der: params.self_signed(&key).unwrap().der().to_vec(), key, params }
    }

    /// A CA under this one.
    pub fn below(&self, name: &str) -> Authority {
        self.below_with(KeyPair::generate().unwrap(), name)
    }

    /// The same with a key that is there already.
    pub fn below_with(&self, key: KeyPair, name: &str) -> Authority {
        let params = authority(name);
        Authority { der: self.sign(&key, &params), key, params }
    }

    /// A certificate for the name and the key of another CA: a cross-signature.
    pub fn cross_sign(&self, other: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = other.params.clone();
        params.serial_number = Some(next_serial().into());
        change(&mut params);
        self.sign(&other.key, &params)
    }

    /// Its key as PKCS#8.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key.serialize_der())
    }

    /// A certificate for these host names; the first one is its common name as well.
    pub fn leaf(&self, names: &[&str]) -> Leaf {
        self.leaf_with(names, |_| {})
    }

    /// The same, with something about it changed.
    pub fn leaf_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let (serial, der) = self.issue(&key, names, change);
        Leaf { der, serial, key }
    }

    /// The same with a key that is there already.
    pub fn leaf_for(&self, key: KeyPair, names: &[&str]) -> Leaf {
        let (serial, der) = self.issue(&key, names, |_| {});
        Leaf { der, serial, key }
    }

    /// A revocation list in DER.
    pub fn crl(&self, list: &Crl) -> Vec<u8> {
        let mut entries: Vec<u8> = list.revoked.iter().flat_map(|s| entry(*s, list.this_update, &[])).collect();
        entries.extend(&list.entries);
        let entries = if entries.is_empty() { entries } else { der::sequence(&[&entries]) };
        let mut extensions = extension(CRL_NUMBER, false, &integer(list.number.into()));
        if let Some(base) = list.delta {
            extensions.extend(extension(DELTA_INDICATOR, true, &integer(base)));
        }
        extensions.extend(&list.extensions);
        let body = der::sequence(&[
            &integer(1),
            ECDSA_WITH_SHA256,
            Cert::from_der(&self.der).unwrap().subject.der(),
            &date(list.this_update),
            &list.next_update.map(date).unwrap_or_default(),
            &entries,
            &der::tlv(der::tag::context(0), &der::sequence(&[&extensions])),
        ]);
        let signature = rcgen::SigningKey::sign(&self.key, &body).unwrap();
        der::sequence(&[&body, ECDSA_WITH_SHA256, &der::bits(&signature)])
    }

    pub fn pem(&self) -> String {
        cert_pem(&self.der)
    }

    /// A certificate for a key that is there already, and its serial number.
    pub fn issue(&self, key: &KeyPair, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (u64, Vec<u8>) {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        let serial = next_serial();
        params.serial_number = Some(serial.into());
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        (serial, self.sign(key, &params))
    }

    fn sign(&self, key: &KeyPair, params: &CertificateParams) -> Vec<u8> {
        params.signed_by(key, &Issuer::from_params(&self.params, &self.key)).unwrap().der().to_vec()
    }
}

impl Leaf {
    pub fn pem(&self) -> String {
        cert_pem(&self.der)
    }

    /// PKCS#8.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.serialized_der())
    }
}

/// A certificate for these host names that no CA has signed.
pub fn self_signed(names: &[&str]) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    Leaf { der: params.self_signed(&key).unwrap().der().to_vec(), serial: 0, key }
}

pub fn cert_pem(der: &[u8]) -> String {
    pem("CERTIFICATE", der)
}

pub fn crl_pem(der: &[u8]) -> String {
    pem("X509 CRL", der)
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), lines)
}

/// Authority information access: where the issuer's certificate can be had.
pub fn ca_issuers(url: &str) -> CustomExtension {
    ca_issuers_at(&[url])
}

/// The same with several places, in order.
pub fn ca_issuers_at(urls: &[&str]) -> CustomExtension {
    access(CA_ISSUERS, urls)
}

/// Authority information access: where an OCSP responder is.
pub fn ocsp_at(url: &str) -> CustomExtension {
    access(OCSP, &[url])
}

fn access(method: &[u8], urls: &[&str]) -> CustomExtension {
    let method = [&[0x06, 8][..], method].concat();
    let place = |url: &&str| der::sequence(&[&method, &der::tlv(der::tag::context_primitive(6), url.as_bytes())]);
    let places: Vec<u8> = urls.iter().flat_map(place).collect();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], der::sequence(&[&places]))
}

/// Where the issuer's CRL can be had.
pub fn crl_at(urls: &[&str]) -> CustomExtension {
    let names: Vec<u8> = urls.iter().flat_map(|url| der::tlv(der::tag::context_primitive(6), url.as_bytes())).collect();
    let place = der::tlv(der::tag::context(0), &der::tlv(der::tag::context(0), &names));
    CustomExtension::from_oid_content(&[2, 5, 29, 31], der::sequence(&[&der::sequence(&[&place])]))
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(next_serial().into());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn next_serial() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(1000);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// One entry of a CRL, with extensions as DER.
pub fn entry(serial: u64, year: u16, extensions: &[u8]) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { der::sequence(&[extensions]) };
    der::sequence(&[&integer(serial), &date(year), &extensions])
}

pub fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { der::tlv(der::tag::BOOLEAN, &[0xff]) } else { Vec::new() };
    der::sequence(&[&der::tlv(der::tag::OID, oid), &critical, &der::tlv(der::tag::OCTET_STRING, value)])
}

fn integer(value: u64) -> Vec<u8> {
    der::unsigned(&value.to_be_bytes())
}

/// RFC 5280 section 4.1.2.5: two digits until 2049.
fn date(year: u16) -> Vec<u8> {
    if year < 2050 {
        der::tlv(0x17, format!("{:02}0101000000Z", year % 100).as_bytes())
    } else {
        der::tlv(0x18, format!("{year}0101000000Z").as_bytes())
    }
}

const ECDSA_WITH_SHA256: &[u8] = &[0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// 2.5.29.20
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
/// 2.5.29.27
const DELTA_INDICATOR: &[u8] = &[0x55, 0x1d, 27];
/// 1.3.6.1.5.5.7.48.2
const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];
const OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1];
