//! The requests of those who write DNS records for others, as their code makes them with github.com/miekg/dns.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::*;

fn make(server: &Server, update: &Update) -> u8 {
    update.send(server.v4(), PATIENCE).expect("an answer")
}

/// cert-manager, pkg/issuer/acme/dns/rfc2136: one message with one TXT, TTL 60, and later the same removed; fudge 300,
/// over UDP. Two challenges of one name may be open at once (a name and its wildcard).
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
    assert_eq!(make(&server, &present(two)), 0);
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

    // lego, and cert-manager before it had its own: whatever is left over goes first.
    let replace = present(one).records;
    let set = Update::of("example.com.").remove_set(challenge, "TXT").records;
    let fresh = Update { zone: name("example.com."), records: [set, replace].concat() };
    assert_eq!(make(&server, &present(two)), 0);
    assert_eq!(make(&server, &fresh), 0);
    assert_eq!(data(&server, challenge, RecordType::TXT), [line(one)]);
}

/// external-dns, provider/rfc2136: the zone by AXFR, signed; then a message of creations, one of updates (the old
/// record removed, the new one inserted), one of deletions. Beside each record stand TXTs that say who owns it.
#[test]
fn external_dns_lists_creates_updates_and_deletes() {
    let server = server(&MASTER);
    let axfr = || {
        let done = Command::new(installed("dig", "bind9-dnsutils"))
            .args(["@127.0.0.1", "-p", &server.port().to_string(), "+noall", "+answer", "+onesoa"])
            .args(["-y", &format!("hmac-sha256:k.example:{SECRET}"), "example.com", "AXFR"])
            .output()
            .expect("it is installed");
        let mut lines: Vec<String> = said(&done)
            .lines()
            .filter(|line| line.contains("app") || line.contains("cname"))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(axfr(), [] as [&str; 0]);

    let owner = "\"heritage=external-dns,external-dns/owner=default,\
                 external-dns/resource=ingress/default/app\"";
    let create = Update::of("example.com.")
        .insert("app.example.com.", 300, "A", "192.0.2.10")
        .insert("app.example.com.", 300, "A", "192.0.2.11")
        .insert("app.example.com.", 0, "TXT", owner)
        .insert("a-app.example.com.", 0, "TXT", owner)
        .insert("alias-app.example.com.", 300, "CNAME", "app.example.com.")
        .insert("cname-alias-app.example.com.", 0, "TXT", owner);
    assert_eq!(make(&server, &create), 0);
    let txt = |name: &str| format!("{name}.example.com. 0 IN TXT {owner}");
    let mut expected = vec![
        "alias-app.example.com. 300 IN CNAME app.example.com.".to_owned(),
        "app.example.com. 300 IN A 192.0.2.10".to_owned(),
        "app.example.com. 300 IN A 192.0.2.11".to_owned(),
        txt("a-app"),
        txt("app"),
        txt("cname-alias-app"),
    ];
    expected.sort();
    assert_eq!(axfr(), expected);

    let update = Update::of("example.com.")
        .remove("app.example.com.", "A", "192.0.2.10")
        .remove("app.example.com.", "A", "192.0.2.11")
        .insert("app.example.com.", 60, "A", "192.0.2.11")
        .insert("app.example.com.", 60, "A", "192.0.2.12")
        .remove("app.example.com.", "TXT", owner)
        .insert("app.example.com.", 0, "TXT", owner);
    assert_eq!(make(&server, &update), 0);
    assert_eq!(
        data(&server, "app.example.com.", RecordType::A),
        ["app.example.com. 60 A 192.0.2.11", "app.example.com. 60 A 192.0.2.12"]
    );

    let delete = Update::of("example.com.")
        .remove("app.example.com.", "A", "192.0.2.11")
        .remove("app.example.com.", "A", "192.0.2.12")
        .remove("app.example.com.", "TXT", owner)
        .remove("a-app.example.com.", "TXT", owner)
        .remove("alias-app.example.com.", "CNAME", "app.example.com.")
        .remove("cname-alias-app.example.com.", "TXT", owner);
    assert_eq!(make(&server, &delete), 0);
    assert_eq!(axfr(), [] as [&str; 0]);
}
