//! The steps of RFC 5280 section 6.1 for one path. The trust anchor is judged as the certificate that it is: all clients in use
//! refuse one that has expired or is no CA, and keep to its name constraints, although section 6.1.1 (d) only takes name and key from it.

use std::cell::Cell;

use super::{Fault, Purpose, Test, Wanted, constraints, policy, profile, rules};
use crate::crypto::SignatureFault;
use crate::finding::Rule;
use crate::instant;
use crate::material::cert::Cert;
use crate::material::key::KeyKind;
use crate::material::trust_settings::TrustSettings;
use crate::pki::chain::{End, Path, Pile};

/// Everything that speaks against a path, in no order.
pub(super) fn faults<'a>(pile: &Pile<'a>, path: &Path<'a>, wanted: &Wanted<'_>, work: &Cell<usize>) -> Vec<Fault> {
    let mut judge = Judge::new(pile, path, wanted);
    judge.end(path);
    (1..judge.certs.len()).for_each(|depth| judge.signature(depth));
    judge.contents(path, work);
    judge.faults
}

/// The same without who signed what, and where the path ends.
pub(super) fn faults_of_contents<'a>(
    pile: &Pile<'a>,
    path: &Path<'a>,
    wanted: &Wanted<'_>,
    work: &Cell<usize>,
) -> Vec<Fault> {
    let mut judge = Judge::new(pile, path, wanted);
    judge.contents(path, work);
    judge.faults
}

/// Does nothing about this CA by itself speak against it somewhere above the end-entity, wherever it stands?
pub(super) fn may_stand_above<'a>(
    pile: &Pile<'a>,
    leaf: &'a Cert,
    ca: &'a Cert,
    wanted: &Wanted<'_>,
    work: &Cell<usize>,
) -> bool {
    let path = Path { certs: vec![leaf, ca], end: End::Missing };
    let of_ca = |fault: &Fault| match fault.test {
        Test::PathLength | Test::Policy => false,
        Test::NameConstraints => true,
        _ => fault.depth == 1,
    };
    !faults_of_contents(pile, &path, wanted, work).iter().any(of_ca)
}

struct Judge<'p, 'a> {
    pile: &'p Pile<'a>,
    wanted: &'p Wanted<'p>,
    /// End-entity first, anchor last.
    certs: Vec<&'a Cert>,
    /// Is the last one trusted by itself?
    anchored: bool,
    faults: Vec<Fault>,
}

impl<'p, 'a> Judge<'p, 'a> {
    fn new(pile: &'p Pile<'a>, path: &Path<'a>, wanted: &'p Wanted<'p>) -> Judge<'p, 'a> {
        let anchor = match path.end {
            End::Anchored(anchor) if !path.certs.contains(&anchor) => Some(anchor),
            _ => None,
        };
        let certs = path.certs.iter().copied().chain(anchor).collect();
        Judge { pile, wanted, certs, anchored: path.is_anchored(), faults: Vec::new() }
    }

    fn contents(&mut self, path: &Path<'a>, work: &Cell<usize>) {
        for depth in 0..self.certs.len() {
            self.trust_settings(depth);
            self.dates(depth);
            self.critical_extensions(depth);
            self.purpose(depth);
            self.key(depth);
            if depth > 0 {
                self.authority(depth);
                self.path_length(depth);
            }
        }
        self.end_entity();
        self.max_depth();
        self.name_constraints(work);
        self.policies(&path.certs);
        if self.wanted.profile {
            // What is missing above the last one is its issuer, so that is no root.
            self.profile(!matches!(path.end, End::Missing));
        }
    }

    fn fault(&mut self, test: Test, rule: &'static Rule, depth: usize, message: String) {
        let finding = rule.at(self.pile.place(self.certs[depth]), message);
        self.faults.push(Fault { test, depth, finding });
    }

