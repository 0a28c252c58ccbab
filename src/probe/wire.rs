//! One TCP connection with an end: whatever the server does, it costs no more than the time and the bytes that it was given.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::error::io_words;
use crate::facts::peer::{Failure, Stage, Target};
use crate::name::HostName;

/// A connection that ends at its deadline.
#[derive(Debug)]
pub(super) struct Wire {
    socket: TcpStream,
    deadline: Instant,
    left: usize,
    heard: Vec<u8>,
}

impl Wire {
    /// To the first address of the target that takes a connection.
    pub(super) fn connect(target: &Target, deadline: Instant) -> Result<(Wire, SocketAddr), Failure> {
        let addresses = look_up(target, deadline)?;
        let mut last = Failure::TimedOut(Stage::Connecting);
        for (tried, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            // An address whose packets vanish must not take the others' time.
            let share = left / (addresses.len() - tried) as u32;
            if share.is_zero() {
                return Err(Failure::TimedOut(Stage::Connecting));
            }
            match TcpStream::connect_timeout(address, share) {
                Ok(socket) => {
                    // Small messages that wait for answers. Where it cannot be set they are only slower.
                    let _ = socket.set_nodelay(true);
                    return Ok((Wire { socket, deadline, left: 0, heard: Vec::new() }, *address));
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => last = Failure::TimedOut(Stage::Connecting),
                Err(error) => last = Failure::Unreachable(io_words(&error)),
            }
        }
        Err(last)
    }

    /// Starts to keep the first bytes anew, and allows so many more.
    pub(super) fn begin(&mut self, allowed: usize) {
        self.heard.clear();
        self.left = allowed;
    }

    /// Does this in so much time at most.
    pub(super) fn within<T>(&mut self, time: Duration, act: impl FnOnce(&mut Wire) -> T) -> T {
        let deadline = self.deadline;
        self.deadline = deadline.min(Instant::now() + time);
        let done = act(self);
        self.deadline = deadline;
        done
    }

    /// The first bytes since then.
    pub(super) fn heard(&self) -> &[u8] {
        &self.heard
    }

    /// What an error of reading or writing means.
    pub(super) fn failure(&self, stage: Stage, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::TimedOut(stage),
            io::ErrorKind::FileTooLarge => Failure::TooMuch(stage),
            io::ErrorKind::UnexpectedEof => Failure::Broken(stage, "the server hung up".into()),
            _ => Failure::Broken(stage, io_words(error)),
        }
    }

    fn remaining(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = buffer.len().min(self.left);
        loop {
            self.socket.set_read_timeout(Some(self.remaining()?))?;
            match self.socket.read(&mut buffer[..length]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.left -= read;
                    let kept = HEARD.saturating_sub(self.heard.len()).min(read);
                    self.heard.extend_from_slice(&buffer[..kept]);
                    return Ok(read);
                }
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.remaining()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The addresses of the target but this one; none where they cannot be had any more.
pub(super) fn others(target: &Target, known: IpAddr, patience: Duration) -> Vec<IpAddr> {
    let all = look_up(target, Instant::now() + patience).unwrap_or_default();
    let mut others: Vec<IpAddr> = all.iter().map(SocketAddr::ip).filter(|ip| *ip != known).collect();
    // Each stands once for every line of a hosts file.
    others.sort();
    others.dedup();
    others
}

/// The system's look-up knows no deadline, so it is waited for elsewhere; one that is too late ends by itself or with pkit.
fn look_up(target: &Target, deadline: Instant) -> Result<Vec<SocketAddr>, Failure> {
    let named = if let HostName::Ip(ip) = target.host { Some(ip) } else { target.address };
    if let Some(ip) = named {
        return Ok(vec![SocketAddr::new(ip, target.port)]);
    }
    let (host, port) = (target.host.to_string(), target.port);
    let (answer, question) = mpsc::channel();
    std::thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(|found| found.take(MAX_ADDRESSES).collect::<Vec<_>>());
        // Nobody may be waiting any more.
        let _ = answer.send(found);
    });
    match question.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(found)) if !found.is_empty() => Ok(found),
        Ok(Ok(_)) => Err(Failure::Unresolved("there is none".into())),
        Ok(Err(error)) => Err(Failure::Unresolved(words(&error))),
        Err(_) => Err(Failure::TimedOut(Stage::Connecting)),
    }
}

/// Without "failed to lookup address information", which has been said already.
fn words(error: &io::Error) -> String {
    let words = io_words(error);
    words.rsplit(": ").next().unwrap_or(&words).to_owned()
}

/// What is kept of what was heard: enough to tell what the other side speaks.
const HEARD: usize = 256;
/// A host with more is a cluster whose members are alike.
const MAX_ADDRESSES: usize = 8;
