//! The one table of exit codes. Scripts, cron, systemd and CI depend on it, so codes are added, never changed.

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Did it, already so, or nothing wrong.
    Ok,
    /// Did it and something changed; only with `--detailed-exitcode`.
    Changed,
    /// The check answered "no".
    Findings,
    /// The check answered that something is to be renewed, whatever else it found.
    Due,
    /// Wrong flags or arguments (clap's own code).
    Usage,
    /// A file is missing, unreadable or unparsable, or not everything could be looked at.
    Input,
    /// Safety: the target exists, the key is too small, a directory is lax, a link would be followed.
    Refused,
    /// Write, rename or fsync failed; the target is as it was.
    Io,
    /// Something could not be had from the network.
    Network,
    /// A deployment failed and was taken back: the old state is there again.
    RolledBack,
    /// It could not be taken back whole; somebody has to look.
    RollbackFailed,
    /// A fault in pkit itself.
    Bug,
    /// SIGINT: somebody pressed Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    /// The number that the process returns.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Findings | Exit::Due => 1,
            Exit::Usage => 2,
            Exit::Input => 3,
            Exit::Refused => 4,
            Exit::Io => 5,
            Exit::Network => 6,
            Exit::RolledBack => 7,
            Exit::RollbackFailed => 8,
            Exit::Changed => 10,
            Exit::Bug => 70,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// The graver of two: trouble goes before an answer, as grep has it.
    pub fn worst(self, other: Exit) -> Exit {
        const GRAVEST_FIRST: [Exit; 14] = [
            Exit::Interrupted,
            Exit::Terminated,
            Exit::Bug,
            Exit::RollbackFailed,
            Exit::RolledBack,
            Exit::Io,
            Exit::Network,
            Exit::Refused,
            Exit::Input,
            Exit::Usage,
            Exit::Due,
            Exit::Findings,
            Exit::Changed,
            Exit::Ok,
        ];
        GRAVEST_FIRST.into_iter().find(|e| *e == self || *e == other).unwrap_or(Exit::Bug)
    }

    /// Did the work come to an answer, good or bad?
    pub fn is_answer(self) -> bool {
        matches!(self, Exit::Ok | Exit::Changed | Exit::Findings | Exit::Due)
    }
}

/// What exit codes mean to whoever started pkit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The table above.
    Own,
    /// Monitoring Plugins Development Guidelines, section 2.5: 0, 1, 2 or 3 and nothing else.
    Nagios,
    /// systemd.service(5), ExecCondition=: 0 goes on, 1 to 254 skip the unit, 255 fails it.
    Condition,
}

/// What Nagios knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is wrong.
    Ok,
    /// Something should be done.
    Warning,
    /// Something must be done.
    Critical,
    /// Nobody can tell.
    Unknown,
}

impl State {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Warning => "WARNING",
            State::Critical => "CRITICAL",
            State::Unknown => "UNKNOWN",
        }
    }
}

impl Dialect {
    /// The number that the process returns; `state` is what the findings amount to.
    pub fn code(self, exit: Exit, state: State) -> u8 {
        match (self, exit) {
            (Dialect::Own, exit) => exit.code(),
            (Dialect::Condition, Exit::Due) => 0,
            (Dialect::Condition, Exit::Ok | Exit::Changed) => 1,
            (Dialect::Condition, _) => 255,
            (Dialect::Nagios, _) => match state {
                State::Critical => 2,
                _ if !exit.is_answer() => 3,
                State::Unknown => 3,
                State::Warning => 1,
                State::Ok => 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Exit, State};

    #[test]
    fn trouble_goes_before_an_answer() {
        assert_eq!(Exit::Findings.worst(Exit::Input), Exit::Input);
        assert_eq!(Exit::Findings.worst(Exit::Due), Exit::Due);
        assert_eq!(Exit::Io.worst(Exit::Findings), Exit::Io);
        assert_eq!(Exit::Findings.worst(Exit::Network), Exit::Network);
        assert_eq!(Exit::Io.worst(Exit::Network), Exit::Io);
        assert_eq!(Exit::Ok.worst(Exit::Changed), Exit::Changed);
        assert_eq!(Exit::Bug.worst(Exit::Io).code(), 70);
    }

    #[test]
    fn dialects_keep_to_their_own_numbers() {
        use Dialect::{Condition, Nagios};
        assert_eq!(
            [Exit::Due, Exit::Ok, Exit::Findings, Exit::Input, Exit::Bug].map(|e| Condition.code(e, State::Ok)),
            [0, 1, 255, 255, 255]
        );
        for (exit, state, code) in [
            (Exit::Ok, State::Ok, 0),
            (Exit::Findings, State::Warning, 1),
            (Exit::Network, State::Critical, 2),
            (Exit::Input, State::Critical, 2),
            (Exit::Network, State::Unknown, 3),
            (Exit::Bug, State::Ok, 3),
            (Exit::Usage, State::Unknown, 3),
        ] {
            assert_eq!(Nagios.code(exit, state), code, "{exit:?} {state:?}");
        }
    }
}
