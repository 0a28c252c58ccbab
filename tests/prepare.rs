//! `pkit prepare`: from what a CA sent to the files and words of a server. Here is what it shows and writes; that real servers
//! serve it is proven in `servers`.

mod encrypted;
mod inputs;
mod refusals;

use std::fs;
use std::path::PathBuf;

use crate::common::pki::{Authority, Leaf};
use crate::common::{self, Ran, Test};

/// root -> Example CA -> leaf for `mail.example.org`, and a scratch directory with what the CA sent, the key and the root.
struct Order {
    test: Test,
    root: Authority,
    ca: Authority,
    leaf: Leaf,
}

impl Order {
    fn new() -> Order {
        Order::of(|ca| ca.leaf(&["mail.example.org", "imap.example.org"]))
    }

    /// With another leaf.
    fn of(issue: impl FnOnce(&Authority) -> Leaf) -> Order {
        let root = Authority::root("Example Root");
        let ca = root.below("Example CA");
        let leaf = issue(&ca);
        let test = Test::new();
        test.file("sent.pem", ca.pem() + &leaf.pem());
        test.file("mail.key", leaf.key_pem());
        test.file("root.pem", root.pem());
        Order { test, root, ca, leaf }
    }

    /// For a Dovecot that need not be installed, below the scratch directory.
    fn prepare(&self, args: &[&str]) -> Ran {
        self.test.run([SETTINGS, args].concat())
    }

    /// The same with everything that the CA sent.
    fn prepare_sent(&self, args: &[&str]) -> Ran {
        self.prepare(&[&["sent.pem", "--key", "mail.key"], args].concat())
    }

    /// What a server should send.
    fn chain(&self) -> String {
        self.leaf.pem() + &self.ca.pem()
    }

    /// Another certificate for the same name, and its key, in the place of the first.
    fn renew(&mut self) {
        self.leaf = self.ca.leaf(&["mail.example.org"]);
        self.test.file("sent.pem", self.ca.pem() + &self.leaf.pem());
        self.test.file("mail.key", self.leaf.key_pem());
    }

    /// The version in use must be this one, with the leaf's key and chain in it.
    #[track_caller]
    fn serves(&self, version: &str) {
        assert_eq!(fs::read_link(self.test.path("ssl/pkit/mail.example.org/current")).unwrap(), PathBuf::from(version));
        assert_eq!(self.test.text(SET.to_owned() + "/current/fullchain.pem"), self.chain());
        assert_eq!(self.test.text(SET.to_owned() + "/current/privkey.pem"), self.leaf.key_pem());
    }
}

#[test]
fn the_plan_is_shown_and_nothing_is_written() {
    let order = Order::new();
    let before = order.test.snapshot();
    let set = order.test.path(SET);
    let ran = order.prepare_sent(&[]).exits(0).out_has("run again with --apply");
    for file in ["0001/fullchain.pem (0444 ", "0001/privkey.pem (0400 ", "current (-> 0001)"] {
        assert!(ran.stdout.contains(&format!("  would write {}/{file}", set.display())), "{file}: {}", ran.stdout);
    }
    assert!(ran.stdout.contains(&format!("  ssl_cert = <{}/current/fullchain.pem\n", set.display())), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("  ssl_key = <{}/current/privkey.pem\n", set.display())), "{}", ran.stdout);
    assert_eq!(order.test.snapshot(), before);
    let json = order.prepare_sent(&["--json"]).exits(0).json();
    assert_eq!((&json["dry_run"], &json["changed"]), (&true.into(), &false.into()));
    assert_eq!(order.test.snapshot(), before);
}

#[test]
fn apply_writes_the_chain_and_the_key_under_their_name() {
    let order = Order::new();
    order.prepare_sent(&["--apply"]).exits(0).out_has("wrote ").out_has("then `doveadm reload`");
    order.serves("0001");
    assert_eq!(order.test.mode(SET.to_owned() + "/0001/fullchain.pem"), 0o444);
    assert_eq!(order.test.mode(SET.to_owned() + "/0001/privkey.pem"), 0o400);
}

#[test]
fn the_same_again_changes_nothing() {
    let order = Order::new();
    order.prepare_sent(&["--apply", "--detailed-exitcode"]).exits(10);
    let before = order.test.snapshot();
    order.prepare_sent(&["--apply", "--detailed-exitcode"]).exits(0).out_has("unchanged ");
    let json = order.prepare_sent(&["--apply", "--json"]).exits(0).json();
    assert_eq!((&json["changed"], &json["result"]["plan"][0]["action"]), (&false.into(), &"unchanged".into()));
    assert_eq!(order.test.snapshot(), before);
}

