//! Where a server's program is: on this machine, or in one of the chroots that `tests/run` makes.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::{self, Ran, Test};

/// A Debian with servers in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// This machine, Debian 12: Dovecot 2.3, Postfix 3.7, slapd 2.5 with GnuTLS, Apache 2.4, nginx 1.22.
    Bookworm,
    /// A chroot of Debian 13: Dovecot 2.4, Postfix 3.10, slapd 2.6 with OpenSSL, Apache 2.4, nginx 1.26.
    Trixie,
    /// A chroot of Debian 12 with Courier 5 and Exim 4, which cannot be installed beside Dovecot and Postfix.
    Courier,
}

impl System {
    /// May this program be started there? It takes root, and the program.
    pub fn can_start(self, program: &str) -> bool {
        if !common::root() {
            return false;
        }
        let Some(root) = self.chroot() else { return common::have(program) };
        let found = ["usr/sbin", "usr/bin"].iter().any(|dir| root.join(dir).join(program).exists());
        if !found || !root.join(".packages").exists() {
            common::missing(&format!("{program} in {} (tests/run makes it)", root.display()));
            return false;
        }
        true
    }

    /// A command there, with nothing of ours in its environment. The scratch directory has the same path there; what is mounted
    /// vanishes with the command's mount namespace.
    pub fn command(self, test: &Test, program: &str) -> Command {
        let mut command = match self.chroot() {
            None => Command::new(program),
            Some(root) => {
                let mut enter = Command::new("unshare");
                enter.args(["--mount", "sh", "-euc", ENTER, "sh"]).arg(root).arg(test.path("").parent().unwrap());
                enter.arg(program);
                enter
            }
        };
        command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// Runs a program there to its end.
    pub fn run<S: AsRef<OsStr>>(self, test: &Test, program: &str, args: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(test, program).args(args).output().unwrap())
    }

    fn chroot(self) -> Option<PathBuf> {
        let name = match self {
            System::Bookworm => return None,
            System::Trixie => "trixie",
            System::Courier => "courier",
        };
        Some(common::cache().join(name))
    }
}

const ENTER: &str = r#"
root=$1 shared=$2
shift 2
mkdir -p "$root$shared"
mount -t proc proc "$root/proc"
mount --bind "$shared" "$root$shared"
# Users have the same numbers there as here, for who looks at their files from here. Those of Courier and Exim have none here.
if [ ! -e "$root/usr/sbin/couriertcpd" ]; then
    mount --bind /etc/passwd "$root/etc/passwd"
    mount --bind /etc/group "$root/etc/group"
fi
exec chroot "$root" "$@"
"#;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
