//! A version of a set put into use, with all that servers have to do for it: the link is switched, each server looks at its
//! configuration and reads its files again, the user's commands run, and each port that was named must serve the new
//! certificate. Whatever of this fails, everything is taken back. A line in the record stands before the switch and another one
//! behind the proof, so that a run that was killed anywhere between is seen by the next one, which finishes or undoes it.
//!
//! Which version, and whether it is any good, has been decided before, and nothing is judged here.

mod run;

use std::time::Duration;

use time::OffsetDateTime;

use crate::change::{Action, Change, Deed, Manner, Mode};
use crate::content::VersionWrite;
use crate::error::{Error, Result};
use crate::files::interrupt;
use crate::files::versions::{self, Base, Next};
use crate::finding::rules;
use crate::order::Order;
use crate::probe::Question;
use run::Run;

/// What is to be put into use, and what belongs to it.
#[derive(Debug)]
pub struct Deployment {
    /// The directory of the versions, locked since before anything was decided. None where it is not there yet, or where it is
    /// only looked at.
    pub base: Option<Base>,
    /// What is to be in use afterwards.
    pub target: Target,
    /// The version that was proven last: the one to go back to.
    pub settled: Option<u32>,
    /// Did an earlier run not come to its end? Then even what looks done is done again.
    pub unfinished: bool,
    /// Who has to read the files again.
    pub services: Vec<Service>,
    /// Commands of the user's, for `sh`.
    pub commands: Vec<String>,
    /// Where the new certificate must be served then.
    pub doors: Vec<Door>,
    /// SHA-256 of the certificate that is put into use, or taken out of it.
    pub fingerprint: Option<String>,
    /// The same of the proven version's.
    pub proven: Option<String>,
    /// What the commands find in their environment besides the version.
    pub environment: Vec<(String, String)>,
    /// How long each program may take, and each port to come round.
    pub patience: Duration,
    /// So many versions are left: the one in use, the one before it, and the newest ones.
    pub keep: Option<usize>,
    /// The instant that the record tells.
    pub at: OffsetDateTime,
}

/// What is to be in use.
#[derive(Debug)]
pub enum Target {
    /// This set, as the next version where it is not there yet.
    Set(VersionWrite),
    /// A version that is there.
    Version(u32),
    /// What was in use before an unfinished deployment.
    Undone {
        /// The version that was being deployed.
        version: u32,
        /// Why nothing else is done: to be told once that has been.
        because: Option<Error>,
    },
}

/// A server, or a unit of systemd.
#[derive(Clone, Debug)]
pub struct Service {
    /// As typed: `dovecot`, `postfix=/etc/postfix-out`.
    pub name: String,
    /// What looks at its configuration.
    pub check: Vec<Order>,
    /// What makes it read its files again.
    pub reload: Vec<Order>,
}

/// A port that is asked what it serves.
#[derive(Clone, Debug)]
pub struct Door {
    /// As typed: `imaps://localhost`.
    pub name: String,
    /// How it is asked.
    pub question: Question,
}

impl Deployment {
    pub(super) fn carry_out(&self, manner: &Manner, deeds: &mut Vec<Deed>) -> Result<Vec<Change>> {
        if manner.mode == Mode::DryRun {
            return self.preview(manner);
        }
        let made;
        let base = match (&self.base, &self.target) {
            (Some(base), _) if base.is_locked() => base,
            (_, Target::Set(write)) => {
                versions::guard(write)?;
                made = Base::locked(&write.base, manner.wait)?;
                &made
            }
            _ => return Err(Error::bug("a version that is there, in a directory that is not locked")),
        };
        base.guard()?;
        // A signal waits until it has been finished or undone.
        let _held = interrupt::hold();
        let mut run = Run::new(self, base, deeds);
        match &self.target {
            Target::Set(write) => {
                let next = base.next(write, manner.owner)?;
                let changes = versions::changes(write, &next, manner);
                // Where there was no directory to lock, another run may have made the first version meanwhile: perhaps this one.
                if base.current()? != self.settled && !self.unfinished && next.link != Action::Unchanged {
                    let message = format!("another run has put a version of {} into use", write.base.display());
                    return Err(Error::refused(&DEPLOY_OVERTAKEN, message).path(&write.base));
                }
                if self.unfinished || next.files != Action::Unchanged || next.link != Action::Unchanged {
                    base.put(&next, write, manner.owner)?;
                    run.put_into_use(next.number)?;
                }
                Ok(changes)
            }
            Target::Version(number) => {
                let change = versions::link_change(base, *number)?;
                if self.unfinished || change.action != Action::Unchanged {
                    run.put_into_use(*number)?;
                }
                Ok(vec![change])
            }
            Target::Undone { version, because } => {
                let change = versions::link_change(base, self.settled.unwrap_or(*version))?;
                run.undo(*version)?;
                match because {
                    Some(error) => Err(error.clone().state(run.settled_state())),
                    None => Ok(self.settled.map(|_| change).into_iter().collect()),
                }
            }
        }
    }

    fn preview(&self, manner: &Manner) -> Result<Vec<Change>> {
        match (&self.target, &self.base) {
            (Target::Set(write), base) => {
                versions::guard(write)?;
                let next = base.as_ref().map_or(Ok(Next::first()), |base| base.next(write, manner.owner))?;
                Ok(versions::changes(write, &next, manner))
            }
            (Target::Version(number), Some(base)) => Ok(vec![versions::link_change(base, *number)?]),
            (Target::Undone { .. }, Some(base)) => {
                self.settled.map(|number| versions::link_change(base, number)).into_iter().collect()
            }
            (_, None) => Ok(Vec::new()),
        }
    }
}

rules! {
    /// Somebody else was faster.
    DEPLOY_OVERTAKEN = Error "deploy-overtaken" {
        summary: "another run has put a version into use since this one looked",
        help: "run it again: it then sees what is in use now",
        source: "pkit judges a new set against the one that is in use",
    }
    /// The server's own look at its configuration.
    DEPLOY_CHECK_FAILED = Error "deploy-check-failed" {
        summary: "a server does not accept its configuration, so it was not told to read the new files",
        help: "mend what the server says, then run it again",
        source: "doveconf(1), postfix(1), apachectl(8), nginx(8), slaptest(8)",
    }
    /// It could not be told.
    DEPLOY_RELOAD_FAILED = Error "deploy-reload-failed" {
        summary: "a server could not be made to read the new files",
        help: "see whether it runs, and what its log says; then run it again",
        source: "doveadm(1), postfix(1), apachectl(8), nginx(8), slapd-config(5), systemctl(1)",
    }
    /// A command of `--run`.
    DEPLOY_COMMAND_FAILED = Error "deploy-command-failed" {
        summary: "a command that was to be run with the new files did not end with 0",
        help: "mend the command, then run it again; with PKIT_ACTION=rollback in its environment it was run for the old files",
        source: "the command's own exit code, --run",
    }
    /// The proof did not come.
    DEPLOY_NOT_SERVED = Error "deploy-not-served" {
        summary: "a port does not serve the new certificate",
        help: "see whether the server behind it is among those that are reloaded, and whether its configuration names DIR/pkit/NAME/current",
        source: "a handshake on the port, --verify",
    }
    /// Neither forward nor back.
    DEPLOY_ROLLBACK_FAILED = Error "deploy-rollback-failed" {
        summary: "a deployment failed and could not be taken back whole: servers may serve either certificate",
        help: "reload the servers that are named by hand, then run the same command again, which goes on from there",
        source: "the record of the deployment, DIR/pkit/NAME/.state",
    }
}