#[test]
fn another_key_replaces_the_set_only_by_force_and_the_old_one_stays() {
    let mut order = Order::new();
    order.prepare_sent(&["--apply"]).exits(0);
    let first = (order.chain(), order.leaf.key_pem());
    order.renew();
    let before = order.test.snapshot();
    order.prepare_sent(&["--apply"]).exits(4).err_has("error[set-exists]").err_has("nothing was changed");
    order.prepare_sent(&[]).exits(4).err_has("error[set-exists]");
    order.prepare_sent(&["--force", "--apply", "--dry-run"]).exits(0).out_has("would replace ").out_has("-> 0002");
    assert_eq!(order.test.snapshot(), before);
    order.prepare_sent(&["--force", "--apply"]).exits(0);
    order.serves("0002");
    let old = |name: &str| order.test.text(SET.to_owned() + "/0001/" + name);
    assert_eq!((old("fullchain.pem"), old("privkey.pem")), first);
}

#[test]
fn a_dry_run_writes_nothing_even_with_apply() {
    let order = Order::new();
    let before = order.test.snapshot();
    order.prepare_sent(&["--apply", "-n"]).exits(0).out_has("would write ");
    assert_eq!(order.test.snapshot(), before);
}

#[test]
fn programs_get_what_was_found_planned_and_said() {
    let order = Order::new();
    order.test.file("readme.txt", "Install these.\n");
    let json = order.prepare_sent(&["readme.txt", "--apply", "--json"]).exits(0).json();
    let result = &json["result"];
    let roles: Vec<_> = result["inputs"].as_array().unwrap().iter().map(|i| (&i["kind"], &i["role"])).collect();
    let certificate = serde_json::Value::from("certificate");
    let unused = (&"other".into(), &serde_json::Value::Null);
    assert_eq!(roles, [(&certificate, &"intermediate".into()), (&certificate, &"leaf".into()), unused]);
    assert_eq!(result["inputs"][0]["path"], "sent.pem");
    assert_eq!(result["inputs"][0]["format"], "PEM");
    assert_eq!(result["leaf"]["serial_number"], order.leaf.serial.to_string());
    assert_eq!(result["leaf"]["subject_alt_name"], serde_json::json!(["DNS:mail.example.org", "DNS:imap.example.org"]));
    assert_eq!(result["chain"][1]["subject"], "CN=Example CA");
    assert_eq!(result["trust"]["anchored"], true);
    let plan: Vec<_> = result["plan"].as_array().unwrap().iter().map(|p| (&p["mode"], &p["action"])).collect();
    let (create, link) = ("create".into(), serde_json::Value::Null);
    assert_eq!(plan, [(&"0444".into(), &create), (&"0400".into(), &create), (&link, &create)]);
    let (path, set) = (result["plan"][2]["path"].as_str().unwrap(), order.test.path(SET));
    assert_eq!(PathBuf::from(path), set.join("current"));
    assert!(result["directives"].as_str().unwrap().contains("\nssl = required\n"));
    assert!(!json.to_string().contains("PRIVATE KEY"));
}

