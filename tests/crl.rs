//! `pkit crl convert`: the same list in the other form, byte for byte, as openssl reads it.

mod differential;
mod revocation;
mod signers;

use crate::common::pki::{self, Authority, Crl, crl_pem};
use crate::common::{Test, have};

#[test]
fn der_becomes_pem_and_pem_becomes_der() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    let der = ca.crl(&Crl { revoked: vec![7, 8, 9], ..Crl::default() });
    t.file("list.crl", &der);
    t.run(["crl", "convert", "list.crl", "-o", "list.pem"])
        .exits(0)
        .out_has("wrote list.pem (0444")
        .out_has("3 entries");
    t.run(["crl", "convert", "list.pem", "-o", "back.crl"]).exits(0);
    assert_eq!(t.read("back.crl"), der);
    assert_eq!(t.run(["crl", "convert", "list.crl"]).exits(0).stdout, t.text("list.pem"));
    assert_eq!(t.run(["crl", "convert", "list.pem"]).exits(0).bytes, der);
    // What it is already.
    assert_eq!(t.run(["crl", "convert", "list.pem", "--to", "pem"]).exits(0).stdout, t.text("list.pem"));
    if have("openssl") {
        let convert = |args: &str| t.peer("openssl", args.split(' ')).exits(0);
        assert_eq!(convert("crl -inform DER -in list.crl -outform PEM").stdout, t.text("list.pem"));
        assert_eq!(convert("crl -inform PEM -in list.pem -outform DER").bytes, der);
        t.file("ca.pem", ca.pem());
        convert("crl -in list.pem -CAfile ca.pem -noout").err_has("verify OK");
    }
}

/// Which takes time that only programs, who see it, are ready to spend.
#[test]
fn programs_are_told_the_digest_of_what_was_written() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    t.file("list.crl", ca.crl(&Crl::default()));
    let written = t.run(["crl", "convert", "list.crl", "-o", "list.pem", "--json"]).exits(0).json();
    let digest = t.peer("sha256sum", ["list.pem"]).exits(0).stdout;
    assert_eq!(written["changes"][0]["before"], serde_json::Value::Null);
    assert_eq!(written["changes"][0]["after"]["sha256"], digest[..64]);
    t.file("list.crl", ca.crl(&Crl { number: 8, ..Crl::default() }));
    let written = t.run(["crl", "convert", "list.crl", "-o", "list.pem", "--force", "--json"]).exits(0).json();
    assert_eq!(written["changes"][0]["before"]["sha256"], digest[..64]);
}

#[test]
fn forms_that_openssl_cannot_read_become_what_it_can() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    let pem = crl_pem(&ca.crl(&Crl::default()));
    t.file("list.pem", format!("\u{feff}{}", pem.replace('\n', "\r\n")));
    let ran = t.run(["crl", "convert", "list.pem", "--to", "pem"]).exits(0).err_has("note[pem-bom]");
    assert_eq!(ran.stdout, pem);
}

#[test]
fn several_go_into_a_directory_or_into_one_pem_file() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    let lists: Vec<Vec<u8>> = (1..=3).map(|number| ca.crl(&Crl { number, ..Crl::default() })).collect();
    for (n, der) in lists.iter().enumerate() {
        t.file(format!("in/list{n}.crl"), der);
    }
    t.file("out/list2.txt", "somebody else's");
    let files = ["in/list0.crl", "in/list1.crl", "in/list2.crl"];
    t.run([&["crl", "convert", "-o", "out/"], &files[..]].concat()).exits(0);
    for (n, der) in lists.iter().enumerate() {
        assert_eq!(t.text(format!("out/list{n}.pem")), crl_pem(der));
    }
    t.run([&["crl", "convert", "-o", "all.pem"], &files[..]].concat()).exits(0).out_has("3 CRLs");
    assert_eq!(t.text("all.pem"), lists.iter().map(|der| crl_pem(der)).collect::<String>());
    t.run(["crl", "convert", "all.pem", "-o", "all.crl"]).exits(2).err_has("3 CRLs do not go into one DER file");
    assert!(!t.exists("all.crl"));
}

