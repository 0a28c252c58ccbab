//! The words for name constraints: what a CA may issue for.

use std::net::IpAddr;

use crate::material::ext::write::EncodedName;
use crate::name::{HostName, SubjectName};

/// The subtrees within which everything below the CA must lie (RFC 5280 section 4.2.1.10). A kind that is not named is free.
#[derive(Debug, Default, clap::Args)]
pub(super) struct LimitArgs {
    /// Only this domain and what is below it, several times for several
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    permit_dns: Vec<String>,
    /// Only this network: 192.0.2.0/24, 2001:db8::/32
    #[arg(long, value_name = "NET", value_parser = network)]
    permit_ip: Vec<(IpAddr, u8)>,
    /// Only mailboxes at this host, at hosts below .DOMAIN, or this one
    #[arg(long, value_name = "MAIL", value_parser = mail)]
    permit_email: Vec<String>,
}

impl LimitArgs {
    pub(super) fn permitted(&self) -> Vec<EncodedName> {
        let dns = self.permit_dns.iter().map(|name| EncodedName::dns(name));
        let ip = self.permit_ip.iter().map(|(address, prefix)| EncodedName::network(*address, *prefix));
        let email = self.permit_email.iter().map(|name| EncodedName::email(name));
        dns.chain(ip).chain(email).collect()
    }
}

fn domain(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(HostName::Dns(name)) => Ok(name),
        Ok(HostName::Ip(_)) => Err("that is an address: --permit-ip".into()),
        Err(e) => Err(format!("{e}; example.org means it and everything below it")),
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || "write it as 192.0.2.0/24 or 2001:db8::/32".to_owned();
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Ok(width), str::parse).map_err(|_| wrong())?;
    if prefix > width { Err(wrong()) } else { Ok((address, prefix)) }
}

fn mail(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return match text.parse() {
            Ok(SubjectName::Email(name)) => Ok(name),
            Ok(_) => Err("not a mailbox".into()),
            Err(e) => Err(e.to_string()),
        };
    }
    let (dot, host) = text.strip_prefix('.').map_or(("", text), |host| (".", host));
    Ok(format!("{dot}{}", domain(host)?))
}
