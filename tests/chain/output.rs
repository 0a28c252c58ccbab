//! What is written, what is said, and what stays as it was.

use super::Purchase;

#[test]
fn the_root_comes_along_when_asked_for() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.root.pem() + &p.reversed());
    let ran = p.build(&["pile.pem", "--with-root"]).exits(0);
    assert_eq!(ran.stdout, p.chain() + &p.root.pem());
    // Also where only the trust store has it.
    p.test.file("pile.pem", p.reversed());
    let ran = p.build(&["pile.pem", "--with-root"]).exits(0);
    assert_eq!(ran.stdout, p.chain() + &p.root.pem());
}

#[test]
fn the_chain_is_written_for_everybody_to_read_and_told_in_a_line() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed());
    let ran = p.build(&["pile.pem", "-o", "chain.pem"]).exits(0);
    ran.out_has("mail.example.org → Lower CA → Upper CA → Example Root (left out)").out_has("wrote chain.pem (0444");
    assert_eq!((p.test.text("chain.pem"), p.test.mode("chain.pem")), (p.chain(), 0o444));
    assert_eq!(p.build(&["pile.pem", "-q", "-o", "other.pem"]).exits(0).stdout, "");
}

#[test]
fn an_existing_file_is_not_replaced_unasked() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed());
    p.test.file("chain.pem", "precious\n");
    let before = p.test.snapshot();
    p.build(&["pile.pem", "-o", "chain.pem"])
        .exits(4)
        .err_has("error[file-exists]")
        .err_has("nothing was changed")
        .err_has("--force");
    p.build(&["pile.pem", "-o", "chain.pem", "--dry-run"]).exits(4);
    p.build(&["pile.pem", "-o", "chain.pem", "--dry-run", "--force"]).exits(0).out_has("would replace chain.pem");
    p.build(&["pile.pem", "-o", "new.pem", "--dry-run"]).exits(0).out_has("would write new.pem");
    assert_eq!(p.test.snapshot(), before);
    p.build(&["pile.pem", "-o", "chain.pem", "--force"]).exits(0).out_has("replaced chain.pem");
    assert_eq!(p.test.text("chain.pem"), p.chain());
}

#[test]
fn the_same_again_changes_nothing() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed());
    let build = ["pile.pem", "-o", "chain.pem", "--detailed-exitcode"];
    p.build(&build).exits(10);
    let before = p.test.snapshot();
    p.build(&build).exits(0).out_has("unchanged chain.pem");
    assert_eq!(p.test.snapshot(), before);
}

#[test]
fn programs_get_the_same_in_json() {
    let p = Purchase::new();
    p.test.file("pile.pem", p.reversed() + &p.leaf.pem());
    let json = p.build(&["pile.pem", "--json", "-o", "chain.pem"]).exits(0).json();
    assert_eq!((&json["schema"], &json["command"]), (&"pkit/1".into(), &"chain build".into()));
    assert_eq!((&json["ok"], &json["exit"], &json["changed"]), (&true.into(), &0.into(), &true.into()));
    let result = &json["result"];
    let subjects: Vec<&str> =
        result["chain"].as_array().unwrap().iter().map(|c| c["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["CN=mail.example.org", "CN=Lower CA", "CN=Upper CA"]);
    let leaf = &result["chain"][0];
    assert_eq!(leaf["source"]["path"], "pile.pem");
    assert_eq!(leaf["subject_alt_name"], serde_json::json!(["DNS:mail.example.org", "DNS:imap.example.org"]));
    assert_eq!(leaf["not_after"], "4096-01-01T00:00:00Z");
    assert_eq!(leaf["sha256"].as_str().unwrap().len(), 64);
    assert_eq!((&result["anchored"], &result["path"]), (&true.into(), &"chain.pem".into()));
    assert_eq!((&result["unused"], &result["missing_issuer"]), (&serde_json::json!([]), &serde_json::Value::Null));
    assert_eq!(result["root"]["subject"], "CN=Example Root");
    assert_eq!((&json["changes"][0]["action"], &json["changes"][0]["mode"]), (&"create".into(), &"0444".into()));
    assert_eq!(json["findings"][0]["id"], "cert-repeated");
    // Without a file to write, the text is in the result and nothing else is on stdout.
    assert_eq!(p.build(&["pile.pem", "--json"]).exits(0).json()["result"]["content"], p.chain());
}

#[test]
fn a_failure_is_json_as_well() {
    let p = Purchase::new();
    let json = p.build(&["nowhere.pem", "--json"]).exits(3).json();
    assert_eq!((&json["ok"], &json["exit"], &json["error"]["id"]), (&false.into(), &3.into(), &"file-missing".into()));
    assert_eq!(json["error"]["path"], "nowhere.pem");
}
