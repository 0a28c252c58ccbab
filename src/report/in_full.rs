//! Certificates and requests in full, as `inspect` shows them: values for programs and lines for people. Field names are those of
//! community.crypto's `x509_certificate_info` and `x509_csr_info` where these have one, so that a playbook can be switched over.

use time::OffsetDateTime;

use super::{Line, Value, describe, object};
use crate::crypto::{self, Digest, SignatureFault};
use crate::finding::Origin;
use crate::instant;
use crate::material::cert::Cert;
use crate::material::csr::Csr;
use crate::material::dn::Name;
use crate::material::ext::{self, Extensions, GeneralName};
use crate::material::key::{KeyKind, PublicKey};

/// A certificate with everything in it.
pub fn certificate(cert: &Cert, origin: &Origin, now: OffsetDateTime) -> Value {
    let mut value = describe::certificate(cert, Some(origin))
        .with("version", cert.version)
        .with("subject_ordered", ordered(&cert.subject))
        .with("issuer_ordered", ordered(&cert.issuer))
        .with("expired", cert.not_after < now)
        .with("seconds_left", (cert.not_after - now).whole_seconds())
        .with("signature_algorithm", cert.signed.algorithm.word())
        .with(
            "fingerprints",
            object! {
                "sha1" => colons(&crypto::digest(Digest::Sha1, cert.der())),
                "sha256" => colons(cert.sha256()),
                "sha512" => colons(&crypto::digest(Digest::Sha512, cert.der())),
            },
        );
    for (name, field) in key(&cert.public_key).into_iter().chain(extensions(&cert.extensions)) {
        value = value.with(name, field);
    }
    value
        .with("ocsp_uri", cert.extensions.ocsp.first().cloned())
        .with("issuer_uri", cert.extensions.ca_issuers.first().cloned())
        .with("crl_uri", cert.extensions.crl_urls.clone())
        .with("authority_key_identifier", cert.extensions.authority_key_id.as_deref().map(colons))
        .with("is_ca", cert.is_ca())
        .with("self_issued", cert.is_self_issued())
}

/// A request with everything in it.
pub fn request(csr: &Csr, origin: &Origin) -> Value {
    let mut value = object! {
        "subject" => csr.subject.to_string(),
        "subject_ordered" => ordered(&csr.subject),
        "subject_alt_name" => csr.alt_names().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "signature_valid" => valid(csr),
        "signature_algorithm" => csr.algorithm().word(),
        "public_key" => csr.public_key.kind().to_string(),
        "spki_sha256" => csr.public_key.sha256(),
    };
    for (name, field) in key(&csr.public_key).into_iter().chain(extensions(&csr.extensions)) {
        value = value.with(name, field);
    }
    value.with("attributes", csr.attributes.clone()).with("source", describe::source(origin))
}

/// Does the signature of a request stand? None where nobody here can tell.
fn valid(csr: &Csr) -> Option<bool> {
    match csr.verify() {
        Ok(()) => Some(true),
        Err(SignatureFault::Wrong) => Some(false),
        Err(SignatureFault::Unsupported) => None,
    }
}

fn key(key: &PublicKey) -> Vec<(&'static str, Value)> {
    let kind = match key.kind() {
        KeyKind::Rsa { .. } | KeyKind::RsaPss { .. } => "RSA",
        KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 | KeyKind::EcOther(_) | KeyKind::EcExplicit(_) => "ECC",
        KeyKind::Ed25519 => "Ed25519",
        KeyKind::Ed448 => "Ed448",
        KeyKind::X25519 => "X25519",
        KeyKind::X448 => "X448",
        KeyKind::Dsa => "DSA",
        KeyKind::Dh => "DH",
        KeyKind::Other(_) => "unknown",
    };
    let exponent = key.rsa().map(|(_, e)| describe::decimal(e));
    let data = object! { "size" => key.kind().bits(), "curve" => key.kind().curve_name(), "exponent" => exponent };
    let fingerprints = object! { "sha256" => colons(&crypto::digest(Digest::Sha256, key.spki())) };
    vec![("public_key_type", kind.into()), ("public_key_data", data), ("public_key_fingerprints", fingerprints)]
}

fn extensions(ext: &Extensions) -> Vec<(&'static str, Value)> {
    let critical = |oid: &str| Value::from(ext.criticality(oid));
    let basic = ext.basic_constraints.map(|b| {
        let ca = if b.ca { "CA:TRUE" } else { "CA:FALSE" };
        std::iter::once(ca.to_owned()).chain(b.path_len.map(|n| format!("pathlen:{n}"))).collect::<Vec<_>>()
    });
    let names = |list: Option<&Vec<GeneralName>>| list.map(|l| l.iter().map(ToString::to_string).collect::<Vec<_>>());
    let limits = ext.name_constraints.as_ref();
    let all = ext.present.iter().map(|(oid, critical)| {
        object! { "oid" => oid.as_str(), "name" => ext::word(oid), "critical" => *critical }
    });
    vec![
        ("basic_constraints", basic.into()),
        ("basic_constraints_critical", critical("2.5.29.19")),
        ("key_usage", ext.key_usage.map(|usage| usage.words()).into()),
        ("key_usage_critical", critical("2.5.29.15")),
        ("extended_key_usage", ext.extended_key_usage.as_deref().map(purposes).into()),
        ("extended_key_usage_critical", critical("2.5.29.37")),
        ("subject_alt_name_critical", critical("2.5.29.17")),
        ("subject_key_identifier", ext.subject_key_id.as_deref().map(colons).into()),
        ("name_constraints_permitted", names(limits.map(|l| &l.permitted)).into()),
        ("name_constraints_excluded", names(limits.map(|l| &l.excluded)).into()),
        ("ocsp_must_staple", ext.must_staple.into()),
        ("extensions", all.collect::<Vec<_>>().into()),
    ]
}

