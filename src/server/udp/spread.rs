//! Which of the workers of an address gets a query: the one on the core that received it, or one by chance.
//!
//! By core an answer costs least: with two cores a quarter less than by chance. It is as even as what the network card does. A card with
//! one queue, or one resolver that asks for most, gives all to one worker while the others rest; then chance is worth its price. The
//! workers see it themselves: one that reads full batches for long, and behind which the queue grows, is pressed. Full batches
//! alone say little, as clients that wait for their answers fill them on a busy core. What follows is a rule ([`rule`]).

mod rule;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tracing::{debug, info};

use self::rule::{Look, Rule};
use super::RECEIVE_BUFFER;
use crate::sys::batch::{Waiting, waiting};
use crate::sys::spread::Program;

/// After so many full batches in a row a worker looks whether it is pressed: 4,096 queries, which take some 15 ms. It looks again
/// whenever there were as many more.
const LOOK: u64 = 64;
/// It is, where the queue has so many bytes: half of what the kernel grants to who may have it. Where it grants less, and while the
/// queue is short, only what is dropped tells.
const QUEUE_LONG: u32 = RECEIVE_BUFFER as u32;

/// The workers of one address, whose sockets share it.
///
/// They read it once a batch and write it when something changes, so it has lines of its own.
#[repr(align(128))] // two lines: adjacent-line prefetch pairs them
pub(super) struct Group {
    /// The [`Rule`] that holds, packed.
    rule: AtomicU64,
    /// How many workers are pressed.
    pressed: AtomicUsize,
    /// How many can be.
    workers: usize,
    /// Who has it changes the rule; nobody waits for it.
    change: Mutex<()>,
    by_core: Program,
    by_chance: Program,
    address: SocketAddr,
}

impl Group {
    /// Has the datagrams to so many sockets of one address spread by core, for as many workers, of which the i-th is on the i-th of
    /// `cores` and has the i-th socket, modulo how many there are of each. `None` where there is nothing to choose: for one socket,
    /// on one core, or with a kernel that takes no program.
    pub(super) fn new(
        socket: &UdpSocket,
        address: SocketAddr,
        sockets: usize,
        workers: usize,
        cores: &[usize],
    ) -> Option<Arc<Self>> {
        if sockets < 2 {
            return None;
        }
        // More workers than cores gain nothing: by core, those beyond share a socket or rest.
        let workers = workers.min(cores.len());
        let by_core = Program::by_core(cores, sockets);
        let by_chance = Program::by_chance(sockets);
        let first = if workers < 2 { &by_chance } else { &by_core };
        if let Err(error) = first.attach(socket) {
            debug!("UDP on {address}: the kernel spreads clients over the workers: {error}");
            return None;
        }
        let rule = AtomicU64::new(Rule::default().packed());
        let (pressed, change) = (AtomicUsize::new(0), Mutex::new(()));
        let group = Self { rule, pressed, workers, change, by_core, by_chance, address };
        (workers > 1).then(|| Arc::new(group))
    }

    /// The place of one more worker.
    pub(super) fn place(self: &Arc<Self>) -> Place {
        Place { group: Arc::clone(self), is_pressed: false, dropped: 0 }
    }

    #[inline]
    fn look(&self, is_pressed: bool, socket: &UdpSocket, now: u64) {
        if self.next(is_pressed, now).is_some() {
            self.change(is_pressed, socket, now);
        }
    }

    /// What follows from what a worker sees.
    #[inline]
    fn next(&self, is_pressed: bool, now: u64) -> Option<(Rule, Rule)> {
        let look = match is_pressed {
            false => Look::Eased,
            true if self.pressed.load(Ordering::Relaxed) < self.workers => Look::Pressed,
            true => Look::AllPressed,
        };
        let rule = Rule::unpacked(self.rule.load(Ordering::Relaxed));
        rule.after(look, now).map(|next| (rule, next))
    }

    #[cold]
    fn change(&self, is_pressed: bool, socket: &UdpSocket, now: u64) {
        let Ok(_alone) = self.change.try_lock() else { return };
        // Another may have changed it just before.
        let Some((rule, next)) = self.next(is_pressed, now) else { return };
        // Also where it is the same one: the server before, which had the sockets too, may have had its last word meanwhile.
        let program = if next.is_by_core() { &self.by_core } else { &self.by_chance };
        let holds = match program.attach(socket) {
            Ok(()) => next,
            Err(error) => {
                debug!("UDP on {}: workers are picked as before: {error}", self.address);
                rule.held(now)
            }
        };
        self.rule.store(holds.packed(), Ordering::Relaxed);
        if holds.is_by_core() != rule.is_by_core() {
            if holds.is_news() {
                info!("UDP on {}: {}", self.address, holds.told());
            } else {
                debug!("UDP on {}: {}", self.address, holds.told());
            }
        }
    }
}

/// One worker in its group, until it ends.
pub(super) struct Place {
    group: Arc<Group>,
    is_pressed: bool,
    /// What its socket had dropped when it looked last.
    dropped: u32,
}

impl Place {
    /// Takes in how many batches in a row were full up to the last one from this socket, and at what time, in seconds.
    #[inline]
    pub(super) fn after(&mut self, full: u64, socket: &UdpSocket, now: u64) {
        if full == 0 {
            self.set(false);
        } else if full.is_multiple_of(LOOK) {
            let is_pressed = waiting(socket).is_ok_and(|waiting| self.is_behind(full, waiting));
            self.set(is_pressed);
        } else {
            return;
        }
        self.group.look(self.is_pressed, socket, now);
    }

