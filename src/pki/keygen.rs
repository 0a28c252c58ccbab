//! New private keys. Each one is loaded anew and has signed something that verified before it is handed out, so a key that
//! does not work cannot leave this room.

use zeroize::Zeroizing;

use crate::crypto::{self, Curve, Signer};
use crate::error::{Error, Result};
use crate::material::key::{KeyKind, PrivateKey};
use crate::primes::{self, Engine};

/// The kinds of key that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// RSA with e = 65537.
    Rsa(RsaBits),
    /// ECDSA on P-256.
    EcP256,
    /// ECDSA on P-384.
    EcP384,
    /// ECDSA on P-521.
    EcP521,
    /// Ed25519.
    Ed25519,
}

/// The sizes of RSA keys that ring can sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaBits {
    /// What most manuals ask for at least.
    B2048,
    /// The default here: 128 bits of strength (NIST SP 800-57, part 1, table 2).
    B3072,
    /// Four times the work of 2048 in each handshake.
    B4096,
}

impl RsaBits {
    /// The size, if it is one of these.
    pub fn of(bits: u32) -> Option<RsaBits> {
        [RsaBits::B2048, RsaBits::B3072, RsaBits::B4096].into_iter().find(|b| b.count() == bits)
    }

    /// The number.
    pub fn count(self) -> u32 {
        match self {
            RsaBits::B2048 => 2048,
            RsaBits::B3072 => 3072,
            RsaBits::B4096 => 4096,
        }
    }
}

impl NewKey {
    /// What the key will be.
    pub fn kind(self) -> KeyKind {
        match self {
            NewKey::Rsa(bits) => KeyKind::Rsa { bits: bits.count() as usize },
            NewKey::EcP256 => KeyKind::EcP256,
            NewKey::EcP384 => KeyKind::EcP384,
            NewKey::EcP521 => KeyKind::EcP521,
            NewKey::Ed25519 => KeyKind::Ed25519,
        }
    }

    fn signer(self) -> Signer {
        match self {
            NewKey::Rsa(_) => Signer::Rsa,
            NewKey::EcP256 => Signer::EcdsaP256,
            NewKey::EcP384 => Signer::EcdsaP384,
            NewKey::EcP521 => Signer::EcdsaP521,
            NewKey::Ed25519 => Signer::Ed25519,
        }
    }
}

/// A new key, in PKCS#8. An error is a fault of pkit or of the system's random numbers, never the user's.
pub fn generate(new: NewKey) -> Result<PrivateKey> {
    let faulty = |why: String| Error::bug(format!("a new {} key is not sound: {why}", new.kind()));
    let refused = |crypto::Refused(why)| faulty(why.into());
    let made = match new {
        NewKey::Rsa(bits) => PrivateKey::from_rsa(&primes::new_rsa(bits.count(), Engine::best()).map_err(refused)?),
        NewKey::EcP256 => PrivateKey::from_pkcs8(&crypto::new_ecdsa(Curve::P256).map_err(refused)?),
        NewKey::EcP384 => PrivateKey::from_pkcs8(&crypto::new_ecdsa(Curve::P384).map_err(refused)?),
        NewKey::EcP521 => PrivateKey::from_scalar(Curve::P521, &crypto::new_scalar(Curve::P521).map_err(refused)?),
        NewKey::Ed25519 => {
            let mut seed = Zeroizing::new([0; 32]);
            crypto::random(seed.as_mut_slice()).map_err(refused)?;
            PrivateKey::from_ed25519_seed(seed.as_slice())
        }
    };
    let key = made.map_err(|fault| faulty(fault.to_string()))?;
    if *key.kind() != new.kind() {
        return Err(faulty(format!("it is {}", key.kind())));
    }
    crypto::sign_and_verify(new.signer(), key.pkcs8_der()).map_err(refused)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_belong_to_its_public_half_is_noticed() {
        let key = generate(NewKey::EcP256).unwrap();
        let mut der = key.pkcs8_der().to_vec();
        *der.last_mut().unwrap() ^= 1;
        assert!(crypto::sign_and_verify(Signer::EcdsaP256, &der).is_err());
        assert!(crypto::sign_and_verify(Signer::EcdsaP384, key.pkcs8_der()).is_err());
    }

    #[test]
    fn every_kind_is_what_was_asked_for_and_no_two_are_alike() {
        for new in [NewKey::Rsa(RsaBits::B2048), NewKey::EcP256, NewKey::EcP384, NewKey::EcP521, NewKey::Ed25519] {
            let (one, other) = (generate(new).unwrap(), generate(new).unwrap());
            assert_eq!(*one.kind(), new.kind());
            assert_ne!(one.public(), other.public());
        }
    }
}
