//! What every test needs: a scratch directory, a way to run pkit as a user does, and the peers that judge what it made.

pub mod http;
pub mod keys;
pub mod pki;
pub mod purchase;
pub mod terminal;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// A scratch directory in which files are laid out and commands run.
pub struct Test {
    dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    pub bytes: Vec<u8>,
}

impl Test {
    pub fn new() -> Test {
        Test { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Lays out a file; directories above it are made.
    pub fn file(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn exists(&self, name: impl AsRef<Path>) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    pub fn mode(&self, name: impl AsRef<Path>) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    pub fn chmod(&self, name: impl AsRef<Path>, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Every entry below the scratch directory with its mode and content: "exactly as it was" is equality of two of these.
    pub fn snapshot(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        fn walk(dir: &Path, out: &mut Vec<(PathBuf, u32, Vec<u8>)>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let meta = fs::symlink_metadata(&path).unwrap();
                let content = match meta.file_type() {
                    t if t.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                    t if t.is_file() => fs::read(&path).unwrap_or_default(),
                    _ => Vec::new(),
                };
                out.push((path.clone(), meta.permissions().mode(), content));
                if meta.is_dir() {
                    walk(&path, out);
                }
            }
        }
        let mut out = Vec::new();
        walk(self.dir.path(), &mut out);
        out.sort();
        out
    }

    /// pkit in the scratch directory, with an environment that cannot change the result.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pkit"));
        command.args(args).current_dir(self.dir.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// With bytes on standard input.
    pub fn run_with_input<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
        use std::io::Write;
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // pkit may refuse before it has read everything.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran::of(output)
    }

    /// pkit in the scratch directory as the user nobody, who then is neither owner nor root.
    pub fn run_as_nobody(&self, args: &[&str]) -> Ran {
        Ran::of(self.as_nobody(args).output().unwrap())
    }

    /// The command for it.
    pub fn as_nobody(&self, args: &[&str]) -> Command {
        let pkit = env!("CARGO_BIN_EXE_pkit");
        let copy = self.path("pkit");
        // By another process: a file that this one had open for writing would be busy for children that were forked meanwhile.
        self.peer("cp", [Path::new(pkit), &copy]).exits(0);
        self.chmod(".", 0o755);
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(copy).args(args);
        command.current_dir(self.dir.path()).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// A peer's program in the scratch directory.
    pub fn peer<S: AsRef<OsStr>>(&self, program: &str, args: impl IntoIterator<Item = S>) -> Ran {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir.path()).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        Ran::of(command.output().unwrap_or_else(|e| panic!("{program}: {e}")))
    }
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            // A signal has no exit code; 128 + its number is what a shell would say.
            exit: output
                .status
                .code()
                .unwrap_or_else(|| 128 + std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        }
    }

    /// The exit code must be this one; the message shows everything otherwise.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ran {
        assert_eq!(self.exit, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn out_has(self, part: &str) -> Ran {
        assert!(self.stdout.contains(part), "no {part:?} in stdout:\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn err_has(self, part: &str) -> Ran {
        assert!(self.stderr.contains(part), "no {part:?} in stderr:\n{}\n--- stdout\n{}", self.stderr, self.stdout);
        self
    }

    #[track_caller]
    pub fn err_or_out(self, part: &str) -> Ran {
        let found = self.stderr.contains(part) || self.stdout.contains(part);
        assert!(found, "no {part:?} in either:\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.stdout))
    }
}

/// Is the program there? Where it is missing the test says so and passes, but with `PKIT_REQUIRE_PEERS=1` it fails: the gate
/// must not skip what it promises.
pub fn have(program: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).any(|d| d.join(program).is_file())
    });
    if !found {
        missing(program);
    }
    found
}

/// Is this run by root? Otherwise the same as for a missing program.
pub fn root() -> bool {
    use std::os::unix::fs::MetadataExt;
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        missing("root");
    }
    root
}

/// Tells that something is missing, or fails where the gate demands it.
pub fn missing(what: &str) {
    let required = std::env::var_os("PKIT_REQUIRE_PEERS").is_some_and(|v| v == "1");
    assert!(!required, "{what} is missing, and PKIT_REQUIRE_PEERS=1");
    eprintln!("skipped: {what} is missing");
}

/// Test cases made by others: the folder of this name under `PKIT_TEST_DATA`. Where it is not there the test says so and passes,
/// but with `PKIT_REQUIRE_DATA=1` it fails.
pub fn data(folder: &str) -> Option<PathBuf> {
    let found = std::env::var_os("PKIT_TEST_DATA").map(|dir| Path::new(&dir).join(folder)).filter(|dir| dir.is_dir());
    if found.is_none() {
        let required = std::env::var_os("PKIT_REQUIRE_DATA").is_some_and(|v| v == "1");
        assert!(!required, "PKIT_TEST_DATA names no folder with {folder}, and PKIT_REQUIRE_DATA=1");
        eprintln!("skipped: PKIT_TEST_DATA names no folder with {folder}");
    }
    found
}

/// Where `tests/run` keeps what it makes once: chroots with other daemons, tools out of other registries.
pub fn cache() -> PathBuf {
    std::env::var_os("PKIT_TEST_CACHE").unwrap_or("/var/cache/pkit-tests".into()).into()
}

/// How many rounds a sweep makes: `base` times `PKIT_TEST_SCALE` (1 in the gate, 100 in the full run).
pub fn scaled(base: usize) -> usize {
    base * std::env::var("PKIT_TEST_SCALE").ok().and_then(|v| v.parse::<usize>().ok()).unwrap_or(1)
}

/// Tries so many scenes made by chance, times `PKIT_TEST_SCALE`; one that fails is made as small as it gets, and told.
#[track_caller]
pub fn sweep<S: Strategy>(base: usize, scenes: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases = u32::try_from(scaled(base)).unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&scenes, check).unwrap();
}
