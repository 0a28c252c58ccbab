//! Sound files with a few bytes changed, taken away or put in, read within this process: whatever comes of it is no panic. The
//! seed is fixed, so a failure comes again.

use std::io::Write;
use std::path::Path;

use pkit::crypto::Passphrase;
use pkit::material::{Material, ssl_parameters};
use pkit::pki::bundle::dovecot_ca;
use pkit::pki::chain::Pile;
use pkit::pki::select::select;
use pkit::pki::verify::{Purpose, Wanted};

use crate::common::pki::{Authority, Crl, Leaf, crl_pem, pem};
use crate::common::{Test, have, scaled};

#[test]
fn changed_bytes_never_make_it_panic() {
    let sound = Sound::new();
    let mut dice = Dice(0x5eed);
    for (name, bytes) in sound.files() {
        read_everything(&bytes);
        for round in 0..scaled(400) {
            let changed = dice.change(&bytes);
            let read = std::panic::catch_unwind(|| read_everything(&changed));
            assert!(read.is_ok(), "{name}, round {round}: {}", pkit::crypto::hex(&changed));
        }
    }
}

#[test]
fn every_cut_of_a_file_is_survived() {
    for (name, bytes) in Sound::new().files() {
        for end in (0..bytes.len()).step_by(1 + bytes.len() / scaled(400)) {
            let read = std::panic::catch_unwind(|| read_everything(&bytes[..end]));
            assert!(read.is_ok(), "{name}, cut at {end}");
        }
    }
}

/// What every command does with a pile: read, order, prove, bundle, and say what it found.
fn read_everything(bytes: &[u8]) {
    let mut material = Material::read(Path::new("pile"), bytes);
    let passphrase = Passphrase::new(b"secret".to_vec().into());
    material.unlock_keys(&passphrase);
    material.unlock_pkcs12(&passphrase);
    let _ = ssl_parameters::read(bytes);
    let anchors: Vec<_> = material.certs().filter(|(_, c)| c.is_self_issued()).map(|(_, c)| c.clone()).collect();
    let pile = Pile::new(material.certs(), &anchors);
    let now = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let names = ["mail.example.org".parse().unwrap()];
    let _ = select(&pile, None, &Wanted { purpose: Purpose::Server, profile: true, names: &names, ..Wanted::at(now) });
    for (_, key) in material.keys() {
        let _ = key.public().map(|public| pile.for_key(&public, now).len());
    }
    let bundle = dovecot_ca(&material, now);
    let _ = (bundle.to_pem(), pkit::checks::bundle::made(&bundle, &material, now));
    let _ = material.findings.iter().map(|f| format!("{} {}", f.at, f.message)).count();
}

/// One of each kind of file.
struct Sound {
    root: Authority,
    middle: Authority,
    leaf: Leaf,
}

impl Sound {
    fn new() -> Sound {
        let root = Authority::root("Example Root");
        let middle = root.below("Example CA");
        let leaf = middle.leaf(&["mail.example.org", "192.0.2.1"]);
        Sound { root, middle, leaf }
    }

    fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let crl = self.middle.crl(&Crl { revoked: vec![1, 2, 3], ..Crl::default() });
        let pile = self.middle.pem() + &self.leaf.pem() + &self.root.pem() + &crl_pem(&crl) + &self.leaf.key_pem();
        let text = self.leaf.pem();
        let utf16 = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let mut files = vec![
            ("pile.pem", pile.clone().into_bytes()),
            ("utf16.pem", utf16),
            ("cert.der", self.leaf.der.clone()),
            ("ca.der", self.middle.der.clone()),
            ("crl.der", crl),
            ("key.der", self.leaf.key.serialized_der().to_vec()),
            ("pile.zip", zip(pile.as_bytes())),
        ];
        if have("openssl") {
            let test = Test::new();
            test.file("pile.pem", pile);
            let pack = "crl2pkcs7 -in pile.pem -certfile pile.pem -outform DER -out pile.p7b";
            test.peer("openssl", pack.split(' ')).exits(0);
            files.push(("pile.p7b.pem", pem("PKCS7", &test.read("pile.p7b")).into_bytes()));
            files.push(("pile.p7b", test.read("pile.p7b")));
            files.extend(self.of_openssl(&test));
        }
        files
    }

    /// What rcgen does not make: requests, encrypted keys, PKCS#12, DH parameters. One round of each derivation is enough here.
    fn of_openssl(&self, test: &Test) -> Vec<(&'static str, Vec<u8>)> {
        test.file("chain.pem", self.leaf.pem() + &self.middle.pem());
        test.file("leaf.key", self.leaf.key_pem());
        for (args, _) in OF_OPENSSL {
            test.peer("openssl", args.split(' ')).exits(0);
        }
        let mut files: Vec<_> = OF_OPENSSL.iter().map(|(_, file)| (*file, test.read(file))).collect();
        let dh = test.read("dh.der");
        let sized = |bits: u32| [&bits.to_le_bytes()[..], &(dh.len() as u32).to_le_bytes(), &dh].concat();
        files.push(("ssl-parameters.dat", [sized(2048), sized(2048), vec![0; 4]].concat()));
        files
    }
}

const OF_OPENSSL: [(&str, &str); 8] = [
    ("req -new -key leaf.key -subj /CN=a -addext subjectAltName=DNS:a.example.org -out leaf.csr", "leaf.csr"),
    ("req -in leaf.csr -outform DER -out csr.der", "csr.der"),
    ("pkcs8 -topk8 -in leaf.key -iter 1 -passout pass:secret -out enc.pem", "enc.pem"),
    ("pkcs8 -topk8 -in leaf.key -iter 1 -passout pass:secret -outform DER -out enc.der", "enc.der"),
    ("ec -in leaf.key -aes128 -passout pass:secret -out legacy.pem", "legacy.pem"),
    ("pkcs12 -export -in chain.pem -inkey leaf.key -iter 1 -passout pass:secret -out all.p12", "all.p12"),
    ("genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out dh.pem", "dh.pem"),
    ("dhparam -in dh.pem -outform DER -out dh.der", "dh.der"),
];

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["a/pile.pem", "b.pem"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// xorshift64: the same changes in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }

    /// One to four bytes changed, removed or added; the values that parsers stumble over come more often.
    fn change(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(changed.len());
            let value = [0, 0x7f, 0x80, 0x84, 0xff, 0x30, self.below(256) as u8][self.below(7)];
            match self.below(5) {
                0 => drop(changed.splice(at..(at + 1).min(changed.len()), [])),
                1 => changed.insert(at, value),
                2 => changed[at] ^= 1 << self.below(8),
                3 => changed.truncate(changed.len() - self.below(3).min(changed.len() - 1)),
                _ => changed[at] = value,
            }
        }
        changed
    }
}
