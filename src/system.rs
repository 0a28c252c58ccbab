//! The only code that starts a program: it asks what is installed for its version, and has servers read their files again.
//! Programs come from the system's own directories and get no environment but what they are given, a time limit, and a bound on
//! what is read of their answer. What to start and what an answer means is left to `servers`.

use std::io::{self, PipeReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, io_words};
use crate::finding::rules;
use crate::order::Program;

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Did it end with 0?
    pub ok: bool,
    /// What it wrote to its standard output: the answer, where it was asked something.
    pub answer: String,
    /// How it ended and the last line that it said, in a few words; the last few where it failed.
    pub said: String,
}

/// Runs a program to its end, which must come within the limit. It is one that makes a service read its files again, so what it
/// started may live on. A program that is not there or cannot be started is told like one that failed.
pub fn run(program: &Program, limit: Duration) -> Ran {
    let failed = |said: String| Ran { ok: false, answer: String::new(), said };
    let Some(path) = installed(&program.name) else {
        return failed(format!("{} is not in any of {}", program.name, DIRECTORIES.join(", ")));
    };
    match ran(&path, program, limit) {
        Err(e) => failed(io_words(&e)),
        Ok((status, answer, complaint)) => {
            let [answer, complaint] = [answer, complaint].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let short = |line: &str| line.chars().take(MAX_SAID).collect::<String>();
            // Of what went wrong the last line often says no more than that it did.
            let lines = if status.success() { 1 } else { MAX_LINES };
            let last = |text: &str| {
                let mut last: Vec<String> =
                    text.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(lines).map(short).collect();
                last.reverse();
                (!last.is_empty()).then(|| last.join("; "))
            };
            let said = match (status.success(), last(&complaint).or_else(|| last(&answer))) {
                (_, None) => status.to_string(),
                (true, Some(line)) => line,
                (false, Some(line)) => format!("{status}: {line}"),
            };
            Ran { ok: status.success(), answer, said }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a program is started")]
fn ran(path: &Path, program: &Program, limit: Duration) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let ((out, out_end), (err, err_end)) = (io::pipe()?, io::pipe()?);
    let mut command = Command::new(path);
    command.args(&program.args).env_clear().env("PATH", DIRECTORIES.join(":")).env("LC_ALL", "C");
    command.envs(program.env.iter().map(|(name, value)| (name, value))).current_dir("/");
    // A group of its own: Ctrl-C on the terminal is for pkit, which ends between two steps.
    command.stdin(Stdio::piped()).stdout(out_end).stderr(err_end).process_group(0);
    let mut child = command.spawn()?;
    // The command holds the writing ends; only without them does reading end with the program.
    drop(command);
    let (out, err) = (Listener::to(out), Listener::to(err));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read what it was given says itself what it lacks.
        let _ = stdin.write_all(program.input.as_bytes());
    }
    let status = ended(&mut child, limit)?;
    // What it started may hold the pipes for ever; what the program itself has said is in them already.
    let until = Instant::now() + LINGER;
    Ok((status, out.heard(until), err.heard(until)))
}

fn ended(child: &mut Child, limit: Duration) -> io::Result<ExitStatus> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begin.elapsed() > limit {
            if let Ok(group) = i32::try_from(child.id()).map(rustix::process::Pid::from_raw)
                && let Some(group) = group
            {
                // It may just have ended by itself.
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("not done after {} s", limit.as_secs())));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// A thread that reads all that comes, so that nobody has to wait with a full pipe, and keeps the beginning.
struct Listener {
    kept: Arc<Mutex<Vec<u8>>>,
    /// Nothing is ever sent: its other end goes when the pipe has ended.
    end: mpsc::Receiver<()>,
}

impl Listener {
    fn to(mut pipe: PipeReader) -> Listener {
        let (going, end) = mpsc::channel();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        std::thread::spawn(move || {
            let _going = going;
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_ANSWER.saturating_sub(kept.len());
                kept.extend_from_slice(&buffer[..n.min(room)]);
            }
        });
        Listener { kept, end }
    }

    /// What has come until the pipe's end, which is waited for until then.
    fn heard(self, until: Instant) -> Vec<u8> {
        let _ = self.end.recv_timeout(until.saturating_duration_since(Instant::now()));
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the program says on both its outputs, or None where it is not installed. The exit code is not looked at: `slapd -VV`
/// prints its version and ends with 1. A program that cannot be started or does not end is an input error.
pub fn ask(program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<Option<String>> {
    let Some(path) = installed(program) else { return Ok(None) };
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let asked = Program { env, ..Program::new(program, args.iter().copied()) };
    match ran(&path, &asked, LIMIT) {
        Ok((_, answer, complaint)) => Ok(Some(String::from_utf8_lossy(&[answer, complaint].concat()).into_owned())),
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

/// A version is printed at once; a loaded machine may take a second.
const LIMIT: Duration = Duration::from_secs(5);
/// Time enough to read what is in a pipe, also on a loaded machine.
const LINGER: Duration = Duration::from_secs(1);
/// A version is one line, a list of libraries some forty.
const MAX_ANSWER: usize = 64 << 10;
/// A line for a person to read: the longest that servers say name a path or two.
const MAX_SAID: usize = 500;
/// nginx, Apache and HAProxy name the fault in the lines before their last.
const MAX_LINES: usize = 3;

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

    fn shell(script: &str) -> Ran {
        run(&Program::new("sh", ["-c", script]), Duration::from_secs(2))
    }

    #[test]
    fn a_program_acts_and_says_how_it_went() {
        let cat = Program { input: "asked".into(), ..Program::new("cat", [""; 0]) };
        assert_eq!(run(&cat, LIMIT), Ran { ok: true, answer: "asked".into(), said: "asked".into() });
        assert_eq!(shell("echo a; echo b >&2; exit 3").said, "exit status: 3: b");
        assert_eq!(shell("seq 5; exit 3").said, "exit status: 3: 3; 4; 5");
        assert_eq!(shell("seq 5").said, "5");
        assert_eq!((shell("").ok, shell("exit 1").ok, shell("kill -9 $$").ok), (true, false, false));
        assert!(run(&Program::new("no-such-program", [""; 0]), LIMIT).said.contains("is not in any of"));
    }

    #[test]
    fn what_a_program_started_may_live_on_and_one_without_an_end_is_ended() {
        let begin = Instant::now();
        let daemon = shell("sleep 60 & echo $!");
        assert!(daemon.ok && begin.elapsed() < Duration::from_secs(30), "{daemon:?}");
        let pid = rustix::process::Pid::from_raw(daemon.answer.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let late = run(&Program::new("sleep", ["60"]), Duration::from_millis(50));
        assert_eq!((late.ok, late.said.as_str()), (false, "not done after 0 s"));
    }

    #[test]
    fn an_answer_comes_from_both_outputs_with_no_environment_but_ours_and_the_one_given() {
        let env = ask("env", &[], &[("A", "b")]).unwrap().unwrap();
        let mut names: Vec<&str> = env.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        names.sort_unstable();
        assert_eq!(names, ["A", "LC_ALL", "PATH"]);
        let complaint = ask("cat", &["/nonexistent"], &[]).unwrap().unwrap();
        assert!(complaint.contains("/nonexistent"), "{complaint}");
        assert_eq!(ask("no-such-program-here", &[], &[]).unwrap(), None);
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_and_of_one_that_says_much_the_beginning_is_kept() {
        for endless in ["sleep 60", "yes"] {
            let program = Program::new("sh", ["-c", endless]);
            let late = ran(Path::new("/bin/sh"), &program, Duration::from_millis(50)).unwrap_err();
            assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        }
        let long = run(&Program::new("head", ["-c", "1000000", "/dev/zero"]), LIMIT);
        assert_eq!((long.ok, long.answer.len(), long.said.len()), (true, MAX_ANSWER, MAX_SAID));
    }
}
