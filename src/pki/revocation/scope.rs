//! Which list speaks for which certificate (RFC 5280 section 6.3.3 (b) to (d)), and which lists replace each other.

use crate::material::cert::Cert;
use crate::material::crl::Crl;
use crate::material::dn::Name;
use crate::material::ext::GeneralName;
use crate::material::points::{DistributionPoint, PointName, Reasons};

/// 6.3.3, last paragraph: lists of the certificate's issuer that no distribution point names.
pub(super) fn implied(cert: &Cert) -> DistributionPoint {
    let name = PointName::Full(vec![GeneralName::Directory(cert.issuer.clone())]);
    DistributionPoint { name: Some(name), ..DistributionPoint::default() }
}

/// 6.3.3 (d): the reasons that the point and the list share.
pub(super) fn covered(point: &DistributionPoint, crl: &Crl) -> Reasons {
    let of_list = crl.scope.as_ref().and_then(|s| s.reasons).unwrap_or(Reasons::ALL);
    point.reasons.unwrap_or(Reasons::ALL).and(of_list)
}

/// 6.3.3 (b): does the list speak for this certificate, as this point asks for it?
pub(super) fn covers(crl: &Crl, point: &DistributionPoint, cert: &Cert) -> bool {
    // An issuer that names itself as cRLIssuer should have left that out (4.2.1.13); it is read as if it had.
    let by_another = !point.crl_issuer.is_empty() && crl.issuer != cert.issuer;
    let Some(scope) = &crl.scope else { return !by_another };
    // A certificate of version 1 cannot say whether it is a CA's.
    let is_user = cert.version == 3 && !cert.is_ca();
    if scope.only_attributes || (scope.only_users && !is_user) || (scope.only_authorities && !cert.is_ca()) {
        return false;
    }
    if by_another && !scope.indirect {
        return false;
    }
    let Some(name) = &scope.name else { return true };
    let wanted = match &point.name {
        Some(wanted) => wanted.resolved(point_issuer(point, cert)),
        None => point.crl_issuer.clone(),
    };
    name.resolved(&crl.issuer).iter().any(|has| wanted.iter().any(|wants| same_name(has, wants)))
}

/// Below whose name a relative name of the point stands.
fn point_issuer<'a>(point: &'a DistributionPoint, cert: &'a Cert) -> &'a Name {
    let named = point.crl_issuer.iter().find_map(|n| match n {
        GeneralName::Directory(name) => Some(name),
        _ => None,
    });
    named.unwrap_or(&cert.issuer)
}

/// Names of kinds that are not taken apart cannot be compared.
fn same_name(a: &GeneralName, b: &GeneralName) -> bool {
    !matches!(a, GeneralName::Other(_)) && a == b
}

/// Lists of one series replace each other: the same issuer, key and scope.
pub(super) fn same_series(a: &Crl, b: &Crl) -> bool {
    a.issuer == b.issuer && a.authority_key_id == b.authority_key_id && a.scope == b.scope
}

/// Numbers of any length in their order; a list without one comes first.
pub(super) fn rank(number: Option<&[u8]>) -> (usize, &[u8]) {
    let magnitude = number.unwrap_or_default();
    (magnitude.len(), magnitude)
}
