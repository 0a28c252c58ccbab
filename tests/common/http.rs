//! A small HTTP server on loopback, inside the test: what a CA's web server says, and what a hostile one does.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a path answers.
#[derive(Clone)]
pub enum Page {
    Body(Vec<u8>),
    /// What an OCSP responder says (RFC 6960 appendix A.2), to whatever it is asked.
    Ocsp(Vec<u8>),
    Redirect(String),
    Status(u16),
    /// A byte each tenth of a second, for ever.
    Slow,
    /// As fast as it goes, for ever.
    Endless,
    /// Takes the connection and says nothing.
    Silent,
    /// Announces more than it sends.
    Cut(Vec<u8>),
}

/// Answers until the test program ends.
pub struct Server {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    pages: HashMap<String, Page>,
    asked: Vec<String>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Mutex<Shared>>::default();
        let state = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        Server { port, shared }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on this path answers so.
    pub fn serve(&self, path: &str, page: Page) {
        self.shared.lock().unwrap().pages.insert(path.into(), page);
    }

    pub fn serves(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.serve(path, Page::Body(body.into()));
    }

    /// The paths asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.lock().unwrap().asked.clone()
    }
}

/// An address where nobody listens.
pub fn nobody() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/x")
}

fn answer(mut stream: TcpStream, state: &Mutex<Shared>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    // What is left unread would cut the answer off.
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
    let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]);
    let page = {
        let mut state = state.lock().unwrap();
        state.asked.push(path.clone());
        // A question to an OCSP responder may stand behind its path.
        let responder = || state.pages.get(path.rsplit_once('/')?.0).filter(|page| matches!(page, Page::Ocsp(_)));
        state.pages.get(&path).or_else(responder).cloned().unwrap_or(Page::Status(404))
    };
    // The client may go away at any time: that is what some tests are about.
    let _ = send(&mut stream, &page);
}

fn send(stream: &mut TcpStream, page: &Page) -> std::io::Result<()> {
    let whole =
        |status: &str, length: usize| format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    let endless = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    match page {
        Page::Body(body) => {
            stream.write_all(format!("{}\r\n", whole("200 OK", body.len())).as_bytes())?;
            stream.write_all(body)
        }
        Page::Ocsp(body) => {
            let head = whole("200 OK", body.len());
            stream.write_all(format!("{head}Content-Type: application/ocsp-response\r\n\r\n").as_bytes())?;
            stream.write_all(body)
        }
        Page::Cut(body) => {
            stream.write_all(format!("{}\r\n", whole("200 OK", body.len() + 100)).as_bytes())?;
            stream.write_all(body)
        }
        Page::Redirect(to) => stream.write_all(format!("{}Location: {to}\r\n\r\n", whole("302 Found", 0)).as_bytes()),
        Page::Status(code) => stream.write_all(format!("{}\r\n", whole(&format!("{code} No"), 0)).as_bytes()),
        Page::Slow => {
            stream.write_all(endless.as_bytes())?;
            loop {
                stream.write_all(b"0")?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Page::Endless => {
            stream.write_all(endless.as_bytes())?;
            loop {
                stream.write_all(&[0x30; 1 << 16])?;
            }
        }
        Page::Silent => {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        }
    }
}
