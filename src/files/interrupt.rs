//! When a signal may end the process: not while a temporary file is on the disk, nor between two renames that belong together.
//! Whoever makes something holds on until it is in place or gone; who is to end the process waits for that. What takes
//! long, such as waiting for another run's lock, is done before.

use std::cell::Cell;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static BUSY: RwLock<()> = RwLock::new(());

thread_local! {
    /// How many times this thread holds on: who waits for quiet would not let it begin a second time.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Until it is dropped no signal ends the process.
#[derive(Debug)]
pub struct Held(Option<RwLockReadGuard<'static, ()>>);

/// Until this is dropped no signal ends the process.
pub fn hold() -> Held {
    let outermost = DEPTH.get() == 0;
    DEPTH.set(DEPTH.get() + 1);
    Held(outermost.then(|| BUSY.read().unwrap_or_else(PoisonError::into_inner)))
}

impl Drop for Held {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        self.0.take();
    }
}

/// Waits until nobody holds on, and lets nobody begin until this is dropped.
pub fn quiet() -> RwLockWriteGuard<'static, ()> {
    BUSY.write().unwrap_or_else(PoisonError::into_inner)
}
