//! In how many answers each thing was that a pool hands out: each address, each name.
//!
//! An answer of a pool is a run of a ready list, so one add at the run's start counts all addresses in it; the
//! runs are spread out when somebody reads. Each version of what a pool may hand out has a [`Tally`], and what
//! outlives the versions is kept by address or name in the pool's [`Handed`]:
//!
//! ```text
//!   Ready, version 7 ──▶ Tally   thread 0: starts of A runs │ starts of AAAA runs │ ...   a plain add an answer
//!                          ▲     thread 1: starts of A runs │ starts of AAAA runs │ ...
//!                          │
//!   Handed, one a pool ────┴──▶ live: the tallies of all versions that somebody may still answer from
//!      totals by key ◀───────── folded in when a version is dropped, which no worker does
//! ```
//!
//! Reading adds the totals and all that is live under one lock, so no count is ever missing or there twice, and
//! what is exported never falls. Threads that answer do not know of the lock.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::{LINE, Line, add};

/// What one pool has handed out since the start; it belongs to the pool's name and outlives reloads.
#[derive(Debug)]
pub struct Handed<K> {
    threads: usize,
    kept: Mutex<Kept<K>>,
}

#[derive(Debug)]
struct Kept<K> {
    totals: BTreeMap<K, u64>,
    live: Vec<Arc<Tally<K>>>,
}

impl<K: Clone + Ord> Handed<K> {
    /// Counts for so many threads.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { threads, kept: Mutex::new(Kept { totals: BTreeMap::new(), live: Vec::new() }) }
    }

    /// A tally for a new version of the pool, whose lists are these.
    #[must_use]
    pub fn begin(self: &Arc<Self>, lists: impl IntoIterator<Item = Runs<K>>) -> Counting<K> {
        let mut cells = 0;
        let lists = lists.into_iter().map(|runs| {
            let from = cells;
            cells += runs.keys.len();
            List { from, runs }
        });
        let lists: Box<[List<K>]> = lists.collect();
        let lines = cells.div_ceil(LINE);
        let tally = Arc::new(Tally {
            lines: (0..self.threads * lines).map(|_| Line::default()).collect(),
            lines_of_thread: lines,
            lists,
        });
        self.lock(|kept| kept.live.push(Arc::clone(&tally)));
        Counting { handed: Arc::clone(self), tally }
    }

    /// In how many answers each of them was; one that never was is left out.
    #[must_use]
    pub fn answers(&self) -> BTreeMap<K, u64> {
        self.lock(|kept| {
            let mut answers = kept.totals.clone();
            for tally in &kept.live {
                tally.add_to(&mut answers);
            }
            answers
        })
    }

    /// Forgets what the pool cannot hand out any more.
    pub fn retain(&self, is_known: impl Fn(&K) -> bool) {
        self.lock(|kept| kept.totals.retain(|key, _| is_known(key)));
    }

    fn lock<T>(&self, work: impl FnOnce(&mut Kept<K>) -> T) -> T {
        work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what a version counted that nobody answers from any more.
    fn end(&self, ended: &Arc<Tally<K>>) {
        self.lock(|kept| {
            kept.live.retain(|tally| !Arc::ptr_eq(tally, ended));
            ended.add_to(&mut kept.totals);
        });
    }
}

/// The hold of one version on its tally: when it is dropped, what it counted goes into the totals.
#[derive(Debug)]
pub struct Counting<K: Clone + Ord> {
    handed: Arc<Handed<K>>,
    tally: Arc<Tally<K>>,
}

impl<K: Clone + Ord> Counting<K> {
    /// Where the counts of all versions meet.
    #[must_use]
    pub fn handed(&self) -> &Arc<Handed<K>> {
        &self.handed
    }

    /// Counts this version's answers.
    #[inline]
    #[must_use]
    pub fn tally(&self) -> &Tally<K> {
        &self.tally
    }
}

impl<K: Clone + Ord> Drop for Counting<K> {
    fn drop(&mut self) {
        self.handed.end(&self.tally);
    }
}

/// One list, and how many of it each count stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs<K> {
    /// In the order of the list.
    pub keys: Box<[K]>,
    /// How many from the counted one on, around the end where need be, were in the answer.
    pub width: usize,
}

/// The answers of one version of a pool, by where their run started.
#[derive(Debug)]
pub struct Tally<K> {
    /// A row of whole lines for each thread.
    lines: Box<[Line]>,
    lines_of_thread: usize,
    lists: Box<[List<K>]>,
}

#[derive(Debug)]
struct List<K> {
    /// Where its counts begin in a row.
    from: usize,
    runs: Runs<K>,
}