    /// Whether the queue is long, or too short for what came while all batches were full.
    fn is_behind(&mut self, full: u64, Waiting { bytes, dropped }: Waiting) -> bool {
        let before = std::mem::replace(&mut self.dropped, dropped);
        // At the first look `before` may be long ago.
        bytes >= QUEUE_LONG || full > LOOK && dropped != before
    }

    #[inline]
    fn set(&mut self, is_pressed: bool) {
        match (self.is_pressed, is_pressed) {
            (false, true) => _ = self.group.pressed.fetch_add(1, Ordering::Relaxed),
            (true, false) => _ = self.group.pressed.fetch_sub(1, Ordering::Relaxed),
            _ => {}
        }
        self.is_pressed = is_pressed;
    }
}

impl Drop for Place {
    /// Who is gone has nothing to do, also by a panic.
    fn drop(&mut self) {
        self.set(false);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::thread;

    use rustix::thread::{CpuSet, sched_setaffinity};

    use super::*;
    use crate::server::udp::{Listener, bind, hold};
    use crate::sys::spread::cores;

    /// Any time.
    const T: u64 = 1_800_000_000;

    /// Two listeners of one address, whose group believes that the calling thread is pinned to the first of two cores; it is.
    fn two() -> (Vec<Listener>, Arc<Group>) {
        let core = cores()[0];
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one).expect("it is allowed");
        let listeners = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))], 2).expect("a free port");
        for listener in &listeners {
            listener.socket.set_nonblocking(true).expect("an option");
        }
        let Listener { socket, address, .. } = &listeners[0];
        let group = Group::new(socket, *address, 2, 2, &[core, core + 1]);
        (listeners, group.expect("any kernel since 4.5"))
    }

    /// How many of 200 queries that the first core receives each worker gets.
    fn received(listeners: &[Listener]) -> [usize; 2] {
        let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let mut received = [0; 2];
        for _ in 0..200 {
            client.send_to(b"query", listeners[0].address).expect("loopback takes it");
        }
        for (received, listener) in received.iter_mut().zip(listeners) {
            while listener.socket.recv(&mut [0; 16]).is_ok() {
                *received += 1;
            }
        }
        received
    }

    /// Has a worker look before and after more came than its socket holds.
    fn press(place: &mut Place, worker: usize, listeners: &[Listener]) {
        let socket = &listeners[worker].socket;
        place.after(LOOK, socket, T);
        hold(socket, 1);
        received(listeners);
        hold(socket, RECEIVE_BUFFER);
        place.after(LOOK + 1, socket, T);
        assert!(!place.is_pressed, "it has not looked again");
        place.after(2 * LOOK, socket, T);
        assert!(place.is_pressed);
    }

    #[test]
    fn one_worker_that_is_pressed_has_its_queries_shared_until_all_are() {
        let work = || {
            let (listeners, group) = two();
            let (mut first, mut second) = (group.place(), group.place());
            assert_eq!(received(&listeners), [200, 0]);
            for full in 1..=10 * LOOK {
                first.after(full, &listeners[0].socket, T);
                second.after(0, &listeners[1].socket, T);
            }
            assert_eq!(received(&listeners), [200, 0], "all of it was answered in time");
            press(&mut first, 0, &listeners);
            // Each of 200 goes to the same one once in 2^199 times.
            assert!(received(&listeners).iter().all(|&received| received > 0));
            press(&mut second, 1, &listeners);
            assert_eq!(received(&listeners), [200, 0]);
        };
        thread::spawn(work).join().expect("sockets work");
    }

    #[test]
    fn who_is_relieved_or_gone_is_not_pressed() {
        let work = || {
            let (listeners, group) = two();
            let pressed = || group.pressed.load(Ordering::Relaxed);
            let (mut first, mut second) = (group.place(), group.place());
            press(&mut first, 0, &listeners);
            press(&mut second, 1, &listeners);
            assert_eq!(pressed(), 2);
            second.after(0, &listeners[1].socket, T);
            second.after(0, &listeners[1].socket, T);
            assert_eq!(pressed(), 1);
            drop((first, second));
            assert_eq!(pressed(), 0);
        };
        thread::spawn(work).join().expect("sockets work");
    }

    #[test]
    fn a_worker_is_behind_when_its_queue_is_long_or_overflows() {
        let work = || {
            let (_listeners, group) = two();
            let mut place = group.place();
            for (full, bytes, dropped, expected) in [
                (LOOK, 0, 0, false),
                (2 * LOOK, QUEUE_LONG - 1, 0, false),
                (3 * LOOK, QUEUE_LONG, 0, true),
                (4 * LOOK, 0, 1, true),
                (5 * LOOK, 0, 1, false),
                // What was lost in a pause before, or before the socket was ours.
                (LOOK, 0, 9, false),
                (2 * LOOK, 0, 9, false),
                (3 * LOOK, 0, 10, true),
                (LOOK, QUEUE_LONG, 10, true),
            ] {
                let waiting = Waiting { bytes, dropped };
                assert_eq!(place.is_behind(full, waiting), expected, "{full}, {waiting:?}");
            }
        };
        thread::spawn(work).join().expect("sockets work");
    }

    #[test]
    fn there_is_nothing_to_choose_for_one_socket_or_one_core() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let one = bind(&[address], 1).expect("a free port");
        assert!(one[0].group.is_none());
        let two = bind(&[address], 2).expect("a free port");
        let Listener { socket, address, .. } = &two[0];
        assert!(Group::new(socket, *address, 2, 2, &[3]).is_none());
        assert!(Group::new(socket, *address, 2, 2, &[]).is_none());
        assert!(Group::new(socket, *address, 2, 2, &[3, 5]).is_some());
    }
}
