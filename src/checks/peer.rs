//! Judges what a server showed on the wire, beyond the chain itself, which is judged as a file's is.

use super::dh;
use crate::crypto::SignatureFault;
use crate::facts::peer::{Failure, Opening, PeerFacts, Protocol};
use crate::finding::{Finding, Location, Origin, Severity, rules};
use crate::instant;
use crate::material::cert::Cert;

/// What a connection brought up, as far as it came.
pub fn connection(facts: &PeerFacts) -> Vec<Finding> {
    let at = || place(facts);
    let mut findings = Vec::new();
    if !facts.preface.injected.is_empty() {
        let said = String::from_utf8_lossy(&facts.preface.injected).trim_end().chars().take(80).collect::<String>();
        findings.push(INJECTED.at(at(), format!("behind the go-ahead came, in the clear: {said}")));
    }
    if !facts.preface.plaintext_logins.is_empty() {
        let logins = facts.preface.plaintext_logins.join(", ");
        findings.push(PLAINTEXT_LOGIN.at(at(), format!("before TLS it offers {logins}")));
    }
    let Some(failure) = &facts.failure else { return findings };
    let is_old = facts.session.as_ref().is_some_and(|session| session.is_old);
    let asked = !is_old && facts.session.as_ref().is_some_and(|session| session.asks_for_certificate);
    findings.push(match failure {
        Failure::NoStartTls(_) => STARTTLS_MISSING.at(at(), failure.to_string()),
        Failure::Refused(_) | Failure::Broken(..) if asked => {
            CERTIFICATE_WANTED.at(at(), format!("it asked for a certificate, and then {failure}"))
        }
        Failure::Broken(..) if is_old => REFUSED.at(at(), format!("{failure}{}", old_words(facts))),
        Failure::Refused(_) => REFUSED.at(at(), format!("{failure}{}", old_words(facts))),
        failure if failure.is_absence() => UNREACHABLE.at(at(), failure.to_string()),
        failure => BROKEN.at(at(), failure.to_string()),
    });
    findings
}

/// What a mere hello has shown of a server that clients of today cannot shake hands with.
fn old_words(facts: &PeerFacts) -> String {
    let old = facts.session.as_ref().filter(|session| session.is_old);
    old.map_or(String::new(), |session| {
        let (version, suite) = (session.version.unwrap_or("?"), session.suite.as_deref().unwrap_or("?"));
        format!("; what it has is {version} with {suite}")
    })
}

/// What is old or weak in all that the server has, or in what it chose where no more was asked.
pub fn offers(facts: &PeerFacts) -> Vec<Finding> {
    let chosen = facts.session.iter().filter(|session| session.is_old);
    let chosen =
        chosen.map(|s| (s.version.unwrap_or_default(), s.suite.iter().map(String::as_str).collect(), s.dh_bits));
    let all: Vec<(&str, Vec<&str>, Option<usize>)> = match &facts.offers {
        Some(Err(failure)) => return vec![NOT_LOOKED_INTO.at(place(facts), failure.to_string())],
        Some(Ok(offers)) => offers.iter().map(|o| (o.version, o.suites.clone(), o.dh_bits)).collect(),
        None => chosen.collect(),
    };
    let mut findings = Vec::new();
    let mut tell = |rule: &'static crate::finding::Rule, message| findings.push(rule.at(place(facts), message));
    for (version, suites, dh_bits) in all {
        if matches!(version, "TLS 1.0" | "TLS 1.1") {
            tell(&OLD_PROTOCOL, format!("{version} with {}", suites.first().unwrap_or(&"?")));
        }
        let of = |parts: &[&str]| -> Vec<&str> {
            suites.iter().filter(|suite| parts.iter().any(|part| suite.contains(part))).copied().collect()
        };
        for (rule, suites) in [
            (&SUITE_BROKEN, of(BROKEN_SUITES)),
            (&SUITE_ANONYMOUS, of(&["_anon_"])),
            (&SUITE_KEEPS_NO_SECRET, of(&["TLS_RSA_"])),
        ] {
            if !suites.is_empty() {
                tell(rule, format!("{version}: {}", suites.join(", ")));
            }
        }
        if let Some(bits) = dh_bits.filter(|bits| *bits < dh::MIN_BITS) {
            tell(&dh::DH_TOO_SMALL, format!("{version}: the prime of the Diffie-Hellman group has {bits} bits"));
        }
    }
    // Between mail servers nobody would look at the certificate.
    let opportunistic = facts.target.opening == Opening::StartTls(Protocol::Smtp);
    for finding in findings.iter_mut().filter(|f| opportunistic && f.rule == &SUITE_ANONYMOUS) {
        finding.severity = Severity::Info;
    }
    findings
}

