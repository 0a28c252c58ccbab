//! The only code that starts a program: it asks what is installed for its version, and nothing else. Without a shell, from the
//! system's own directories, with an empty environment, a time limit and a bound on what is read. What the answer means is
//! left to `servers`.

use std::io::{self, PipeReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::error::{Error, Result, io_words};
use crate::finding::rules;

/// What the program says on both its outputs, or None where it is not installed. The exit code is not looked at: `slapd -VV`
/// prints its version and ends with 1. A program that cannot be started or does not end is an input error.
pub fn ask(program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<Option<String>> {
    let Some(path) = installed(program) else { return Ok(None) };
    match answer(&path, args, env, LIMIT) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) => {
            let message = format!("{} {}: {}", path.display(), args.join(" "), io_words(&e));
            Err(Error::input(&NO_ANSWER, message).path(path))
        }
    }
}

/// The directories in which such a program is looked for: those that only root can write to.
pub const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

fn installed(program: &str) -> Option<PathBuf> {
    DIRECTORIES.iter().map(|dir| Path::new(dir).join(program)).find(|path| path.is_file())
}

#[expect(clippy::disallowed_methods, reason = "the one place where a program is started")]
fn answer(path: &Path, args: &[&str], env: &[(&str, &str)], limit: Duration) -> io::Result<Vec<u8>> {
    let (output, input) = io::pipe()?;
    let mut command = Command::new(path);
    command.args(args).env_clear().envs(env.iter().copied()).current_dir("/");
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let mut child = command.spawn()?;
    // The command holds the writing ends; only without them does reading end with the program.
    drop(command);
    let answer = read_within(output, limit);
    // It may have stopped writing without ending. A program that has ended cannot be killed, so that failure says nothing.
    let _ = child.kill();
    child.wait()?;
    answer
}

/// A thread reads, because a pipe has no time limit of its own; where time runs out it is left behind with the pipe.
fn read_within(output: PipeReader, limit: Duration) -> io::Result<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(MAX_ANSWER).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more once the time is up.
        let _ = sender.send(read);
    });
    receiver.recv_timeout(limit).unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))
}

/// A version is printed at once; a loaded machine may take a second.
const LIMIT: Duration = Duration::from_secs(5);
/// A version is one line, a list of libraries some forty.
const MAX_ANSWER: u64 = 64 << 10;

rules! {
    /// An installed program did not tell its version.
    NO_ANSWER = Error "program-no-answer" {
        summary: "an installed program could not be started to be asked for its version, or did not end in five seconds",
        help: "name the version with --server-version (and the TLS library with --tls-library)",
        source: "execve(2)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_from_both_outputs_with_no_environment_but_the_one_given() {
        let env = ask("env", &[], &[("A", "b")]).unwrap().unwrap();
        assert_eq!(env, "A=b\n");
        let complaint = ask("cat", &["/nonexistent"], &[]).unwrap().unwrap();
        assert!(complaint.contains("/nonexistent"), "{complaint}");
        assert_eq!(ask("no-such-program-here", &[], &[]).unwrap(), None);
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_and_one_that_does_not_stop_talking_is_cut_short() {
        let late = answer(Path::new("/bin/sleep"), &["60"], &[], Duration::from_millis(50)).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        let long = answer(Path::new("/usr/bin/yes"), &[], &[], Duration::from_secs(5)).unwrap();
        assert_eq!(long.len() as u64, MAX_ANSWER);
    }
}
