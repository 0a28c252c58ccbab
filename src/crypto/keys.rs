//! What private keys need of the back ends: random bytes, a public key from its secret, a new pair, and one signature that
//! proves that a pair works. ring does what it can; P-521 and bare scalars are RustCrypto's.

use p256::elliptic_curve::BatchNormalize;
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::sec1::ToSec1Point;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

/// The NIST curves that TLS servers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

impl Curve {
    /// Octets of a coordinate and of a private scalar (SEC 1, section 2.3.7).
    pub fn octets(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rsa,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384,
    /// ECDSA on P-521 with SHA-512.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
}

/// What a back end would not do, in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// The eight numbers of an RSA key, in the order of RFC 8017 (A.1.2); big-endian octets without leading zeros. `T` is a slice
/// where they are looked at and a wiped buffer where they are kept. No `Debug`: six of them are secret.
pub struct RsaNumbers<T> {
    /// The modulus.
    pub n: T,
    /// The public exponent.
    pub e: T,
    /// The private exponent.
    pub d: T,
    /// The first prime.
    pub p: T,
    /// The second prime.
    pub q: T,
    /// d mod (p - 1).
    pub dp: T,
    /// d mod (q - 1).
    pub dq: T,
    /// The inverse of q mod p.
    pub qinv: T,
}

impl<T> RsaNumbers<T> {
    /// In the order of RFC 8017.
    pub fn in_order(&self) -> [&T; 8] {
        [&self.n, &self.e, &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qinv]
    }
}

/// Fills the buffer from the system's random number generator.
pub fn random(buffer: &mut [u8]) -> Result<(), Refused> {
    SystemRandom::new().fill(buffer).map_err(|_| Refused("the system gives no random bytes"))
}

/// The uncompressed public point of a private scalar; none if the scalar is zero or not below the group's order.
pub fn public_point(curve: Curve, scalar: &[u8]) -> Option<Vec<u8>> {
    macro_rules! derive {
        ($curve:ident) => {
            $curve::SecretKey::from_slice(scalar).ok()?.public_key().to_sec1_point(false).as_bytes().to_vec()
        };
    }
    Some(match curve {
        Curve::P256 => derive!(p256),
        Curve::P384 => derive!(p384),
        Curve::P521 => derive!(p521),
    })
}

/// The x coordinates of the points of a scalar, of its double, and so on to that many times the scalar; none if the scalar is zero
/// or not below the group's order. Without a scalar, of 1, 2 and so on. Far cheaper than one point after the other.
pub fn multiples(curve: Curve, scalar: Option<&[u8]>, many: usize) -> Option<Vec<Vec<u8>>> {
    macro_rules! add_up {
        ($curve:ident) => {{
            let one = match scalar {
                Some(scalar) => $curve::SecretKey::from_slice(scalar).ok()?.public_key().to_projective(),
                None => $curve::ProjectivePoint::GENERATOR,
            };
            let points: Vec<_> = std::iter::successors(Some(one), |point| Some(*point + one)).take(many).collect();
            let points = $curve::ProjectivePoint::batch_normalize(points.as_slice());
            points.iter().map(|point| point.x().to_vec()).collect()
        }};
    }
    Some(match curve {
        Curve::P256 => add_up!(p256),
        Curve::P384 => add_up!(p384),
        Curve::P521 => add_up!(p521),
    })
}

/// The uncompressed form of a public point, compressed or not; none if it is not on the curve.
pub fn uncompressed(curve: Curve, point: &[u8]) -> Option<Vec<u8>> {
    macro_rules! expand {
        ($curve:ident) => {
            $curve::PublicKey::from_sec1_bytes(point).ok()?.to_sec1_point(false).as_bytes().to_vec()
        };
    }
    Some(match curve {
        Curve::P256 => expand!(p256),
        Curve::P384 => expand!(p384),
        Curve::P521 => expand!(p521),
    })
}

/// The public key of an Ed25519 seed; none if it is not 32 octets.
pub fn ed25519_public(seed: &[u8]) -> Option<Vec<u8>> {
    Some(Ed25519KeyPair::from_seed_unchecked(seed).ok()?.public_key().as_ref().to_vec())
}

/// A new pair on P-256 or P-384 as PKCS#8.
pub fn new_ecdsa(curve: Curve) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let algorithm = match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P521 => return Err(Refused("ring makes no P-521 keys")),
    };
    let made = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new());
    made.map(|der| Zeroizing::new(der.as_ref().to_vec())).map_err(|_| Refused("no key pair could be made"))
}

/// A new private scalar: random octets until they are between 1 and the group's order (FIPS 186-5 appendix A.2.2).
pub fn new_scalar(curve: Curve) -> Result<Zeroizing<Vec<u8>>, Refused> {
    // The orders lie so close to a power of two that the first octets nearly always will do.
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let mut scalar = Zeroizing::new(vec![0; curve.octets()]);
        random(&mut scalar)?;
        if curve == Curve::P521 {
            scalar[0] &= 1;
        }
        if public_point(curve, &scalar).is_some() {
            return Ok(scalar);
        }
    }
    Err(Refused("the system's random bytes are not random"))
}

/// Loads the PKCS#8 key anew, signs with it, and verifies the signature with its public key.
pub fn sign_and_verify(signer: Signer, pkcs8: &[u8]) -> Result<(), Refused> {
    const MESSAGE: &[u8] = b"a key that was made is tried before it is handed out";
    let random = SystemRandom::new();
    let rejected = |_| Refused("the key was rejected when it was loaded");
    let unsigned = |_| Refused("the key does not sign");
    let verified = match signer {
        Signer::Rsa => {
            let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
            let mut made = vec![0; pair.public().modulus_len()];
            pair.sign(&signature::RSA_PKCS1_SHA256, &random, MESSAGE, &mut made).map_err(unsigned)?;
            UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, pair.public()).verify(MESSAGE, &made)
        }
        Signer::EcdsaP256 | Signer::EcdsaP384 => {
            let (signing, verifying) = match signer {
                Signer::EcdsaP384 => (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &signature::ECDSA_P384_SHA384_ASN1),
                _ => (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &signature::ECDSA_P256_SHA256_ASN1),
            };
            let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8, &random).map_err(rejected)?;
            let made = pair.sign(&random, MESSAGE).map_err(unsigned)?;
            UnparsedPublicKey::new(verifying, pair.public_key()).verify(MESSAGE, made.as_ref())
        }
        Signer::EcdsaP521 => {
            use p521::ecdsa::signature::{Signer as _, Verifier as _};
            use p521::pkcs8::DecodePrivateKey as _;
            let key = p521::SecretKey::from_pkcs8_der(pkcs8);
            let key = key.map_err(|_| Refused("the key was rejected when it was loaded"))?;
            let signing = p521::ecdsa::SigningKey::from(&key);
            let made: p521::ecdsa::Signature = signing.sign(MESSAGE);
            signing.verifying_key().verify(MESSAGE, &made).map_err(|_| ring::error::Unspecified)
        }
        Signer::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(rejected)?;
            UnparsedPublicKey::new(&signature::ED25519, pair.public_key()).verify(MESSAGE, pair.sign(MESSAGE).as_ref())
        }
    };
    verified.map_err(|_| Refused("its signature does not verify"))
}
