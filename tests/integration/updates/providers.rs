//! The requests of those who write DNS records for others, as their code makes them with github.com/miekg/dns.
//!
//! | what | where it comes from |
//! |---|---|
//! | header: an id, opcode UPDATE and no flag; zone, SOA, IN; nothing compressed | `Msg.SetUpdate` |
//! | a record as it is, of class IN | `Msg.Insert` |
//! | a record with its data, class NONE, TTL 0 | `Msg.Remove` |
//! | an RRset without data, class ANY, TTL 0 | `Msg.RemoveRRset` |
//! | header: an id and no flag, RD neither; zone, AXFR, IN | `Msg.SetAxfr` |
//! | TSIG as the last record: class ANY, TTL 0, fudge 300, the algorithm's name not compressed | `Msg.SetTsig`, `tsig.go` |
//!
//! None of them has prerequisites or EDNS. Names are sent in the case in which they were given, and hosts of Kubernetes are lower
//! case.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rotadns::wire::tsig::chain::Verifier;

use super::*;

/// The most bytes that external-dns sends over UDP (`udpMaxMsgSize`).
const UDP_MAX: usize = 512;

fn make(server: &Server, update: &Update) -> u8 {
    update.send(server.v4(), PATIENCE).expect("an answer")
}

/// A message over TCP, and the messages of the answer until `is_last`.
fn over_tcp(
    server: &Server,
    message: &[u8],
    mut is_last: impl FnMut(&[u8]) -> bool,
) -> Vec<Vec<u8>> {
    let mut stream = TcpStream::connect(server.v4()).expect("it is loopback");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is no zero");
    let framed = [&(message.len() as u16).to_be_bytes()[..], message].concat();
    stream.write_all(&framed).expect("it is taken");
    let mut answers = Vec::new();
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer).expect("all of it");
        let is_end = is_last(&answer);
        answers.push(answer);
        if is_end {
            return answers;
        }
    }
}

/// cert-manager, pkg/issuer/acme/dns/rfc2136/rfc2136.go, `Present` and `CleanUp`, which are `changeRecord` with INSERT and
/// REMOVE: one TXT of TTL 60 and one string, the name with its last dot; over UDP, or TCP where `protocol` says so. Two
/// challenges of one name may be open at once (a name and its wildcard).
#[test]
fn cert_manager_presents_and_cleans_up() {
    let server = server(&MASTER);
    let challenge = "_acme-challenge.www.example.com.";
    let present = |value| Update::of("example.com.").insert(challenge, 60, "TXT", value);
    let clean_up = |value| Update::of("example.com.").remove(challenge, "TXT", value);
    let (one, two) = (
        "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo",
        "IK2M0AsmBVUDjQ8xHJNhWVtpcPuNc8ASNY9FEJgxLtU",
    );
    let line = |value: &str| format!("{challenge} 60 TXT \"{value}\"");

    assert_eq!(make(&server, &present(one)), 0);
    let answer = over_tcp(&server, &present(two).signed(7, &key()), |_| true).remove(0);
    assert_eq!((&answer[..2], answer[3] & 0xf), (&[0, 7][..], 0), "over TCP");
    assert_eq!(make(&server, &present(two)), 0, "again, as it does until it sees the record");
    let mut both = [line(one), line(two)];
    both.sort();
    assert_eq!(data(&server, challenge, RecordType::TXT), both);
    assert_eq!(make(&server, &clean_up(one)), 0);
    assert_eq!(data(&server, challenge, RecordType::TXT), [line(two)]);
    assert_eq!(make(&server, &clean_up(two)), 0);
    assert_eq!(make(&server, &clean_up(two)), 0, "what is gone is gone");
    // The names between are gone with it.
    let answer = server.client().answer(&Question::new(challenge, RecordType::TXT), WAY);
    assert_eq!(answer.rcode, ResponseCode::NXDomain);
}

/// cert-manager, `NewDNSProviderCredentials`: without `tsigAlgorithm` it is HMAC-MD5, which is not taken here. It is told
/// BADKEY (RFC 8945 §5.2.1), as a key of another algorithm is another key.
#[test]
fn cert_manager_without_an_algorithm_is_told_that_nobody_has_its_key() {
    let server = server(&MASTER);
    let mut message =
        Update::of("example.com.").insert("a.example.com.", 60, "TXT", "x").signed(7, &key());
    let ours = b"\x0bhmac-sha256\0";
    let at = message.windows(ours.len()).rposition(|bytes| bytes == ours).expect("it is signed");
    let time = message[at + ours.len()..][..8].to_vec();
    // Algorithm, time and fudge, a MAC of 16 bytes, the id, no error, nothing else; its length stands before it.
    let theirs = b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0";
    let rdata = [&theirs[..], &time, &[0, 16], &[9; 16], &[0, 7, 0, 0, 0, 0]].concat();
    message.truncate(at - 2);
    message.extend((rdata.len() as u16).to_be_bytes());
    message.extend(rdata);
    let answer = over_tcp(&server, &message, |_| true).remove(0);
    assert_eq!(answer[3] & 0xf, 9, "NOTAUTH");
    // MAC of no bytes, the id, BADKEY, nothing else.
    assert!(answer.ends_with(&[0, 0, 0, 7, 0, 17, 0, 0]), "{answer:x?}");
    assert_eq!(data(&server, "a.example.com.", RecordType::TXT), [] as [&str; 0]);
}

