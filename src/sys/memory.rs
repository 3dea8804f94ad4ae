//! Memory that is free within the process.

/// What is as large as this by itself has pages of its own, which go back when it is freed; and no more than this stays at the
/// end of a heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 1 << 20;

/// Keeps the allocator from keeping much, for as long as the process lives. By itself it learns from the first large piece that is freed to
/// take such pieces from the heaps of threads, whose ends [`give_back`] does not reach.
pub fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: both set a number, under the allocator's own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
    }
}

/// Gives memory that was freed back to the system, as far as whole pages are free: a zone that was replaced, and what it was
/// read with. Without it the allocator keeps most of that for later. Takes some milliseconds and stops nobody who does not
/// allocate.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it touches what nobody has any more, under the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").expect("every process has one");
        text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number")
    }

    #[test]
    fn what_was_freed_is_given_back() {
        // Small pieces, with one behind them that stays: the heap cannot shrink by itself.
        let pieces: Vec<Vec<u8>> = (0..100_000).map(|_| vec![1; 1000]).collect();
        let last = vec![1_u8; 1000];
        let held = resident();
        drop(pieces);
        give_back();
        let freed = held.saturating_sub(resident()) * 4096;
        assert!(freed > 80_000_000, "{freed} bytes of 100,000,000");
        drop(last);
    }

    #[test]
    fn what_a_thread_has_freed_is_given_back() {
        keep_little();
        // The first large piece that is freed is what the allocator would learn from.
        drop(vec![1_u8; 20_000_000]);
        let before = resident();
        let held = std::thread::spawn(|| {
            // From the thread's own heap, so that it has one.
            let small: Vec<Vec<u8>> = (0..1000).map(|_| vec![1; 1000]).collect();
            drop(vec![1_u8; 15_000_000]);
            drop(small);
            resident()
        });
        let held = held.join().expect("it ends");
        assert!(held < before + 2000, "{held} pages, {before} before");
    }
}
