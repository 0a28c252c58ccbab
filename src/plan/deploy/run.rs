//! One deployment while it is carried out: forward step by step, and back from wherever it stopped. Every step is kept as a deed.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::{
    DEPLOY_CHECK_FAILED, DEPLOY_COMMAND_FAILED, DEPLOY_NOT_SERVED, DEPLOY_RELOAD_FAILED, DEPLOY_ROLLBACK_FAILED,
    Deployment, Door, Service,
};
use crate::change::{Act, Deed};
use crate::crypto::{self, Digest, SignatureFault};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::facts::peer::PeerFacts;
use crate::files::versions::{Base, name_of};
use crate::finding::Rule;
use crate::material::cert::Cert;
use crate::material::journal::{Begun, Event};
use crate::order::{Order, Program};
use crate::{probe, system};

/// One deployment while it is carried out.
pub(super) struct Run<'a> {
    deployment: &'a Deployment,
    base: &'a Base,
    deeds: &'a mut Vec<Deed>,
}

/// Why a deployment has to be taken back, and how far it had come.
struct Fault {
    error: Error,
    reloads: Progress,
    commands: Progress,
}

/// So many were done, and so many were begun.
#[derive(Clone, Copy, Default)]
struct Progress {
    done: usize,
    begun: usize,
}

impl Progress {
    fn all(number: usize) -> Progress {
        Progress { done: number, begun: number }
    }

