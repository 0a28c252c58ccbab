//! The words that tell on a terminal how far a long search has come. They are shown while it runs and leave nothing behind.

use std::time::Duration;

/// A search for a safe prime. It has no memory: however long it has run, as much again is to be expected on average.
pub fn search(bits: usize, elapsed: Duration, average: Duration) -> String {
    format!("searching a safe prime of {bits} bits: {}, {} on average", span(elapsed), span(average))
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
