//! Names that would move the reader's cursor, hide letters or turn their order: none of it reaches a terminal.

use rcgen::{CustomExtension, DnType};

use super::Hostile;
use crate::common::pki::{Authority, Crl};

/// Clears the screen, sets the title, rings, turns the writing, ends the line, is a C1 control.
const EVIL: &str = "a\x1b[2J\x1b]0;owned\x07b\u{202e}c\u{2066}d\r\ne\u{9b}31mf\u{200b}g";

#[test]
fn names_in_certificates_and_lists() {
    let h = Hostile::new();
    let root = Authority::root(EVIL);
    h.test.file("root.pem", root.pem());
    // An IA5String that rcgen would not write.
    let name = [&[0x30, 9, 0x82, 7][..], b"a\x1b[2J\r\n"].concat();
    let leaf = root.leaf_with(&[], |params| {
        params.distinguished_name.push(DnType::OrganizationName, EVIL);
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 17], name.clone()));
    });
    h.test.file("leaf.pem", leaf.pem());
    h.test.file("list.crl", root.crl(&Crl { next_update: Some(2021), ..Crl::default() }));
    let stranger = Authority::root("Stranger").pem();
    h.test.file("stranger.pem", stranger);
    // `run` looks for raw controls in all of this.
    h.chain(&["leaf.pem"]).exits(0).out_has("a\\x1b[2J");
    h.chain(&["leaf.pem", "--name", "www.example.org"]).exits(1).err_has("\\x1b[2J");
    h.run(&["chain", "build", "leaf.pem", "--trust", "stranger.pem"]).exits(1).err_has("\\u{202e}");
    h.run(&["chain", "build", "leaf.pem", "--trust", "root.pem", "--json"]).exits(0);
    h.run(&["crl", "convert", "list.crl"]).exits(0).err_has("\\x1b[2J");
    h.run(&["bundle", "dovecot-ca", "root.pem"]).exits(1).err_has("\\x1b[2J");
}

#[test]
fn names_of_files_and_labels() {
    let h = Hostile::new();
    h.chain(&[EVIL]).exits(3).err_has("\\x1b[2J");
    h.test.file("\x1b[2J.pem", "-----BEGIN CERTIFICATE-----\n");
    h.chain(&["\x1b[2J.pem"]).exits(3).err_has("\\x1b[2J.pem");
    h.test.file("marker.pem", "\u{2014}BEGIN CERTIFICATE-----\x1b[2J\n-----END \x1b");
    h.chain(&["marker.pem"]).exits(3);
    h.run(&["explain", EVIL]).exits(3).err_has("\\x1b[2J");
}
