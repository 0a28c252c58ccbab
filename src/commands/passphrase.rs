//! The options that say where a passphrase comes from, the same for every command, and the passphrase itself, read when it is
//! first needed and only then.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::crypto::Passphrase;
use crate::error::Result;
use crate::files::passphrase::{self, Source};

/// Declares one group of options; a command with two keys has one for each, told apart by the prefix.
macro_rules! sources {
    ($(#[$doc:meta])* $name:ident, $heading:literal, $fd:literal, $file:literal, $credential:literal, $env:literal) => {
        $(#[$doc])*
        #[derive(Debug, Default, clap::Args)]
        #[command(next_help_heading = $heading)]
        pub struct $name {
            /// Read the passphrase from this open descriptor: its first line
            #[arg(id = $fd, long = $fd, value_name = "N", global = true)]
            fd: Option<u32>,
            /// From this file, which only its owner may read: its first line
            #[arg(id = $file, long = $file, value_name = "FILE", global = true)]
            file: Option<PathBuf>,
            /// From this systemd credential (LoadCredential=)
            #[arg(id = $credential, long = $credential, value_name = "NAME", global = true)]
            credential: Option<String>,
            /// From this variable of the environment
            #[arg(id = $env, long = $env, value_name = "NAME", global = true)]
            env: Option<String>,
        }

        impl $name {
            /// The first source that is named, in the order of the options.
            pub fn source(&self) -> Option<Source> {
                (self.fd.map(Source::Descriptor))
                    .or_else(|| self.file.clone().map(Source::File))
                    .or_else(|| self.credential.clone().map(Source::Credential))
                    .or_else(|| self.env.clone().map(Source::Variable))
            }
        }
    };
}

sources! {
    /// Where the passphrase of encrypted keys and PKCS#12 files comes from.
    PassphraseArgs, "Passphrase (the terminal is asked where none is named)",
    "passphrase-fd", "passphrase-file", "passphrase-credential", "passphrase-env"
}
sources! {
    /// Where the passphrase of what is read comes from, in a command that also writes something encrypted.
    InPassphraseArgs, "Passphrase of the input, if another than that of the output",
    "in-passphrase-fd", "in-passphrase-file", "in-passphrase-credential", "in-passphrase-env"
}
sources! {
    /// Where the passphrase of what is written comes from.
    OutPassphraseArgs, "Passphrase of the output, if another than that of the input",
    "out-passphrase-fd", "out-passphrase-file", "out-passphrase-credential", "out-passphrase-env"
}

/// One passphrase of a run.
#[derive(Debug)]
pub struct Secret {
    source: Option<Source>,
    no_input: bool,
    read: OnceLock<Passphrase>,
}

impl Secret {
    /// To be read from the source that was named, else from the terminal unless nobody is to be asked.
    pub fn new(source: Option<Source>, no_input: bool) -> Secret {
        Secret { source, no_input, read: OnceLock::new() }
    }

    /// Another one of the same run: from its own source if one is named, else the same source as this.
    pub fn or(&self, source: Option<Source>) -> Secret {
        Secret::new(source.or_else(|| self.source.clone()), self.no_input)
    }

    /// Did the user say where it comes from? Then everything that it may open is to be opened.
    pub fn is_named(&self) -> bool {
        self.source.is_some()
    }

    /// Would somebody be asked for it, at the terminal, and has not been yet? Then it is to be had before a lock is taken.
    pub fn is_asked_for(&self) -> bool {
        self.source.is_none() && !self.no_input && self.read.get().is_none()
    }

    /// The passphrase of something that exists; `what` is for the prompt.
    pub fn existing(&self, what: &str) -> Result<&Passphrase> {
        self.read(what, false)
    }

    /// A passphrase for something new: whoever types it types it twice.
    pub fn fresh(&self, what: &str) -> Result<&Passphrase> {
        self.read(what, true)
    }

    fn read(&self, what: &str, new: bool) -> Result<&Passphrase> {
        if let Some(known) = self.read.get() {
            return Ok(known);
        }
        let otherwise = if self.no_input { Source::Nowhere } else { Source::Terminal };
        let passphrase = passphrase::read(self.source.as_ref().unwrap_or(&otherwise), what, new)?;
        Ok(self.read.get_or_init(|| passphrase))
    }
}