/// Two CAs that both call their list `list.crl` are common; one must not take the other's place.
#[test]
fn two_inputs_never_become_the_same_file() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    t.file("a/list.crl", ca.crl(&Crl::default()));
    t.file("b/list.crl", Authority::root("Another CA").crl(&Crl::default()));
    std::fs::create_dir(t.path("out")).unwrap();
    let before = t.snapshot();
    for more in [&[][..], &["--force"], &["--dry-run"]] {
        let ran = t.run([&["crl", "convert", "a/list.crl", "b/list.crl", "-o", "out/"], more].concat()).exits(2);
        ran.err_has("out/list.pem").err_has("nothing was changed");
    }
    assert_eq!(t.snapshot(), before);
}

#[test]
fn standard_input_has_no_name_to_write_under() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    std::fs::create_dir(t.path("out")).unwrap();
    let der = ca.crl(&Crl::default());
    t.run_with_input(["crl", "convert", "-", "-o", "out/"], &der).exits(2).err_has("standard input has no name");
    assert_eq!(t.run_with_input(["crl", "convert", "-"], &der).exits(0).stdout, crl_pem(&der));
}

#[test]
fn what_is_not_one_whole_crl_is_refused() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    let der = ca.crl(&Crl::default());
    let damaged = |change: fn(&mut Vec<u8>)| {
        let mut bytes = der.clone();
        change(&mut bytes);
        bytes
    };
    for (name, bytes) in [
        ("trailing.crl", damaged(|b| b.extend(b"\r\n"))),
        ("twice.crl", [&der[..], &der].concat()),
        ("cut.crl", damaged(|b| b.truncate(b.len() - 1))),
        ("cert.crl", ca.der.clone()),
        ("both.pem", (ca.pem() + &crl_pem(&der)).into()),
        ("empty.crl", Vec::new()),
        ("text.crl", b"<html>404 Not Found</html>".to_vec()),
        ("cut.pem", crl_pem(&der)[..200].into()),
    ] {
        t.file(name, bytes);
        let ran = t.run(["crl", "convert", name, "-o", "out"]).exits(3);
        ran.err_has(name).err_has("nothing was changed").err_has("hint: ");
        assert!(!t.exists("out"), "{name}");
    }
}

#[test]
fn an_old_list_is_converted_with_a_warning() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    t.file("old.crl", ca.crl(&Crl { next_update: Some(2021), ..Crl::default() }));
    t.run(["crl", "convert", "old.crl", "-o", "old.pem"])
        .exits(0)
        .err_has("warning[crl-expired]")
        .err_has("2021-01-01");
    assert!(t.exists("old.pem"));
    let then = t.run(["crl", "convert", "old.crl", "--at", "2020-06-01"]).exits(0);
    assert_eq!(then.stderr, "");
    t.file("endless.crl", ca.crl(&Crl { next_update: None, ..Crl::default() }));
    t.run(["crl", "convert", "endless.crl"]).exits(0).err_has("warning[crl-without-next-update]");
    t.run(["crl", "convert", "old.crl", "--at", "2019-06-01"]).exits(0).err_has("warning[crl-not-yet-valid]");
}

#[test]
fn programs_get_it_in_json_and_existing_files_stay() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    t.file("list.crl", ca.crl(&Crl { number: 9, revoked: vec![5], ..Crl::default() }));
    let json = t.run(["crl", "convert", "list.crl", "-o", "list.pem", "--json"]).exits(0).json();
    let crl = &json["result"]["crls"][0];
    assert_eq!((&crl["issuer"], &crl["entries"], &crl["number"]), (&"CN=Example CA".into(), &1.into(), &"09".into()));
    assert_eq!(
        (&crl["this_update"], &crl["next_update"]),
        (&"2020-01-01T00:00:00Z".into(), &"3000-01-01T00:00:00Z".into())
    );
    t.run(["crl", "convert", "list.crl", "-o", "list.pem"]).exits(0).out_has("unchanged");
    t.file("list.crl", ca.crl(&Crl { number: 10, ..Crl::default() }));
    let before = t.snapshot();
    t.run(["crl", "convert", "list.crl", "-o", "list.pem"]).exits(4);
    assert_eq!(t.snapshot(), before);
}

#[test]
fn a_list_is_shown_with_all_that_it_says() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    let list = Crl { number: 7, revoked: vec![0xabc], delta: Some(5), ..Crl::default() };
    t.file("list.crl", ca.crl(&list));
    let ran = t.run(["crl", "inspect", "list.crl"]).exits(0).out_has("CN=Example CA").out_has("0abc 2020-01-01");
    ran.out_has("ECDSA-SHA256").out_has("3000-01-01").out_has("delta to");
    let json = t.run(["crl", "inspect", "list.crl", "--json"]).exits(0).json();
    let crl = &json["result"]["crls"][0];
    assert_eq!((&crl["revoked"][0]["serial_number"], &crl["delta_to"]), (&"0abc".into(), &"05".into()));
}