    /// 6.1.3 (a) (2).
    fn dates(&mut self, depth: usize) {
        let (now, cert) = (self.wanted.now, self.certs[depth]);
        if cert.is_valid_at(now) {
            return;
        }
        let (name, at) = (cert.short_name(), instant::show(now));
        if now < cert.not_before {
            let message = format!("`{name}` is valid from {} only; judged is {at}", instant::show(cert.not_before));
            self.fault(Test::Validity, &rules::NOT_YET_VALID, depth, message);
        } else {
            let message = format!("`{name}` expired at {}; judged is {at}", instant::show(cert.not_after));
            self.fault(Test::Validity, &rules::EXPIRED, depth, message);
        }
    }

    /// 6.1.4 (o), 6.1.5 (f).
    fn critical_extensions(&mut self, depth: usize) {
        let cert = self.certs[depth];
        for oid in &cert.extensions.unknown_critical {
            let message =
                format!("`{}` has the critical extension {oid}, which pkit does not process", cert.short_name());
            self.fault(Test::Extensions, &rules::CRITICAL_UNKNOWN, depth, message);
        }
    }

    /// The keeper of the store may have said for what a CA is to be trusted: that goes before what its certificates say.
    fn trust_settings(&mut self, depth: usize) {
        let (cert, purpose) = (self.certs[depth], oid(self.wanted.purpose));
        let refuses = |settings: &TrustSettings| settings.refuse(purpose.map(|(oid, _)| oid));
        if self.pile.trust_settings(cert).any(|(_, settings)| refuses(settings)) {
            let what = purpose.map_or("any purpose", |(_, word)| word);
            let message = format!("the trust store says that `{}` is not to be trusted for {what}", cert.short_name());
            self.fault(Test::Trust, &rules::DISTRUSTED, depth, message);
        }
    }

    /// Is this certificate trusted for the purpose in so many words?
    fn is_trusted_by_itself(&self, depth: usize) -> bool {
        let (cert, purpose) = (self.certs[depth], oid(self.wanted.purpose));
        let trusts = |settings: &TrustSettings| purpose.is_some_and(|(oid, _)| settings.trust(oid));
        self.pile.trust_settings(cert).any(|(stored, settings)| stored == cert && trusts(settings))
    }

    /// CAs restrict the purpose of what they issue by their own extended key usage, as all TLS libraries have it.
    fn purpose(&mut self, depth: usize) {
        let Some((oid, word)) = oid(self.wanted.purpose) else { return };
        let cert = self.certs[depth];
        if let Some(usages) = &cert.extensions.extended_key_usage
            && !usages.iter().any(|u| u == oid || u == profile::ANY_PURPOSE)
            && !self.is_trusted_by_itself(depth)
        {
            let message = format!("the extended key usage of `{}` lacks {word}", cert.short_name());
            self.fault(Test::Purpose, &rules::WRONG_PURPOSE, depth, message);
        }
    }

    /// Keys that anybody can forge for: too small, or on a curve that the certificate brings along (CVE-2020-0601).
    fn key(&mut self, depth: usize) {
        let kind = self.certs[depth].public_key.kind();
        if matches!(kind, KeyKind::Rsa { bits: ..1024 } | KeyKind::RsaPss { bits: ..1024 } | KeyKind::EcExplicit(_)) {
            let message = format!("the key of `{}` is {kind}", self.certs[depth].short_name());
            self.fault(Test::Key, &rules::KEY_BROKEN, depth, message);
        }
    }

    /// 6.1.3 (a) (1): was the certificate below signed by this one?
    fn signature(&mut self, depth: usize) {
        let (cert, issuer) = (self.certs[depth - 1], self.certs[depth]);
        match self.pile.signature(cert, issuer) {
            Some(Ok(())) => {}
            Some(Err(SignatureFault::Unsupported)) => {
                let how = cert.signed.algorithm.word();
                let message = format!("the signature of `{}` ({how}) cannot be checked by pkit", cert.short_name());
                self.fault(Test::Signature, &rules::SIGNATURE_UNSUPPORTED, depth - 1, message);
            }
            Some(Err(SignatureFault::Wrong)) | None => {
                let message =
                    format!("the signature of `{}` was not made by `{}`", cert.short_name(), issuer.short_name());
                self.fault(Test::Signature, &rules::BAD_SIGNATURE, depth - 1, message);
            }
        }
    }

