//! Bundles by clients: who logs in at a real Dovecot is who `bundle check --client` says logs in, in every cell. `openssl verify
//! -crl_check_all` fills the same matrix where no Dovecot can be started, and faster.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pkit::material::der;
use rcgen::ExtendedKeyUsagePurpose;

use crate::common::pki::{Authority, Crl, Leaf, cert_pem, crl_pem, extension, pem};
use crate::common::{Test, have, scaled};
use crate::servers::dovecot::Dovecot;
use crate::servers::{Client, Pki, System};

/// root -> intermediate -> issuing, and a CA that the intermediate has revoked; clients of each of them.
struct Matrix {
    test: Test,
    root: Authority,
    intermediate: Authority,
    issuing: Authority,
    fallen: Authority,
    foreign: Authority,
    /// Serial number of the client that the issuing CA has revoked.
    revoked: u64,
    /// Serial number of the certificate of `fallen`.
    fallen_serial: u64,
    /// Name of each client; its certificate, with what it sends behind it, is `NAME.pem`, and its key `NAME.key`.
    clients: Vec<&'static str>,
}

impl Matrix {
    fn new() -> Matrix {
        let root = Authority::root("Matrix Root");
        let intermediate = root.below("Matrix Intermediate");
        let issuing = intermediate.below("Matrix Issuing");
        let fallen = intermediate.below("Matrix Fallen");
        let foreign = Authority::root("Matrix Stranger");
        let revoked = issuing.leaf(&["revoked"]);
        let serial = &pkit::material::cert::Cert::from_der(&fallen.der).unwrap().serial;
        let fallen_serial = serial.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        let (serial, test) = (revoked.serial, Test::new());
        let mut m = Matrix {
            test,
            root,
            intermediate,
            issuing,
            fallen,
            foreign,
            revoked: serial,
            fallen_serial,
            clients: Vec::new(),
        };
        let above = [m.issuing.pem(), m.intermediate.pem()].concat();
        let server =
            |p: &mut rcgen::CertificateParams| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let late = |p: &mut rcgen::CertificateParams| p.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let clients = [
            ("good", m.issuing.leaf(&["good"]), String::new()),
            ("sends-its-chain", m.issuing.leaf(&["sends"]), above),
            ("revoked", revoked, String::new()),
            ("of-the-intermediate", m.intermediate.leaf(&["intermediate"]), String::new()),
            ("of-the-fallen", m.fallen.leaf(&["fallen"]), m.fallen.pem()),
            ("stranger", m.foreign.leaf(&["stranger"]), m.foreign.pem()),
            ("server-only", m.issuing.leaf_with(&["server"], server), String::new()),
            ("expired", m.issuing.leaf_with(&["expired"], late), String::new()),
        ];
        for (name, leaf, above) in clients {
            m.client(name, &leaf, &above);
        }
        m
    }

    fn client(&mut self, name: &'static str, leaf: &Leaf, above: &str) {
        self.test.file(format!("{name}.pem"), leaf.pem() + above);
        self.test.file(format!("{name}.leaf"), leaf.pem());
        self.test.file(format!("{name}.above"), above);
        self.test.file(format!("{name}.key"), leaf.key_pem());
        self.clients.push(name);
    }

    /// A list of this CA with whom it has revoked.
    fn list(&self, ca: &Authority, change: impl FnOnce(&mut Crl)) -> String {
        crl_pem(&self.list_der(ca, change))
    }

    fn list_der(&self, ca: &Authority, change: impl FnOnce(&mut Crl)) -> Vec<u8> {
        let mut list = Crl::default();
        if ca.der == self.issuing.der {
            list.revoked = vec![self.revoked];
        } else if ca.der == self.intermediate.der {
            list.revoked = vec![self.fallen_serial];
        }
        change(&mut list);
        ca.crl(&list)
    }

