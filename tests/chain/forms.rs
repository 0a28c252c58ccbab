//! Every form and order in which certificates are handed out.

use std::process::Command;

use super::{Purchase, codes};
use crate::common::pki::Authority;
use crate::common::{Test, have};

#[test]
fn the_order_of_the_pile_does_not_matter() {
    let p = Purchase::new();
    let (leaf, lower, upper, root) = (p.leaf.pem(), p.lower.pem(), p.upper.pem(), p.root.pem());
    for (name, pile) in [
        ("reversed", p.reversed()),
        ("shuffled", lower.clone() + &leaf + &upper),
        ("another way", upper.clone() + &leaf + &lower),
        ("with the root", root.clone() + &upper + &leaf + &lower + &root),
        ("duplicated", p.chain() + &p.reversed() + &leaf),
        ("in order", p.chain()),
    ] {
        p.test.file("pile.pem", pile);
        println!("{name}");
        p.builds(&["pile.pem"]);
    }
    p.builds(&["pile.pem", "pile.pem", "root.pem"]).err_has("note[cert-repeated]");
}

#[test]
fn certificates_that_do_not_belong_are_left_out_and_named() {
    let p = Purchase::new();
    let stranger = Authority::root("Stranger Root");
    p.test.file("pile.pem", stranger.below("Stranger CA").pem() + &p.reversed() + &stranger.pem());
    p.builds(&["pile.pem"]).err_has("note[cert-unused]: `Stranger CA`").err_has("note[cert-unused]: `Stranger Root`");
}

#[test]
fn files_of_one_certificate_each_in_der_and_pem() {
    let p = Purchase::new();
    p.test.file("a.cer", &p.upper.der);
    p.test.file("b.crt", &p.leaf.der);
    p.test.file("c.pem", p.lower.pem());
    p.builds(&["a.cer", "b.crt", "c.pem"]);
}

#[test]
fn a_directory_with_directories_in_it() {
    let p = Purchase::new();
    p.test.file("from-ca/leaf/mail.cer", &p.leaf.der);
    p.test.file("from-ca/z/upper.pem", p.upper.pem());
    p.test.file("from-ca/lower.crt", p.lower.pem());
    p.test.file("from-ca/readme.txt", "Thank you for your order.\n");
    p.builds(&["from-ca"]);
}

#[test]
fn standard_input() {
    let p = Purchase::new();
    for bytes in [p.reversed().into_bytes(), utf16(&p.reversed(), u16::to_le_bytes)] {
        let ran = p.test.run_with_input(["chain", "build", "-", "--trust", "root.pem"], &bytes).exits(0);
        assert_eq!(ran.stdout, p.chain());
    }
}

#[test]
fn pkcs7_in_der_and_pem() {
    if !have("openssl") {
        return;
    }
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed());
    for form in ["DER", "PEM"] {
        let pack = ["crl2pkcs7", "-nocrl", "-certfile", "pile.pem", "-outform", form, "-out", "pile.p7b"];
        p.test.peer("openssl", pack).exits(0);
        p.builds(&["pile.p7b"]);
    }
}

#[test]
fn zip() {
    if !have("zip") {
        return;
    }
    let p = Purchase::new();
    p.test.file("in/order/mail.cer", &p.leaf.der);
    p.test.file("in/order/bundle.crt", p.upper.pem() + &p.lower.pem());
    p.test.file("in/readme.txt", "Install these certificates.\n");
    for (name, options) in [("packed.zip", "-9r"), ("stored.zip", "-0r"), ("without-directories.zip", "-jr")] {
        p.test.peer("zip", ["-q", options, name, "in"]).exits(0);
        p.builds(&[name]);
    }
}