#[test]
fn a_list_is_checked_by_signature_and_dates() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    t.file("list.crl", ca.crl(&Crl { number: 7, ..Crl::default() }));
    t.file("ca.pem", ca.pem());
    t.file("twin.pem", Authority::root("Example CA").pem());
    t.file("other.pem", Authority::root("Other CA").pem());
    let check = |args: &str| t.run(format!("crl check list.crl {args}").split_whitespace());
    check("--issuer ca.pem --at 2999-12-12").exits(0).out_has("OK    CRL 7 of \"Example CA\", 20 d left");
    check("").exits(0).out_has("crl-signature-unchecked");
    check("--issuer twin.pem").exits(1).out_has("crl-foreign");
    check("--issuer other.pem").exits(1).out_has("crl-foreign");
    check("--issuer ca.pem twin.pem").exits(0);
    check("--issuer ca.pem --at 2999-12-30").exits(0).out_has("crl-expires-soon");
    check("--issuer ca.pem --at 2999-12-30 --warn 12h").exits(0).out_has("OK    CRL 7");
    check("--issuer ca.pem --at 3001-01-01").exits(1).out_has("crl-expired");
    let json = check("--issuer ca.pem --at 2999-12-31 --json").exits(0).json();
    let crl = &json["result"]["crls"][0];
    assert_eq!(
        (&crl["seconds_left"], &crl["signature_valid"], &crl["issuer_found"]),
        (&86_400.into(), &true.into(), &true.into())
    );
}

#[test]
fn whether_a_certificate_is_on_the_list_is_told() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    let (good, bad) = (ca.leaf(&["good.example.org"]), ca.leaf(&["bad.example.org"]));
    t.file("list.crl", ca.crl(&Crl { revoked: vec![1, bad.serial], ..Crl::default() }));
    t.file("ca.pem", ca.pem());
    t.file("good.pem", good.pem());
    t.file("bad.pem", bad.pem());
    t.file("foreign.pem", Authority::root("Other CA").leaf(&["foreign.example.org"]).pem());
    let check = |cert: &str| t.run(["crl", "check", "list.crl", "--issuer", "ca.pem", "--cert", cert]);
    check("good.pem").exits(0).out_has("not on CRL 1");
    check("bad.pem").exits(1).out_has("revoked at 2020-01-01");
    check("foreign.pem").exits(1).out_has("no list speaks for");
}

/// 35 MB of list: the text of it is never in memory as a whole, nor the list twice.
#[test]
fn a_large_list_is_converted_in_bounded_memory() {
    let (t, ca) = (Test::new(), Authority::root("Example CA"));
    let one = pki::entry(0x7fff_ffff_ffff_ffff, 2020, &[]);
    let der = ca.crl(&Crl { entries: one.repeat(300_000), ..Crl::default() });
    t.file("large.crl", &der);
    // What one run may map in all: the program itself, 1.5 times the list, nothing more.
    let limit = 96 * 1024 + der.len() * 3 / 2 / 1024;
    let script = format!("ulimit -v {limit} && exec {} crl convert large.crl -o large.pem", env!("CARGO_BIN_EXE_pkit"));
    t.peer("sh", ["-c", &script]).exits(0).out_has("300000 entries");
    assert_eq!(t.text("large.pem"), crl_pem(&der));
    t.run(["crl", "convert", "large.pem", "-o", "back.crl"]).exits(0);
    assert_eq!(t.read("back.crl"), der);
}

/// Bytes that are no text would be mangled as JSON text.
#[test]
fn der_in_json_is_base64() {
    let t = Test::new();
    t.file("list.pem", crl_pem(&Authority::root("Example CA").crl(&Crl::default())));
    let json = t.run(["crl", "convert", "list.pem", "--to", "der", "--json"]).exits(0).json();
    let base64 = json["result"]["content_base64"].as_str().unwrap();
    t.file("again.pem", format!("-----BEGIN X509 CRL-----\n{base64}\n-----END X509 CRL-----\n"));
    let back = t.run(["crl", "convert", "again.pem", "--to", "pem"]).exits(0);
    assert_eq!(back.stdout, t.text("list.pem"));
}
