//! `pkit dhparam convert`: Dovecot 2.2's own format.

use pkit::material::dh::{DhParams, Group};

use crate::common::{Test, data, have, keys};

fn record(bits: u32, der: &[u8], order: fn(u32) -> [u8; 4]) -> Vec<u8> {
    [&order(bits)[..], &order(der.len() as u32), der].concat()
}

/// A file as Dovecot 2.2 with ssl_dh_parameters_length = 2048 leaves it: 512 bits first.
fn whole(order: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let small = keys::openssl(&["dhparam", "-outform", "DER", "512"]);
    [record(512, &small, order), record(2048, &Group::Ffdhe2048.params().to_der(), order), vec![0; 4]].concat()
}

#[test]
fn the_largest_parameters_are_taken_in_either_byte_order() {
    if !have("openssl") {
        return;
    }
    for order in [u32::to_le_bytes as fn(u32) -> [u8; 4], u32::to_be_bytes] {
        let t = Test::new();
        t.file("ssl-parameters.dat", whole(order));
        let told = t.run(["dhparam", "convert", "ssl-parameters.dat", "-o", "dh.pem"]).exits(0);
        told.out_has("512 bits, 2048 bits").out_has("wrote");
        t.peer("openssl", ["dhparam", "-in", "dh.pem", "-check", "-noout"]).exits(0);
        t.run(["dhparam", "check", "dh.pem"]).exits(0).out_has("ffdhe2048");
        let json = t.run(["dhparam", "convert", "ssl-parameters.dat", "--json"]).exits(0).json();
        assert_eq!(json["result"]["records"][0]["bits"], 512);
        assert_eq!(json["result"]["content"], t.text("dh.pem").as_str());
    }
}

#[test]
fn small_broken_and_foreign_files_are_told_apart_and_nothing_is_written() {
    if !have("openssl") {
        return;
    }
    let t = Test::new();
    let file = whole(u32::to_le_bytes);
    let der = |p: &[u8]| DhParams { p: p.to_vec(), g: vec![2], q: None }.to_der();
    let cases: [(&str, Vec<u8>, i32); 8] = [
        ("ssl-parameters-truncated", file[..200].to_vec(), 3),
        ("ssl-parameters-unterminated", file[..file.len() - 4].to_vec(), 3),
        ("ssl-parameters-trailing", [&file[..], b"\n"].concat(), 3),
        ("ssl-parameters-duplicated", [&file[..80], &file].concat(), 3),
        ("ssl-parameters-damaged", [record(1024, &der(&[0xff; 64]), u32::to_le_bytes), vec![0; 4]].concat(), 3),
        ("ssl-parameters-foreign", t.run(["dhparam", "new"]).bytes, 3),
        ("dh-too-small", [&file[..80], &[0; 4]].concat(), 4),
        ("dh-not-prime", [record(2048, &der(&[0xff; 256]), u32::to_le_bytes), vec![0; 4]].concat(), 4),
    ];
    t.file("accepted.dat", &cases[6].1);
    t.run("dhparam convert accepted.dat -o old.pem --accept dh-too-small".split(' ')).exits(0);
    for (code, bytes, exit) in cases {
        t.file("ssl-parameters.dat", bytes);
        let told = t.run(["dhparam", "convert", "ssl-parameters.dat", "-o", "dh.pem"]).exits(exit);
        told.err_has(&format!("error[{code}]")).err_has("hint:");
        assert!(!t.exists("dh.pem"));
    }
}

#[test]
fn files_of_dovecot_itself_are_read() {
    let Some(folder) = data("dh/dovecot") else { return };
    let t = Test::new();
    for (file, exit) in [("ssl-parameters-2.2-1024.dat", 4), ("ssl-parameters-2.2-2048.dat", 0)] {
        let path = folder.join(file);
        t.run(["dhparam", "convert", path.to_str().unwrap(), "-o", "dh.pem"]).exits(exit);
    }
    t.run(["dhparam", "check", "dh.pem"]).exits(0).out_has("2048 bits");
}