    /// Name and bytes of every bundle.
    fn bundles(&self) -> Vec<(&'static str, Vec<u8>)> {
        let (r, i, u) = (self.root.pem(), self.intermediate.pem(), self.issuing.pem());
        let list = |ca| self.list(ca, |_| {});
        let (rl, il, ul) = (list(&self.root), list(&self.intermediate), list(&self.issuing));
        let old = self.list(&self.issuing, |l| (l.this_update, l.next_update) = (2018, Some(2019)));
        let early = self.list(&self.issuing, |l| l.this_update = 3000);
        let root_old = self.list(&self.root, |l| (l.this_update, l.next_update) = (2018, Some(2019)));
        let before = self.list(&self.issuing, |l| (l.this_update, l.revoked) = (2019, vec![]));
        let twin = self.list(&self.issuing, |l| (l.number, l.revoked) = (2, vec![]));
        let endless = self.list(&self.issuing, |l| l.next_update = None);
        let delta = self.list(&self.issuing, |l| (l.this_update, l.delta, l.revoked) = (2021, Some(1), vec![]));
        let scoped = |field: &[u8]| self.list(&self.issuing, |l| (l.this_update, l.extensions) = (2021, scope(field)));
        let users = scoped(&[0x81, 1, 0xff]);
        let authorities = scoped(&[0x82, 1, 0xff]);
        let reasons = scoped(&[0x83, 2, 6, 0x40]);
        let indirect = scoped(&[0x84, 1, 0xff]);
        let attributes = scoped(&[0x85, 1, 0xff]);
        let strange = self.list(&self.foreign, |_| {});
        let impostor = crl_pem(&Authority::root("Matrix Issuing").crl(&Crl { this_update: 2022, ..Crl::default() }));
        let revokes_itself = self.list(&self.root, |l| l.revoked = vec![serial_of(&self.root)]);
        let binary = self.list_der(&self.issuing, |_| {});
        let cas = [&u[..], &i, &r].concat();
        let whole = [&u[..], &ul, &i, &il, &r, &rl].concat();
        let text = |parts: &[&str]| parts.concat().into_bytes();
        let truncated = whole[..whole.len() - 40].to_owned();
        vec![
            ("the manual's order", whole.clone().into_bytes()),
            ("root first", text(&[&r, &rl, &i, &il, &u, &ul])),
            ("all lists, then all CAs", text(&[&ul, &il, &rl, &cas])),
            ("no list at all", text(&[&cas])),
            ("the issuing CA's list missing", text(&[&cas, &il, &rl])),
            ("the intermediate's list missing", text(&[&cas, &ul, &rl])),
            ("the root's list missing", text(&[&cas, &ul, &il])),
            ("only the issuing CA's list", text(&[&cas, &ul])),
            ("the issuing CA's list expired", text(&[&cas, &old, &il, &rl])),
            ("the issuing CA's list not yet valid", text(&[&cas, &early, &il, &rl])),
            ("the root's list expired", text(&[&cas, &ul, &il, &root_old])),
            ("expired, then fresh", text(&[&cas, &old, &ul, &il, &rl])),
            ("fresh, then not yet valid", text(&[&cas, &ul, &early, &il, &rl])),
            ("older, then newer", text(&[&cas, &before, &ul, &il, &rl])),
            ("newer, then older", text(&[&cas, &ul, &before, &il, &rl])),
            ("of one second, revoking first", text(&[&cas, &ul, &twin, &il, &rl])),
            ("of one second, revoking last", text(&[&cas, &twin, &ul, &il, &rl])),
            ("a list without an end", text(&[&cas, &endless, &il, &rl])),
            ("a newer delta", text(&[&cas, &ul, &delta, &il, &rl])),
            ("only a delta", text(&[&cas, &delta, &il, &rl])),
            ("for users only", text(&[&cas, &users, &il, &rl])),
            ("for authorities only", text(&[&cas, &authorities, &il, &rl])),
            ("for some reasons only", text(&[&cas, &reasons, &il, &rl])),
            ("indirect", text(&[&cas, &indirect, &il, &rl])),
            ("for attributes only", text(&[&cas, &attributes, &il, &rl])),
            ("a newer one for some reasons only", text(&[&cas, &ul, &reasons, &il, &rl])),
            ("a newer one for authorities only", text(&[&cas, &ul, &authorities, &il, &rl])),
            ("a newer one for users only", text(&[&cas, &ul, &users, &il, &rl])),
            ("a stranger's list", text(&[&whole, &strange])),
            ("a newer list in the CA's name by another key", text(&[&whole, &impostor])),
            ("the root on its own list", text(&[&cas, &ul, &il, &revokes_itself])),
            ("root missing", text(&[&u, &ul, &i, &il, &rl])),
            ("intermediate missing", text(&[&u, &ul, &il, &r, &rl])),
            ("only the root and its list", text(&[&r, &rl])),
            ("only the root, and every list", text(&[&r, &rl, &il, &ul])),
            ("a client's certificate inside", text(&[&self.test.text("good.leaf"), &whole])),
            ("also the stranger's CA", text(&[&whole, &self.foreign.pem(), &strange])),
            ("also the fallen CA", text(&[&whole, &self.fallen.pem(), &self.list(&self.fallen, |_| {})])),
            ("DER behind", [whole.as_bytes(), &binary].concat()),
            ("DER between", [cas.as_bytes(), &binary, il.as_bytes(), rl.as_bytes()].concat()),
            ("DOS line ends", whole.replace('\n', "\r\n").into_bytes()),
            ("a byte order mark", text(&["\u{feff}", &whole])),
            ("words between", whole.replace("-----BEGIN", "subject=CN = somebody\n-----BEGIN").into_bytes()),
            ("glued", whole.replace("-----\n-----", "----------").into_bytes()),
            ("indented", whole.lines().flat_map(|line| ["  ", line, "\n"]).collect::<String>().into_bytes()),
            ("cut off", truncated.into_bytes()),
            ("the root trusted for clients", self.with_root(&whole, &[CLIENTS], &[])),
            ("the root trusted for servers", self.with_root(&whole, &[SERVERS], &[])),
            ("the root rejected for clients", self.with_root(&whole, &[], &[CLIENTS])),
            ("the root rejected for servers", self.with_root(&whole, &[], &[SERVERS])),
        ]
    }