impl<K: Clone + Ord> Tally<K> {
    /// Counts a run that starts at a place of a list, which is named by its place. Only the thread of this index may
    /// call this; one that has no row is not counted.
    #[inline]
    pub fn add(&self, thread: usize, list: usize, start: usize) {
        let Some(List { from, runs }) = self.lists.get(list) else { return };
        // A list that is not counted has no keys.
        if start >= runs.keys.len() {
            return;
        }
        let cell = from + start;
        if let Some(line) = self.lines.get(thread * self.lines_of_thread + cell / LINE) {
            add(&line.0[cell % LINE], 1);
        }
    }

    /// Spreads the runs out over the keys that were in them.
    fn add_to(&self, answers: &mut BTreeMap<K, u64>) {
        for List { from, runs } in &self.lists {
            let count = runs.keys.len();
            let starts: Vec<u64> = (0..count).map(|start| self.started(from + start)).collect();
            let width = runs.width.min(count);
            if width == 0 {
                continue;
            }
            // One is in the runs that started at most `width - 1` places before it.
            let mut within: u64 = (1..width).map(|back| starts[count - back]).sum();
            for (place, key) in runs.keys.iter().enumerate() {
                within += starts[place];
                if within > 0 {
                    *answers.entry(key.clone()).or_default() += within;
                }
                within -= starts[(place + count + 1 - width) % count];
            }
        }
    }

    /// How many runs started at a cell, over all threads.
    fn started(&self, cell: usize) -> u64 {
        let rows = self.lines.chunks_exact(self.lines_of_thread.max(1));
        rows.map(|row| row[cell / LINE].0[cell % LINE].load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn v4(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn v6(last: u16) -> IpAddr {
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into()
    }

    fn runs(addresses: impl IntoIterator<Item = IpAddr>, width: usize) -> Runs<IpAddr> {
        Runs { keys: addresses.into_iter().collect(), width }
    }

    /// The answers that 192.0.2.1, .2, ... were in.
    fn counts(handed: &Handed<IpAddr>, count: u8) -> Vec<u64> {
        let answers = handed.answers();
        (1..=count).map(|last| answers.get(&v4(last)).copied().unwrap_or(0)).collect()
    }

    #[test]
    fn a_start_counts_for_all_addresses_of_its_run() {
        // How many addresses, how many in an answer, where runs started, what each was in.
        for (count, width, starts, expected) in [
            (4, 1, &[0, 1, 1, 3][..], &[1, 2, 0, 1][..]),
            (4, 2, &[0, 3], &[2, 1, 0, 1]),
            (4, 3, &[2], &[1, 0, 1, 1]),
            (4, 4, &[0, 1, 2, 3, 3], &[5, 5, 5, 5]),
            (1, 1, &[0, 0], &[2]),
            (9, 2, &[8, 8, 7], &[2, 0, 0, 0, 0, 0, 0, 1, 3]),
            (2, 0, &[0], &[0, 0]),
        ] {
            let handed = Arc::new(Handed::new(1));
            let counting = handed.begin([runs((1..=count).map(v4), width)]);
            for start in starts {
                counting.tally().add(0, 0, *start);
            }
            assert_eq!(counts(&handed, count), expected, "{count} {width} {starts:?}");
        }
    }

    #[test]
    fn threads_and_families_do_not_mix() {
        let handed = Arc::new(Handed::new(2));
        let counting = handed.begin([runs([v4(1), v4(2), v4(3)], 1), runs((1..=9).map(v6), 1)]);
        for (thread, list, start) in [(0, 0, 2), (1, 0, 2), (1, 1, 8), (0, 1, 0), (2, 0, 0)] {
            counting.tally().add(thread, list, start);
        }
        let expected = BTreeMap::from([(v4(3), 2), (v6(1), 1), (v6(9), 1)]);
        assert_eq!(handed.answers(), expected, "the third thread has no row");
    }

    #[test]
    fn what_a_version_counted_outlives_it_and_is_there_once() {
        let handed = Arc::new(Handed::new(1));
        let old = handed.begin([runs([v4(1), v4(2)], 1)]);
        let new = handed.begin([runs([v4(2)], 1)]);
        old.tally().add(0, 0, 0);
        new.tally().add(0, 0, 0);
        // A worker that still has the old version counts in it.
        old.tally().add(0, 0, 1);
        assert_eq!(counts(&handed, 2), [1, 2]);
        drop(old);
        assert_eq!(counts(&handed, 2), [1, 2]);
        drop(new);
        assert_eq!(counts(&handed, 2), [1, 2]);
        handed.retain(|address| *address == v4(2));
        assert_eq!(counts(&handed, 2), [0, 2], "the pool has lost its first address");
    }
}