    /// All before this one.
    fn up_to(number: usize) -> Progress {
        Progress { done: number, begun: number + 1 }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(deployment: &'a Deployment, base: &'a Base, deeds: &'a mut Vec<Deed>) -> Run<'a> {
        Run { deployment, base, deeds }
    }

    /// The switch and everything that belongs to it, or back to where it was.
    pub(super) fn put_into_use(&mut self, version: u32) -> Result<()> {
        let Deployment { at, settled, .. } = *self.deployment;
        let unused = format!("version {} is there, but not in use", name_of(version));
        let words = |services: &[Service]| services.iter().map(|service| service.name.clone()).collect();
        let begun = Begun {
            version,
            previous: settled,
            at,
            reload: words(&self.deployment.services),
            run: self.deployment.commands.clone(),
            verify: self.deployment.doors.iter().map(|door| door.name.clone()).collect(),
        };
        self.base.note(Event::Begun(begun).line()).map_err(|error| error.state(unused))?;
        if let Err(fault) = self.forward(version) {
            return Err(self.back(version, fault));
        }
        self.base.note(Event::Done { version, at }.line()).map_err(|error| {
            error.state("the new version is in use, but this could not be recorded: the next run will do it all again")
        })?;
        self.prune(version);
        Ok(())
    }

    /// Everything that makes a version the one that is served.
    fn forward(&mut self, version: u32) -> std::result::Result<(), Fault> {
        let deployment = self.deployment;
        let none = Progress::default();
        let at = |error, reloads, commands| Fault { error, reloads, commands };
        let begin = Instant::now();
        self.base.switch(version).map_err(|error| at(error, none, none))?;
        self.deeds.push(deed(Act::Switch, &name_of(version), begin, Ok(String::new())));
        for service in &deployment.services {
            self.all(Act::Check, service, &service.check)
                .map_err(|said| at(failed(&DEPLOY_CHECK_FAILED, &service.name, &said), none, none))?;
        }
        for (number, service) in deployment.services.iter().enumerate() {
            self.all(Act::Reload, service, &service.reload).map_err(|said| {
                at(failed(&DEPLOY_RELOAD_FAILED, &service.name, &said), Progress::up_to(number), none)
            })?;
        }
        let reloads = Progress::all(deployment.services.len());
        for (number, command) in deployment.commands.iter().enumerate() {
            self.command(Act::Run, command, version)
                .map_err(|said| at(failed(&DEPLOY_COMMAND_FAILED, command, &said), reloads, Progress::up_to(number)))?;
        }
        let commands = Progress::all(deployment.commands.len());
        for door in &deployment.doors {
            let served = self.verify(Act::Verify, door, true, |seen| Some(seen) == deployment.fingerprint.as_deref());
            served.map_err(|said| at(failed(&DEPLOY_NOT_SERVED, &door.name, &said), reloads, commands))?;
        }
        Ok(())
    }

    /// Takes a version back, and tells why. Servers that read the new files must read the old ones; one that did not get so far
    /// still has them.
    fn back(&mut self, version: u32, fault: Fault) -> Error {
        let Fault { error, reloads, commands } = fault;
        let why = error.message.clone();
        match self.take_back(version, reloads, commands) {
            Ok(()) => {
                let state = self.settled_state();
                // A write that failed has its own exit code; everything else is a deployment that did not prove itself.
                let exit = if error.exit == Exit::Io { Exit::Io } else { Exit::RolledBack };
                let error = Error { exit, ..error }.state(state);
                self.recorded(Event::RolledBack { version, at: self.deployment.at, why }, error)
            }
            Err(failures) => {
                let event = Event::RollbackFailed { version, at: self.deployment.at, why: why.clone() };
                let error = self.rollback_failed(version, &why, failures);
                self.recorded(event, error)
            }
        }
    }

    /// An earlier run's deployment, which never came to its end. Nobody knows how far it came, so everybody reads the old files.
    pub(super) fn undo(&mut self, version: u32) -> Result<()> {
        let [reloads, commands] = [self.deployment.services.len(), self.deployment.commands.len()].map(Progress::all);
        let why = "the run that deployed it was interrupted".to_owned();
        match self.take_back(version, reloads, commands) {
            Ok(()) => self.base.note(Event::RolledBack { version, at: self.deployment.at, why }.line()),
            Err(failures) => {
                let event = Event::RollbackFailed { version, at: self.deployment.at, why: why.clone() };
                let error = self.rollback_failed(version, &why, failures);
                Err(self.recorded(event, error))
            }
        }
    }

    fn take_back(
        &mut self,
        version: u32,
        reloads: Progress,
        commands: Progress,
    ) -> std::result::Result<(), Vec<String>> {
        let deployment = self.deployment;
        let begin = Instant::now();
        let (switched, to) = match deployment.settled {
            Some(settled) => (self.base.switch(settled), name_of(settled)),
            None => (self.base.release(), "none".to_owned()),
        };
        let switched = switched.map(|()| String::new()).map_err(|error| error.message);
        self.deeds.push(deed(Act::SwitchBack, &to, begin, switched.clone()));
        if let Err(said) = switched {
            return Err(vec![said]);
        }
        if deployment.settled.is_none() {
            // There is nothing that they could read instead.
            return Ok(());
        }
        let mut failures = Vec::new();
        // The one that failed is told as well, in case that it had begun; that it cannot, it has said already.
        for (number, service) in deployment.services.iter().take(reloads.begun).enumerate() {
            if let Err(said) = self.all(Act::ReloadBack, service, &service.reload)
                && number < reloads.done
            {
                failures.push(format!("{}: {said}", service.name));
            }
        }
        for (number, command) in deployment.commands.iter().take(commands.begun).enumerate() {
            if let Err(said) = self.command(Act::RunBack, command, version)
                && number < commands.done
            {
                failures.push(format!("{command}: {said}"));
            }
        }
        if reloads.begun + commands.begun > 0 {
            failures.extend(self.gone_back());
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    /// Ports that go on serving what was taken back, or that answered before and do not any more.
    fn gone_back(&mut self) -> Vec<String> {
        let deployment = self.deployment;
        let answered: Vec<String> =
            self.deeds.iter().filter(|d| d.act == Act::Verify && d.ok).map(|d| d.what.clone()).collect();
        let mut failures = Vec::new();
        for door in &deployment.doors {
            let mut last = None;
            let gone = self.verify(Act::VerifyBack, door, answered.contains(&door.name), |seen| {
                last = Some(seen.to_owned());
                // One that is the same before and after tells nothing, only that somebody is there.
                deployment.fingerprint == deployment.proven || Some(seen) != deployment.fingerprint.as_deref()
            });
            if let Err(said) = gone
                && (last.is_some() || answered.contains(&door.name))
            {
                failures.push(format!("{}: {said}", door.name));
            }
        }
        failures
    }

    /// Asks a port again and again until it serves what it should: a server may take a while to come round. One where nobody
    /// was heard before is not waited for.
    fn verify(
        &mut self,
        act: Act,
        door: &Door,
        there: bool,
        mut right: impl FnMut(&str) -> bool,
    ) -> std::result::Result<(), String> {
        let (begin, patience) = (Instant::now(), self.deployment.patience);
        let said = loop {
            let facts = probe::look(&door.question);
            let leaf = facts.session.as_ref().and_then(|session| session.chain.first());
            let nobody = leaf.is_none();
            let said = match (leaf, &facts.failure) {
                (Some(leaf), _) => {
                    let seen = crypto::hex(&crypto::digest(Digest::Sha256, leaf));
                    let other_key = has_other_key(&facts, leaf);
                    if right(&seen) && !other_key {
                        break Ok(seen);
                    }
                    let with = if other_key { ", with another key than its own" } else { "" };
                    format!("serves the certificate with SHA-256 {seen}{with}")
                }
                (None, Some(failure)) => failure.to_string(),
                (None, None) => "shows no certificate".to_owned(),
            };
            if begin.elapsed() > patience || (nobody && !there) {
                break Err(said);
            }
            std::thread::sleep(BETWEEN_LOOKS);
        };
        self.deeds.push(deed(act, &door.name, begin, said.clone()));
        said.map(|_| ())
    }

    /// What is in use now that something was taken back.
    pub(super) fn settled_state(&self) -> String {
        let again: Vec<&str> =
            self.deeds.iter().filter(|d| d.ok && d.act == Act::ReloadBack).map(|d| d.what.as_str()).collect();
        let reloaded = if again.is_empty() { String::new() } else { format!("; reloaded: {}", again.join(", ")) };
        match self.deployment.settled {
            Some(settled) => format!("version {} is in use again{reloaded}", name_of(settled)),
            None => "no version is in use, as before".to_owned(),
        }
    }

    /// Says exactly what is where, since a person has to go on from here.
    fn rollback_failed(&self, version: u32, why: &str, failures: Vec<String>) -> Error {
        let message = format!("version {} had to be taken back ({why}), and that failed", name_of(version));
        let mut error = Error { exit: Exit::RollbackFailed, ..Error::rolled_back(&DEPLOY_ROLLBACK_FAILED, message) };
        for failure in failures {
            error = error.fact("failed", failure);
        }
        error = error.fact("new", self.base.path_of(version).display().to_string());
        if let Some(settled) = self.deployment.settled {
            error = error.fact("old", self.base.path_of(settled).display().to_string());
        }
        let state = match self.base.current() {
            Ok(Some(number)) => format!("{} leads to {}", self.base.path().join("current").display(), name_of(number)),
            Ok(None) => format!("{} is not there", self.base.path().join("current").display()),
            Err(error) => error.message,
        };
        error.state(state).path(self.base.path())
    }

    /// With a word about the record, where that could not be written either.
    fn recorded(&self, event: Event, error: Error) -> Error {
        match self.base.note(event.line()) {
            Ok(()) => error,
            Err(unwritten) => {
                let state = format!("{}; this could not be recorded: {}", error.state, unwritten.message);
                error.state(state)
            }
        }
    }

    /// Old versions go last, when nothing depends on them any more. The one that was in use before is kept rather than newer ones,
    /// as it is known to work. That one cannot be removed does no harm.
    fn prune(&mut self, version: u32) {
        let Some(keep) = self.deployment.keep else { return };
        let Ok(there) = self.base.versions() else { return };
        let mut by_worth = there;
        by_worth.sort_by_key(|n| (*n != version, Some(*n) != self.deployment.settled, Reverse(*n)));
        for number in by_worth.into_iter().skip(keep) {
            let begin = Instant::now();
            let removed = self.base.remove(number).map(|()| String::new()).map_err(|error| error.message);
            self.deeds.push(deed(Act::Prune, &name_of(number), begin, removed));
        }
    }

    /// Everything that one service is told, as one deed.
    fn all(&mut self, act: Act, service: &Service, orders: &[Order]) -> std::result::Result<(), String> {
        if orders.is_empty() {
            return Ok(());
        }
        let begin = Instant::now();
        let said = orders.iter().try_for_each(|order| self.obey(order));
        self.deeds.push(deed(act, &service.name, begin, said.clone().map(|()| String::new())));
        said
    }

    fn obey(&self, order: &Order) -> std::result::Result<(), String> {
        match order {
            Order::Run(program) => self.start(program).map(|_| ()),
            Order::Ask(program, follows) => {
                let answer = self.start(program)?;
                follows(program, &answer)?.iter().try_for_each(|program| self.start(program).map(|_| ()))
            }
        }
    }

    /// What it answered, or what it said when it failed.
    fn start(&self, program: &Program) -> std::result::Result<String, String> {
        let ran = system::run(program, self.deployment.patience);
        if ran.ok { Ok(ran.answer) } else { Err(format!("`{program}`: {}", ran.said)) }
    }

    fn command(&mut self, act: Act, command: &str, version: u32) -> std::result::Result<(), String> {
        let begin = Instant::now();
        let current = self.base.path().join("current");
        let word = if act == Act::Run { "deploy" } else { "rollback" };
        let previous = self.deployment.settled.map(name_of).unwrap_or_default();
        let own = [
            ("RENEWED_LINEAGE", current.to_string_lossy().into_owned()),
            ("PKIT_ACTION", word.to_owned()),
            ("PKIT_VERSION", name_of(version)),
            ("PKIT_PREVIOUS", previous),
        ];
        let env = own.map(|(name, value)| (name.to_owned(), value)).into_iter();
        let env = env.chain(self.deployment.environment.iter().cloned()).collect();
        let program = Program { env, ..Program::new("sh", ["-c", command]) };
        let ran = system::run(&program, self.deployment.patience);
        let said = if ran.ok { Ok(ran.said) } else { Err(ran.said) };
        self.deeds.push(deed(act, command, begin, said.clone()));
        said.map(|_| ())
    }
}

/// Did the server sign with a key that is not the certificate's? A certificate that cannot be read was not deployed either.
fn has_other_key(facts: &PeerFacts, leaf: &[u8]) -> bool {
    let signed = |cert: Cert| facts.session.as_ref()?.is_signed_by(&cert.public_key);
    Cert::from_der(leaf).ok().and_then(signed) == Some(Err(SignatureFault::Wrong))
}

fn deed(act: Act, what: &str, begin: Instant, said: std::result::Result<String, String>) -> Deed {
    let ok = said.is_ok();
    let detail = said.unwrap_or_else(|said| said);
    Deed { act, what: what.to_owned(), ok, took: begin.elapsed(), detail }
}

fn failed(rule: &'static Rule, who: &str, said: &str) -> Error {
    Error::rolled_back(rule, format!("{who}: {said}"))
}

/// Often enough to see a reload at once, seldom enough not to be one of the clients that wait for it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
