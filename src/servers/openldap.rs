//! OpenLDAP's slapd 2.4 to 2.6, as one change of `cn=config` or as lines of slapd.conf. Its words depend less on the version than on the TLS library: Debian built it
//! with GnuTLS up to bookworm and builds it with OpenSSL since. What the other library's build needs is accepted and ignored.

use std::path::PathBuf;

use super::build::{Build, Library, Version};
use super::syntax;
use super::table::{Directive, File, Never, Text, Whole, Words};
use super::{Document, FileNeed, Part, Question, Reader, Role, Server, Style, gnutls, parts, reload, vocabulary};
use crate::settings::{CipherOrder, ClientCert, CrlCheck, Protocol, TlsLevel, TlsSettings};

/// OpenLDAP's slapd.
pub(super) static OPENLDAP: Server = Server {
    name: "openldap",
    title: "OpenLDAP",
    versions: &[V2_4, V2_5, V2_6_7],
    newest: Version::of(&[2, 6]),
    libraries: &[Library::OpenSsl, Library::GnuTls],
    // `slapd -V` would print the version and start the server.
    ask_version: &[Question { program: "slapd", args: &["-VV"], env: &[], behind: "" }],
    // What ldd(1) does, without its shell script: ld.so(8) lists the libraries instead of starting the program. A loader that
    // does not know the variable starts `slapd -VV`, which is harmless.
    ask_library: Some(Question {
        program: "slapd",
        args: &["-VV"],
        env: &[("LD_TRACE_LOADED_OBJECTS", "1")],
        behind: "",
    }),
    style: Style {
        word: "ldif",
        documents: &[Document {
            file: None,
            place: "apply it as root: `ldapmodify -Y EXTERNAL -H ldapi:/// -f FILE`",
            grammar: &syntax::ldif::GRAMMAR,
            takes: |_| true,
        }],
        then: "check with `slapcat -n 0`; it holds at once, without a reload",
    },
    other_styles: &[Style {
        word: "slapd.conf",
        documents: &[Document {
            file: Some("/etc/ldap/slapd.conf"),
            place: "put this into /etc/ldap/slapd.conf, before the first `database`, in place of the same settings there",
            grammar: &syntax::slapd_conf::GRAMMAR,
            takes: |_| true,
        }],
        then: "check with `slaptest -u`, which does not open the files, then restart slapd",
    }],
    directives: DIRECTIVES,
    vocabulary: &vocabulary::OPENLDAP,
    parts: &parts::NONE,
    // What must have TLS is said by olcSecurity, entry by entry.
    level: TlsLevel::Offered,
    files: &[
        FileNeed { role: Role::Certificate, parts: &[Part::Leaf, Part::Intermediates], reader: Reader::User(USER) },
        FileNeed { role: Role::Key, parts: &[Part::Key], reader: Reader::User(USER) },
        FileNeed { role: Role::ClientCa, parts: &[Part::Cas], reader: Reader::User(USER) },
    ],
    look: "localhost:389 -starttls ldap",
    reload: &reload::OPENLDAP,
    imply,
    notes,
    dh: |_| "no DH file is needed: none of these ciphers uses one, and without a file slapd offers none that does",
    untried: |build| (build.library == Library::OpenSsl) == (build.version < V2_6),
};

