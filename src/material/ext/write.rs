//! Extensions written (RFC 5280 section 4.2), for certificates, requests and CRLs that are made here. The other half of what
//! `Extensions` reads.

use std::net::IpAddr;

use crate::material::der::{self, tag};

/// One extension, ready to stand in a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    oid: Vec<u8>,
    critical: bool,
    value: Vec<u8>,
}

impl Extension {
    /// As it stood elsewhere, byte for byte.
    pub fn copied(oid: &[u8], critical: bool, value: &[u8]) -> Extension {
        Extension { oid: oid.to_vec(), critical, value: value.to_vec() }
    }

    /// The same, critical or not.
    pub fn with_criticality(&self, critical: bool) -> Extension {
        Extension { critical, ..self.clone() }
    }

    /// The object identifier, dotted.
    pub fn name(&self) -> String {
        der::dotted(&self.oid)
    }

    fn new(last: u8, critical: bool, value: Vec<u8>) -> Extension {
        Extension { oid: vec![0x55, 0x1d, last], critical, value }
    }

    fn der(&self) -> Vec<u8> {
        let critical = if self.critical { der::boolean() } else { Vec::new() };
        der::sequence(&[&der::tlv(tag::OID, &self.oid), &critical, &der::tlv(tag::OCTET_STRING, &self.value)])
    }
}

/// `Extensions`: all of them in order.
pub fn extensions(list: &[Extension]) -> Vec<u8> {
    der::sequence(&[&list.iter().flat_map(Extension::der).collect::<Vec<u8>>()])
}

/// One name for an alternative name or a constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedName(Vec<u8>);

impl EncodedName {
    /// A host name, a pattern or a domain.
    pub fn dns(name: &str) -> EncodedName {
        EncodedName(der::tlv(tag::context_primitive(2), name.as_bytes()))
    }

    /// A mailbox, or in a constraint its host or domain.
    pub fn email(name: &str) -> EncodedName {
        EncodedName(der::tlv(tag::context_primitive(1), name.as_bytes()))
    }

    /// A place in the network.
    pub fn url(url: &str) -> EncodedName {
        EncodedName(der::tlv(tag::context_primitive(6), url.as_bytes()))
    }

    /// An address.
    pub fn ip(address: IpAddr) -> EncodedName {
        EncodedName(der::tlv(tag::context_primitive(7), &octets(address)))
    }

    /// In a constraint: an address and how many of its bits count.
    pub fn network(address: IpAddr, prefix: u8) -> EncodedName {
        let net = octets(address);
        let mask: Vec<u8> = (0..net.len())
            .map(|at| {
                let ones = usize::from(prefix).saturating_sub(at * 8).min(8);
                (0xff00u16 >> ones) as u8
            })
            .collect();
        let net: Vec<u8> = net.iter().zip(&mask).map(|(n, m)| n & m).collect();
        EncodedName(der::tlv(tag::context_primitive(7), &[net, mask].concat()))
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    }
}

fn joined(names: &[EncodedName]) -> Vec<u8> {
    names.iter().flat_map(|name| name.0.clone()).collect()
}

/// 4.2.1.6; critical exactly if the subject is empty.
pub fn subject_alt_name(names: &[EncodedName], critical: bool) -> Extension {
    Extension::new(17, critical, der::sequence(&[&joined(names)]))
}

/// 4.2.1.9 for a CA; critical as it must be there.
pub fn authority(path_len: u32) -> Extension {
    let value = der::sequence(&[&der::boolean(), &der::unsigned(&path_len.to_be_bytes())]);
    Extension::new(19, true, value)
}

/// 4.2.1.3, by the numbers of the bits; critical as it should be.
pub fn key_usage(bits: &[u8]) -> Extension {
    Extension::new(15, true, der::named_bits(bits))
}

