//! `pkit probe` against `openssl s_server`, which serves every fault of a chain, and against servers of our own that do what no
//! server should. Real daemons are in `servers::probed`.

mod faults;
mod hostile;
mod old;
pub mod preface;

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Ran, Test};
use crate::servers::free_ports;

/// `openssl s_server` with these options; it ends when this is dropped.
pub struct Served {
    pub port: u16,
    child: Child,
}

impl Served {
    /// The first certificate of the chain is its own.
    pub fn start(test: &Test, chain: &Path, key: &Path, more: &[&str]) -> Served {
        let [port] = free_ports();
        Served::at(test, "127.0.0.1", port, chain, key, more)
    }

    /// The same at another address.
    pub fn at(test: &Test, ip: &str, port: u16, chain: &Path, key: &Path, more: &[&str]) -> Served {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_server", "-quiet", "-www", "-accept", &format!("{ip}:{port}")]);
        openssl.arg("-cert").arg(chain).arg("-key").arg(key);
        // What it is given as the chain goes behind its own certificate.
        let pems = std::fs::read_to_string(chain).unwrap();
        if let Some(second) = pems[1..].find("-----BEGIN") {
            openssl.arg("-cert_chain").arg(test.file(format!("{port}.rest.pem"), &pems[1 + second..]));
        }
        openssl.args(more).current_dir(test.path(""));
        let child = openssl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begin = Instant::now();
        while TcpStream::connect((ip, port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "s_server {more:?} is silent");
            std::thread::sleep(Duration::from_millis(20));
        }
        Served { port, child }
    }

    /// The server as pkit's argument.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// `pkit probe`, with `root.pem` as what is trusted, for `mail.example.org`.
pub fn probe(test: &Test, address: &str, more: &[&str]) -> Ran {
    let words = ["probe", address, "--trust", "root.pem", "--name", "mail.example.org", "--json"];
    test.run([&words[..], more].concat())
}

/// The one target of a result.
pub fn target(json: &serde_json::Value) -> &serde_json::Value {
    let targets = json["result"]["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 1, "{json:#}");
    &targets[0]
}

/// The codes of what was found.
pub fn codes(json: &serde_json::Value) -> Vec<&str> {
    json["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect()
}
