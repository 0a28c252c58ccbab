//! What would not work is refused with the reason, and every file stays exactly as it was: also the set that is served already.

use std::fs::File;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, SanType, date_time_ymd};

use super::{Order, SETTINGS};
use crate::common::pki::Authority;
use crate::common::{Ran, Test, have, keys, root};

impl Order {
    /// Written over a set that is served already, with every right to do so: must end with this code and change nothing.
    #[track_caller]
    fn refuses(&self, args: &[&str], exit: i32, code: &str) {
        let args = [args, &["--apply", "--force"]].concat();
        let before = self.test.snapshot();
        let ran = self.prepare(&args).exits(exit).err_has(&format!("error[{code}]"));
        assert!(ran.stderr.contains("hint: ") || ran.stderr.contains("= help: "), "{}", ran.stderr);
        assert!(!ran.stdout.contains("wrote"), "{}", ran.stdout);
        assert_eq!(self.test.snapshot(), before);
        let json = self.prepare(&[&args[..], &["--json"]].concat()).exits(exit).json();
        assert_eq!((&json["exit"], &json["changed"]), (&exit.into(), &false.into()));
        let told = json["findings"].as_array().unwrap().iter().map(|f| &f["id"]).chain([&json["error"]["id"]]);
        assert!(told.into_iter().any(|id| id == code), "{json}");
    }

    /// The same, for what the CA sent.
    #[track_caller]
    fn refuses_sent(&self, args: &[&str], exit: i32, code: &str) {
        self.refuses(&[&["sent.pem", "--key", "mail.key"], args].concat(), exit, code);
    }
}

/// An order whose leaf differs in something; a good set is served already.
fn order_with(change: impl FnOnce(&mut CertificateParams)) -> Order {
    let mut order = Order::new();
    order.prepare_sent(&["--apply"]).exits(0);
    order.leaf = order.ca.leaf_with(&["mail.example.org"], change);
    order.test.file("sent.pem", order.ca.pem() + &order.leaf.pem());
    order.test.file("mail.key", order.leaf.key_pem());
    order
}

#[test]
fn another_key() {
    let order = order_with(|_| {});
    order.test.file("other.key", Authority::root("Other").leaf(&["mail.example.org"]).key_pem());
    order.refuses(&["sent.pem", "--key", "other.key"], 1, "key-mismatch");
    let ran = order.prepare(&["sent.pem", "--key", "other.key"]);
    for key in ["mail.key", "other.key"] {
        let spki = order.test.run(["key", "inspect", key, "--json"]).json();
        assert!(ran.stderr.contains(spki["result"]["spki_sha256"].as_str().unwrap()), "{key}: {}", ran.stderr);
    }
}

#[test]
fn a_chain_with_a_gap() {
    let order = order_with(|_| {});
    order.test.file("leaf.pem", order.leaf.pem());
    order.refuses(&["leaf.pem", "--key", "mail.key"], 1, "chain-incomplete");
}

#[test]
fn a_certificate_at_the_wrong_time() {
    let order = order_with(|params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
    });
    order.refuses_sent(&["--at", "2030-01-02"], 1, "cert-expired");
    order.refuses_sent(&["--at", "2019-12-31"], 1, "cert-not-yet-valid");
    order.prepare_sent(&["--at", "2029-12-25"]).exits(4).err_has("error[set-exists]");
}

