//! A command on a terminal of its own, with somebody who reads and types. It takes util-linux' `script`.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Ran, Test};

/// What runs there, and what it has shown so far.
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts a shell's command line, in which `pkit` is the program under test.
    pub fn start(t: &Test, line: &str) -> Terminal {
        let mut script = Command::new("script");
        script.args(["-qec", &line.replace("pkit", env!("CARGO_BIN_EXE_pkit")), "/dev/null"]).current_dir(t.path("."));
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(Vec::new()));
        let all = shown.clone();
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut part) {
                all.lock().unwrap().extend_from_slice(&part[..length]);
            }
        });
        Terminal { child, keyboard, shown, reader }
    }

    /// Until these words are on the screen.
    pub fn wait_for(&self, words: &str) {
        let begin = Instant::now();
        while !self.shown().contains(words) {
            assert!(begin.elapsed() < Duration::from_secs(60), "no {words:?} in:\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Its end, with all that was shown as its output.
    pub fn ends(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let bytes = std::mem::take(&mut *self.shown.lock().unwrap());
        Ran {
            exit: status.code().unwrap(),
            stdout: String::from_utf8_lossy(&bytes).into_owned(),
            stderr: String::new(),
            bytes,
        }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }
}