static DIRECTIVES: &[Directive] = &[
    Directive::new(&["olcTLSCACertificateFile"], &File(|s| &mut s.client_ca)),
    Directive::new(&["olcTLSCACertificatePath"], &File(|s| &mut s.client_ca_dir)).built_with(Library::OpenSsl),
    Directive::new(&["olcTLSCACertificatePath"], &File(|s| &mut s.client_ca_dir))
        .since(V2_5)
        .built_with(Library::GnuTls),
    Directive::new(&["olcTLSCertificateFile"], &File(|s| &mut s.certificate)),
    Directive::new(&["olcTLSCertificateKeyFile"], &File(|s| &mut s.key)),
    Directive::new(&["olcTLSVerifyClient"], &Words(|s| &mut s.client_cert, CLIENT_CERTS)),
    Directive::new(&["olcTLSCRLCheck"], &Words(|s| &mut s.crl_check, CRL_CHECKS)).built_with(Library::OpenSsl),
    Directive::new(&["olcTLSCRLFile"], &Whole { spell: crl_file, parse: checked_crl_file }).built_with(Library::GnuTls),
    Directive::new(&[], &Never { when: |s| s.client_crl.is_some(), why: CRLS_WITH_CAS }).built_with(Library::OpenSsl),
    Directive::new(&[], &Never { when: |s| s.crl_check.is_some() && s.client_crl.is_none(), why: CRLS_APART })
        .built_with(Library::GnuTls),
    Directive::new(&["olcTLSDHParamFile"], &File(|s| &mut s.dh)),
    Directive::new(&["olcTLSProtocolMin"], &Words(|s| &mut s.min_protocol, PROTOCOLS)).built_with(Library::OpenSsl),
    Directive::new(&["olcTLSCipherSuite"], &Text(|s| &mut s.ciphers)).until(V2_6_7).built_with(Library::OpenSsl),
    Directive::new(&["olcTLSCipherSuite"], &Whole { spell: one_list, parse: two_lists })
        .since(V2_6_7)
        .built_with(Library::OpenSsl),
    Directive::new(&["olcTLSCipherSuite"], &Whole { spell: gnutls::spell, parse: gnutls::parse })
        .built_with(Library::GnuTls),
    Directive::new(&["olcLogLevel"], &Whole { spell: log_level, parse: logs }),
    Directive::new(&[], &Never { when: |s| s.username_from_cert.is_some(), why: USER_NAME }),
    Directive::new(&[], &Never { when: |s| s.starttls.is_some() || s.implicit.is_some(), why: PORTS }),
    Directive::new(&[], &Never { when: |s| s.outgoing_ca.is_some() || s.outgoing.is_some(), why: OUTGOING }),
    Directive::new(&[], &Never { when: gnutls::lacks_ciphers, why: gnutls::LACKS }).built_with(Library::GnuTls),
    Directive::new(&[], &Never { when: |s| asks(s, TlsLevel::Required), why: REQUIRE }),
    Directive::new(
        &[],
        &Never { when: |s| asks(s, TlsLevel::Off), why: "slapd offers STARTTLS as soon as it has a certificate" },
    ),
];

/// The suites of TLS 1.3 stand in the same list. Before 2.6.7 a list of nothing else is an error there (ITS#10094).
fn one_list(settings: &TlsSettings) -> Option<Vec<String>> {
    let lists: Vec<&str> =
        [&settings.suites, &settings.ciphers].into_iter().flatten().map(|s| s.value.as_str()).collect();
    (!lists.is_empty()).then(|| vec![lists.join(":")])
}

fn two_lists(values: &[&str]) -> Option<TlsSettings> {
    let list = values.concat();
    let (suites, ciphers): (Vec<&str>, Vec<&str>) = list.split(':').partition(|name| name.starts_with("TLS_"));
    let joined = |names: Vec<&str>| (!names.is_empty()).then(|| names.join(":").into());
    Some(TlsSettings { suites: joined(suites), ciphers: joined(ciphers), ..TlsSettings::default() })
}

/// With GnuTLS a file of CRLs is looked at as soon as it is named.
fn crl_file(settings: &TlsSettings) -> Option<Vec<String>> {
    let file = settings.client_crl.as_ref()?.value.to_str()?;
    matches!(settings.crl_check.as_ref()?.value, CrlCheck::Chain).then(|| vec![file.to_owned()])
}

fn checked_crl_file(values: &[&str]) -> Option<TlsSettings> {
    let [path] = values else { return None };
    path.starts_with('/').then(|| TlsSettings {
        client_crl: Some(PathBuf::from(path).into()),
        crl_check: Some(CrlCheck::Chain.into()),
        ..TlsSettings::default()
    })
}

