//! What can speak against a path by RFC 5280 section 6, each fact with its source.

use crate::finding::rules;

rules! {
    /// Too late.
    EXPIRED = Error "cert-expired" {
        summary: "a certificate of the chain has expired",
        help: "get a renewed certificate; for an intermediate, get the current one from the CA",
        source: "RFC 5280 section 4.1.2.5 and 6.1.3 (a) (2)",
    }
    /// Too early.
    NOT_YET_VALID = Error "cert-not-yet-valid" {
        summary: "a certificate of the chain is not valid yet",
        help: "check this machine's clock; otherwise wait, or ask the CA",
        source: "RFC 5280 section 4.1.2.5 and 6.1.3 (a) (2)",
    }
    /// A must that cannot be met.
    CRITICAL_UNKNOWN = Error "critical-extension-unknown" {
        summary: "a certificate has a critical extension that is not processed",
        help: "clients will refuse it as well; ask the CA for a certificate without it",
        source: "RFC 5280 section 4.2: a critical extension that is not recognised means rejection",
    }
    /// basicConstraints.
    NOT_A_CA = Error "issuer-not-ca" {
        summary: "a certificate was issued by something that is not a CA",
        help: "the pile holds the wrong certificate, or the issuer was made without `CA:TRUE`; get the right intermediate",
        source: "RFC 5280 section 4.2.1.9 and 6.1.4 (k)",
    }
    /// keyUsage.
    NO_CERT_SIGN = Error "issuer-no-cert-sign" {
        summary: "a CA's key usage does not allow it to sign certificates",
        help: "the CA must issue its own certificate anew with keyCertSign",
        source: "RFC 5280 section 4.2.1.3 and 6.1.4 (n)",
    }
    /// pathLenConstraint.
    PATH_TOO_LONG = Error "path-too-long" {
        summary: "more CAs stand below a CA than it allows",
        help: "use a certificate issued higher up, or ask the CA for another intermediate",
        source: "RFC 5280 section 4.2.1.9 and 6.1.4 (l)",
    }
    /// extendedKeyUsage.
    WRONG_PURPOSE = Error "wrong-purpose" {
        summary: "a certificate's extended key usage does not cover what it is to be used for",
        help: "ask the CA for a certificate of the right kind (TLS server)",
        source: "RFC 5280 section 4.2.1.12",
    }
    /// The signature does not check.
    BAD_SIGNATURE = Error "bad-signature" {
        summary: "a certificate was not signed by the issuer that it names",
        help: "one of the two files is damaged or not the right one; get them again from the CA",
        source: "RFC 5280 section 6.1.3 (a) (1)",
    }
    /// Nobody can check it.
    SIGNATURE_UNSUPPORTED = Error "signature-unsupported" {
        summary: "the signature algorithm is not one that pkit can check",
        help: "common clients will refuse it as well; ask the CA for RSA or ECDSA with SHA-256",
        source: "RFC 8446 section 4.2.3 lists what TLS clients take",
    }
    /// nameConstraints.
    OUTSIDE_CONSTRAINTS = Error "outside-name-constraints" {
        summary: "a name lies outside what a CA above it may issue",
        help: "leave the name out, or have the certificate issued by a CA that may",
        source: "RFC 5280 section 4.2.1.10 and 6.1.3 (b), (c)",
    }
    /// The wrong host.
    NAME_MISMATCH = Error "name-mismatch" {
        summary: "the certificate does not present the name that clients will ask for",
        help: "name one that it has with --name, or get a certificate with this name among its alternative names",
        source: "RFC 9525 section 6: only subjectAltName counts",
    }
    /// A root, but not a trusted one.
    NOT_TRUSTED = Error "not-trusted" {
        summary: "the chain ends in a root that is not in the trust store",
        help: "if the root is your own CA's, name it with --trust FILE; clients need it as well",
        source: "RFC 5280 section 6.1.1 (d)",
    }
    /// The store's own word.
    DISTRUSTED = Error "anchor-distrusted" {
        summary: "the trust store itself says that a CA is not to be trusted for this purpose",
        help: "programs with OpenSSL will refuse it as well; if the CA is your own, see `openssl x509 -text` and -clrreject",
        source: "openssl-x509(1), trust options of a `TRUSTED CERTIFICATE`; X509_check_trust(3)",
    }
    /// A gap.
    CHAIN_INCOMPLETE = Error "chain-incomplete" {
        summary: "the certificate that issued one of the chain is not there",
        help: "get the CA's intermediate certificate and give it as another input",
        source: "RFC 5246 section 7.4.2: the server sends every certificate below the root; tried: clients say `unable to verify the first certificate`",
    }
    /// The key is no key any more.
    KEY_BROKEN = Error "key-broken" {
        summary: "a key of the chain is RSA below 1024 bits, or on a curve that the certificate itself describes",
        help: "make a new key (RSA of 2048 bits or more, or a named curve) and have it certified",
        source: "openssl's security level 1; RSA-250 (829 bits) was factored in 2020; RFC 5480 section 2.1.1; CVE-2020-0601",
    }
    /// The end-entity's keyUsage.
    KEY_USAGE_NOT_TLS = Error "key-usage-not-tls" {
        summary: "the key usage of the end-entity forbids what TLS does with its key",
        help: "ask the CA for a certificate with digitalSignature (and keyEncipherment for RSA)",
        source: "RFC 5280 section 4.2.1.3; RFC 8446 section 4.4.2.2; openssl verify -purpose sslserver",
    }
    /// --max-depth.
    DEPTH_EXCEEDED = Error "max-depth-exceeded" {
        summary: "more intermediates are in the chain than --max-depth allows",
        help: "allow more, or leave --max-depth out: then the CAs' own path lengths decide",
        source: "the command line",
    }
    /// Work bound.
    TOO_MANY_NAMES = Error "too-many-names" {
        summary: "the names and the name constraints are too many to be compared",
        help: "no CA issues such certificates; if this is yours, issue it with fewer names",
        source: "openssl's limit of 2^20 comparisons (NAME_CHECK_MAX); others stop earlier",
    }
    /// certificatePolicies.
    POLICY_NOT_VALID = Error "policy-not-valid" {
        summary: "no acceptable certificate policy is valid for the chain",
        help: "see which policies the certificates name; ask for one of them with --policy, or have the certificate issued under yours",
        source: "RFC 5280 section 6.1.3 (d) to (f) and 6.1.5 (g); RFC 9618",
    }
}
