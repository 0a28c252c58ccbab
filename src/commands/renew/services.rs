//! Who is told of a new version, as it is typed: the servers and units to reload, and commands of the user's own.

use std::fmt;
use std::str::FromStr;
use std::time::Duration as StdDuration;

use time::Duration;

use crate::error::{Error, Result};
use crate::facts::peer::{Address, NotAnAddress, Target};
use crate::instant;
use crate::material::journal::Begun;
use crate::name::HostName;
use crate::plan::deploy::{Door, Service};
use crate::probe::Question;
use crate::servers::{Server, reload};

/// Whom to tell, and how long that may take.
#[derive(Clone, Debug, clap::Args)]
pub struct ServicesArgs {
    /// Who reads the files again: dovecot[=CONFIG], postfix[=DIR], apache[=CONFIG], nginx[=CONFIG], openldap[=LDAPI-URI], courier, exim[=CONFIG], systemd:UNIT
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(super) reload: Vec<ServiceName>,
    /// A command to run then, by sh; several times for several
    #[arg(long, value_name = "CMD")]
    pub(super) run: Vec<String>,
    /// Where the new certificate must be served then: HOST:PORT, or a url such as imaps://HOST; several times for several
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) verify: Vec<DoorName>,
    /// How long each program may take, and each port to come round
    // A server that has not reloaded after a minute waits for something.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = instant::span)]
    pub(super) timeout: Duration,
}

/// A port, as typed and as meant.
#[derive(Clone, Debug)]
pub(super) struct DoorName {
    typed: String,
    target: Target,
}

impl FromStr for DoorName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<DoorName, String> {
        let address: Address = text.parse().map_err(|error: NotAnAddress| error.to_string())?;
        match address.targets(None).as_slice() {
            [target] => Ok(DoorName { typed: text.to_owned(), target: target.clone() }),
            _ => Err(format!("`{text}`: which port?")),
        }
    }
}

/// A server, at another place than the usual one, or a unit of systemd.
#[derive(Clone, Debug)]
pub(super) enum ServiceName {
    Server(&'static Server, Option<String>),
    Unit(String),
}

impl FromStr for ServiceName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<ServiceName, String> {
        if let Some(unit) = text.strip_prefix("systemd:") {
            // systemd.unit(5): letters, digits and these.
            let known = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
            let fits = !unit.is_empty() && unit.len() < 256 && unit.chars().all(known);
            return if fits {
                Ok(ServiceName::Unit(unit.into()))
            } else {
                Err(format!("`{unit}` is no name of a unit"))
            };
        }
        let (name, place) = text.split_once('=').map_or((text, None), |(name, place)| (name, Some(place)));
        let server =
            Server::named(name).ok_or_else(|| format!("there is no server `{name}`; a unit is systemd:{name}"))?;
        match (place, server.reload.place) {
            (Some(_), None) => Err(format!("{} has nothing to be told, so no place either", server.title)),
            (Some(""), Some(what)) => Err(format!("`{text}`: {what} is missing")),
            (place, _) => Ok(ServiceName::Server(server, place.map(str::to_owned))),
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceName::Server(server, None) => f.write_str(server.name),
            ServiceName::Server(server, Some(place)) => write!(f, "{}={place}", server.name),
            ServiceName::Unit(unit) => write!(f, "systemd:{unit}"),
        }
    }
}

impl ServiceName {
    /// The server, whose files are then part of the set.
    pub(super) fn server(&self) -> Option<&'static Server> {
        match self {
            ServiceName::Server(server, _) => Some(server),
            ServiceName::Unit(_) => None,
        }
    }

    /// What it is told.
    pub(super) fn service(&self) -> Service {
        let (check, reload) = match self {
            ServiceName::Server(server, place) => {
                ((server.reload.check)(place.as_deref()), (server.reload.reload)(place.as_deref()))
            }
            ServiceName::Unit(unit) => (Vec::new(), vec![reload::systemd(unit)]),
        };
        Service { name: self.to_string(), check, reload }
    }
}

impl ServicesArgs {
    /// Is nobody named?
    pub(super) fn is_empty(&self) -> bool {
        self.reload.is_empty() && self.run.is_empty() && self.verify.is_empty()
    }

    /// Those of an earlier deployment, as the record has them.
    pub(super) fn recorded(&self, begun: &Begun) -> Result<ServicesArgs> {
        let service = |word: &String| word.parse::<ServiceName>().map_err(Error::usage);
        let door = |word: &String| word.parse::<DoorName>().map_err(Error::usage);
        Ok(ServicesArgs {
            reload: begun.reload.iter().map(service).collect::<Result<_>>()?,
            verify: begun.verify.iter().map(door).collect::<Result<_>>()?,
            run: begun.run.clone(),
            timeout: self.timeout,
        })
    }

    /// With these as well, each once.
    pub(super) fn and(mut self, others: &ServicesArgs) -> ServicesArgs {
        let known =
            |list: &[ServiceName], one: &ServiceName| list.iter().any(|other| other.to_string() == one.to_string());
        let reload: Vec<_> = others.reload.iter().filter(|one| !known(&self.reload, one)).cloned().collect();
        let run: Vec<_> = others.run.iter().filter(|one| !self.run.contains(one)).cloned().collect();
        let asked = |one: &DoorName| self.verify.iter().any(|other| other.typed == one.typed);
        let verify: Vec<_> = others.verify.iter().filter(|one| !asked(one)).cloned().collect();
        self.reload.extend(reload);
        self.run.extend(run);
        self.verify.extend(verify);
        self
    }

    pub(super) fn services(&self) -> Vec<Service> {
        self.reload.iter().map(ServiceName::service).collect()
    }

    /// The ports, asked for this name.
    pub(super) fn doors(&self, name: &HostName) -> Vec<Door> {
        let patience = self.timeout.unsigned_abs().min(ONE_LOOK);
        let question = |target: &Target| Question {
            target: target.clone(),
            name: name.clone(),
            patience,
            deep: false,
            everywhere: false,
        };
        self.verify.iter().map(|door| Door { name: door.typed.clone(), question: question(&door.target) }).collect()
    }
}

/// A server that is being reloaded may take a connection and leave it; then the next look is worth more than more patience.
const ONE_LOOK: StdDuration = StdDuration::from_secs(5);
