//! Keys that cost time to make, made once for the whole run by openssl, so that pkit never judges only its own work.

use std::process::Command;
use std::sync::OnceLock;

/// PEM texts.
pub struct Keys {
    /// RSA 2048, PKCS#8.
    pub rsa2048: Vec<u8>,
    /// Another one.
    pub other2048: Vec<u8>,
    /// RSA 1024, PKCS#8: too small.
    pub rsa1024: Vec<u8>,
}

/// The one set of this run; it needs openssl.
pub fn rsa() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        rsa2048: openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        other2048: openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        rsa1024: openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]),
    })
}

/// What openssl prints.
pub fn openssl(args: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
