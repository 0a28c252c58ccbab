//! The words for the name of whom a request or certificate is about, the same wherever one is made.

use crate::error::{Error, Result};
use crate::material::dn::{Name, UPPER_BOUND};
use crate::name::SubjectName;

/// The first name, where the common name has room for it; a longer one stands in subjectAltName only.
pub(crate) fn common_name(names: &[SubjectName]) -> Option<String> {
    names.first().map(ToString::to_string).filter(|name| name.len() <= UPPER_BOUND)
}

/// Attributes beside the common name.
#[derive(Debug, Default, clap::Args)]
pub struct SubjectArgs {
    /// Organization (O)
    #[arg(long, value_name = "NAME")]
    org: Option<String>,
    /// Organizational unit (OU), several times for several
    #[arg(long, value_name = "NAME")]
    unit: Vec<String>,
    /// Town (L)
    #[arg(long, value_name = "NAME")]
    locality: Option<String>,
    /// State or province (ST)
    #[arg(long, value_name = "NAME")]
    state: Option<String>,
    /// Country (C), two letters
    #[arg(long, value_name = "CC", value_parser = country)]
    country: Option<String>,
}

/// ISO 3166-1, which is all that RFC 5280 (appendix A.1) has room for.
fn country(text: &str) -> std::result::Result<String, String> {
    match text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        true => Ok(text.to_ascii_uppercase()),
        false => Err("a country has two letters (ISO 3166-1): DE, CH".into()),
    }
}

impl SubjectArgs {
    /// Was any of them typed?
    pub(crate) fn is_empty(&self) -> bool {
        self.attributes().next().is_none()
    }

    /// The name, from the country down to the common name.
    pub(crate) fn name(&self, common: Option<&str>) -> Result<Name> {
        let all: Vec<(&str, &str)> = self.attributes().chain(common.map(|cn| ("CN", cn))).collect();
        if let Some((kind, value)) = all.iter().find(|(_, value)| value.chars().any(char::is_control)) {
            return Err(Error::usage(format!("{kind}={value:?} holds a control character")));
        }
        Name::of(all).ok_or_else(|| {
            Error::usage(format!("each part of a subject has 1 to {UPPER_BOUND} characters (RFC 5280 appendix A.1)"))
        })
    }

    fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        [("C", &self.country), ("ST", &self.state), ("L", &self.locality), ("O", &self.org)]
            .into_iter()
            .filter_map(|(kind, value)| Some((kind, value.as_deref()?)))
            .chain(self.unit.iter().map(|unit| ("OU", unit.as_str())))
    }
}
