//! The server is killed while updates are on their way. What was acknowledged is there when it comes back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use hickory_proto::rr::RecordType;

use super::*;

/// How many clients send updates at once.
const CLIENTS: usize = 4;
/// How many names each of them changes.
const NAMES: u64 = 12;
/// How often the server is killed; all of it with `ROTADNS_FULL`.
const KILLS: usize = 6;
const KILLS_FULL: usize = 100;

/// What a name holds as far as its client knows: the last value that was acknowledged, and what it asked for after that.
#[derive(Clone, Debug, Default)]
struct Known {
    acknowledged: Option<u64>,
    asked: Asked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    For(Option<u64>),
}

type Names = BTreeMap<String, Known>;

/// Sends updates until it is told to stop: each gives a name another value, or none.
fn send_updates(
    server: SocketAddr,
    client: usize,
    names: &Mutex<Names>,
    stop: &AtomicBool,
    random: &mut fastrand::Rng,
) {
    while !stop.load(Ordering::Relaxed) {
        let owner = format!("n{}.c{client}.example.com.", random.u64(..NAMES));
        let value = random.bool().then(|| random.u64(..));
        let mut update = Update::of("example.com.").remove_set(&owner, "TXT");
        if let Some(value) = value {
            update = update.insert(&owner, 60, "TXT", &value.to_string());
        }
        let known = |change: &dyn Fn(&mut Known)| {
            change(names.lock().expect("nobody panics with it").entry(owner.clone()).or_default());
        };
        known(&|known| known.asked = Asked::For(value));
        match update.send(server, Duration::from_millis(500)) {
            Some(0) => {
                known(&|known| *known = Known { acknowledged: value, asked: Asked::Nothing });
            }
            Some(rcode) => panic!("an update was answered {rcode}"),
            // Whether it was made is not known, and it may still come: this name is left alone.
            None => return,
        }
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_in_a_crash() {
    let kills = if std::env::var_os("ROTADNS_FULL").is_some() { KILLS_FULL } else { KILLS };
    let seed = 4;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut server = server(&MASTER);
    let mut names: Vec<Names> = vec![Names::new(); CLIENTS];
    let mut acknowledged = 0;
    for kill in 0..kills {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = names
            .into_iter()
            .enumerate()
            .map(|(client, names)| {
                let (stop, mut random) = (Arc::clone(&stop), random.fork());
                let address = server.v4();
                thread::spawn(move || {
                    let names = Mutex::new(names);
                    send_updates(address, client, &names, &stop, &mut random);
                    names.into_inner().expect("nobody panics with it")
                })
            })
            .collect();
        thread::sleep(Duration::from_micros(random.u64(1_000..120_000)));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        names = clients.into_iter().map(|client| client.join().expect("it ends")).collect();
        server.start_again();

        for (owner, known) in names.iter_mut().flatten() {
            let found = data(&server, owner, RecordType::TXT);
            let found = found.first().map(|line| {
                let value = line.rsplit_once(' ').expect("data comes last").1;
                value.trim_matches('"').parse::<u64>().expect("a number")
            });
            let is_known = found == known.acknowledged || known.asked == Asked::For(found);
            assert!(
                is_known,
                "kill {kill}, seed {seed}: {owner} has {found:?}, known is {known:?}"
            );
            acknowledged += usize::from(known.acknowledged.is_some());
            *known = Known { acknowledged: found, asked: Asked::Nothing };
        }
    }
    assert!(acknowledged > kills, "updates were made at all: {acknowledged}");
}
