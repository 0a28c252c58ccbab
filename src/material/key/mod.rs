//! Keys: what a private key file holds, what a SubjectPublicKeyInfo holds, and what kind of key each is. A `PrivateKey` cannot
//! be cloned, printed or serialized. Whether a key is sound, strong or the right one is for `checks`.

mod curves;
mod encrypted;
mod kind;
mod private;
mod public;
mod read;
mod write;

pub use encrypted::{ENCRYPTED_LABEL, EncryptedKey};
pub use kind::KeyKind;
pub use private::{Form, KeyFault, Parts, PrivateKey};
pub use public::PublicKey;
pub use write::pem as to_pem;
