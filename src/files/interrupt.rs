//! When a signal may end the process: not while a temporary file is on the disk, nor between two renames that belong together.
//! Whoever makes something holds on until it is in place or gone; who is to end the process waits for that. What takes
//! long, such as waiting for another run's lock, is done before.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static BUSY: RwLock<()> = RwLock::new(());

/// Until this is dropped no signal ends the process.
pub(super) fn hold() -> RwLockReadGuard<'static, ()> {
    BUSY.read().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until nobody holds on, and lets nobody begin until this is dropped.
pub fn quiet() -> RwLockWriteGuard<'static, ()> {
    BUSY.write().unwrap_or_else(PoisonError::into_inner)
}