/// lego, providers/dns/rfc2136, `changeRecord`: INSERT is `RemoveRRset` and `Insert` in one message, so that what is left
/// over from before goes first; TTL 120.
#[test]
fn lego_replaces_what_is_left_over() {
    let server = server(&MASTER);
    let challenge = "_acme-challenge.www.example.com.";
    for value in ["one", "two"] {
        let update = Update::of("example.com.")
            .remove_set(challenge, "TXT")
            .insert(challenge, 120, "TXT", value);
        assert_eq!(make(&server, &update), 0);
        let expected = format!("{challenge} 120 TXT \"{value}\"");
        assert_eq!(data(&server, challenge, RecordType::TXT), [expected]);
    }
    let update = Update::of("example.com.").remove(challenge, "TXT", "two");
    assert_eq!(make(&server, &update), 0);
    assert_eq!(data(&server, challenge, RecordType::TXT), [] as [&str; 0]);
}

/// What `List` and `IncomeTransfer` of external-dns read, but the apex: the zone by AXFR over TCP, signed, each signature of the
/// answer checked.
fn listed(server: &Server) -> Vec<String> {
    let key = key();
    let mut message = [7, 0, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    message.extend([name("example.com.").as_wire(), &[0, 252, 0, 1]].concat());
    let mac = tsig::sign_request(&key, &mut message, seconds());
    let mut chain = Verifier::new(Arc::new(key), &mac);
    let signature = [name("k.example.").as_wire(), &[0, 250, 0, 255]].concat();
    let (mut soas, mut lines) = (0, Vec::new());
    over_tcp(server, &message, |answer| {
        assert_eq!(answer[3] & 0xf, 0, "NOERROR");
        // The key's name, TSIG, ANY: the last record.
        let at = answer.windows(signature.len()).rposition(|bytes| bytes == signature);
        chain.take(answer, at, seconds()).expect("a signature that holds");
        for record in records(answer).iter().filter(|record| record.section == Section::Answer) {
            let line = record.to_string().replacen(" IN ", " ", 1);
            soas += usize::from(line.contains(" SOA "));
            lines.push(line);
        }
        soas == 2
    });
    chain.finish().expect("the last message is signed");
    lines.retain(|line| line.contains("app") || line.contains("cname"));
    lines.sort();
    lines
}

/// external-dns, provider/rfc2136/rfc2136.go, `SendMessage`: over UDP, unless the message is too long for it.
fn send(server: &Server, update: &Update) -> u8 {
    let message = update.signed(7, &key());
    if message.len() > UDP_MAX {
        return over_tcp(server, &message, |_| true)[0][3] & 0xf;
    }
    make(server, update)
}

/// external-dns, `ApplyChanges`: one message for creations (`AddRecord`: `Insert` of each target), one for updates
/// (`UpdateRecord`: `Remove` of each old target, `Insert` of each new one, endpoint by endpoint), one for deletions (`RemoveRecord`), of up to
/// 50 endpoints. Names come without a last dot and are made absolute by `dns.NewRR`; a TTL that is not set is
/// `--rfc2136-min-ttl`, 0. The TXT registry writes who owns each record beside it.
#[test]
fn external_dns_lists_creates_updates_and_deletes() {
    let server = server(&MASTER);
    assert_eq!(listed(&server), [] as [&str; 0]);

    let owner = "\"heritage=external-dns,external-dns/owner=default,\
                 external-dns/resource=ingress/default/app\"";
    let create = Update::of("example.com.")
        .insert("app.example.com.", 300, "A", "192.0.2.10")
        .insert("app.example.com.", 300, "A", "192.0.2.11")
        .insert("alias-app.example.com.", 300, "CNAME", "app.example.com.")
        .insert("app.example.com.", 0, "TXT", owner)
        .insert("a-app.example.com.", 0, "TXT", owner)
        .insert("cname-alias-app.example.com.", 0, "TXT", owner);
    assert!(create.signed(7, &key()).len() > UDP_MAX);
    assert_eq!(send(&server, &create), 0);
    let txt = |name: &str| format!("{name}.example.com. 0 TXT {owner}");
    let mut expected = vec![
        "alias-app.example.com. 300 CNAME app.example.com.".to_owned(),
        "app.example.com. 300 A 192.0.2.10".to_owned(),
        "app.example.com. 300 A 192.0.2.11".to_owned(),
        txt("a-app"),
        txt("app"),
        txt("cname-alias-app"),
    ];
    expected.sort();
    assert_eq!(listed(&server), expected);

    let update = Update::of("example.com.")
        .remove("app.example.com.", "A", "192.0.2.10")
        .remove("app.example.com.", "A", "192.0.2.11")
        .insert("app.example.com.", 60, "A", "192.0.2.11")
        .insert("app.example.com.", 60, "A", "192.0.2.12")
        .remove("app.example.com.", "TXT", owner)
        .insert("app.example.com.", 0, "TXT", owner);
    assert_eq!(send(&server, &update), 0);
    assert_eq!(
        data(&server, "app.example.com.", RecordType::A),
        ["app.example.com. 60 A 192.0.2.11", "app.example.com. 60 A 192.0.2.12"]
    );

    let delete = Update::of("example.com.")
        .remove("app.example.com.", "A", "192.0.2.11")
        .remove("app.example.com.", "A", "192.0.2.12")
        .remove("alias-app.example.com.", "CNAME", "app.example.com.")
        .remove("app.example.com.", "TXT", owner)
        .remove("a-app.example.com.", "TXT", owner)
        .remove("cname-alias-app.example.com.", "TXT", owner);
    assert_eq!(send(&server, &delete), 0);
    assert_eq!(listed(&server), [] as [&str; 0]);
}
