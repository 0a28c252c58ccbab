//! What several servers say alike: the header that keeps browsers to TLS, the host of a redirect, CRLs in a file of their own, CAs
//! in a file or a directory, lists of ciphers, addresses to listen on. A row of a table takes these as they are, or puts its
//! server's words around them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::settings::{CrlCheck, TlsSettings};

/// The value of Strict-Transport-Security, in quotes (RFC 6797 section 6.1). `preload` is only for those who mean it: it cannot be
/// taken back in years.
pub(super) fn hsts(settings: &TlsSettings) -> Option<String> {
    let age = settings.hsts.as_ref()?.value;
    Some(format!("\"max-age={age}; includeSubDomains\""))
}

/// What the value of that header, without its quotes, says.
pub(super) fn max_age(header: &str) -> Option<TlsSettings> {
    let age = header.split(';').find_map(|part| part.trim().strip_prefix("max-age="))?.parse::<u32>().ok()?;
    Some(TlsSettings { hsts: Some(age.into()), ..TlsSettings::default() })
}

/// The host that clients without TLS are sent to, where it is one that no syntax takes for anything else.
pub(super) fn redirect(settings: &TlsSettings) -> Option<&str> {
    let host = &settings.redirect.as_ref()?.value;
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
    plain.then_some(host)
}

/// A file of CRLs, in which every CA of a chain is looked up.
pub(super) fn crls_of_chain(settings: &TlsSettings) -> Option<Vec<String>> {
    let file = absolute(&settings.client_crl.as_ref()?.value)?;
    (settings.crl_check.as_ref()?.value == CrlCheck::Chain).then(|| vec![file])
}

/// The same, read.
pub(super) fn crl_file_of_chain(values: &[&str]) -> Option<TlsSettings> {
    let [file] = values else { return None };
    file.starts_with('/').then(|| TlsSettings {
        client_crl: Some(PathBuf::from(file).into()),
        crl_check: Some(CrlCheck::Chain.into()),
        ..TlsSettings::default()
    })
}

/// The CAs of clients, where one word takes a file or a directory.
pub(super) fn cas(settings: &TlsSettings) -> Option<Vec<String>> {
    let place = settings.client_ca.as_ref().or(settings.client_ca_dir.as_ref())?;
    Some(vec![place.value.to_str()?.to_owned()])
}

/// The same, read: a directory ends in `/`, as it does for pkit.
pub(super) fn cas_from(values: &[&str]) -> Option<TlsSettings> {
    let [path] = values else { return None };
    let place = path.starts_with('/').then(|| Some(PathBuf::from(path).into()))?;
    Some(if path.ends_with('/') {
        TlsSettings { client_ca_dir: place, ..TlsSettings::default() }
    } else {
        TlsSettings { client_ca: place, ..TlsSettings::default() }
    })
}

/// Is it a list of ciphers or suites, and no path and not several words?
pub(super) fn is_list(list: &str) -> bool {
    !list.is_empty() && !list.starts_with('/') && !list.contains(char::is_whitespace)
}

/// Is there a second pair without a first, where pairs are told by their order?
pub(super) fn without_the_first(settings: &TlsSettings) -> bool {
    settings.alt_certificate.is_some() && settings.certificate.is_none()
        || settings.alt_key.is_some() && settings.key.is_none()
}

/// Is there a certificate without its key, or a key without its certificate?
pub(super) fn half_a_pair(settings: &TlsSettings) -> bool {
    settings.key.is_some() != settings.certificate.is_some()
        || settings.alt_key.is_some() != settings.alt_certificate.is_some()
}

/// The address in `192.0.2.10:443` or `[2001:db8::1]:443`; none where it stands for all of them.
pub(super) fn ip(listens_on: &str) -> Option<IpAddr> {
    let host = listens_on.rsplit_once(':').map_or(listens_on, |(host, _)| host);
    let ip: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
    (!ip.is_unspecified()).then_some(ip)
}

/// A path from the root on.
pub(super) fn absolute(path: &Path) -> Option<String> {
    path.to_str().filter(|path| path.starts_with('/')).map(str::to_owned)
}
