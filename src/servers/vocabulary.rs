//! The words of each server, as [`Vocabulary`]: what its directives take, and what it does with what it does not know. Which words
//! mean what is for the rows of its table.

use super::exim;
use super::words::{Domain, Takes, Vocabulary};

/// A boolean is one of these (tried on 2.3.19 with doveconf).
pub(super) static DOVECOT: Vocabulary = Vocabulary {
    domains: &[
        Domain {
            names: &[
                "ssl_prefer_server_ciphers",
                "ssl_require_crl",
                "ssl_server_require_crl",
                "ssl_verify_client_cert",
                "ssl_server_request_client_cert",
                "ssl_client_require_valid_cert",
                "auth_ssl_require_client_cert",
                "auth_ssl_username_from_cert",
                "disable_plaintext_auth",
                "auth_allow_cleartext",
                "verbose_ssl",
            ],
            takes: Takes::Words(&["yes", "y", "1", "no"]),
        },
        Domain { names: &["ssl"], takes: Takes::Exactly(&["no", "yes", "required"]) },
        Domain { names: &["ssl_server_prefer_ciphers"], takes: Takes::Exactly(&["client", "server"]) },
    ],
    any_case: false,
    arguments: false,
    unknown_stops: true,
    relative: &[
        "ssl_server_cert_file",
        "ssl_server_key_file",
        "ssl_server_ca_file",
        "ssl_server_dh_file",
        "ssl_server_alt_cert_file",
        "ssl_server_alt_key_file",
    ],
    contents: &["ssl_cert", "ssl_key", "ssl_ca", "ssl_dh", "ssl_alt_cert", "ssl_alt_key"],
    other_names: |_| false,
};

/// Booleans and grades are the same in small letters and capital ones.
pub(super) static POSTFIX: Vocabulary = Vocabulary {
    domains: &[
        Domain {
            names: &[
                "smtpd_tls_auth_only",
                "smtpd_tls_ask_ccert",
                "smtpd_tls_req_ccert",
                "smtpd_tls_received_header",
                "smtpd_tls_wrappermode",
                "smtpd_tls_always_issue_session_ids",
                "smtpd_tls_enable_rpk",
                "smtpd_use_tls",
                "smtpd_enforce_tls",
                "smtpd_sasl_auth_enable",
                "smtp_tls_wrappermode",
                "smtp_tls_note_starttls_offer",
                "smtp_tls_connection_reuse",
                "smtp_use_tls",
                "smtp_enforce_tls",
                "tls_preempt_cipherlist",
                "tls_append_default_CA",
            ],
            takes: Takes::Words(&["yes", "no"]),
        },
        Domain {
            names: &[
                "smtpd_tls_ciphers",
                "smtpd_tls_mandatory_ciphers",
                "smtp_tls_ciphers",
                "smtp_tls_mandatory_ciphers",
            ],
            takes: Takes::Words(&["high", "medium", "low", "export", "null"]),
        },
        Domain { names: &["tls_high_cipherlist"], takes: Takes::Ciphers },
        Domain { names: &["smtpd_tls_loglevel", "smtp_tls_loglevel"], takes: Takes::Number },
        Domain {
            names: &[
                "smtpd_tls_cert_file",
                "smtpd_tls_key_file",
                "smtpd_tls_eccert_file",
                "smtpd_tls_eckey_file",
                "smtpd_tls_CAfile",
            ],
            takes: Takes::Path,
        },
        Domain { names: &["smtpd_tls_chain_files"], takes: Takes::Paths },
    ],
    any_case: false,
    arguments: false,
    unknown_stops: false,
    // The same for the client's side, and what postconf(5) has besides.
    relative: &[],
    contents: &[],
    other_names: |name| name.starts_with("smtp_") || name.starts_with("lmtp_") || name.starts_with("smtpd_tls_"),
};

/// As libldap's own settings have them (ldap.conf(5)).
pub(super) static OPENLDAP: Vocabulary = Vocabulary {
    domains: &[
        Domain {
            names: &["olcTLSVerifyClient"],
            takes: Takes::Words(&[
                "never", "allow", "try", "demand", "hard", "on", "yes", "true", "off", "no", "false",
            ]),
        },
        Domain { names: &["olcTLSCRLCheck"], takes: Takes::Words(&["none", "peer", "all"]) },
        Domain {
            names: &[
                "olcTLSCertificateFile",
                "olcTLSCertificateKeyFile",
                "olcTLSCACertificateFile",
                "olcTLSCACertificatePath",
                "olcTLSCRLFile",
            ],
            takes: Takes::Path,
        },
    ],
    any_case: true,
    arguments: false,
    unknown_stops: true,
    relative: &[],
    contents: &[],
    other_names: |_| false,
};

