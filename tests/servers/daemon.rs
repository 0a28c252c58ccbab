//! A program that runs in the foreground, its log, and its end.
//!
//! Each daemon gets a PID namespace and a mount namespace of its own. The first process there waits for the end of a pipe that
//! we hold: when we close it, or die, it ends the daemon and then itself, and the kernel ends every process that is left in the
//! namespace. So a daemon's children need not be found, and no other process can be hit.

use std::cell::Cell;
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::ports;

/// A daemon that answers on its ports. It ends when this is dropped.
pub struct Daemon {
    keeper: Child,
    log: PathBuf,
}

/// A daemon did not come up.
#[derive(Debug)]
pub struct NotUp {
    /// What it said.
    pub said: String,
}

impl Daemon {
    /// Starts what `lay_out` returns for free ports, and waits until all of them answer. Tried again with other ports if one
    /// was taken in the meantime. The command must stay in the foreground and log to its output.
    pub fn on_ports<const N: usize>(
        log: &Path,
        lay_out: impl Fn([u16; N]) -> Command,
    ) -> Result<(Daemon, [u16; N]), NotUp> {
        for _ in 0..ATTEMPTS {
            let ports = ports::free();
            match Daemon::start(&lay_out(ports), log, &ports) {
                Ok(daemon) => return Ok((daemon, ports)),
                Err(NotUp { said }) if said.contains("in use") => continue,
                Err(not_up) => return Err(not_up),
            }
        }
        panic!("no port stayed free in {ATTEMPTS} attempts");
    }

    /// Waits until it says that it is up, where its ports answer before that.
    pub fn once_it_says(mut self, part: &str) -> Result<Daemon, NotUp> {
        let begin = Instant::now();
        while !self.log().contains(part) {
            if self.has_ended() || begin.elapsed() > PATIENCE {
                return Err(NotUp { said: self.log() });
            }
            std::thread::sleep(PAUSE);
        }
        Ok(self)
    }

    /// Waits until this stands in the log: a daemon may write it after its client has gone.
    #[track_caller]
    pub fn says(&self, part: &str) {
        let begin = Instant::now();
        while !self.log().contains(part) {
            assert!(begin.elapsed() < PATIENCE, "the log has no {part:?}");
            std::thread::sleep(PAUSE);
        }
    }

    fn start(command: &Command, log: &Path, ports: &[u16]) -> Result<Daemon, NotUp> {
        let mut daemon = Daemon { keeper: spawn(command, log), log: log.to_owned() };
        let begin = Instant::now();
        for port in ports {
            while TcpStream::connect(("127.0.0.1", *port)).is_err() {
                if daemon.has_ended() || begin.elapsed() > PATIENCE {
                    return Err(NotUp { said: format!("{command:?}: port {port} is silent\n{}", daemon.log()) });
                }
                std::thread::sleep(PAUSE);
            }
        }
        Ok(daemon)
    }

    fn has_ended(&mut self) -> bool {
        self.keeper.try_wait().unwrap().is_some()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Returns when the namespace is empty.
        let ended = self.keeper.wait();
        if std::thread::panicking() {
            eprintln!("--- {} ({ended:?})\n{}", self.log.display(), self.log());
        }
    }
}

/// Namespaces in which all daemons are started that this thread starts while it is there, so that a program that is started
/// there as well means the same processes by the same numbers: in the file that says what to send a signal to, for one. Made
/// before the daemons, so that it ends after them.
pub struct Shared {
    keeper: Child,
    first: u32,
}

thread_local! {
    static WITHIN: Cell<Option<u32>> = const { Cell::new(None) };
}

impl Shared {
    pub fn new() -> Shared {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", "read -r _"]);
        let keeper = unshare.stdin(Stdio::piped()).spawn().unwrap();
        let children = format!("/proc/{0}/task/{0}/children", keeper.id());
        let begin = Instant::now();
        let first = loop {
            let told = fs::read_to_string(&children).unwrap_or_default();
            if let Ok(first) = told.trim().parse() {
                break first;
            }
            assert!(begin.elapsed() < PATIENCE, "no process in the new namespace");
            std::thread::sleep(PAUSE);
        };
        WITHIN.set(Some(first));
        Shared { keeper, first }
    }

    /// The same command in there.
    pub fn command(&self, command: &Command) -> Command {
        let mut inside = entering(Some(self.first));
        // Who enters a namespace of mounts stands at its root.
        if let Some(dir) = command.get_current_dir() {
            inside.args(["env", "--chdir"]).arg(dir);
        }
        inside.arg(command.get_program()).args(command.get_args()).env_clear();
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside.stdin(Stdio::null());
        inside
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        WITHIN.set(None);
        drop(self.keeper.stdin.take());
        // Returns when the namespace is empty.
        let _ = self.keeper.wait();
    }
}

/// What enters these namespaces, or makes new ones.
fn entering(first: Option<u32>) -> Command {
    let Some(first) = first else {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child"]);
        return command;
    };
    let mut command = Command::new("nsenter");
    command.args(["--target", &first.to_string(), "--mount", "--pid", "--"]);
    command
}

/// The command, with no environment but what it was given, in namespaces of its own, logging to a new file.
fn spawn(command: &Command, log: &Path) -> Child {
    fs::write(log, "").unwrap();
    // The daemon's processes share the file: each line goes to its end.
    let out = File::options().append(true).open(log).unwrap();
    entering(WITHIN.get())
        .args(["sh", "-c", KEEPER, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::piped())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap()
}

/// The first process of the namespace: ends when the daemon does, or ends it when its own input does.
const KEEPER: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
daemon=$!
{ read -r _ <&3; kill -KILL "$daemon"; } &
wait "$daemon"
"#;

const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// A loaded machine may take a while; a daemon that is not up by then never will be.
const PATIENCE: Duration = Duration::from_secs(20);
