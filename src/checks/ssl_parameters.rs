//! What can be wrong with Dovecot 2.2's `ssl-parameters.dat` as a whole. The parameters in it are `dh`'s to judge.

use std::path::Path;

use crate::error::Error;
use crate::finding::rules;
use crate::material::ssl_parameters::Fault;

/// Why nothing can be taken out of the file.
pub fn error(fault: Fault, path: &Path) -> Error {
    let (rule, what) = match fault {
        Fault::Foreign => (&SSL_PARAMETERS_FOREIGN, "it does not begin with the size of a prime and PKCS#3".into()),
        Fault::Truncated(at) => (&SSL_PARAMETERS_TRUNCATED, format!("it ends within the record at octet {at}")),
        Fault::Unterminated => (&SSL_PARAMETERS_UNTERMINATED, "the zero after the last record is missing".into()),
        Fault::Duplicated(bits) => (&SSL_PARAMETERS_DUPLICATED, format!("there are two records of {bits} bits")),
        Fault::Trailing(octets) => (&SSL_PARAMETERS_TRAILING, format!("{octets} octets follow its end")),
        Fault::Damaged(at) => {
            (&SSL_PARAMETERS_DAMAGED, format!("the record at octet {at} does not hold parameters of the size it says"))
        }
    };
    Error::input(rule, format!("{}: {what}", path.display())).path(path)
}

rules! {
    /// Another kind of file.
    SSL_PARAMETERS_FOREIGN = Error "ssl-parameters-foreign" {
        summary: "the file is not an ssl-parameters.dat of Dovecot 2.2",
        help: "Dovecot 2.2 keeps it in /var/lib/dovecot; for a PEM file use `pkit dhparam check`",
        source: "Dovecot 2.2, src/ssl-params/ssl-params-openssl.c",
    }
    /// Cut short.
    SSL_PARAMETERS_TRUNCATED = Error "ssl-parameters-truncated" {
        summary: "the ssl-parameters.dat has been cut: Dovecot rejects it too",
        help: "copy the file again, or make new parameters: `pkit dhparam new`",
        source: "Dovecot 2.2, src/login-common/ssl-proxy-openssl.c",
    }
    /// Without its end.
    SSL_PARAMETERS_UNTERMINATED = Error "ssl-parameters-unterminated" {
        summary: "the ssl-parameters.dat has no end: its records are whole, but there may have been more",
        help: "copy the file again, or make new parameters: `pkit dhparam new`",
        source: "Dovecot 2.2, src/login-common/ssl-proxy-openssl.c",
    }
    /// Two of a size.
    SSL_PARAMETERS_DUPLICATED = Error "ssl-parameters-duplicated" {
        summary: "the ssl-parameters.dat holds two records of one size: Dovecot rejects it too",
        help: "make new parameters: `pkit dhparam new`",
        source: "Dovecot 2.2, src/login-common/ssl-proxy-openssl.c",
    }
    /// More than it should hold.
    SSL_PARAMETERS_TRAILING = Error "ssl-parameters-trailing" {
        summary: "something follows the end of the ssl-parameters.dat: Dovecot rejects it too",
        help: "make new parameters: `pkit dhparam new`",
        source: "Dovecot 2.2, src/login-common/ssl-proxy-openssl.c",
    }
    /// A record that is not what it says.
    SSL_PARAMETERS_DAMAGED = Error "ssl-parameters-damaged" {
        summary: "a record of the ssl-parameters.dat is damaged",
        help: "copy the file again, or make new parameters: `pkit dhparam new`",
        source: "PKCS#3 section 9",
    }
}