/// The row of a table of damage: a name, what is done to the text, and the codes that must be told.
type Row = (&'static str, fn(&str) -> Vec<u8>, &'static [&'static str]);

/// What people and their programs do to PEM. Nothing is told where servers read the form as well.
const ODD: &[Row] = &[
    ("CRLF", |pem| pem.replace('\n', "\r\n").into(), &[]),
    ("no final newline", |pem| pem.trim_end().into(), &[]),
    ("one long line", one_line, &[]),
    ("text between", |pem| pem.replace("-----BEGIN", "subject=/CN=x\nBag Attributes\n-----BEGIN").into(), &[]),
    ("text around", |pem| format!("Dear customer,\n\n{pem}\nYours: the CA\n").into(), &[]),
    ("trailing blanks", |pem| pem.replace('\n', " \t\n").into(), &[]),
    ("UTF-8 BOM", |pem| format!("\u{feff}{pem}").into(), &["pem-bom"]),
    ("UTF-16 LE", |pem| utf16(pem, u16::to_le_bytes), &["pem-utf16"]),
    ("UTF-16 BE", |pem| utf16(pem, u16::to_be_bytes), &["pem-utf16"]),
    ("glued", |pem| pem.replace("-----\n-----", "----------").into(), &["pem-glued", "pem-glued"]),
    ("indented", |pem| pem.replace('\n', "\n  ").into(), &["pem-indented", "pem-indented", "pem-indented"]),
    ("quoted", |pem| format!("> {}", pem.replace("\n-----B", "\n> -----B")).into(), &["pem-indented"; 3]),
    ("old label", |pem| pem.replace(" CERTIFICATE-", " X509 CERTIFICATE-").into(), &[]),
];

#[test]
fn odd_forms_of_pem_are_read_and_told() {
    let p = Purchase::new();
    for (name, change, told) in ODD {
        println!("{name}");
        p.test.file("pile.pem", change(&p.reversed()));
        p.builds(&["pile.pem"]);
        let ran = p.build(&["pile.pem", "--json"]).exits(0);
        assert_eq!(codes(&ran), *told, "{name}");
        let text = p.build(&["pile.pem"]);
        assert!(told.iter().all(|code| text.stderr.contains(&format!("[{code}]"))), "{name}: {}", text.stderr);
    }
}

#[test]
fn openssl_s_trust_settings_are_left_behind() {
    if !have("openssl") {
        return;
    }
    let p = Purchase::new();
    p.test.file("leaf.pem", p.leaf.pem());
    let mark = "x509 -in leaf.pem -trustout -addtrust serverAuth -setalias mine -out trusted.pem";
    p.test.peer("openssl", mark.split(' ')).exits(0);
    assert!(p.test.text("trusted.pem").contains("BEGIN TRUSTED CERTIFICATE"));
    p.test.file("rest.pem", p.upper.pem() + &p.lower.pem());
    p.builds(&["rest.pem", "trusted.pem"]).err_has("note[pem-trusted-label]");
}

#[test]
fn other_things_in_the_pile_do_not_disturb() {
    let p = Purchase::new();
    let pile = p.leaf.key_pem() + &p.reversed() + &crate::common::pki::crl_pem(&p.root.crl(&Default::default()));
    p.test.file("pile.pem", pile);
    let ran = p.builds(&["pile.pem"]);
    assert!(!ran.stdout.contains("PRIVATE") && !ran.stderr.contains("PRIVATE"));
}

/// A stranger's delivery: the committed purchase was made by openssl and zip.
#[test]
fn the_committed_purchase() {
    let purchase = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/purchase");
    for kind in ["", "/ecdsa"] {
        let test = Test::new();
        let (zip, key) = (format!("{purchase}{kind}/mail_example_org.zip"), format!("{purchase}{kind}/mail.key"));
        let root = format!("{purchase}{kind}/example-root-r2.pem");
        test.run(["chain", "build", &zip, "--key", &key, "--trust", &root, "-o", "chain.pem"]).exits(0);
        assert_eq!(test.text("chain.pem").matches("BEGIN CERTIFICATE").count(), 2);
        if have("openssl") {
            let verify = ["verify", "-CAfile", &root, "-untrusted", "chain.pem", "chain.pem"];
            test.peer("openssl", verify).exits(0);
        }
    }
}

#[test]
fn what_stands_on_the_far_side_of_a_pipe() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed());
    let pkit = p.test.command(["chain"]).get_program().to_owned();
    let mut shell = Command::new("bash");
    shell.args(["-c", r#"exec "$1" chain build <(cat pile.pem) --trust root.pem"#, "bash"]).arg(pkit);
    let output = shell.current_dir(p.test.path("")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), p.chain(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

fn one_line(pem: &str) -> Vec<u8> {
    let joined = pem.replace('\n', "");
    joined
        .replace("-----BEGIN CERTIFICATE-----", "\n-----BEGIN CERTIFICATE-----\n")
        .replace("-----END", "\n-----END")
        .into()
}
