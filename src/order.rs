//! Programs to be started, as data: the vocabulary between `servers`, which know what makes a running server read its
//! certificate again, and `plan`, which has it done. Nothing is started here.

/// One program with its arguments. It is found by its name in the system's own directories, and gets no environment but this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its name, without a directory.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, besides a PATH of the system's own directories.
    pub env: Vec<(String, String)>,
    /// What it reads from its standard input.
    pub input: String,
}

/// What is to be done with a service.
#[derive(Clone, Debug)]
pub enum Order {
    /// Start this; it must end with 0.
    Run(Program),
    /// Start this, and then what follows from it and its answer, which may be nothing. The reason where nothing can follow.
    Ask(Program, fn(&Program, &str) -> Result<Vec<Program>, String>),
}

impl Program {
    /// A program without an environment or input of its own.
    pub fn new<S: Into<String>>(name: &str, args: impl IntoIterator<Item = S>) -> Program {
        Program { name: name.to_owned(), args: args.into_iter().map(Into::into).collect(), ..Program::default() }
    }
}

impl std::fmt::Display for Program {
    /// As it would be typed, for a person to read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}
