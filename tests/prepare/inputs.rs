//! Whatever form the CA's delivery and the key have, the same set comes out.

use super::{Order, SETTINGS};
use crate::common::have;
use crate::common::pki::Authority;

#[test]
fn a_directory() {
    let order = Order::new();
    order.test.file("delivery/mail.cer", &order.leaf.der);
    order.test.file("delivery/more/ca.crt", order.root.pem() + &order.ca.pem());
    order.test.file("delivery/readme.txt", "Install these.\n");
    order.prepare(&["delivery", "--key", "mail.key", "--apply"]).exits(0);
    order.serves("0001");
}

#[test]
fn several_files_and_the_key_among_them() {
    let order = Order::new();
    order.test.file("leaf.der", &order.leaf.der);
    order.test.file("ca.pem", order.ca.pem());
    order
        .prepare(&["mail.key", "ca.pem", "leaf.der", "--apply"])
        .exits(0)
        .out_has("Key    mail.key matches mail.example.org");
    order.serves("0001");
}

#[test]
fn a_zip_with_the_key_in_it() {
    if !have("zip") {
        return;
    }
    let order = Order::new();
    order.test.peer("zip", ["-q", "delivery.zip", "sent.pem", "mail.key"]).exits(0);
    order.prepare(&["delivery.zip", "--apply"]).exits(0);
    order.serves("0001");
}

#[test]
fn pkcs7() {
    if !have("openssl") {
        return;
    }
    let order = Order::new();
    order.test.peer("openssl", ["crl2pkcs7", "-nocrl", "-certfile", "sent.pem", "-out", "sent.p7b"]).exits(0);
    order.prepare(&["sent.p7b", "--key", "mail.key", "--apply"]).exits(0);
    order.serves("0001");
}

#[test]
fn standard_input() {
    let order = Order::new();
    let args = [SETTINGS, &["-", "--key", "mail.key", "--apply"]].concat();
    order.test.run_with_input(args, order.test.text("sent.pem").as_bytes()).exits(0);
    order.serves("0001");
}

/// Of all the keys that lie about, the one that the certificate was made for.
#[test]
fn several_keys() {
    let order = Order::new();
    let stranger = Authority::root("Other Root").leaf(&["mail.example.org"]);
    order.test.file("pile/1.key", stranger.key_pem());
    order.test.file("pile/2.key", order.leaf.key_pem());
    order.prepare(&["pile", "sent.pem", "--apply"]).exits(0).out_has("Key    2.key matches");
    order.serves("0001");
}

/// A key in a server's old form is kept as PKCS#8, which every server reads.
#[test]
fn a_key_in_der_or_sec1() {
    if !have("openssl") {
        return;
    }
    let order = Order::new();
    order.test.peer("openssl", ["pkey", "-in", "mail.key", "-outform", "DER", "-out", "der.key"]).exits(0);
    order.test.peer("openssl", ["ec", "-in", "mail.key", "-out", "sec1.key"]).exits(0);
    for key in ["der.key", "sec1.key"] {
        order.prepare(&["sent.pem", "--key", key, "--apply"]).exits(0);
        order.serves("0001");
    }
}
