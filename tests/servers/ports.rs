//! Ports that nobody else is using.

use std::net::TcpListener;
use std::sync::{LazyLock, Mutex};

/// As many free ports as asked for. No port is given out twice in a test run, so tests may run side by side; a program outside
/// the run can still take one before the daemon does (`Daemon::on_ports` then tries again).
pub fn free<const N: usize>() -> [u16; N] {
    let mut next = NEXT.lock().unwrap();
    std::array::from_fn(|_| {
        loop {
            let port = *next;
            *next = if port == LAST { FIRST } else { port + 1 };
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}

/// Test runs of several checkouts begin at different places.
static NEXT: LazyLock<Mutex<u16>> =
    LazyLock::new(|| Mutex::new(FIRST + (std::process::id().wrapping_mul(97) % u32::from(LAST - FIRST)) as u16));

/// Below 32768, where Linux begins to give out ports to outgoing connections: one of the clients' would collide.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_767;
