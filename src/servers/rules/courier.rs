//! Courier's imapd-ssl and pop3d-ssl: there is no checker at all, and what the build's TLS library does not know is ignored.

use super::{Placed, Said, priority};
use crate::finding::{Finding, rules};
use crate::servers::build::Library;
use crate::servers::syntax::shell::{BLANK, SECOND_WORD};

/// What is wrong in Courier's own words.
pub(super) fn judge(said: &Said<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        said.statements.iter().filter(|p| p.statement.value == Err(BLANK)).map(blank).collect();
    found.extend(said.statements.iter().filter(|p| p.statement.value == Err(SECOND_WORD)).map(|placed| {
        let message = format!("a shell takes the second word for a command, and {} is not set", placed.statement.name);
        placed.breaks(&COMMAND, message)
    }));
    let set = |placed: &Placed<'_>| placed.value().is_some_and(|value| !value.is_empty());
    let line = || format!("TLS_PRIORITY=\"{}\"", priority::MODERN);
    match said.build.library {
        Library::GnuTls => {
            found.extend(said.all("TLS_PRIORITY").filter_map(|placed| priority::judge(&placed)));
            found.extend(priority::by_default(said, "TLS_CERTFILE", "TLS_PRIORITY", line()));
            let ignored = said.any_of(OPENSSL_ONLY).filter(set);
            found.extend(ignored.map(|placed| {
                let message =
                    format!("{} is ignored: Courier with GnuTLS looks at TLS_PRIORITY only", placed.statement.name);
                placed.breaks(&IGNORED, message).instead(line())
            }));
        }
        Library::OpenSsl => {
            let words = said.any_of(&OPENSSL_ONLY[..2]).filter(set);
            let unknown = words.filter(|p| p.value().is_some_and(|value| !KEYWORDS.contains(&value)));
            found.extend(unknown.map(|placed| {
                let message =
                    format!("`{}` is none of Courier's words, so TLS 1.0 and later is spoken", placed.statement.raw);
                placed.breaks(&PROTOCOL, message).instead(format!("{}=\"TLSv1.2++\"", placed.statement.name))
            }));
            let ignored = said.all("TLS_PRIORITY").filter(set);
            found
                .extend(ignored.map(|p| {
                    p.breaks(&IGNORED, "TLS_PRIORITY is ignored: Courier with OpenSSL looks at TLS_PROTOCOL")
                }));
        }
    }
    found.extend(certificate(said));
    let open = said.any_of(&["IMAP_TLS_REQUIRED", "POP3_TLS_REQUIRED"]).filter(|p| p.value() == Some("0"));
    found.extend(open.map(|placed| {
        let message = "passwords may come in over connections without TLS";
        placed.breaks(&NOT_REQUIRED, message).instead(format!("{}=1", placed.statement.name))
    }));
    found
}

/// The services read nothing else, so a certificate that is not named there is not there.
fn certificate(said: &Said<'_>) -> Option<Finding> {
    let first = said.statements.first().filter(|_| said.whole)?;
    let is_service = |placed: &Placed<'_>| {
        let name = placed.path.file_name().unwrap_or_default();
        name == "imapd-ssl" || name == "pop3d-ssl"
    };
    let named = said.last("TLS_CERTFILE");
    let nothing = named.is_none_or(|placed| placed.value() == Some(""));
    let message = "no certificate is named (TLS_CERTFILE), so every handshake fails";
    (nothing && is_service(first)).then(|| named.unwrap_or(*first).breaks(&NO_CERTIFICATE, message))
}

fn blank(placed: &Placed<'_>) -> Finding {
    let (name, raw) = (&placed.statement.name, &placed.statement.raw);
    let message = format!("a shell takes {name} for a command: no blank may stand beside the `=`");
    placed.breaks(&BLANKS, message).instead(format!("{name}={raw}"))
}

const OPENSSL_ONLY: &[&str] = &["TLS_PROTOCOL", "TLS_STARTTLS_PROTOCOL", "TLS_CIPHER_LIST"];
/// tcpd/libcouriertls.c.
const KEYWORDS: &[&str] = &["TLSv1.2++", "TLSv1.2+", "TLSv1.2", "TLSv1.1++", "TLSv1.1+", "TLSv1.1", "TLSv1", "TLS1"];

rules! {
    /// The other library's words.
    IGNORED = Warning "courier-setting-ignored" {
        summary: "a setting is ignored by a Courier that was built with the other TLS library",
        help: "with GnuTLS (Debian, Ubuntu) set TLS_PRIORITY; with OpenSSL set TLS_PROTOCOL and TLS_CIPHER_LIST",
        source: "tried on Courier 5.0.13 with GnuTLS: TLS 1.1 connects with TLS_PROTOCOL=TLSv1.2",
    }
    /// Nothing to show.
    NO_CERTIFICATE = Error "courier-no-certificate" {
        summary: "no certificate is named in a file that starts a service with TLS",
        help: "set TLS_CERTFILE, and TLS_PRIVATE_KEYFILE where the key is in a file of its own",
        source: "tried on Courier 5.0.13: connections with TLS die",
    }
    /// Not one of the words.
    PROTOCOL = Warning "courier-protocol" {
        summary: "TLS_PROTOCOL is none of the words that Courier knows, so it speaks TLS 1.0 and later without a message",
        help: "use one word: TLSv1.2++ (or TLSv1.2+ before 5.0.12)",
        source: "source of courier-libs, tcpd/libcouriertls.c",
    }
    /// Passwords in the clear.
    NOT_REQUIRED = Warning "courier-tls-not-required" {
        summary: "Courier takes passwords over connections without TLS",
        help: "set IMAP_TLS_REQUIRED=1 (POP3_TLS_REQUIRED=1): then LOGINDISABLED is shown until STARTTLS",
        source: "tried on Courier 5.0.13",
    }
    /// An assignment for one command only.
    COMMAND = Error "courier-second-word" {
        summary: "a second word stands behind a value, so a shell runs it as a command and forgets the setting",
        help: "put values with blanks into quotes, and one assignment on a line",
        source: "POSIX XCU section 2.9.1; Courier's init scripts read the file with a shell",
    }
    /// Not an assignment.
    BLANKS = Error "courier-blank" {
        summary: "a blank stands beside the `=` of an assignment, so a shell takes the name for a command",
        help: "write NAME=value",
        source: "POSIX XCU section 2.9.1; Courier's init scripts read the file with a shell",
    }
}