fn purposes(oids: &[String]) -> Vec<&str> {
    oids.iter().map(|oid| ext::word(oid)).collect()
}

/// Pairs of kind and value, in the order of the name.
fn ordered(name: &Name) -> Vec<Value> {
    name.attributes().iter().map(|a| Value::from(vec![a.kind.clone(), a.value.clone()])).collect()
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
}

/// A certificate for people: what it is called, and below it what is in it.
pub fn certificate_lines(cert: &Cert, origin: &Origin, now: OffsetDateTime) -> Vec<Line> {
    let ext = &cert.extensions;
    let role = match (cert.is_ca(), cert.is_self_issued()) {
        (true, true) => "root",
        (true, false) => "CA",
        (false, true) => "self-signed",
        (false, false) => "end-entity",
    };
    let mut lines = vec![Line::Text(format!("{}   {role}, {origin}", cert.short_name()))];
    lines.extend([
        row("subject", cert.subject.to_string()),
        row("issuer", cert.issuer.to_string()),
        row("serial", crypto::hex(&cert.serial)),
        row("valid", format!("{} to {}", instant::show(cert.not_before), instant::show(cert.not_after))),
        row("", lifetime(cert, now)),
    ]);
    lines.extend(shared(cert.alt_names(), &cert.public_key, ext));
    lines.push(row("signature", cert.signed.algorithm.word()));
    lines.extend(ext.authority_key_id.as_deref().map(|id| row("issuer's key id", colons(id))));
    lines.extend(ext.ca_issuers.iter().map(|url| row("issuer at", url.clone())));
    lines.extend(ext.crl_urls.iter().map(|url| row("CRL at", url.clone())));
    lines.extend(ext.ocsp.iter().map(|url| row("OCSP at", url.clone())));
    lines.push(row("SHA-256", crypto::hex(cert.sha256())));
    lines
}

/// A request for people.
pub fn request_lines(csr: &Csr, origin: &Origin) -> Vec<Line> {
    let mut lines = vec![Line::Text(format!("{}   request, {origin}", csr.short_name()))];
    lines.push(row("subject", csr.subject.to_string()));
    lines.extend(shared(csr.alt_names(), &csr.public_key, &csr.extensions));
    let stands = match valid(csr) {
        Some(true) => "made by this key",
        Some(false) => "NOT made by this key",
        None => "of a kind that cannot be checked here",
    };
    lines.push(row("signature", format!("{}, {stands}", csr.algorithm().word())));
    lines
}

fn shared(names: &[GeneralName], key: &PublicKey, ext: &Extensions) -> Vec<Line> {
    let mut lines: Vec<Line> = names.iter().map(|name| row("name", readable(name))).collect();
    lines.push(row("key", key.kind().to_string()));
    lines.push(row("SPKI SHA-256", key.sha256()));
    lines.extend(
        ext.basic_constraints.filter(|b| b.ca).map(|b| {
            row("CA", b.path_len.map_or("any number of CAs below it".into(), |n| format!("{n} CAs below it")))
        }),
    );
    lines.extend(ext.key_usage.map(|usage| row("key usage", usage.words().join(", "))));
    lines.extend(ext.extended_key_usage.as_ref().map(|oids| row("purpose", purposes(oids).join(", "))));
    if let Some(limits) = &ext.name_constraints {
        lines.extend(limits.permitted.iter().map(|name| row("permitted", name.to_string())));
        lines.extend(limits.excluded.iter().map(|name| row("excluded", name.to_string())));
    }
    lines.extend(ext.subject_key_id.as_deref().map(|id| row("key id", colons(id))));
    lines.extend(ext.must_staple.then(|| row("demands", "a stapled OCSP response".into())));
    let shown = |oid: &str| SHOWN.contains(&oid);
    let others = ext.present.iter().filter(|(oid, _)| !shown(oid));
    lines.extend(others.map(|(oid, critical)| {
        row("extension", format!("{}{}", ext::word(oid), if *critical { " (critical)" } else { "" }))
    }));
    lines
}

/// A-labels with their readable form behind them.
fn readable(name: &GeneralName) -> String {
    let host = match name {
        GeneralName::Dns(dns) => dns.parse::<crate::name::HostName>().ok().map(|host| host.readable()),
        _ => None,
    };
    host.map_or_else(|| name.to_string(), |host| format!("DNS:{host}"))
}

/// `89 of 200 d left [########------------]`.
fn lifetime(cert: &Cert, now: OffsetDateTime) -> String {
    const CELLS: i64 = 20;
    let (all, left) = (cert.not_after - cert.not_before, cert.not_after - now);
    if now < cert.not_before {
        return format!("not valid yet, begins in {}", instant::length(cert.not_before - now));
    }
    if left.is_negative() {
        return format!("expired {} ago", instant::length(-left));
    }
    let filled = (left.whole_seconds().saturating_mul(CELLS) / all.whole_seconds().max(1)).clamp(0, CELLS);
    let bar: String = (0..CELLS).map(|cell| if cell < filled { '#' } else { '-' }).collect();
    format!("{} of {} left [{bar}]", instant::length(left), instant::length(all))
}

fn row(label: &str, value: String) -> Line {
    Line::Row(vec![format!("  {label}"), value])
}

/// Extensions with a line of their own, and those that say where things can be had.
const SHOWN: &[&str] = &[
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.35",
    "2.5.29.37",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.24",
];