/// Parts of the names of suites that protect nothing by now.
const BROKEN_SUITES: &[&str] = &["_NULL_", "_EXPORT_", "_RC4_", "_RC2_", "_WITH_DES_", "_3DES_"];

/// Where findings about the connection point: the server takes the place of a file.
pub fn place(facts: &PeerFacts) -> Location {
    Location::Block(Origin::file(facts.target.to_string()))
}

/// Has the server the key of the certificate that it shows? Some load any pair and sign with what they have.
pub fn possession(facts: &PeerFacts, shown: &Cert) -> Option<Finding> {
    let signed = facts.session.as_ref()?.is_signed_by(&shown.public_key)?;
    match signed {
        Ok(()) => None,
        Err(SignatureFault::Wrong) => {
            let message = "its signature of the handshake is not by the key of the certificate that it shows";
            Some(OTHER_KEY.at(place(facts), message.to_owned()))
        }
        Err(SignatureFault::Unsupported) => {
            let message = "whether it has the key of its certificate was not found out: signatures of this kind and size are not checked here";
            Some(KEY_NOT_CHECKED.at(place(facts), message.to_owned()))
        }
    }
}

/// Is this one of the certificates that the files hold for it? A server with two keys has two.
pub fn served(facts: &PeerFacts, served: &Cert, files: &[(&Origin, &Cert)]) -> Option<Finding> {
    if files.iter().any(|(_, cert)| *cert == served) {
        return None;
    }
    let (origin, newest) = files.iter().max_by_key(|(_, cert)| cert.not_before)?;
    let day = |cert: &Cert| instant::show(cert.not_after);
    let (age, help) = match served.not_before.cmp(&newest.not_before) {
        std::cmp::Ordering::Less => ("an older certificate", "reload the service: it still has what it read before"),
        _ => ("another certificate", "see which file the service is configured with"),
    };
    let message = format!("serves {age} (until {}) than {origin} (until {})", day(served), day(newest));
    Some(SERVED_OTHER.at(place(facts), message).help(help))
}

/// The same fact as openssl names it, which is what people search for.
pub struct VerifyCode {
    /// The number.
    pub code: u16,
    /// Its words.
    pub words: &'static str,
}

/// The verify code that `openssl s_client` has for a fault at this depth of a path of so many certificates, its root included.
pub fn openssl(code: &str, depth: usize, length: usize) -> Option<VerifyCode> {
    let (number, words) = match code {
        "chain-incomplete" if length == 1 => (21, "unable to verify the first certificate"),
        "chain-incomplete" => (20, "unable to get local issuer certificate"),
        "not-trusted" if length == 1 => (18, "self-signed certificate"),
        "not-trusted" => (19, "self-signed certificate in certificate chain"),
        "bad-signature" => (7, "certificate signature failure"),
        "cert-not-yet-valid" => (9, "certificate is not yet valid"),
        "cert-expired" => (10, "certificate has expired"),
        "path-too-long" => (25, "path length constraint exceeded"),
        "wrong-purpose" => (26, "unsuitable certificate purpose"),
        "critical-extension-unknown" => (34, "unhandled critical extension"),
        "name-mismatch" => (62, "hostname mismatch"),
        "key-broken" if depth == 0 => (66, "EE certificate key too weak"),
        "key-broken" => (67, "CA certificate key too weak"),
        "issuer-not-ca" => (79, "invalid CA certificate"),
        _ => return None,
    };
    Some(VerifyCode { code: number, words })
}

/// Is it that the network, or the server's whole TLS, could not be had? Then there is no answer, rather than a bad one.
pub fn is_absence(finding: &Finding) -> bool {
    std::ptr::eq(finding.rule, &UNREACHABLE) || std::ptr::eq(finding.rule, &BROKEN)
}

