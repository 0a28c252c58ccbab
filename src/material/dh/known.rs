//! Primes that many servers share, by the SHA-256 of their octets: those of other RFCs, and those that came built into programs.

use crate::crypto::{self, Digest};

/// A prime that is known by name.
#[derive(Debug)]
pub struct Known {
    /// What it is called.
    pub name: &'static str,
    /// Where it comes from: an RFC, or a program that used it where no file was given.
    pub source: &'static str,
    /// A safe prime for certain; of the others some are prime, and one is not.
    pub safe: bool,
    digest: &'static str,
}

/// The name of a prime, given as octets without leading zeros.
pub(super) fn of(p: &[u8]) -> Option<&'static Known> {
    // The largest of them.
    if p.len() > 1024 {
        return None;
    }
    let digest = crypto::hex(&crypto::digest(Digest::Sha256, p));
    KNOWN.iter().find(|known| known.digest == digest)
}

const fn known(name: &'static str, source: &'static str, safe: bool, digest: &'static str) -> Known {
    Known { name, source, safe, digest }
}

#[rustfmt::skip]
static KNOWN: &[Known] = &[
    known("MODP 768 (Oakley group 1)", "RFC 2409", true, "b52ba6a3026520a6c49d37e4587601801bee500123b3259b6bf03e7cecc3e63d"),
    known("MODP 1024 (Oakley group 2)", "RFC 2409", true, "3f35a3f5f6c4376a744acad409bb22f8d897f949d2311d885adaa890981b67a0"),
    known("MODP 1536", "RFC 3526", true, "64fcc83ec403930bf18393dbc883ccaa1fbb08ac876f77f7aa99748ca945019b"),
    known("MODP 2048", "RFC 3526", true, "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e"),
    known("MODP 3072", "RFC 3526", true, "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c"),
    known("MODP 4096", "RFC 3526", true, "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33"),
    known("MODP 6144", "RFC 3526", true, "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd"),
    known("MODP 8192", "RFC 3526", true, "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf"),
    known("1024 bits with a subgroup of 160", "RFC 5114", false, "44c55cfee5c075927cf682da5b681bdecbd5c3eb0784c14f5dce7610f0ef133d"),
    known("2048 bits with a subgroup of 224", "RFC 5114", false, "bfe545862ca102ad1eeddb5fbfa5bf855ac4995c56a8b408ce3fe099dce93a9d"),
    known("2048 bits with a subgroup of 256", "RFC 5114", false, "0b7835722cb619827610c2549fdda5587421686c4409a13865e76225522ddcc9"),
    known("Apache 512", "mod_ssl 2.0", true, "3cdb020b9ef298b2f3f6cf5a872af527337bf7b9f654b2e70c49da16a4d24137"),
    known("Apache 1024", "mod_ssl 2.0", true, "f79d1db3c955a28fdeca462670a0712efee4b588c7858e4943883f903bd1354b"),
    known("Postfix 512", "Postfix 2", true, "6c863838510bab3e2093066fc14976f0265b0da72c465eb306018587b5df6b6a"),
    known("Postfix 1024", "Postfix 2", true, "ef627d8cc44144f36a075d8dd8511bbd278cb5cf438f1052bdbdabe715232c1e"),
    known("Postfix 2048", "Postfix 3", true, "4e1f16b0a537becf0398e0d6049ed82850ef799626db1771a9aa4901e84385c3"),
    known("Postfix 2048", "Postfix 3", true, "ea8dfb71d98b4f878ca8d9915aaacae6d86fb791f7149373326b0fe318442b64"),
    known("Java 512", "SunJCE", false, "73b391ec8da33ee197aed17d7cfce1321b94e04c5b55b3c02c1c7198eb88715b"),
    known("Java 768", "SunJCE", false, "ee5483fe4b96caa10cb5b863ec409aab2762e6bf43af4a8a0a42817fef4dd7f3"),
    known("Java 1024", "SunJCE", false, "cc21a33dd1a3edf40bf636b5496e4aede198a437a8548e0cc1a621424e42419b"),
    known("SKIP 1024", "SKIP", true, "6215d41bb617b390082b066d6856f8b361d6c77f316a84301f7c9717a8681485"),
    known("socat 1024", "socat 1.7.3.0", false, "ac10fa3c5965ca361c07b3511140eb0a5cc89d92417708b1c13d07dc24770e22"),
];
