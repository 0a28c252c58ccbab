//! Input made to break things, or broken by accident: a clear error or finding, the documented exit code, no panic, no endless
//! work, and every existing file exactly as it was.

mod archives;
mod bombs;
mod files;
mod mutations;
mod names;

use crate::common::pki::Authority;
use crate::common::{Ran, Test};

/// A scratch directory with a file that no failure may touch, and a root to trust.
struct Hostile {
    test: Test,
}

impl Hostile {
    fn new() -> Hostile {
        let test = Test::new();
        test.file("out.pem", "precious\n");
        test.file("root.pem", Authority::root("Example Root").pem());
        Hostile { test }
    }

    /// pkit, ended after a time that no sound run comes near, and with no more than half a GiB of memory, of which the programs
    /// themselves are a part: that much for what is told of any input of these tests is what pkit promises.
    #[track_caller]
    fn run(&self, args: &[&str]) -> Ran {
        let bounds = ["60", "prlimit", "--as=536870912", "--core=0", env!("CARGO_BIN_EXE_pkit")];
        let ran = self.test.peer("timeout", [&bounds, args].concat());
        assert!(matches!(ran.exit, 0..=5), "{args:?} ended with {}: {}", ran.exit, ran.stderr);
        let raw = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!ran.stderr.contains(raw) && !ran.stdout.contains(raw), "{args:?}: {:?}{:?}", ran.stdout, ran.stderr);
        ran
    }

    /// `chain build` of these files, told to replace the precious one.
    fn chain(&self, files: &[&str]) -> Ran {
        self.run(&[&["chain", "build", "--trust", "root.pem", "-o", "out.pem", "--force"], files].concat())
    }

    /// Every command that reads piles must refuse this file and leave the precious one alone.
    #[track_caller]
    fn is_refused_everywhere(&self, file: &str, code: &str) {
        let commands: [&[&str]; 4] = [
            &["chain", "build", "--trust", "root.pem", file],
            &["bundle", "dovecot-ca", file],
            &["crl", "convert", file],
            &["chain", "build", "root.pem", "--trust", file],
        ];
        for (n, command) in commands.iter().enumerate() {
            let ran = self.run(&[command, &["-o", "out.pem", "--force"][..]].concat()).exits(3);
            // The others have a word of their own for a file with nothing in it.
            let ran = if n == 0 { ran.err_has(&format!("error[{code}]")) } else { ran };
            is_three_lines(&ran);
        }
        assert_eq!(self.test.text("out.pem"), "precious\n");
    }
}

/// What happened, what state things are in, what to do next.
#[track_caller]
fn is_three_lines(ran: &Ran) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let sound = matches!(lines[..], [what, state, hint]
        if what.starts_with("error[") && state == "  nothing was changed" && hint.starts_with("  hint: "));
    assert!(sound, "not three lines:\n{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}
