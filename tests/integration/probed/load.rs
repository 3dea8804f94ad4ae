//! `least_load` by processes that tell their load: parts follow it, step by step.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use crate::http::Http;
use crate::servers::{Server, ZoneFile, free_port_of};
use crate::waiting::{PATIENCE, now, until};

const INTERVAL: Duration = Duration::from_secs(1);
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 6, 20, 1), Ipv4Addr::new(127, 6, 20, 2)];
/// Of the whole, in an interval.
const STEP_MAX: f64 = 0.1;

/// A service whose health page says how busy it is.
fn serve(address: SocketAddr) -> Arc<AtomicU8> {
    let load = Arc::new(AtomicU8::new(50));
    let listener = TcpListener::bind(address).expect("a free port");
    let own = Arc::clone(&load);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let body = format!("{{\"cpu\": {}}}", own.load(Ordering::Relaxed));
            // A probe that goes away in between is none of its business.
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    load
}

#[test]
fn parts_go_to_who_is_free_and_at_most_a_tenth_an_interval() {
    let port = free_port_of(&ADDRESSES.map(Into::into));
    let loads = ADDRESSES.map(|address| serve((address, port).into()));
    let [a, b] = ADDRESSES;
    let zone = format!(
        "zone: x.example\nns: [ns.example.net.]\n\
         checks: {{own: {{http: {{port: {port}, load: {{json: /cpu}}}}, interval: 1s}}}}\n\
         pools: {{web: {{policy: least_load, ttl: 1s, min_ttl: 1s, check: own, backends: {{a: {a}, b: {b}}}}}}}\n\
         records: {{w: {{pool: web}}}}\n"
    );
    let zones = [ZoneFile { name: "x.example.yaml", text: &zone }];
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &zones);
    let api = Http::unix(server.file("admin.sock"));
    let due = || {
        let pool = api.get("/v1/pools/x.example/web").json();
        let parts =
            [0, 1].map(|place| pool["backends"][place]["share_due"].as_f64().expect("a part"));
        assert!((parts[0] + parts[1] - 1.0).abs() < 1e-6, "{parts:?}");
        parts[0]
    };

    let began = now();
    let mut seen = vec![(Duration::ZERO, due())];
    for (of_a, of_b, is_there) in [
        // The free one gets more, as far as its part of what is free: 90 of 100, and as far as it takes to see which way.
        (10, 90, (|part| part > 0.65) as fn(f64) -> bool),
        (90, 10, |part| part < 0.35),
        (40, 40, |part| part > 0.45),
    ] {
        loads[0].store(of_a, Ordering::Relaxed);
        loads[1].store(of_b, Ordering::Relaxed);
        until(&format!("parts follow {of_a} % and {of_b} %"), 3 * PATIENCE, || {
            let found = due();
            if seen.last().is_none_or(|(_, last)| (last - found).abs() > 1e-9) {
                seen.push((began.elapsed(), found));
            }
            is_there(found).then_some(())
        });
    }
    // A look that comes late sees several steps as one.
    for steps in seen.windows(2) {
        let [(before, from), (after, to)] = steps else { unreachable!("two of them") };
        let intervals =
            (after.saturating_sub(*before).as_secs_f64() / INTERVAL.as_secs_f64()).floor() + 1.0;
        let moved = (to - from).abs();
        // Turns of weights are whole numbers, so a part may be off by half of one.
        assert!(moved <= STEP_MAX * intervals + 0.005, "{steps:?} of {seen:?}");
    }
}
