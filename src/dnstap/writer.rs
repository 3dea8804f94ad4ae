//! The thread that takes records out of the rings and writes them where they are wanted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::message::Speaker;
use super::record::Ring;
use super::sink::Sink;
use crate::config::server::dnstap::{Dnstap, To};
use crate::counters::{Counter, Counters};
use crate::sys::priority;

/// How long it rests where there is nothing to write.
const REST: Duration = Duration::from_millis(10);
/// From one try to open what takes the log to the next, and from one look whether a file was moved to the next.
const AGAIN: Duration = Duration::from_secs(1);
/// How long what waits at the end is written at most.
const LAST_MAX: Duration = Duration::from_secs(5);
/// The most records that one ring gives before the next one has its turn.
const TURN_MAX: usize = 256;

/// The thread, until it is told to stop.
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Writes what has been recorded, and ends.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A thread that panicked has been reported where it did.
        let _ = self.thread.join();
    }
}

/// Starts the thread.
pub(super) fn start(
    config: Dnstap,
    rings: Vec<Ring>,
    counters: Arc<Counters>,
) -> io::Result<Running> {
    let stop = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&stop);
    let thread = Builder::new().name("dnstap".into()).spawn(move || {
        // What answers comes first.
        let _ = priority::behind_answers();
        Writer::new(config, rings, counters).run(&until);
    })?;
    Ok(Running { stop, thread })
}

struct Writer {
    to: To,
    speaker: Speaker,
    rings: Vec<Ring>,
    counters: Arc<Counters>,
    sink: Option<Sink>,
    /// Whether it was open before.
    has_begun: bool,
    /// Whether the log says already that nobody takes it.
    is_told: bool,
}

impl Writer {
    fn new(config: Dnstap, rings: Vec<Ring>, counters: Arc<Counters>) -> Self {
        let speaker = Speaker::new(config.identity.as_deref());
        let (to, sink) = (config.to, None);
        Self { to, speaker, rings, counters, sink, has_begun: false, is_told: false }
    }

    fn run(&mut self, stop: &AtomicBool) {
        let mut looked = now();
        loop {
            // What is recorded after this look is not waited for.
            let is_last = stop.load(Ordering::Relaxed);
            if self.sink.is_none() {
                self.open();
            }
            let written = self.turn();
            if is_last {
                // Who answers has ended, so this does; a collector that hardly reads does not hold up the end.
                let by = now() + LAST_MAX;
                while self.turn() > 0 && now() < by {}
                if let Some(sink) = self.sink.take()
                    && let Err(error) = sink.close()
                {
                    self.tell(&error);
                }
                return;
            }
            if self.sink.is_none() {
                thread::park_timeout(AGAIN);
            } else if written == 0 {
                thread::park_timeout(REST);
            }
            if now().duration_since(looked) >= AGAIN {
                looked = now();
                self.follow();
            }
        }
    }

    fn open(&mut self) {
        match Sink::open(&self.to, self.has_begun) {
            Ok(sink) => {
                self.sink = Some(sink);
                (self.has_begun, self.is_told) = (true, false);
                info!(to = %self.to, "writing dnstap");
            }
            Err(error) => self.tell(&error),
        }
    }

    /// Begins a new file where the one that is written was moved away.
    fn follow(&mut self) {
        if self.sink.as_ref().is_some_and(Sink::is_moved)
            && let Some(sink) = self.sink.take()
            && let Err(error) = sink.close()
        {
            self.tell(&error);
        }
    }

    /// Writes what the rings have, a share of each; how many exchanges that were. Where it fails, none of them is sure to be whole.
    fn turn(&mut self) -> usize {
        let Some(sink) = &mut self.sink else { return 0 };
        let mut taken = 0;
        let mut outcome = Ok(());
        'rings: for ring in &mut self.rings {
            for _ in 0..TURN_MAX {
                let Some(exchange) = ring.next() else { break };
                self.speaker.encode(&exchange, |message| {
                    if outcome.is_ok() {
                        outcome = sink.write(message);
                    }
                });
                taken += 1;
                if outcome.is_err() {
                    break 'rings;
                }
            }
        }
        match outcome.and_then(|()| sink.flush()) {
            Ok(()) => self.counters.add(Counter::DnstapWritten, taken as u64),
            Err(error) => {
                self.counters.add(Counter::DnstapDropped, taken as u64);
                self.sink = None;
                self.tell(&error);
            }
        }
        taken
    }

    /// Says once that nobody takes the log, until somebody does again.
    fn tell(&mut self, error: &io::Error) {
        if !self.is_told {
            self.is_told = true;
            warn!(
                "dnstap: {}: {error}; trying on, and what finds no room meanwhile is dropped",
                self.to
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own, which answers nothing")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::SocketAddr;
    use std::num::NonZeroU32;
    use std::path::{Path, PathBuf};

    use super::super::record::{Over, recorder};
    use super::*;

    /// A folder that goes when the test ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("rotadns-dnstap-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A writer into a file, of so many exchanges that wait.
    fn writer(file: &Path, waiting: usize) -> (Writer, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let (mut recorder, ring) = recorder(NonZeroU32::MIN, Arc::clone(&counters));
        for _ in 0..waiting {
            let client = SocketAddr::from(([192, 0, 2, 1], 53));
            recorder.note(Over::Udp, client, None, &[0; 12], None);
        }
        let (to, sample) = (To::File(file.into()), NonZeroU32::MIN);
        let config = Dnstap { to, sample, identity: None };
        (Writer::new(config, vec![ring], Arc::clone(&counters)), counters)
    }

    #[test]
    fn all_that_waits_at_the_end_is_written() {
        let folder = Folder::new("end");
        let waiting = 3 * TURN_MAX + 1;
        let (mut writer, counters) = writer(&folder.0.join("log"), waiting);
        writer.run(&AtomicBool::new(true));
        assert_eq!(counters.get(Counter::DnstapWritten), waiting as u64);
        assert_eq!(counters.get(Counter::DnstapDropped), 0);
    }

    #[test]
    fn what_cannot_be_written_is_counted_as_dropped() {
        let (mut writer, counters) = writer(Path::new("/dev/full"), 5);
        writer.sink = Some(Sink::full().expect("Linux has it"));
        assert_eq!((writer.turn(), writer.sink.is_none()), (5, true));
        assert_eq!(counters.get(Counter::DnstapWritten), 0);
        assert_eq!(counters.get(Counter::DnstapDropped), 5);
    }

    #[test]
    fn a_log_that_was_written_is_kept_when_its_disk_is_full() {
        let folder = Folder::new("kept");
        let [log, before] = ["log", "log.before"].map(|name| folder.0.join(name));
        fs::write(&before, "of an earlier start").expect("a file");
        let begin = |is_again| Sink::open(&To::File(log.clone()), is_again)?.close();
        let length = |file: &Path| fs::metadata(file).map(|file| file.len()).unwrap_or_default();
        // What has a begin and an end alone is worth no place.
        for is_again in [false, true, false] {
            begin(is_again).expect("nothing is lost by it");
            assert_eq!(fs::read_to_string(&before).expect("a file"), "of an earlier start");
        }
        fs::write(&log, [1; 100]).expect("a file");
        let error = begin(true).expect_err("the one before is in the way");
        assert!(error.to_string().contains("log.before"), "{error}");
        assert_eq!(length(&log), 100);
        fs::remove_file(&before).expect("it is ours");
        begin(true).expect("there is room for it");
        assert_eq!(length(&before), 100);
        fs::write(&log, [2; 200]).expect("a file");
        begin(false).expect("the one before that is of another start");
        assert_eq!(length(&before), 200);
    }
}
