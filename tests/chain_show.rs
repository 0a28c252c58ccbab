//! `pkit chain show`: every certificate, anchor and gap is in the picture, and no name can break out of it.

use proptest::prelude::*;
use rcgen::DnType;

use crate::common::pki::{Authority, ca_issuers, cert_pem};
use crate::common::{Ran, Test, have};

/// A root that two others have cross-signed, one of them gone; an expired leaf, and one with a long name.
struct Family {
    test: Test,
    names: Vec<String>,
}

impl Family {
    fn new() -> Family {
        let test = Test::new();
        let (old, new, lost) = (Authority::root("Old Root"), Authority::root("New Root"), Authority::root("Lost Root"));
        let issuing = new.below("Issuing CA <&\"'>");
        let cross = old.cross_sign(&new, |_| {});
        let lost = lost.cross_sign(&new, |p| p.custom_extensions = vec![ca_issuers("http://ca.example/lost.crt")]);
        let expired = issuing.leaf_with(&["mail.example.org", "imap.example.org"], |p| {
            p.not_after = rcgen::date_time_ymd(2020, 1, 1);
        });
        let long = "東京メール".repeat(12);
        let wide = issuing.leaf_with(&[], |p| p.distinguished_name.push(DnType::CommonName, long.clone()));
        test.file("anchors.pem", old.pem() + &new.pem());
        let pems = [&expired.der, &wide.der, &issuing.der, &cross, &lost].map(|der| cert_pem(der));
        test.file("chain.pem", pems.concat());
        let names = ["Old Root", "New Root", "Lost Root", "mail.example.org", &long].map(str::to_owned).to_vec();
        Family { test, names }
    }

    fn show(&self, args: &[&str]) -> Ran {
        self.test.run([&["chain", "show", "chain.pem", "--trust", "anchors.pem"], args].concat())
    }
}

#[test]
fn everything_is_in_the_tree_once() {
    let family = Family::new();
    let tree = family.show(&[]).exits(0).stdout;
    for name in &family.names {
        assert!(tree.contains(name.as_str()), "{name}:\n{tree}");
    }
    assert_eq!(tree.matches("(end-entity)").count(), 2, "{tree}");
    assert_eq!(tree.matches("Lost Root (missing)\n│ to be had at http://ca.example/lost.crt\n").count(), 1, "{tree}");
    assert_eq!(tree.matches("(intermediate; see above)").count(), 2, "{tree}");
    assert!(
        tree.contains("trust anchor, not in the file)\n│ in anchors.pem\n") && tree.contains("(expired "),
        "{tree}"
    );
    // The issuer stands above what it issued.
    assert!(tree.find("New Root") < tree.find("Issuing CA") && tree.find("Issuing CA") < tree.find("mail.example.org"));
    assert!(family.show(&["--ascii"]).exits(0).stdout.is_ascii());
    family.show(&["-o", "tree.txt"]).exits(0);
    assert_eq!(family.test.text("tree.txt"), tree);
}

#[test]
fn the_svg_is_one_sound_document() {
    let family = Family::new();
    let svg = family.show(&["--format", "svg"]).exits(0).stdout;
    for name in &family.names {
        assert!(svg.contains(&format!("<title>{name} (")), "{name}:\n{svg}");
    }
    assert!(svg.contains("Issuing CA &lt;&amp;&quot;&#39;&gt;"), "{svg}");
    // Nothing is loaded or run.
    for word in ["<script", "href", "@import", "<image", "foreignObject", "onload"] {
        assert!(!svg.contains(word), "{word}");
    }
    assert!(svg.contains("prefers-color-scheme:dark"));
    family.show(&["--format", "svg", "-o", "chain.svg"]).exits(0).out_has("wrote chain.svg (0444");
    assert_eq!(family.test.text("chain.svg"), svg);
    if have("xmllint") {
        family.test.peer("xmllint", ["--noout", "--nonet", "chain.svg"]).exits(0);
        let cards = ["--xpath", "count(//*[local-name()='g'])", "chain.svg"];
        family.test.peer("xmllint", cards).exits(0).out_has("8");
    }
}

#[test]
fn the_flowchart_has_a_line_for_each_card_and_link() {
    let family = Family::new();
    let chart = family.show(&["--format", "mermaid"]).exits(0).stdout;
    assert!(chart.starts_with("flowchart TD\n"));
    assert_eq!(chart.lines().filter(|line| line.contains("[\"")).count(), 8, "{chart}");
    let json = family.show(&["--json"]).exits(0).json();
    let links = json["result"]["links"].as_array().unwrap().len();
    assert_eq!(chart.lines().filter(|line| line.contains(" --> ")).count(), links);
    assert!(chart.contains("Issuing CA #60;#38;#34;#39;#62;<br/>intermediate"), "{chart}");
}

#[test]
fn rings_and_strangers_are_drawn_too() {
    let t = Test::new();
    let (a, b) = (Authority::root("A"), Authority::root("B"));
    let ring = cert_pem(&a.cross_sign(&b, |_| {})) + &cert_pem(&b.cross_sign(&a, |_| {}));
    t.file("ring.pem", ring + &Authority::root("Stranger").pem());
    t.file("anchor.pem", Authority::root("Anchor").pem());
    for format in ["tree", "svg", "mermaid"] {
        let ran = t.run(["chain", "show", "ring.pem", "--trust", "anchor.pem", "--format", format]).exits(0);
        assert!(["A", "B", "Stranger"].iter().all(|name| ran.stdout.contains(name)), "{}", ran.stdout);
    }
    t.run(["chain", "show", "ring.pem", "--trust", "anchor.pem"]).out_has("Stranger (root, not a trust anchor)");
    t.file("many.pem", (0..65).map(|n| Authority::root(&format!("CA {n}")).pem()).collect::<String>());
    t.run(["chain", "show", "many.pem", "--trust", "anchor.pem"]).exits(3).err_has("error[chain-too-large]");
    t.file("none.pem", "nothing\n");
    t.run(["chain", "show", "none.pem", "--trust", "anchor.pem"]).exits(3).err_has("error[no-certificate]");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::scaled(12) as u32))]
    /// Any name that a certificate can carry, in every form.
    #[test]
    fn no_name_breaks_out(name in proptest::collection::vec(any::<char>(), 1..60)) {
        let name: String = name.into_iter().chain("]]>\"</text>%%{init}%%`#quot;\n".chars()).collect();
        let t = Test::new();
        t.file("ca.pem", Authority::root(&name).pem());
        let show = |format: &str| t.run(["chain", "show", "ca.pem", "--trust", "ca.pem", "--format", format]).exits(0).stdout;
        prop_assert!(!show("tree").contains(|c: char| c.is_control() && c != '\n'));
        t.file("ca.svg", show("svg"));
        if have("xmllint") {
            let texts = ["--nonet", "--xpath", "count(//*[local-name()='text'])", "ca.svg"];
            let count = t.peer("xmllint", texts).exits(0).stdout;
            prop_assert_eq!(count.trim(), "4");
        }
        let chart = show("mermaid");
        let card = chart.lines().nth(1).unwrap().replace("<br/>", "");
        let inside = card.trim().strip_prefix("c0[\"").and_then(|c| c.strip_suffix("\"]:::anchor")).unwrap();
        prop_assert!(inside.chars().all(|c| c.is_alphanumeric() || " .,-=#;".contains(c)), "{}", inside);
        prop_assert_eq!(chart.lines().count(), 6);
    }
}
