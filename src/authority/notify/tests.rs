//! Notifies over loopback, with a peer of ours.

use std::net::UdpSocket as Peer;
use std::time::Duration;

use super::*;
use crate::config::model::access::{self, Access, ZoneAccess};
use crate::rdata::rtype;
use crate::wire::tsig::key::{Algorithm, Key, Keys};
use crate::wire::tsig::{finish, verify};
use crate::zone::build;

const NOW: u64 = 1_800_000_000;
/// Far more than loopback takes; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(10);

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

fn zone(serial: u32) -> Zone {
    let mut builder = build::Builder::new(name("example."));
    for (rtype, text) in
        [(rtype::SOA, format!("ns. host. {serial} 1 2 3 4")), (rtype::NS, "ns.".to_owned())]
    {
        let mut rdata = Vec::new();
        crate::rdata::parse(rtype, &text, &Name::root(), &mut rdata).expect("RDATA");
        builder.add(name("example.").as_wire(), rtype, 60, &rdata, 0);
    }
    builder.finish(Vec::new()).expect("a zone").0
}

fn key() -> Key {
    Key::new(name("k."), Algorithm::Sha256, b"0123456789abcdef")
}

fn settings(peers: &[(SocketAddr, bool)]) -> Settings {
    let notify = peers.iter().map(|&(address, is_signed)| access::Peer {
        address,
        key: is_signed.then(|| name("k.")),
        tls: None,
    });
    let general = ZoneAccess { notify: notify.collect(), ..ZoneAccess::default() };
    let access = Access { general, ..Access::default() };
    Settings { keys: Keys::new(vec![key()]), access, ..Settings::default() }
}

fn peer() -> (Peer, SocketAddr) {
    let socket = Peer::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

/// Takes a notify, and gives its serial, its length and where it came from.
fn take(peer: &Peer, message: &mut [u8]) -> (u32, usize, SocketAddr) {
    let (len, from) = peer.recv_from(message).expect("a notify");
    let soa = message[..len].windows(8).position(|part| part == [0xc0, 12, 0, 6, 0, 1, 0, 0]);
    // TTL, RDLENGTH, "ns.", "host."
    let serial = soa.expect("the SOA") + 10 + 2 + 4 + 6;
    let serial = message[serial..].first_chunk().expect("a serial");
    (u32::from_be_bytes(*serial), len, from)
}

fn until(what: impl Fn() -> bool) {
    let latest = std::iter::repeat_n((), 5000);
    for () in latest {
        if what() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("not in time");
}

#[test]
fn rfc1996_4_7_who_acknowledges_is_told_once_and_of_a_new_version_again() {
    let counters = Arc::new(Counters::default());
    let listen = vec!["127.0.0.1".parse().expect("it")];
    let (notifier, thread) =
        Notifier::start(listen, || NOW, Arc::clone(&counters)).expect("a thread");
    let (socket, address) = peer();
    let settings = settings(&[(address, false)]);
    let mut message = [0; 512];
    for serial in [7, 8] {
        notifier.tell(&zone(serial), &settings);
        notifier.tell(&zone(serial), &settings);
        let (told, len, from) = take(&socket, &mut message);
        assert_eq!(told, serial);
        message[2] |= 0x80;
        socket.send_to(&message[..len], from).expect("it is sent");
        until(|| counters.get(Counter::NotifiesAcknowledged) == u64::from(serial - 6));
    }
    assert_eq!(counters.get(Counter::NotifiesSent), 2);
    notifier.stop();
    thread.join().expect("it ends");
}

#[test]
fn rfc8945_a_signed_notify_wants_a_signed_answer() {
    let counters = Arc::new(Counters::default());
    let (notifier, thread) =
        Notifier::start(Vec::new(), || NOW, Arc::clone(&counters)).expect("a thread");
    let (socket, address) = peer();
    notifier.tell(&zone(7), &settings(&[(address, true)]));
    let mut message = [0; 512];
    let (_, len, from) = take(&socket, &mut message);
    let at = Answer::read(&{
        let mut answer = message[..len].to_vec();
        answer[2] |= 0x80;
        answer
    })
    .and_then(|read| read.tsig)
    .expect("it is signed");
    let request = message[..len].to_vec();
    let outcome = verify(&Keys::new(vec![key()]), &request, at, NOW);
    assert!(outcome.is_ok());
    // The bare question comes back: unsigned first, which says nothing, then signed.
    let mut answer = [0; 512];
    answer[..at].copy_from_slice(&request[..at]);
    answer[2] |= 0x80;
    answer[11] = 0;
    socket.send_to(&answer[..at], from).expect("it is sent");
    let len = finish(&outcome, &request, at, &mut answer, at, NOW).expect("room");
    socket.send_to(&answer[..len], from).expect("it is sent");
    until(|| counters.get(Counter::NotifiesAcknowledged) == 1);
    assert_eq!(counters.get(Counter::NotifiesFailed), 0);
    notifier.stop();
    thread.join().expect("it ends");
}

#[test]
fn a_peer_is_told_from_an_address_that_is_listened_on() {
    let listen = ["127.0.0.1", "0.0.0.0", "192.0.2.53", "2001:db8::53"];
    let listen: Vec<IpAddr> = listen.iter().map(|one| one.parse().expect("it")).collect();
    for (peer, expected) in [
        ("192.0.2.54", "192.0.2.53"),
        ("127.0.0.9", "127.0.0.1"),
        ("2001:db8::54", "2001:db8::53"),
        ("::1", "::"),
    ] {
        let from = source(peer.parse().expect("it"), &listen);
        assert_eq!(from.to_string(), expected, "to {peer}");
    }
}
