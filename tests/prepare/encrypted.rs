//! An encrypted key: written decrypted, as servers start unattended, or kept with its passphrase beside it.

use super::Order;

#[test]
fn an_encrypted_key_is_decrypted_or_kept_with_its_passphrase() {
    let order = Order::new();
    let t = &order.test;
    t.file("pass", "words of the key\n");
    t.chmod("pass", 0o600);
    t.run(["key", "convert", "mail.key", "--encrypt", "--passphrase-file", "pass", "-o", "locked.key"]).exits(0);
    let prepare = ["prepare", "dovecot", "sent.pem", "--key", "locked.key", "--passphrase-file", "pass", "--apply"];
    let rest = ["--trust", "root.pem", "--server-version", "2.3.19"];
    t.run([&prepare[..], &rest, &["--dir", "plain"]].concat()).exits(0);
    let at = |dir: &str, name: &str| format!("{dir}/pkit/mail.example.org/current/{name}");
    let key = t.text(at("plain", "privkey.pem"));
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(t.mode(at("plain", "privkey.pem")), 0o400);
    assert!(!t.exists(at("plain", "privkey.password")));

    let keep = [&prepare[..], &rest, &["--dir", "kept", "--keep-encrypted"]].concat();
    t.run(&keep).exits(0).out_has("ssl_key_password = <").out_has("privkey.password");
    assert_eq!(t.read(at("kept", "privkey.pem")), t.read("locked.key"));
    assert_eq!(t.text(at("kept", "privkey.password")), "words of the key", "no newline");
    assert_eq!(t.mode(at("kept", "privkey.password")), 0o400);
    let before = t.snapshot();
    t.run(&keep).exits(0);
    assert_eq!(t.snapshot(), before, "again is nothing new");
    let plain = ["prepare", "dovecot", "sent.pem", "--key", "mail.key", "--keep-encrypted"];
    t.run([&plain[..], &rest].concat()).exits(3).err_has("error[key-not-encrypted]");
    let postfix = ["prepare", "postfix", "sent.pem", "--key", "locked.key", "--passphrase-file", "pass"];
    let ran = t.run([&postfix[..], &["--trust", "root.pem", "--server-version", "3.7", "--keep-encrypted"]].concat());
    assert_ne!(ran.exit, 0, "Postfix reads no encrypted key");
}