#[test]
fn quiet_says_nothing_where_all_is_well_and_everything_where_not() {
    let mut order = Order::new();
    for _ in 0..2 {
        let ran = order.prepare_sent(&["--apply", "-q"]).exits(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }
    order.renew();
    order.prepare_sent(&["--apply", "-q"]).exits(4).err_has("error[set-exists]");
    order.prepare_sent(&["-q", "--at", "1970-01-01"]).exits(1).err_has("error[cert-not-yet-valid]");
}

#[test]
fn each_server_is_told_in_its_own_words() {
    let order = Order::new();
    let prepare = |server, version| {
        let sent =
            ["sent.pem", "--key", "mail.key", "--trust", "root.pem", "--dir", "ssl", "--server-version", version];
        order.test.run([&["prepare", server], &sent[..]].concat()).exits(0)
    };
    prepare("dovecot", "2.4.1").out_has("  ssl_server_cert_file = /");
    prepare("nginx", "1.22.1").out_has("  ssl_certificate_key /");
    // A server on a public port must also take mail without TLS.
    prepare("postfix", "3.7").out_has("smtpd_tls_security_level = may\n").out_has("/current/postfix.pem\n");
}

#[test]
fn a_server_whose_user_is_not_known_or_could_not_get_to_the_key_is_refused() {
    let order = Order::new();
    let (before, build) = (order.test.snapshot(), ["--server-version", "5.0.13", "--tls-library", "gnutls", "--apply"]);
    let prepare = |server: &str, dir: &str| {
        let files = ["sent.pem", "--key", "mail.key", "--trust", "root.pem", "--dir", dir];
        order.test.run([&["prepare", server], &files[..], &build].concat())
    };
    if !known("courier") {
        prepare("courier", "ssl").exits(3).err_has("error[key-reader-unknown]").err_has("the user courier");
    }
    if known("openldap") {
        order.test.file("closed/.keep", "");
        order.test.chmod("closed", 0o700);
        prepare("openldap", "closed").exits(4).err_has("error[key-reader-shut-out]").err_has("the user openldap");
        std::fs::remove_dir_all(order.test.path("closed")).unwrap();
    }
    assert_eq!(order.test.snapshot(), before);
}

/// One set, in which each server has what it wants: one file, or a copy that its user owns.
#[test]
fn several_servers_are_prepared_at_once_and_later_ones_are_added() {
    if !common::root() || !known("openldap") {
        return;
    }
    let order = Order::new();
    order.test.chmod("", 0o711);
    let dir = order.test.path(SET);
    let of = |servers: &str, more: &[&str]| {
        let build = [
            "--server-version",
            "dovecot=2.4.1,postfix=3.7,openldap=2.5,apache=2.4.62",
            "--tls-library",
            "openldap=gnutls",
        ];
        let files = ["sent.pem", "--key", "mail.key", "--trust", "root.pem", "--dir", "ssl"];
        order.test.run([&["prepare", servers], &files[..], &build, more].concat())
    };
    of("dovecot,postfix,openldap,apache", &[]).exits(0).out_has("privkey-openldap.pem (0400 openldap:openldap, ");
    let json = of("dovecot,postfix,openldap,apache", &["--apply", "--json"]).exits(0).json();
    order.serves("0001");
    let set = |name: &str| format!("{SET}/current/{name}");
    assert_eq!(order.test.text(set("postfix.pem")), order.leaf.key_pem() + &order.chain());
    assert_eq!(order.test.text(set("privkey-openldap.pem")), order.leaf.key_pem());
    let owner = order.test.peer("stat", ["-L", "-c", "%U:%G %a", &set("privkey-openldap.pem")]).exits(0).stdout;
    assert_eq!(owner, "openldap:openldap 400\n");
    let told: Vec<String> =
        json["result"]["servers"].as_array().unwrap().iter().map(|s| s["files"][0]["content"].to_string()).collect();
    let (current, names) = (dir.join("current"), ["mail.example.org", "imap.example.org"]);
    let path = |name: &str| current.join(name).display().to_string();
    assert!(told[0].contains(&format!("ssl_server_key_file = {}", path("privkey.pem"))), "{}", told[0]);
    assert!(told[1].contains(&format!("smtpd_tls_chain_files = {}\\n", path("postfix.pem"))), "{}", told[1]);
    assert!(told[2].contains(&format!("olcTLSCertificateKeyFile: {}", path("privkey-openldap.pem"))), "{}", told[2]);
    assert!(told[3].contains(&format!("ServerName {}\\n  ServerAlias {}", names[0], names[1])), "{}", told[3]);
    // What is there for others is no obstacle, and what is missing is added.
    of("dovecot", &["--apply", "--detailed-exitcode"]).exits(0).out_has("unchanged ");
    std::fs::remove_dir_all(order.test.path("ssl")).unwrap();
    of("dovecot", &["--apply"]).exits(0);
    of("dovecot,openldap", &["--apply"]).exits(0).out_has("current (-> 0002)");
    of("postfix", &["--apply"]).exits(4).err_has("error[set-exists]");
    of("dovecot,postfix", &["--server-version", "2.3"]).exits(2).err_has("dovecot=2.4.1,postfix=3.10");
}

/// Does this system know the user?
fn known(user: &str) -> bool {
    std::fs::read_to_string("/etc/passwd").unwrap().lines().any(|line| line.starts_with(&format!("{user}:")))
}

#[test]
fn a_wildcard_is_kept_under_the_bare_name_unless_a_name_is_given() {
    let order = Order::of(|ca| ca.leaf(&["*.example.org"]));
    order.prepare_sent(&["--apply"]).exits(0);
    assert!(order.test.exists("ssl/pkit/example.org/current"));
    order.prepare_sent(&["--apply", "--name", "mail.example.org"]).exits(0);
    order.serves("0001");
    order.prepare_sent(&["--apply", "--name", "a.b.example.org"]).exits(1).err_has("error[name-mismatch]");
}

const SETTINGS: &[&str] = &["prepare", "dovecot", "--server-version", "2.3.19", "--trust", "root.pem", "--dir", "ssl"];
const SET: &str = "ssl/pkit/mail.example.org";