/// A program finds the same fields as where all is well.
#[test]
fn a_refusal_has_an_empty_plan_and_nothing_to_paste() {
    let json = Order::new().prepare_sent(&["--at", "1970-01-01", "--json"]).exits(1).json();
    assert_eq!((&json["dry_run"], &json["ok"]), (&true.into(), &false.into()));
    let fields: Vec<_> = json["result"].as_object().unwrap().keys().map(String::as_str).collect();
    for field in ["inputs", "leaf", "chain", "trust", "plan", "directives"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
    assert_eq!((&json["result"]["plan"], &json["changes"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn a_certificate_for_another_name() {
    order_with(|_| {}).refuses_sent(&["--name", "www.example.org"], 1, "name-mismatch");
}

#[test]
fn a_root_that_nobody_trusts_unless_that_is_accepted() {
    let order = order_with(|_| {});
    order.test.file("root.pem", Authority::root("Other").pem());
    order.test.file("with-root.pem", order.test.text("sent.pem") + &order.root.pem());
    order.refuses(&["with-root.pem", "--key", "mail.key"], 1, "not-trusted");
    let accepting = ["with-root.pem", "--key", "mail.key", "--accept", "not-trusted", "--apply", "--force"];
    order.prepare(&accepting).exits(0).err_has("note[not-trusted]");
    order.serves("0002");
}

#[test]
fn accepting_one_finding_accepts_no_other() {
    let order = order_with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    order.refuses_sent(&["--name", "www.example.org", "--accept", "wrong-purpose"], 1, "name-mismatch");
}

#[test]
fn a_certificate_without_names() {
    let order = order_with(|params| params.subject_alt_names.clear());
    order.refuses_sent(&[], 1, "san-missing");
    order.refuses_sent(&["--accept", "san-missing"], 3, "name-needed");
}

#[test]
fn a_certificate_for_clients_only() {
    let order = order_with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    order.refuses_sent(&[], 1, "wrong-purpose");
}

#[test]
fn a_small_key_and_an_old_signature() {
    if !have("openssl") {
        return;
    }
    let order = order_with(|_| {});
    let keys = keys::rsa();
    signed_by_openssl(&order.test, &keys.rsa1024, "-sha256");
    order.refuses_sent(&[], 1, "key-too-small");
    signed_by_openssl(&order.test, &keys.rsa2048, "-sha1");
    order.refuses_sent(&[], 1, "signature-sha1");
    signed_by_openssl(&order.test, &keys.rsa2048, "-sha256");
    order.prepare_sent(&["--apply", "--force"]).exits(0);
}

/// A leaf for this key under a root of its own, in the place of what the CA sent.
fn signed_by_openssl(test: &Test, key: &[u8], digest: &str) {
    test.file("mail.key", key);
    test.file("leaf.ext", "subjectAltName = DNS:mail.example.org\n");
    let openssl = |line: &str| _ = test.peer("openssl", line.split(' ')).exits(0);
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj /CN=Own -out root.pem");
    openssl("req -new -key mail.key -subj /CN=mail.example.org -out mail.csr");
    openssl(&format!("x509 -req -in mail.csr -CA root.pem -CAkey ca.key -extfile leaf.ext {digest} -out sent.pem"));
}

#[test]
fn an_encrypted_key() {
    if !have("openssl") {
        return;
    }
    let order = order_with(|_| {});
    let encrypt = ["pkey", "-in", "mail.key", "-aes128", "-passout", "pass:x", "-out", "encrypted.key"];
    order.test.peer("openssl", encrypt).exits(0);
    order.refuses(&["sent.pem", "--key", "encrypted.key", "--no-input"], 3, "passphrase-needed");
}

#[test]
fn damaged_files() {
    let order = order_with(|_| {});
    let sent = order.test.text("sent.pem");
    order.test.file("cut.pem", &sent[..sent.len() - 40]);
    order.test.file("cut.key", &order.test.text("mail.key")[..90]);
    order.test.file("garbage", [0xfe, 0x00, 0x9b, 0x30].repeat(500));
    order.test.file("empty", "");
    order.refuses(&["cut.pem", "--key", "mail.key"], 3, "pem-truncated");
    order.refuses(&["sent.pem", "--key", "cut.key"], 3, "pem-truncated");
    for nothing in ["garbage", "empty"] {
        order.refuses(&[nothing, "--key", "mail.key"], 3, "no-certificate");
        order.refuses(&["sent.pem", "--key", nothing], 3, "key-not-found");
    }
    order.refuses(&["sent.pem", "no/such/file", "--key", "mail.key"], 3, "file-missing");
    order.refuses(&["sent.pem", "--key", "ssl"], 3, "is-directory");
    order.refuses(&["sent.pem"], 3, "key-not-found");
}

#[test]
fn enormous_files() {
    let order = order_with(|_| {});
    File::create(order.test.path("sparse")).unwrap().set_len(400 << 20).unwrap();
    // Too large for a snapshot.
    order.prepare(&["sparse", "--key", "mail.key", "--apply"]).exits(3).err_has("error[file-too-large]");
    std::fs::remove_file(order.test.path("sparse")).unwrap();
    if have("zip") {
        order.test.file("zeros", vec![0; 80 << 20]);
        order.test.peer("zip", ["-q", "-1", "-m", "bomb.zip", "zeros"]).exits(0);
        order.refuses(&["bomb.zip", "--key", "mail.key"], 3, "archive-broken");
    }
}

#[test]
fn what_may_not_be_read() {
    if !root() {
        return;
    }
    let order = order_with(|_| {});
    order.test.chmod("sent.pem", 0o400);
    let args = [
        "prepare",
        "dovecot",
        "--server-version",
        "2.3.19",
        "sent.pem",
        "--key",
        "mail.key",
        "--dir",
        "ssl",
        "--apply",
    ];
    order.test.run_as_nobody(&args).exits(3).err_has("error[file-unreadable]").err_has("nothing was changed");
}

/// Names come from whoever asked the CA for a certificate: none of them may become a path or a line of configuration.
#[test]
fn hostile_names() {
    let names = ["mail.example.org\nssl = no", "../../../etc", "/etc/passwd", "a b", "mail.example.org\u{0}", ".."];
    let hostile = |more: &'static [&'static str]| {
        order_with(move |params| {
            let all = names.iter().chain(more);
            params.subject_alt_names = all.map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
        })
    };
    hostile(&[]).refuses_sent(&[], 3, "name-needed");
    let order = hostile(&["good.example.org"]);
    let ran = order.prepare_sent(&["--apply"]).exits(0);
    assert!(ran.stdout.lines().all(|line| line.trim() != "ssl = no"), "{}", ran.stdout);
    let mut kept: Vec<_> =
        std::fs::read_dir(order.test.path("ssl/pkit")).unwrap().map(|e| e.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["good.example.org", "mail.example.org"]);
    let json = order.prepare_sent(&["--json"]).exits(0).json();
    assert!(!json["result"]["directives"].as_str().unwrap().contains("ssl = no"));
}

/// Neither may words that were typed, or a directory's name that the server's configuration cannot hold.
#[test]
fn hostile_words() {
    let order = Order::new();
    let before = order.test.snapshot();
    let sent =
        ["prepare", "dovecot", "--server-version", "2.3.19", "sent.pem", "--key", "mail.key", "--trust", "root.pem"];
    let run = |more: &[&str]| order.test.run([&sent, more].concat());
    run(&["--apply", "--dir", "ssl\nssl = no"]).exits(4).err_has("error[setting-unsayable]");
    run(&["--apply", "--name", "../etc"]).exits(2).err_has("not a host name");
    run(&["--apply", "--name", "mail.example.org\nssl = no"]).exits(2).err_has("not a host name");
    assert_eq!(order.test.snapshot(), before);
}

/// Ed448 keys cannot be computed with here; "matches" would be a guess.
#[test]
fn a_key_that_nobody_can_compare() {
    let order = Order::new();
    order.test.peer("openssl", ["genpkey", "-algorithm", "ed448", "-out", "ed448.key"]).exits(0);
    order.refuses(&["sent.pem", "--key", "ed448.key"], 3, "key-not-judged");
    order
        .test
        .run(["chain", "build", "sent.pem", "--key", "ed448.key", "--trust", "root.pem"])
        .exits(3)
        .err_has("key-not-judged");
}

/// What a CA's readme says about its own files is no damage.
#[test]
fn a_readme_that_speaks_of_markers_is_no_damage() {
    let order = Order::new();
    order.test.file(
        "readme.txt",
        "Copy all,\nincluding the -----BEGIN CERTIFICATE----- and -----END CERTIFICATE----- lines.\n",
    );
    order.prepare_sent(&["readme.txt"]).exits(0).err_has("note[pem-in-prose]");
}

#[test]
fn a_code_that_does_not_exist_cannot_be_accepted() {
    Order::new().refuses_sent(&["--accept", "not-trustd"], 2, "usage");
}

/// Another run is at work on the same set: whoever does not want to wait is told so, and nothing is changed.
#[test]
fn a_set_that_another_run_holds_is_waited_for_only_by_who_wants_to() {
    let mut order = Order::new();
    order.prepare_sent(&["--apply"]).exits(0);
    order.renew();
    let lock = File::open(order.test.path("ssl/pkit/mail.example.org/.lock")).unwrap();
    lock.lock().unwrap();
    let before = order.test.snapshot();
    let words = [SETTINGS, &["sent.pem", "--key", "mail.key", "--apply", "--force", "--no-wait"]].concat();
    let mut run = order.test.command(words).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let begin = std::time::Instant::now();
    while run.try_wait().unwrap().is_none() {
        let waits = begin.elapsed() > std::time::Duration::from_secs(20);
        if waits {
            run.kill().unwrap();
        }
        assert!(!waits, "it waits");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ran::of(run.wait_with_output().unwrap()).exits(4).err_has("error[lock-held]");
    assert_eq!(order.test.snapshot(), before);
    drop(lock);
    order.prepare_sent(&["--apply", "--force", "--no-wait"]).exits(0);
}
