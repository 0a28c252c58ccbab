//! `explain CODE`: what a code means, what to do about it, and who says so. The list of all codes is put together here, from
//! the rooms that declare them.

use crate::commands::Outcome;
use crate::error::{Error, Result};
use crate::finding::{Rule, rules};
use crate::report::{Line, Report, Value, object};

/// Explain the code of a finding or an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  pkit explain key-mismatch
  pkit explain            (lists all codes)")]
pub struct Args {
    /// The code, as printed in brackets
    code: Option<String>,
}

/// Every code that pkit can print, in the order of the rooms.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let rooms = [
        crate::error::RULES,
        crate::material::RULES,
        crate::material::encryption::RULES,
        crate::material::pem::RULES,
        crate::pki::sign::RULES,
        crate::pki::verify::profile::RULES,
        crate::pki::verify::rules::RULES,
        crate::checks::admission::RULES,
        crate::checks::bundle::RULES,
        crate::checks::cert::RULES,
        crate::checks::chain::RULES,
        crate::checks::crl::RULES,
        crate::checks::deployment::RULES,
        crate::checks::deployment::identity::RULES,
        crate::checks::deployment::authorities::RULES,
        crate::checks::dh::RULES,
        crate::checks::due::RULES,
        crate::checks::key::RULES,
        crate::checks::peer::RULES,
        crate::checks::perms::rules::RULES,
        crate::checks::renewal::RULES,
        crate::checks::request::RULES,
        crate::checks::revocation::RULES,
        crate::checks::settings::RULES,
        crate::checks::ssl_parameters::RULES,
        crate::checks::stapled::RULES,
        crate::checks::weak::bias::RULES,
        crate::checks::weak::exponent::RULES,
        crate::checks::weak::fermat::RULES,
        crate::checks::weak::length::RULES,
        crate::checks::weak::pattern::RULES,
        crate::checks::weak::polynomial::RULES,
        crate::checks::weak::prime::RULES,
        crate::checks::weak::roca::RULES,
        crate::checks::weak::shared::RULES,
        crate::checks::weak::small_factors::RULES,
        crate::checks::weak::trivial::RULES,
        crate::checks::weak::wiener::RULES,
        crate::servers::RULES,
        crate::servers::misspelt::RULES,
        crate::servers::rules::apache::RULES,
        crate::servers::rules::courier::RULES,
        crate::servers::rules::dovecot::RULES,
        crate::servers::rules::exim::RULES,
        crate::servers::rules::haproxy::RULES,
        crate::servers::rules::nginx::RULES,
        crate::servers::rules::openldap::RULES,
        crate::servers::rules::postfix::RULES,
        crate::servers::rules::priority::RULES,
        crate::servers::words::RULES,
        crate::system::RULES,
        crate::files::passphrase::RULES,
        crate::files::read::RULES,
        crate::files::walk::RULES,
        crate::files::directory::RULES,
        crate::files::link::RULES,
        crate::files::lock::RULES,
        crate::files::open::RULES,
        crate::files::rights::RULES,
        crate::files::trust::RULES,
        crate::files::versions::RULES,
        crate::files::write::RULES,
        crate::plan::deploy::RULES,
        super::bundle::RULES,
        super::ca::RULES,
        super::cert::match_up::RULES,
        super::cert::tlsa::RULES,
        super::chain::build::RULES,
        super::chain::show::RULES,
        super::configuration::RULES,
        super::configuration::crt::RULES,
        super::configuration::sni::RULES,
        super::crl::RULES,
        super::csr::RULES,
        super::crl::fetch::RULES,
        super::emit::RULES,
        super::fetching::RULES,
        super::lint::RULES,
        super::perms::policies::RULES,
        super::perms::readers::RULES,
        super::prepare::RULES,
        super::renew::check::RULES,
        super::renew::RULES,
        super::set::layout::RULES,
        super::target::RULES,
        RULES,
    ];
    rooms.into_iter().flatten().copied()
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Some(code) = &args.code else {
        let mut report = Report::of(object! { "codes" => all().map(value).collect::<Vec<_>>() });
        report.body =
            all().map(|r| Line::Row(vec![r.code.into(), r.severity.word().into(), r.summary.into()])).collect();
        return Ok(report.into());
    };
    let rule = all()
        .find(|r| r.code == code)
        .ok_or_else(|| Error::input(&CODE_UNKNOWN, format!("no finding or error has the code `{code}`")))?;
    let mut report = Report::of(value(rule));
    report.body = vec![
        Line::Text(format!("{} ({})", rule.code, rule.severity.word())),
        Line::Indented(rule.summary.into()),
        Line::Indented(format!("what to do: {}", rule.help)),
        Line::Indented(format!("source: {}", rule.source)),
    ];
    Ok(report.into())
}

fn value(rule: &Rule) -> Value {
    object! {
        "id" => rule.code, "severity" => rule.severity.word(), "summary" => rule.summary, "help" => rule.help,
        "source" => rule.source,
    }
}

rules! {
    /// The code is not one of ours.
    CODE_UNKNOWN = Error "code-unknown" {
        summary: "`explain` was given a code that pkit does not use",
        help: "`pkit explain` without a code lists them all",
        source: "the list of all rules",
    }
}
