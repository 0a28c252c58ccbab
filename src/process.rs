//! What this process is to the system around it: it leaves no core file with a key in it, no other process of the user looks
//! into its memory, and a signal ends it between two steps, never within one. Its exit is `main`'s to take.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::exit::Exit;
use crate::files::interrupt;

/// No core file (setrlimit(2)), and nothing for ptrace(2) of the same user (PR_SET_DUMPABLE).
pub fn keep_secrets() -> io::Result<()> {
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// SIGINT and SIGTERM call `end` on a thread of its own, once nothing is half done on the disk. Signals that the starter has
/// switched off, as a shell does for what runs in the background, are not known apart and end it as well.
pub fn on_signals(end: fn(Exit)) -> io::Result<()> {
    let (mut woken, wake) = io::pipe()?;
    let came = Arc::new(AtomicUsize::new(0));
    for (number, signal) in [SIGINT, SIGTERM].into_iter().enumerate() {
        // The number is there before the byte that wakes the thread: handlers run in the order in which they were given.
        flag::register_usize(signal, came.clone(), number)?;
        low_level::pipe::register(signal, wake.try_clone()?)?;
    }
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        if woken.read_exact(&mut [0]).is_ok() {
            let _quiet = interrupt::quiet();
            end(if came.load(Ordering::SeqCst) == 0 { Exit::Interrupted } else { Exit::Terminated });
        }
    })?;
    Ok(())
}
