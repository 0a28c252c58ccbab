//! What each server makes of the files that its settings name. Tried on Dovecot 2.3.13 to 2.4.1, Postfix 3.5 to 3.10, slapd 2.4 to
//! 2.6, Apache 2.4.62 to 2.4.71, Courier 5.0.13, Exim 4.96, nginx 1.22.1 and 1.26.3, HAProxy 2.6.12 and 3.0.11.

use super::Said;
use crate::servers::Server;
use crate::servers::build::Library;
use crate::settings::customs::{Customs, Revocation};

impl Server {
    /// What this server, so told, makes of its files.
    pub fn customs(&self, said: &Said<'_>) -> Customs {
        let usual = Customs {
            revocation: Revocation::Never,
            completes_chain: false,
            key_in_certificate: false,
            key_beside: None,
            key_first: false,
            key_password: false,
            password_by_line: false,
            dh_may_be_missing: false,
            verify_depth: None,
            depth_without_root: false,
            key_reader: None,
        };
        match self.name {
            "dovecot" => {
                let off = ["ssl_require_crl", "ssl_server_require_crl"].iter().any(|name| said.says(name, &["no"]));
                let revocation = if off { Revocation::Never } else { Revocation::Every };
                let key_password =
                    ["ssl_key_password", "ssl_server_key_password"].iter().any(|n| said.last(n).is_some());
                Customs { revocation, key_password, ..usual }
            }
            "postfix" => Customs {
                completes_chain: true,
                key_in_certificate: true,
                key_first: said.last("smtpd_tls_chain_files").is_some(),
                dh_may_be_missing: true,
                ..usual
            },
            "openldap" => Customs {
                revocation: if said.build.library == Library::GnuTls { Revocation::Open } else { Revocation::Told },
                completes_chain: true,
                key_reader: Some("openldap"),
                ..usual
            },
            "apache" => Customs {
                revocation: Revocation::Told,
                completes_chain: true,
                key_in_certificate: true,
                key_password: said
                    .all("SSLPassPhraseDialog")
                    .any(|p| p.value().is_some_and(|v| v.starts_with("exec:"))),
                verify_depth: Some(1),
                ..usual
            },
            "courier" => {
                Customs { key_in_certificate: true, dh_may_be_missing: true, key_reader: Some("courier"), ..usual }
            }
            // With GnuTLS a CRL file that is not there, or holds something else, lets everybody in, where Exim's user may list the
            // files' directories; else nobody comes in (tried on 4.96).
            "exim" => Customs {
                revocation: if said.build.library == Library::GnuTls { Revocation::Open } else { Revocation::Told },
                key_in_certificate: true,
                key_reader: Some("Debian-exim"),
                ..usual
            },
            "nginx" => Customs {
                revocation: Revocation::Told,
                key_password: said.all("ssl_password_file").next().is_some(),
                password_by_line: true,
                verify_depth: Some(1),
                depth_without_root: true,
                ..usual
            },
            "haproxy" => {
                Customs { revocation: Revocation::Told, key_in_certificate: true, key_beside: Some(".key"), ..usual }
            }
            _ => usual,
        }
    }
}
