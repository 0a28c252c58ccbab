//! A process of its own that carries out one plan, for what cannot be done to the test itself: kills, errors put into its system
//! calls, another umask, another user. The test program starts itself again with one test selected and a job in the environment.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

use pkit::change::{Digests, Manner, Mode, Owner};
use pkit::content::Overwrite;
use pkit::plan::Plan;

/// What the worker is to do.
#[derive(Clone, Copy, Debug)]
pub enum Job {
    Secret,
    Public,
    Set,
    /// A key that a group may read, the old one kept.
    Given,
    /// A line more in an index.
    Append,
    /// Rights taken away.
    Rights,
}

impl Job {
    pub fn plan(self, path: &Path, text: &str, overwrite: Overwrite) -> Plan {
        match self {
            Job::Secret => super::secret(path, text, overwrite),
            Job::Public => super::public(path, text, overwrite),
            Job::Set => super::set(path, text, overwrite),
            Job::Given => super::secret(path, text, overwrite),
            Job::Append => super::line(path, text),
            Job::Rights => super::restrict(path),
        }
    }

    /// Does it, as `main` would.
    pub fn act(self, path: &Path, text: &str, overwrite: Overwrite) -> pkit::error::Result<()> {
        self.carry_out(&self.plan(path, text, overwrite))
    }

    fn carry_out(self, plan: &Plan) -> pkit::error::Result<()> {
        let mut manner = Manner::of(Mode::Apply, Digests::Told);
        if let Job::Given = self {
            let owner = Owner { user: None, group: Some(given_group()) };
            manner = Manner { owner, backup: Some(".bak".into()), ..manner };
        }
        plan.carry_out(&manner).map(|_| ())
    }
}

/// A group that files are given to: root can choose, others have only their own.
pub fn given_group() -> u32 {
    if rustix::process::geteuid().is_root() { 1 } else { rustix::process::getegid().as_raw() }
}

/// The worker writes `text` (the last word, repeated so often) to the path, replacing what is there.
#[derive(Debug)]
pub struct Worker<'a> {
    pub job: Job,
    pub path: &'a Path,
    pub text: &'a str,
    pub repeat: usize,
}

impl Worker<'_> {
    /// The command that starts it, behind a wrapper such as strace.
    pub fn command(&self, wrapper: &[OsString], program: &Path) -> Command {
        let own = ["--exact", "writer::worker::act", "--nocapture", "--test-threads=1", "-q"].map(OsString::from);
        let line: Vec<OsString> = wrapper.iter().cloned().chain([program.into()]).chain(own).collect();
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env(JOB, self.spell()).env_remove("LD_LIBRARY_PATH");
        command
    }

    pub fn run(&self, wrapper: &[OsString]) -> Output {
        self.command(wrapper, &std::env::current_exe().unwrap()).output().unwrap()
    }

    /// The job as one value of the environment.
    fn spell(&self) -> String {
        format!("{:?} {} {} {}", self.job, self.text, self.repeat, self.path.display())
    }
}

/// Not a test by itself: it is the worker, and does nothing unless a job is in the environment.
#[test]
fn act() {
    let Ok(spelled) = std::env::var(JOB) else { return };
    let [job, text, repeat, path] = spelled.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{spelled}") };
    let job = match job {
        "Secret" => Job::Secret,
        "Public" => Job::Public,
        "Given" => Job::Given,
        "Append" => Job::Append,
        "Rights" => Job::Rights,
        _ => Job::Set,
    };
    pkit::process::on_signals(|exit| std::process::exit(i32::from(exit.code()))).unwrap();
    let text = text.repeat(repeat.parse().unwrap());
    let plan = job.plan(Path::new(path), &text, Overwrite::Replace);
    run_up();
    let _ = std::fs::symlink_metadata(START);
    let done = job.carry_out(&plan);
    if let Err(error) = &done {
        println!("{}: {}", error.message, error.state);
    }
    std::process::exit(done.map_or_else(|e| i32::from(e.exit.code()), |_| 0));
}

/// strace counts system calls by thread, and the test harness does some on its main one. So many are done on this thread first
/// that the numbers of those that follow are only reached here.
fn run_up() {
    use std::io::Write;
    for _ in 0..RUN_UP {
        let text = std::fs::read("/proc/self/comm").unwrap();
        let comm = std::fs::File::open("/proc/self/comm").unwrap();
        std::os::unix::fs::FileExt::read_at(&comm, &mut [0], 0).unwrap();
        let _ = rustix::fs::stat("/").unwrap();
        let _ = rustix::rand::getrandom(&mut [0u8; 1], rustix::rand::GetRandomFlags::empty()).unwrap();
        std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap().write_all(&text).unwrap();
    }
}

const JOB: &str = "PKIT_TEST_JOB";
/// A path that is looked up just before the plan is carried out: what stands before it in a trace is not ours.
pub const START: &str = "/pkit-test-starts-here";
/// More than the harness does of any one call.
pub const RUN_UP: usize = 100;