fn log_level(settings: &TlsSettings) -> Option<Vec<String>> {
    settings.log.as_ref()?.value.then(|| vec!["stats".to_owned()])
}

/// `stats` is 256 (slapd.conf(5)); other levels say nothing of TLS.
fn logs(values: &[&str]) -> Option<TlsSettings> {
    let stats = values.concat().split(' ').any(|word| matches!(word, "stats" | "256" | "any" | "-1"));
    Some(TlsSettings { log: stats.then(|| true.into()), ..TlsSettings::default() })
}

fn asks(settings: &TlsSettings, level: TlsLevel) -> bool {
    settings.level.as_ref().is_some_and(|asked| asked.value == level)
}

/// With a certificate STARTTLS is there; the client's order counts (only GnuTLS can be told otherwise).
fn imply(settings: &mut TlsSettings) {
    if settings.certificate.is_some() && settings.level.is_none() {
        settings.level = Some(TlsLevel::Offered.into());
    }
    if settings.order.is_none() {
        settings.order = Some(CipherOrder::Client.into());
    }
}

fn notes(settings: &TlsSettings, build: Build) -> Vec<&'static str> {
    let mut notes = vec!["slapd opens the key as its own user (Debian: openldap): 0400 root:root does not work here"];
    if settings.client_ca.is_some() {
        notes.push(match build.library {
            Library::OpenSsl => {
                "CRLs are looked for in the CA file, and only with olcTLSCRLCheck: name the CA file as --crl too"
            }
            Library::GnuTls => {
                "CRLs are looked for in a file of their own (--crl); one that is missing or expired lets everybody in"
            }
        });
    }
    notes
}

const USER: &str = "openldap";

const CRLS_WITH_CAS: &str = "with OpenSSL slapd looks for CRLs in the CA file: put them there with `pkit bundle dovecot-ca` and name it as --crl too";
const CRLS_APART: &str = "with GnuTLS slapd looks for CRLs in a file of their own, not in the CA file";
const USER_NAME: &str = "slapd makes the whole subject a name (SASL EXTERNAL); olcAuthzRegexp turns it into an entry";
const PORTS: &str =
    "slapd listens where its -h option says (Debian: SLAPD_SERVICES in /etc/default/slapd): add ldaps:/// there";
const OUTGOING: &str =
    "slapd's own connections are set up where they are made (syncrepl tls_cacert=, ldap.conf TLS_CACERT)";
const REQUIRE: &str = "slapd requires TLS by olcSecurity (simple_bind=128 is the gentle one), which also holds for ldapi:///; set it by hand";

/// `try` asks, takes a client without a certificate, and refuses one with a foreign certificate; `allow` takes that too.
const CLIENT_CERTS: &[(ClientCert, &[&str])] = &[
    (ClientCert::No, &["never"]),
    (ClientCert::Request, &["try"]),
    (ClientCert::Require, &["demand"]),
    (ClientCert::Request, &["allow"]),
    (ClientCert::Require, &["hard"]),
    (ClientCert::Require, &["true"]),
];

const CRL_CHECKS: &[(CrlCheck, &[&str])] =
    &[(CrlCheck::None, &["none"]), (CrlCheck::Leaf, &["peer"]), (CrlCheck::Chain, &["all"])];

/// The numbers of the record layer: `1.2` would be accepted and mean nothing.
const PROTOCOLS: &[(Protocol, &[&str])] = &[
    (Protocol::Tls10, &["3.1"]),
    (Protocol::Tls11, &["3.2"]),
    (Protocol::Tls12, &["3.3"]),
    (Protocol::Tls13, &["3.4"]),
];

const V2_6: Version = Version::of(&[2, 6]);
const V2_4: Version = Version::of(&[2, 4]);
const V2_5: Version = Version::of(&[2, 5]);
const V2_6_7: Version = Version::of(&[2, 6, 7]);