/// 4.2.1.12, by the last arc of id-kp: 1 serverAuth, 2 clientAuth, 4 emailProtection.
pub fn extended_key_usage(purposes: &[u8]) -> Extension {
    let oids = purposes.iter().flat_map(|n| der::tlv(tag::OID, &[0x2b, 6, 1, 5, 5, 7, 3, *n]));
    Extension::new(37, false, der::sequence(&[&oids.collect::<Vec<u8>>()]))
}

/// 4.2.1.2.
pub fn subject_key_id(id: &[u8]) -> Extension {
    Extension::new(14, false, der::tlv(tag::OCTET_STRING, id))
}

/// 4.2.1.1 by the key alone, as the name and serial number of an issuer change when it is renewed.
pub fn authority_key_id(id: &[u8]) -> Extension {
    Extension::new(35, false, der::sequence(&[&der::tlv(tag::context_primitive(0), id)]))
}

/// 4.2.1.10, critical as it must be.
pub fn permitted_names(bases: &[EncodedName]) -> Extension {
    let subtrees: Vec<u8> = bases.iter().flat_map(|base| der::sequence(&[&base.0])).collect();
    Extension::new(30, true, der::sequence(&[&der::tlv(tag::context(0), &subtrees)]))
}

/// 4.2.1.13: one point with one URL.
pub fn crl_distribution_point(url: &str) -> Extension {
    let full_name = der::tlv(tag::context(0), &EncodedName::url(url).0);
    let point = der::sequence(&[&der::tlv(tag::context(0), &full_name)]);
    Extension::new(31, false, der::sequence(&[&point]))
}

/// 4.2.2.1: where the issuer's certificate can be had.
pub fn ca_issuers(url: &str) -> Extension {
    let access = [0x2b, 6, 1, 5, 5, 7, 48, 2];
    let description = der::sequence(&[&der::tlv(tag::OID, &access), &EncodedName::url(url).0]);
    Extension { oid: vec![0x2b, 6, 1, 5, 5, 7, 1, 1], critical: false, value: der::sequence(&[&description]) }
}

/// 5.2.3.
pub fn crl_number(number: &[u8]) -> Extension {
    Extension::new(20, false, der::unsigned(number))
}

/// 5.3.1.
pub fn crl_reason(code: u8) -> Extension {
    Extension::new(21, false, der::tlv(tag::ENUMERATED, &[code]))
}

#[cfg(test)]
mod tests {
    use super::super::{Extensions, GeneralName};
    use super::*;

    fn read(extension: &Extension) -> Extensions {
        let mut extensions = Extensions::default();
        extensions.add(&extension.oid, extension.critical, &extension.value).unwrap();
        extensions
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let ip = "192.0.2.77".parse().unwrap();
        let names = [EncodedName::dns("a.example"), EncodedName::ip(ip), EncodedName::email("a@b.example")];
        let san = read(&subject_alt_name(&names, false)).subject_alt_name.unwrap();
        assert_eq!(
            san.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["DNS:a.example", "IP:192.0.2.77", "email:a@b.example"]
        );
        let ca = read(&authority(3)).basic_constraints.unwrap();
        assert!(ca.ca && ca.path_len == Some(3));
        assert_eq!(read(&key_usage(&[5, 6])).key_usage.unwrap().words(), ["keyCertSign", "cRLSign"]);
        assert_eq!(
            read(&extended_key_usage(&[1, 2])).extended_key_usage.unwrap(),
            ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]
        );
        assert_eq!(read(&authority_key_id(&[7; 20])).authority_key_id.unwrap(), [7; 20]);
        assert_eq!(read(&crl_distribution_point("http://c.example/a.crl")).crl_urls, ["http://c.example/a.crl"]);
        assert_eq!(read(&ca_issuers("http://c.example/a.crt")).ca_issuers, ["http://c.example/a.crt"]);
        let limits = read(&permitted_names(&[EncodedName::network(ip, 28)])).name_constraints.unwrap();
        assert_eq!(limits.permitted, [GeneralName::Ip(vec![192, 0, 2, 64, 255, 255, 255, 240])]);
    }
}