/// mod_ssl's directives that take one argument.
pub(super) static APACHE: Vocabulary = Vocabulary {
    domains: &[
        Domain { names: &["SSLEngine"], takes: Takes::Words(&["on", "off", "optional"]) },
        Domain {
            names: &[
                "SSLHonorCipherOrder",
                "SSLUseStapling",
                "SSLStaplingFakeTryLater",
                "SSLStaplingReturnResponderErrors",
                "SSLSessionTickets",
                "SSLCompression",
                "SSLInsecureRenegotiation",
                "SSLStrictSNIVHostCheck",
                "SSLProxyEngine",
                "SSLProxyCheckPeerName",
                "SSLProxyCheckPeerCN",
                "SSLProxyCheckPeerExpire",
            ],
            takes: Takes::Words(&["on", "off"]),
        },
        Domain {
            names: &["SSLVerifyClient", "SSLProxyVerify"],
            takes: Takes::Words(&["none", "optional", "require", "optional_no_ca"]),
        },
        Domain { names: &["SSLVerifyDepth", "SSLSessionCacheTimeout"], takes: Takes::Number },
        Domain {
            names: &[
                "SSLCertificateFile",
                "SSLCertificateKeyFile",
                "SSLCertificateChainFile",
                "SSLCACertificateFile",
                "SSLCACertificatePath",
                "SSLCARevocationFile",
                "SSLCARevocationPath",
                "SSLUserName",
                "SSLStaplingCache",
                "ServerName",
            ],
            takes: Takes::OneWord,
        },
    ],
    any_case: true,
    arguments: true,
    unknown_stops: true,
    relative: &[
        "SSLCertificateFile",
        "SSLCertificateKeyFile",
        "SSLCertificateChainFile",
        "SSLCACertificateFile",
        "SSLCACertificatePath",
        "SSLCARevocationFile",
    ],
    contents: &[],
    other_names: |_| false,
};

/// What takes one word. Flags and lists of words are the same in small letters and capital ones (tried on 1.22.1).
pub(super) static NGINX: Vocabulary = Vocabulary {
    domains: &[
        Domain {
            names: &[
                "ssl",
                "ssl_prefer_server_ciphers",
                "ssl_stapling",
                "ssl_stapling_verify",
                "ssl_session_tickets",
                "ssl_early_data",
                "ssl_reject_handshake",
                "proxy_ssl_verify",
                "proxy_ssl_server_name",
                "proxy_ssl_session_reuse",
                "http2",
            ],
            takes: Takes::Words(&["on", "off"]),
        },
        Domain { names: &["ssl_verify_client"], takes: Takes::Words(&["on", "off", "optional", "optional_no_ca"]) },
        Domain { names: &["ssl_verify_depth", "proxy_ssl_verify_depth"], takes: Takes::Number },
        Domain {
            names: &[
                "ssl_certificate",
                "ssl_certificate_key",
                "ssl_password_file",
                "ssl_client_certificate",
                "ssl_trusted_certificate",
                "ssl_crl",
                "ssl_dhparam",
                "ssl_ciphers",
                "ssl_ecdh_curve",
                "proxy_ssl_trusted_certificate",
                "proxy_ssl_ciphers",
            ],
            takes: Takes::OneWord,
        },
    ],
    any_case: false,
    arguments: true,
    unknown_stops: true,
    relative: &[
        "ssl_certificate",
        "ssl_certificate_key",
        "ssl_password_file",
        "ssl_client_certificate",
        "ssl_trusted_certificate",
        "ssl_crl",
        "ssl_dhparam",
        "proxy_ssl_trusted_certificate",
    ],
    contents: &[],
    other_names: |_| false,
};

/// A shell reads the file: any word is a value, and any name a variable.
pub(super) static COURIER: Vocabulary = Vocabulary {
    domains: &[Domain {
        names: &["TLS_CERTFILE", "TLS_PRIVATE_KEYFILE", "TLS_TRUSTCERTS", "TLS_DHPARAMS"],
        takes: Takes::OneWord,
    }],
    any_case: false,
    arguments: false,
    unknown_stops: false,
    relative: &[],
    contents: &[],
    other_names: |_| false,
};

/// Most values may be anything that Exim works out; a file must be named from `/` on (tried on 4.96).
pub(super) static EXIM: Vocabulary = Vocabulary {
    domains: &[
        Domain { names: &["tls_certificate", "tls_privatekey"], takes: Takes::List(exim::items) },
        Domain { names: &["tls_crl"], takes: Takes::Path },
        Domain { names: &["tls_ocsp_file", "tls_eccurve", "tls_alpn", "tls_resumption_hosts"], takes: Takes::OneWord },
    ],
    any_case: false,
    arguments: false,
    unknown_stops: true,
    relative: &[],
    contents: &[],
    // The same as daemon_smtp_ports.
    other_names: |name| name == "daemon_smtp_port",
};