rules! {
    /// Nobody there.
    UNREACHABLE = Error "peer-unreachable" {
        summary: "no connection to the server came about",
        help: "see whether the service runs and listens there, and what a firewall lets through",
        source: "connect(2), getaddrinfo(3)",
    }
    /// No whole handshake.
    BROKEN = Error "peer-no-handshake" {
        summary: "the server takes connections and brings no TLS handshake to an end",
        help: "see its log; if another protocol is spoken on this port, name it with --starttls",
        source: "RFC 8446 section 2; RFC 5246 section 7.3",
    }
    /// An alert.
    REFUSED = Error "peer-handshake-refused" {
        summary: "the server speaks TLS and has nothing in common with clients of today",
        help: "TLS 1.2 with ECDHE and AES-GCM is the least that clients of today ask for; --deep tells what it has",
        source: "RFC 8996: TLS 1.0 and 1.1 must not be used; RFC 9325 section 4",
    }
    /// The deep look came to no end.
    NOT_LOOKED_INTO = Skipped "peer-not-looked-into" {
        summary: "which protocols and suites the server has could not be found out",
        help: "try again with a longer --timeout; many servers limit how often somebody may connect",
        source: "one connection for each suite, and ten times --timeout for all of them",
    }
    /// RFC 8996.
    OLD_PROTOCOL = Warning "tls-protocol-old" {
        summary: "the server speaks TLS 1.0 or 1.1",
        help: "allow TLS 1.2 and 1.3 only; `pkit emit` prints the directives",
        source: "RFC 8996: TLS 1.0 and 1.1 must not be negotiated",
    }
    /// RFC 9325.
    SUITE_BROKEN = Error "tls-suite-broken" {
        summary: "the server has suites without encryption, or with a cipher that is broken",
        help: "take them out of its list of ciphers; `pkit emit` prints a good one",
        source: "RFC 9325 section 4.1; RFC 7465 (RC4); CVE-2016-2183 (3DES); CVE-2015-0204 (export)",
    }
    /// Nobody shows who he is.
    SUITE_ANONYMOUS = Error "tls-suite-anonymous" {
        summary: "the server has suites without a certificate, with which anybody in between can pose as it",
        help: "take them out of its list of ciphers (!aNULL); a mail server that takes mail without TLS as well may keep them",
        source: "RFC 5246 appendix A.5; RFC 7435: encrypting without knowing to whom is better than not at all; Postfix has them by default",
    }
    /// No forward secrecy.
    SUITE_KEEPS_NO_SECRET = Warning "tls-suite-without-forward-secrecy" {
        summary: "with suites of RSA key exchange whoever gets the key later reads what was recorded before",
        help: "keep to suites with ECDHE; `pkit emit` prints a good list",
        source: "RFC 9325 section 4.1: suites with RSA key transport should not be negotiated",
    }
    /// No TLS.
    STARTTLS_MISSING = Error "starttls-not-offered" {
        summary: "the server does not offer TLS on a port where clients ask for it",
        help: "set up TLS there, or see which device on the way takes the offer out",
        source: "RFC 3207, RFC 9051 section 6.2.1, RFC 2595, RFC 4511 section 4.14, RFC 5804",
    }
    /// Passwords in the clear.
    PLAINTEXT_LOGIN = Warning "plaintext-login-before-tls" {
        summary: "the server offers logins that show the password before TLS has begun",
        help: "offer them within TLS only (Dovecot: ssl = required; Postfix: smtpd_tls_auth_only = yes; OpenLDAP: noplain in olcSaslSecProps). Dovecot trusts connections from its own address: then probe it from another machine",
        source: "RFC 8314 section 3; RFC 9051 section 11.1: LOGINDISABLED",
    }
    /// Bytes where none may be.
    INJECTED = Error "starttls-injection" {
        summary: "bytes in the clear came behind the server's go-ahead for TLS",
        help: "update the server, or find who on the way puts them in: clients may take them as said within TLS. Where no handshake follows, it may be the server itself that says why it cannot begin: see its log",
        source: "RFC 3207 section 6; CVE-2011-0411 and its kin, https://nostarttls.secvuln.info",
    }
    /// The pair does not match.
    OTHER_KEY = Error "served-key-mismatch" {
        summary: "the server has another key than that of the certificate that it presents, so clients hang up",
        help: "give it both files of one pair, `pkit cert match` tells which belong together, and reload it",
        source: "RFC 8446 section 4.4.3, RFC 5246 section 7.4.3: the server signs the handshake with its key; GnuTLS servers such as Courier start with a pair that does not match",
    }
    /// A kind of signature that no back end takes.
    KEY_NOT_CHECKED = Info "served-key-not-checked" {
        summary: "whether the server has the key of its certificate was not found out",
        help: "`openssl s_client -connect` checks signatures of more kinds",
        source: "RSA-PSS below 2048 bits, Ed448 and unusual curves are not checked here",
    }
    /// Mutual TLS.
    CERTIFICATE_WANTED = Info "client-certificate-wanted" {
        summary: "the server ends handshakes in which the client shows no certificate",
        help: "nothing is needed if its clients have certificates",
        source: "RFC 5246 section 7.4.6; RFC 8446 section 4.4.2.4",
    }
    /// Renewed on the disk only.
    SERVED_OTHER = Error "served-differs" {
        summary: "the server presents another certificate than the file holds",
        help: "reload the service",
        source: "`--expect-cert`, compared by SHA-256 of the whole certificate",
    }
}