    /// The bundle with OpenSSL's trust settings behind the root: purposes that it is trusted for, and those that it is not.
    fn with_root(&self, bundle: &str, trusted: &[&[u8]], rejected: &[&[u8]]) -> Vec<u8> {
        let list =
            |purposes: &[&[u8]]| purposes.iter().flat_map(|oid| der::tlv(der::tag::OID, oid)).collect::<Vec<u8>>();
        let trusted = if trusted.is_empty() { Vec::new() } else { der::sequence(&[&list(trusted)]) };
        let rejected = if rejected.is_empty() { Vec::new() } else { der::tlv(0xa0, &list(rejected)) };
        let marked = [&self.root.der[..], &der::sequence(&[&trusted, &rejected])].concat();
        bundle.replace(&self.root.pem(), &pem("TRUSTED CERTIFICATE", &marked)).into_bytes()
    }

    /// What bundles by chance are made of: first the six that every good one has.
    fn parts(&self) -> Vec<String> {
        let cas = [&self.root, &self.intermediate, &self.issuing];
        let mut parts: Vec<String> = cas.map(|ca| [ca.pem(), self.list(ca, |_| {})]).concat();
        for ca in cas {
            parts.push(self.list(ca, |l| (l.this_update, l.revoked) = (2019, vec![])));
            parts.push(self.list(ca, |l| (l.this_update, l.next_update) = (2018, Some(2019))));
            parts.push(self.list(ca, |l| l.this_update = 3000));
            parts.push(self.list(ca, |l| (l.number, l.revoked) = (2, vec![])));
        }
        let sideways = cert_pem(&self.foreign.cross_sign(&self.issuing, |_| {}));
        let same_name = Authority::root("Matrix Intermediate").pem();
        let strangers = [self.foreign.pem(), self.list(&self.foreign, |_| {}), self.fallen.pem(), sideways, same_name];
        parts.extend(strangers);
        parts.push(self.list(&self.fallen, |_| {}));
        parts.push(crl_pem(&Authority::root("Matrix Root").crl(&Crl { this_update: 2019, ..Crl::default() })));
        parts.push(self.test.text("good.leaf"));
        parts
    }

    /// What is wrong with what `bundle check --client` says, where this is what happens.
    fn misjudged(&self, (name, file): (&str, &str), client: &str, admitted: bool) -> Option<String> {
        let ran = self.test.run(["bundle", "check", file, "--client", &format!("{client}.pem"), "--json"]);
        let predicted = ran.json()["result"]["client"]["admitted"].as_bool();
        let wrong = match predicted {
            Some(predicted) => predicted != admitted,
            None => !DEPENDS.contains(&name),
        };
        wrong.then(|| format!("{name}, {client}: {predicted:?} was said, {admitted} is so"))
    }
}

