//! Parts of one file, each read by a thread of its own.

use std::panic::resume_unwind;
use std::thread::{self, Builder};

/// What becomes of each part, in their order; the calling thread takes the first.
pub(super) fn side_by_side<T: Copy + Send, R: Send>(
    parts: &[T],
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let Some((first, others)) = parts.split_first() else { return Vec::new() };
    let work = &work;
    thread::scope(|scope| {
        let spawn = |part: T| {
            Builder::new().name("compiler".into()).spawn_scoped(scope, move || work(part))
        };
        let others: Vec<_> = others.iter().map(|part| (*part, spawn(*part))).collect();
        let mut done = vec![work(*first)];
        done.extend(others.into_iter().map(|(part, other)| match other {
            Ok(other) => other.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // Where the system gives no more threads, this one does it all.
            Err(_) => work(part),
        }));
        done
    })
}