    /// 6.1.4 (k) and (n): a CA must be allowed to issue what stands below it. Version 1 knows no CAs, but old roots are of it;
    /// and of an anchor keyCertSign is enough, for OpenSSL as well (`check_ca`).
    fn authority(&mut self, depth: usize) {
        let cert = self.certs[depth];
        let last = depth + 1 == self.certs.len();
        let (constraints, usage) = (cert.extensions.basic_constraints, cert.extensions.key_usage);
        let old_root = last && cert.version < 3;
        let plain_anchor =
            last && self.anchored && constraints.is_none() && usage.is_some_and(|usage| usage.key_cert_sign());
        if !(cert.is_ca() || old_root || plain_anchor) {
            let has = match constraints {
                Some(_) => "its basic constraints say CA:FALSE",
                None => "it has no basic constraints",
            };
            let below = self.certs[depth - 1].short_name();
            let message = format!("`{}` has issued `{below}`, but {has}", cert.short_name());
            self.fault(Test::Authority, &rules::NOT_A_CA, depth, message);
        }
        if let Some(usage) = usage.filter(|usage| !usage.key_cert_sign()) {
            let words = usage.words().join(", ");
            let message = format!("the key usage of `{}` is {words}, without keyCertSign", cert.short_name());
            self.fault(Test::KeyUsage, &rules::NO_CERT_SIGN, depth, message);
        }
    }

    /// 6.1.4 (l) and (m): self-issued intermediates do not count, and neither does the end-entity.
    fn path_length(&mut self, depth: usize) {
        let cert = self.certs[depth];
        let below = intermediates(&self.certs[1..depth]);
        if let Some(limit) = cert.extensions.basic_constraints.and_then(|b| b.path_len)
            && below as u64 > u64::from(limit)
        {
            let message = format!("`{}` allows {limit} CAs below it, and {below} are there", cert.short_name());
            self.fault(Test::PathLength, &rules::PATH_TOO_LONG, depth, message);
        }
    }

    /// The end-entity's own: key usage and names.
    fn end_entity(&mut self) {
        let leaf = self.certs[0];
        if let Some(usage) = leaf.extensions.key_usage
            && self.wanted.purpose != Purpose::Any
            && !usage.serves_tls()
        {
            let words = usage.words().join(", ");
            let message = format!("the key usage of `{}` is {words}; TLS wants digitalSignature", leaf.short_name());
            self.fault(Test::KeyUsage, &rules::KEY_USAGE_NOT_TLS, 0, message);
        }
        for name in self.wanted.names {
            if !leaf.alt_names().iter().any(|n| name.matches(n)) {
                let message = format!("the certificate is not for {}; it has {}", name.readable(), presented(leaf));
                self.fault(Test::Name, &rules::NAME_MISMATCH, 0, message);
            }
        }
    }

    fn max_depth(&mut self) {
        let last = self.certs.len() - 1;
        let between = intermediates(self.certs.get(1..last).unwrap_or_default());
        if let Some(limit) = self.wanted.max_depth.filter(|limit| between > *limit) {
            let message = format!("intermediates below the anchor: {between}; allowed: {limit}");
            self.fault(Test::PathLength, &rules::DEPTH_EXCEEDED, last, message);
        }
    }

    /// 6.1.3 (b) and (c): the constraints of each CA hold for everything below it, self-issued CAs aside.
    fn name_constraints(&mut self, work: &Cell<usize>) {
        let certs = self.certs.clone();
        for (depth, ca) in certs.iter().enumerate().skip(1) {
            let Some(limits) = &ca.extensions.name_constraints else { continue };
            for (n, cert) in certs[..depth].iter().enumerate().filter(|(n, cert)| *n == 0 || !cert.is_self_issued()) {
                match constraints::broken_by(limits, cert, n == 0, work) {
                    Ok(None) => {}
                    Ok(Some(why)) => {
                        let (name, ca) = (cert.short_name(), ca.short_name());
                        let message = format!("`{name}` is outside what `{ca}` may issue: {why}");
                        self.fault(Test::NameConstraints, &rules::OUTSIDE_CONSTRAINTS, n, message);
                    }
                    Err(constraints::TooMuch) => {
                        let message = format!(
                            "`{}` has too many names for the constraints of `{}`",
                            cert.short_name(),
                            ca.short_name()
                        );
                        return self.fault(Test::NameConstraints, &rules::TOO_MANY_NAMES, n, message);
                    }
                }
            }
        }
    }

