//! Block ciphers in CBC mode with PKCS#7 padding (RFC 8018 section 6.1.1): what encrypted keys and PKCS#12 files use. Written is
//! AES-256 and, for old readers of PKCS#12, 3DES; the others are only read.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use zeroize::Zeroizing;

use super::Refused;

/// A cipher with the size of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// AES with 128 bits.
    Aes128,
    /// AES with 192 bits.
    Aes192,
    /// AES with 256 bits.
    Aes256,
    /// DES three times, with three keys.
    TripleDes,
    /// DES three times, the first key again as the third.
    TripleDesTwoKeys,
    /// DES.
    Des,
    /// RC2 with 128 bits.
    Rc2,
    /// RC2 with 64 bits.
    Rc2Of64,
    /// RC2 with 40 bits.
    Rc2Of40,
}

impl Cipher {
    /// The usual name.
    pub fn word(self) -> &'static str {
        match self {
            Cipher::Aes128 => "AES-128",
            Cipher::Aes192 => "AES-192",
            Cipher::Aes256 => "AES-256",
            Cipher::TripleDes => "3DES",
            Cipher::TripleDesTwoKeys => "3DES with two keys",
            Cipher::Des => "DES",
            Cipher::Rc2 => "RC2-128",
            Cipher::Rc2Of64 => "RC2-64",
            Cipher::Rc2Of40 => "RC2-40",
        }
    }

    /// Octets of its key.
    pub fn key_octets(self) -> usize {
        match self {
            Cipher::Aes128 | Cipher::TripleDesTwoKeys | Cipher::Rc2 => 16,
            Cipher::Aes192 | Cipher::TripleDes => 24,
            Cipher::Aes256 => 32,
            Cipher::Des | Cipher::Rc2Of64 => 8,
            Cipher::Rc2Of40 => 5,
        }
    }

    /// Octets of a block, and so of its initialization vector.
    pub fn block_octets(self) -> usize {
        if matches!(self, Cipher::Aes128 | Cipher::Aes192 | Cipher::Aes256) { 16 } else { 8 }
    }
}

/// What is to be done with the type of this cipher.
macro_rules! with_cipher {
    ($cipher:expr, $C:ident => $body:expr) => {
        match $cipher {
            Cipher::Aes128 => {
                type $C = aes::Aes128;
                $body
            }
            Cipher::Aes192 => {
                type $C = aes::Aes192;
                $body
            }
            Cipher::Aes256 => {
                type $C = aes::Aes256;
                $body
            }
            Cipher::TripleDes => {
                type $C = des::TdesEde3;
                $body
            }
            Cipher::TripleDesTwoKeys => {
                type $C = des::TdesEde2;
                $body
            }
            Cipher::Des => {
                type $C = des::Des;
                $body
            }
            Cipher::Rc2 | Cipher::Rc2Of64 | Cipher::Rc2Of40 => {
                type $C = rc2::Rc2;
                $body
            }
        }
    };
}

/// The plain octets; refused where length or padding is not what encryption makes, as it is with a wrong key.
pub fn decrypt(cipher: Cipher, key: &[u8], iv: &[u8], octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    with_cipher!(cipher, C => {
        let block = C::new_from_slice(key).map_err(|_| KEY)?;
        let mode = cbc::Decryptor::<C>::inner_iv_slice_init(block, iv).map_err(|_| KEY)?;
        let mut buffer = Zeroizing::new(octets.to_vec());
        let length = mode.decrypt_padded::<Pkcs7>(&mut buffer).map_err(|_| Refused("a wrong key"))?.len();
        buffer.truncate(length);
        Ok(buffer)
    })
}

/// The encrypted octets.
pub fn encrypt(cipher: Cipher, key: &[u8], iv: &[u8], octets: &[u8]) -> Result<Vec<u8>, Refused> {
    with_cipher!(cipher, C => {
        let block = C::new_from_slice(key).map_err(|_| KEY)?;
        let mode = cbc::Encryptor::<C>::inner_iv_slice_init(block, iv).map_err(|_| KEY)?;
        // Encrypted in place, so that no plain copy stays behind.
        let mut buffer = Vec::with_capacity(octets.len() + cipher.block_octets());
        buffer.extend_from_slice(octets);
        buffer.resize(octets.len() + cipher.block_octets(), 0);
        let length = mode.encrypt_padded::<Pkcs7>(&mut buffer, octets.len()).map_err(|_| KEY)?.len();
        buffer.truncate(length);
        Ok(buffer)
    })
}

const KEY: Refused = Refused("a key or an initialization vector of another length than the cipher's");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cipher_undoes_itself_and_notices_a_wrong_key_or_length() {
        for cipher in [
            Cipher::Aes128,
            Cipher::Aes192,
            Cipher::Aes256,
            Cipher::TripleDes,
            Cipher::TripleDesTwoKeys,
            Cipher::Des,
            Cipher::Rc2,
            Cipher::Rc2Of64,
            Cipher::Rc2Of40,
        ] {
            let key: Vec<u8> = (1..=cipher.key_octets() as u8).map(|n| n.wrapping_mul(17)).collect();
            let iv = vec![7; cipher.block_octets()];
            for plain in [&b""[..], b"sixteen octets!!", &[9; 33]] {
                let sealed = encrypt(cipher, &key, &iv, plain).unwrap();
                assert_eq!(sealed.len() % cipher.block_octets(), 0);
                assert_eq!(*decrypt(cipher, &key, &iv, &sealed).unwrap(), plain);
                assert!(decrypt(cipher, &key, &iv, &sealed[1..]).is_err());
                assert_ne!(decrypt(cipher, &key[..1], &iv, &sealed).ok().as_deref().map(Vec::as_slice), Some(plain));
            }
            assert!(encrypt(cipher, &key, &iv[1..], b"x").is_err());
        }
    }
}