fn serial_of(ca: &Authority) -> u64 {
    let cert = pkit::material::cert::Cert::from_der(&ca.der).unwrap();
    cert.serial.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

#[test]
fn openssl_lets_in_whom_check_says() {
    let m = Matrix::new();
    agrees_with_openssl(&m, m.bundles());
}

/// Any parts in any order.
#[test]
fn openssl_agrees_on_bundles_made_by_chance() {
    let m = Matrix::new();
    let mut seed = std::process::id();
    eprintln!("seed {seed}");
    let mut chance = |sides: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % sides
    };
    let mut bundles = Vec::new();
    for _ in 0..scaled(30) {
        let mut parts = m.parts();
        // Most bundles have most of what they need, or nobody would ever get in.
        let needed = 6;
        let mut kept: Vec<String> = parts.drain(..needed).filter(|_| chance(12) > 0).collect();
        kept.extend(parts.into_iter().filter(|_| chance(4) == 0));
        for n in (1..kept.len()).rev() {
            kept.swap(n, chance(n + 1));
        }
        bundles.push(("by chance", kept.concat().into_bytes()));
    }
    agrees_with_openssl(&m, bundles);
}

/// An issuingDistributionPoint with one field (RFC 5280 section 5.2.5).
fn scope(field: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1d, 28], true, &der::sequence(&[field]))
}

fn agrees_with_openssl(m: &Matrix, bundles: Vec<(&str, Vec<u8>)>) {
    if !have("openssl") {
        return;
    }
    let mut wrong = Vec::new();
    for (n, (name, bytes)) in bundles.into_iter().enumerate() {
        let file = format!("{n}.pem");
        m.test.file(&file, &bytes);
        for client in &m.clients {
            let words = format!(
                "verify -crl_check_all -purpose sslclient -no-CApath -no-CAstore -CAfile {file} -untrusted {client}.pem {client}.leaf"
            );
            let ran = m.test.peer("openssl", words.split(' '));
            let more = |what: String| format!("{what}: {}\n{}", ran.stderr, String::from_utf8_lossy(&bytes));
            wrong.extend(m.misjudged((name, &file), client, ran.exit == 0).map(more));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dovecot_2_3_lets_in_whom_check_says() {
    logs_in_as_predicted(System::Bookworm, |ca, server| {
        format!(
            "ssl = required\nssl_cert = <{}\nssl_key = <{}\nssl_ca = <{}\nssl_verify_client_cert = yes\nauth_ssl_require_client_cert = yes\n",
            server.fullchain.display(),
            server.key.display(),
            ca.display(),
        )
    });
}

#[test]
fn dovecot_2_4_lets_in_whom_check_says() {
    logs_in_as_predicted(System::Trixie, |ca, server| {
        format!(
            "ssl = required\nssl_server_cert_file = {}\nssl_server_key_file = {}\nssl_server_ca_file = {}\nssl_server_request_client_cert = yes\nauth_ssl_require_client_cert = yes\n",
            server.fullchain.display(),
            server.key.display(),
            ca.display(),
        )
    });
}

/// One Dovecot for each bundle, several at a time; every client tries to log in at each.
fn logs_in_as_predicted(system: System, settings: impl Fn(PathBuf, &Pki) -> String + Sync) {
    let m = Matrix::new();
    let bundles = m.bundles();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let work = || {
        while let Some((name, bytes)) = bundles.get(next.fetch_add(1, Ordering::Relaxed)) {
            let server = Test::new();
            let pki = Pki::new(&server);
            let ca = server.file("ca.pem", bytes);
            // 2.4 does not start with a file that it cannot read: nobody gets in.
            let started = matches!(system, System::Bookworm) || !bytes.contains(&0);
            let dovecot = if started {
                let Some(dovecot) = Dovecot::start(system, &server, &settings(ca.clone(), &pki)) else { return };
                Some(dovecot)
            } else {
                None
            };
            for client in &m.clients {
                let admitted = dovecot.as_ref().is_some_and(|d| logs_in(&m, &pki, d, client));
                wrong.lock().unwrap().extend(m.misjudged((name, ca.to_str().unwrap()), client, admitted));
            }
        }
    };
    std::thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn logs_in(m: &Matrix, pki: &Pki, dovecot: &Dovecot, client: &str) -> bool {
    let [leaf, key, above] = ["leaf", "key", "above"].map(|part| m.test.path(format!("{client}.{part}")));
    let sending = Client::trusting(&pki.root).presenting(&leaf, &key);
    let sending = if m.test.text(format!("{client}.above")).is_empty() { sending } else { sending.sending(&above) };
    sending.imap_login(dovecot.imaps, "alice", "secret").output.contains("a OK")
}

/// What is read differently by different builds of OpenSSL or Dovecot, so that for some clients no answer holds for all.
const DEPENDS: [&str; 3] = ["a newer delta", "only a delta", "DER behind"];
/// id-kp-clientAuth and id-kp-serverAuth.
const CLIENTS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const SERVERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const WORKERS: usize = 3;