    /// 6.1.3 (d) to (f), 6.1.4 (a), (b), (h) to (j), 6.1.5 (a), (b), (g).
    fn policies(&mut self, path: &[&Cert]) {
        if let Err(policy::PolicyFault { depth, why }) = policy::check(path, &self.wanted.policies) {
            let message = format!("`{}`: {why}", self.certs[depth].short_name());
            self.fault(Test::Policy, &rules::POLICY_NOT_VALID, depth, message);
        }
    }

    fn profile(&mut self, ends_in_root: bool) {
        for (depth, cert) in self.certs.clone().into_iter().enumerate() {
            if depth > 0 && self.is_trusted_by_itself(depth) {
                continue;
            }
            let is_root = ends_in_root && depth > 0 && depth + 1 == self.certs.len();
            for (rule, message) in profile::broken(cert, depth, is_root, self.wanted.purpose) {
                self.fault(Test::Profile, rule, depth, message);
            }
        }
    }

    /// The last step up, to the trust anchor.
    fn end(&mut self, path: &Path<'a>) {
        let depth = path.certs.len() - 1;
        let last = path.certs[depth];
        match path.end {
            End::Anchored(_) => {}
            End::Root(root) => {
                let message = format!("the chain ends in `{}`, which is not in the trust store", root.subject.short());
                let finding = rules::NOT_TRUSTED.at(self.pile.place(root), message);
                self.faults.push(Fault { test: Test::Trust, depth: path.certs.len(), finding });
            }
            End::Missing => match self.pile.supposed_issuer(last) {
                Some(namesake) if self.pile.signature(last, namesake) == Some(Err(SignatureFault::Wrong)) => {
                    let message = format!(
                        "the signature of `{}` was not made by the key of `{}` ({})",
                        last.short_name(),
                        namesake.subject.short(),
                        self.pile.place(namesake)
                    );
                    self.fault(Test::Signature, &rules::BAD_SIGNATURE, depth, message);
                }
                _ => {
                    let message = format!("no issuer for `{}`: wanted is {}", last.short_name(), missing(last));
                    self.fault(Test::Trust, &rules::CHAIN_INCOMPLETE, depth, message);
                }
            },
        }
    }
}

/// How many of these CAs count against a limit of the path's length.
fn intermediates(cas: &[&Cert]) -> usize {
    cas.iter().filter(|ca| !ca.is_self_issued()).count()
}

fn oid(purpose: Purpose) -> Option<(&'static str, &'static str)> {
    match purpose {
        Purpose::Server => Some(("1.3.6.1.5.5.7.3.1", "serverAuth")),
        Purpose::Client => Some(("1.3.6.1.5.5.7.3.2", "clientAuth")),
        Purpose::Any => None,
    }
}

/// The names of a certificate as a sentence ends with them: the first ones, and how many more.
fn presented(leaf: &Cert) -> String {
    const SHOWN: usize = 20;
    let names = leaf.alt_names();
    let shown: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
    match names.len() {
        0 => "no alternative names at all".into(),
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        _ => shown.join(", "),
    }
}

/// How to find the certificate that issued this one.
fn missing(cert: &Cert) -> String {
    let mut words = format!("`{}`", cert.issuer);
    if let Some(id) = &cert.extensions.authority_key_id {
        words.push_str(&format!(", key identifier {}", crate::crypto::hex(id)));
    }
    if let Some(url) = cert.extensions.ca_issuers.first() {
        words.push_str(&format!(", to be had at {url}"));
    }
    words
}
