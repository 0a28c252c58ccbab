//! What the verbs of `key` read: the material of one file, and the public key that a private one is compared with.

use std::path::Path;

use crate::checks::key::PUBLIC_NOT_FOUND;
use crate::commands::{Context, gather};
use crate::error::{Error, Result};
use crate::files::read;
use crate::finding::Origin;
use crate::material::key::{PrivateKey, PublicKey};
use crate::material::{Item, Material};

/// Everything that one file holds.
pub(super) fn material(path: &Path) -> Result<Material> {
    let input = read::file(path)?;
    Ok(Material::read(&input.path, &input.bytes))
}

/// The first key of the file with the way it is encrypted, opened with the run's passphrase where that is needed.
pub(super) fn first_key(
    mut material: Material,
    context: &Context,
) -> Result<Option<(Box<PrivateKey>, Option<String>)>> {
    let encryption = material.blocks.iter().find_map(|block| match &block.item {
        Item::EncryptedKey(sealed) => Some(Some(sealed.to_string())),
        Item::Key(_) => Some(None),
        _ => None,
    });
    gather::unlock(&mut material, context)?;
    let key = material.blocks.into_iter().find_map(|block| match block.item {
        Item::Key(key) => Some(key),
        _ => None,
    });
    Ok(key.zip(encryption))
}

/// The public key of the first certificate, or of the first request, that the file holds.
pub(super) fn public(path: &Path, wanted: Wanted, context: &Context) -> Result<(Origin, PublicKey)> {
    let mut material = material(path)?;
    gather::unlock_pkcs12(&mut material, &context.secret)?;
    let found = material.blocks.into_iter().find_map(|block| match (block.item, wanted) {
        (Item::Cert(cert), Wanted::Certificate) => Some((block.origin, cert.public_key.clone())),
        (Item::Csr(csr), Wanted::Request) => Some((block.origin, csr.public_key)),
        _ => None,
    });
    found.ok_or_else(|| {
        let message = format!("{} holds no {} that can be read", path.display(), wanted.word());
        Error::input(&PUBLIC_NOT_FOUND, message).path(path)
    })
}

/// What a key is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Certificate,
    Request,
}

impl Wanted {
    pub(super) fn word(self) -> &'static str {
        match self {
            Wanted::Certificate => "certificate",
            Wanted::Request => "request",
        }
    }
}
