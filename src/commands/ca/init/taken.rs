//! A CA that another program made: its certificate and key as they are, and from its last CRL who is revoked and which number
//! comes next.

use std::path::Path;

use super::Level;
use crate::checks::crl::CRL_FOREIGN;
use crate::commands::ca::{CA_FILE_ODD, lists};
use crate::commands::{Context, gather};
use crate::error::{Error, Result};
use crate::material::cert::Cert;
use crate::pki::revoke::Revoked;

pub(super) fn level(cert: &Path, key: &Path, crl: Option<&Path>, context: &Context) -> Result<Level> {
    let odd = |message: String| Error::input(&CA_FILE_ODD, message).path(cert);
    let material = gather::public_material(&[cert.to_owned()], context)?;
    let mut certs = material.certs().map(|(_, cert)| cert.clone());
    let ca = certs
        .next()
        .filter(Cert::is_ca)
        .ok_or_else(|| odd(format!("{} does not begin with a CA's certificate", cert.display())))?;
    let (at, key) = gather::key(key, context)?;
    if key.public().is_none_or(|public| public != ca.public_key) {
        return Err(odd(format!("the key {at} does not belong to {}", cert.display())));
    }
    let name = if ca.is_self_issued() { "root" } else { "ca" };
    let mut level = Level { above: certs.collect(), ..Level::new(name, ca, key) };
    if let Some(path) = crl {
        let material = gather::public_material(&[path.to_owned()], context)?;
        let own = material.crls().find(|(_, crl)| crl.issuer == level.cert.subject);
        let Some((_, list)) = own.filter(|(_, crl)| crl.verify(&level.cert.public_key).is_ok()) else {
            let message = format!("{} holds no CRL that {} signed", path.display(), level.cert.subject);
            return Err(Error::input(&CRL_FOREIGN, message).path(path));
        };
        let entry = |e: crate::material::revoked::Entry<'_>| Revoked {
            serial: e.serial.to_vec(),
            date: e.date,
            reason: e.reason,
        };
        level.revoked = list.revoked().map(entry).collect();
        level.last_crl = lists::number(list).unwrap_or(0);
    }
    Ok(level)
}
