//! Every command that writes, with what it starts from. All of them write below `dir`.

use crate::common::Test;
use crate::common::http::Server;
use crate::common::pki::{Authority, Crl, crl_at, crl_pem};
use crate::common::purchase::Purchase;

/// A command, and what stood there before.
pub struct Case {
    pub words: Vec<String>,
    /// What the scratch directory looks like before each run.
    pub before: Test,
    /// What it makes is another thing each time: then a peer says whether it is whole.
    pub random: bool,
    /// How it ends when it is given once more after it has done its work.
    pub again: i32,
}

impl Case {
    fn new(words: &str, more: &[&str]) -> Case {
        let before = Test::new();
        std::fs::create_dir(before.path("dir")).unwrap();
        let words = words.split(' ').chain(more.iter().copied()).map(str::to_owned).collect();
        Case { words, before, random: false, again: 0 }
    }

    /// The file of this name is written, and another one stands there already.
    fn to(mut self, name: &str) -> Case {
        self.words.extend(["-o".to_owned(), name.to_owned()]);
        self.with(name, "old")
    }

    fn random(self) -> Case {
        Case { random: true, ..self }
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Case {
        self.before.file(name, content);
        self.before.chmod(name, 0o644);
        self
    }

    /// After these commands.
    fn after(self, runs: &[&str]) -> Case {
        for words in runs {
            self.before.run(words.split(' ')).exits(0);
        }
        self
    }
}

/// The server answers as long as it is there.
pub fn all() -> (Vec<Case>, Server) {
    let mut cases = vec![
        Case::new("key new --type ecdsa", &[]).to("dir/target.key").random(),
        Case::new("csr new a.example --key dir/new.key --type ecdsa", &[]).to("dir/target.csr").random(),
        Case::new("cert self-signed a.example --key dir/new.key --type ecdsa", &[]).to("dir/target.pem").random(),
        Case::new("dhparam new", &[]).to("dir/target"),
        Case::new("dhparam convert old.dat", &[]).to("dir/target").with("old.dat", ssl_parameters()),
        Case::new("perms fix dir", &[])
            .with("dir/a.key", "-----BEGIN PRIVATE KEY-----\n")
            .with("dir/b.key", "-----BEGIN PRIVATE KEY-----\n"),
    ];
    cases.extend(purchased());
    cases.extend(of_a_ca());
    let (lists, server) = lists();
    cases.extend(lists);
    (cases, server)
}

/// With the files of a purchase.
fn purchased() -> Vec<Case> {
    let purchase = Purchase::ecdsa();
    let [zip, key, root] = [&purchase.zip, &purchase.key, &purchase.root].map(|path| path.to_str().unwrap());
    vec![
        Case::new("key convert --to traditional", &[key]).to("dir/target"),
        Case::new("cert convert --to p7b", &[zip]).to("dir/target"),
        Case::new("chain build", &[zip, "--key", key, "--trust", root]).to("dir/target"),
        Case::new("chain show", &[zip, "--trust", root]).to("dir/target"),
        Case::new("bundle keycert", &[key, zip]).to("dir/target"),
        Case::new(
            "prepare dovecot --server-version 2.3.19 --name mail.example.org --apply --dir dir",
            &[zip, "--key", key, "--trust", root],
        ),
    ]
}

fn of_a_ca() -> Vec<Case> {
    let init = "ca init dir/ca --cn Root --type ecdsa --no-passphrase";
    let alice = "ca issue alice --ca dir/ca --profile client --type ecdsa -o .";
    vec![
        // pkit replaces no CA, not even with --force.
        Case { again: 4, ..Case::new(init, &[]).random() },
        Case::new("ca sign mail.csr --ca dir/ca", &[])
            .to("dir/target.pem")
            .after(&[init, "csr new a.example --key mail.key --type ecdsa -o mail.csr"])
            .random(),
        Case::new("ca issue b.example --ca dir/ca --type ecdsa -o dir", &[]).after(&[init]).random(),
        Case::new("ca revoke alice.pem --ca dir/ca", &[]).after(&[init, alice]).random(),
        Case::new("ca crl --ca dir/ca --reissue", &[]).to("dir/target.crl").after(&[init]).random(),
    ]
}

/// With a CA whose list is on a server.
fn lists() -> (Vec<Case>, Server) {
    let (server, ca) = (Server::start(), Authority::root("Client CA"));
    let list = ca.crl(&Crl::default());
    server.serves("/ca/clients.crl", list.clone());
    let client = ca.leaf_with(&["alice"], |p| p.custom_extensions = vec![crl_at(&[&server.url("/ca/clients.crl")])]);
    let cases = vec![
        Case::new("crl convert list.crl", &[]).to("dir/target").with("list.crl", &list),
        Case::new("crl fetch client.pem --trust ca.pem -o dir", &[])
            .with("client.pem", client.pem())
            .with("ca.pem", ca.pem()),
        Case::new("bundle dovecot-ca ca.pem list.pem", &[])
            .to("dir/target")
            .with("ca.pem", ca.pem())
            .with("list.pem", crl_pem(&list)),
        Case::new("bundle cadir dir ca.pem", &[]).with("ca.pem", ca.pem()),
    ];
    (cases, server)
}

/// Parameters as Dovecot 2.2 leaves them.
fn ssl_parameters() -> Vec<u8> {
    let der = pkit::material::dh::Group::Ffdhe2048.params().to_der();
    let length = u32::try_from(der.len()).unwrap();
    [&2048u32.to_le_bytes()[..], &length.to_le_bytes(), &der, &[0; 4]].concat()
}
