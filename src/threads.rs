//! Work that several threads share. Where the system gives no more of them, those that are there do it all; nothing here fails for
//! want of a thread. What the work is, and how many threads it is worth, is the caller's to say.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Builder;

use rayon_core::{ThreadPool, ThreadPoolBuilder};

/// As many as there are processors for this process.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// The same work by up to so many threads at once, this one among them; over when all are done.
pub fn share(threads: usize, work: &(impl Fn() + Sync)) {
    std::thread::scope(|scope| {
        for _ in 1..threads {
            if Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
}

/// What becomes of each item, in their order; up to so many are worked on at once, each by a thread of its own: for work that
/// waits, or whose threads the caller counts.
pub fn each<'a, T: Sync, R: Send>(threads: usize, items: &'a [T], work: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let queue = Queue::new(items, work);
    share(threads.min(items.len()), &|| queue.work());
    queue.done()
}

/// The same by as many as there are processors: for work that does not wait.
pub fn among<'a, T: Sync, R: Send>(items: &'a [T], work: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let queue = Queue::new(items, work);
    match helpers().filter(|_| items.len() > 1) {
        None => queue.work(),
        Some(helpers) => helpers.in_place_scope(|scope| {
            for _ in 0..helpers.current_num_threads().min(items.len() - 1) {
                scope.spawn(|_| queue.work());
            }
            queue.work();
        }),
    }
    queue.done()
}

/// Both results, the first by another thread, where there is one.
pub fn both<A: Send, B>(one: &(impl Fn() -> A + Sync), other: impl FnOnce() -> B) -> (A, B) {
    let Some(helpers) = helpers() else { return (one(), other()) };
    let first = Mutex::new(None);
    let other = helpers.in_place_scope(|scope| {
        scope.spawn(|_| *first.lock().unwrap_or_else(PoisonError::into_inner) = Some(one()));
        other()
    });
    (first.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(one), other)
}

/// One thread for each further processor, kept until the process ends: Linux 6.18 lets a new thread wait for up to 3 ms behind the
/// one that made it, though another processor is idle, and one that was there before is on its way in 50 us (measured on two).
/// Where so many cannot be had, half of them may.
fn helpers() -> Option<&'static ThreadPool> {
    static HELPERS: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let make = |more: usize| ThreadPoolBuilder::new().num_threads(more).build().ok();
    let fewer = |more: &usize| Some(more / 2);
    let make = || std::iter::successors(Some(processors() - 1), fewer).take_while(|more| *more > 0).find_map(make);
    HELPERS.get_or_init(make).as_ref()
}

/// Items, and what has become of those that are done.
struct Queue<'a, T, R, F> {
    items: &'a [T],
    next: AtomicUsize,
    work: F,
    done: Mutex<Vec<(usize, R)>>,
}

impl<'a, T: Sync, R: Send, F: Fn(&'a T) -> R + Sync> Queue<'a, T, R, F> {
    fn new(items: &'a [T], work: F) -> Queue<'a, T, R, F> {
        Queue { items, next: AtomicUsize::new(0), work, done: Mutex::new(Vec::with_capacity(items.len())) }
    }

    /// Takes one item after the other until there are none.
    fn work(&self) {
        while let Some((n, item)) =
            Some(self.next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, self.items.get(n)?)))
        {
            let result = (self.work)(item);
            self.done.lock().unwrap_or_else(PoisonError::into_inner).push((n, result));
        }
    }

    fn done(self) -> Vec<R> {
        let mut done = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(n, _)| *n);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order() {
        let items: Vec<usize> = (0..1_000).collect();
        for threads in [0, 1, 2, 7, 5_000] {
            assert_eq!(each(threads, &items, |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
        }
        assert_eq!(among(&items, |n| among(&items[..*n], |n| *n).len()), items);
        assert!(each(3, &[], |n: &usize| *n).is_empty() && among(&[], |n: &usize| *n).is_empty());
        assert_eq!(both(&|| 1, || 2), (1, 2));
    }
}
