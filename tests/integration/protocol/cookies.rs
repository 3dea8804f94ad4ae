//! Cookies (RFC 7873, RFC 9018).

use std::net::IpAddr;

use rotadns::engine::Transport;
use rotadns::engine::settings::{Cookies, Policy, Settings};
use rotadns::wire::edns::cookie::{self, Secret};

use crate::world::{Ask, NOW, World, header, options, render, text};

const COOKIE: u16 = 10;
const OURS: Secret = [9; 16];
const BEFORE: Secret = [8; 16];
const CLIENT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn world(policy: Policy) -> World {
    let cookies = Cookies { policy, secrets: vec![OURS, BEFORE] };
    World::of("example.com.", "www A 192.0.2.1\n").set(Settings { cookies, ..Settings::default() })
}

fn local() -> IpAddr {
    "127.0.0.1".parse().expect("an address")
}

/// The server's part that was made so many seconds ago.
fn server(secret: &Secret, age: i64) -> [u8; 16] {
    cookie::make(secret, CLIENT, local(), NOW.checked_add_signed(-age).expect("after 1970"))
}

fn hex(bytes: &[u8]) -> String {
    text(bytes.iter().map(|byte| format!("{byte:02x}")))
}

fn question(parts: &[&[u8]], how: &str) -> String {
    format!("www.example.com. A {how} +option=10:{}", hex(&parts.concat()))
}

/// The cookie of the answer to a question.
fn back(world: &World, question: &str) -> Option<Vec<u8>> {
    let options = options(&world.bytes(question));
    options.into_iter().find(|(code, _)| *code == COOKIE).map(|(_, data)| data)
}

fn fresh() -> Vec<u8> {
    [&CLIENT[..], &server(&OURS, 0)].concat()
}

const ANSWER: &str = "NOERROR aa edns=1232 | www.example.com. 3600 A 192.0.2.1";

#[test]
fn rfc7873_5_2_3_a_client_cookie_alone_gets_a_fresh_one() {
    for how in ["", "+tcp"] {
        let question = question(&[&CLIENT], how);
        assert_eq!(world(Policy::Answer).ask(&question), ANSWER);
        assert_eq!(back(&world(Policy::Answer), &question), Some(fresh()));
    }
    // §5.2.1: none is none.
    assert_eq!(back(&world(Policy::Answer), "www.example.com. A +edns"), None);
}

#[test]
fn rfc9018_4_3_a_right_cookie_comes_back_or_a_fresh_one_when_it_is_old() {
    for (secret, age, is_same) in [
        (&OURS, 0, true),
        (&OURS, 1800, true),
        (&OURS, 1801, false),
        (&OURS, 3600, false),
        (&OURS, -300, true),
        // §5: made with the secret before it, by a server that has not got the new one yet.
        (&BEFORE, 0, false),
    ] {
        let sent = server(secret, age);
        let question = question(&[&CLIENT, &sent], "");
        for policy in [Policy::Answer, Policy::Require] {
            assert_eq!(world(policy).ask(&question), ANSWER, "{age} s old");
            let expected = if is_same { [&CLIENT[..], &sent].concat() } else { fresh() };
            assert_eq!(back(&world(policy), &question), Some(expected), "{age} s old");
        }
    }
}

#[test]
fn rfc7873_5_2_4_a_wrong_cookie_gets_a_fresh_one_and_badcookie_where_one_is_required() {
    let other = |change: &dyn Fn(&mut [u8; 16])| {
        let mut server = server(&OURS, 0);
        change(&mut server);
        server.to_vec()
    };
    let rows: [(Vec<u8>, &str); 8] = [
        (server(&OURS, 3601).to_vec(), "too old"),
        (server(&OURS, -301).to_vec(), "from the future"),
        (server(&[7; 16], 0).to_vec(), "another secret"),
        (other(&|server| server[15] ^= 1), "a wrong hash"),
        (other(&|server| server[0] = 2), "another version"),
        (vec![5; 8], "of another kind of server"),
        (vec![5; 32], "of another kind of server, and long"),
        (Vec::new(), "none"),
    ];
    for (sent, what) in rows {
        let over_udp = question(&[&CLIENT, &sent], "");
        assert_eq!(world(Policy::Answer).ask(&over_udp), ANSWER, "{what}");
        assert_eq!(back(&world(Policy::Answer), &over_udp), Some(fresh()), "{what}");
        assert_eq!(world(Policy::Require).ask(&over_udp), "BADCOOKIE edns=1232", "{what}");
        assert_eq!(back(&world(Policy::Require), &over_udp), Some(fresh()), "{what}");
        // Over TCP nobody can pretend to be somebody else.
        let over_tcp = question(&[&CLIENT, &sent], "+tcp");
        assert_eq!(world(Policy::Require).ask(&over_tcp), ANSWER, "{what}");
    }
    // §5.2.1: who knows no cookies is not asked for one.
    assert_eq!(world(Policy::Require).ask("www.example.com. A +edns"), ANSWER);
}

#[test]
fn rfc7873_5_2_2_lengths_that_cannot_be_are_formerr() {
    for len in [0, 1, 7, 9, 15, 41, 48] {
        let question = question(&[&vec![1; len]], "");
        assert_eq!(world(Policy::Answer).ask(&question), "FORMERR edns=1232", "{len} bytes");
        assert_eq!(world(Policy::Off).ask(&question), ANSWER, "{len} bytes");
    }
}

#[test]
fn rfc7873_5_2_the_first_of_several_counts() {
    let question = question(&[&CLIENT], "");
    let twice = format!("{question} +option=10:0102");
    assert_eq!(back(&world(Policy::Answer), &twice), Some(fresh()));
}

#[test]
fn rfc7873_4_a_cookie_is_of_one_address() {
    let query = Ask::parse(&question(&[&CLIENT, &server(&OURS, 0)], "")).query;
    let world = world(Policy::Require);
    for (client, expected) in [
        ("127.0.0.1", ANSWER),
        ("::ffff:127.0.0.1", ANSWER),
        ("127.0.0.2", "BADCOOKIE edns=1232"),
        ("::1", "BADCOOKIE edns=1232"),
    ] {
        let client = client.parse().expect("an address");
        let answer = world.send_from(client, &query, Transport::Udp, 0).expect("an answer");
        assert_eq!(render(&answer), expected, "{client}");
    }
}

#[test]
fn rfc7873_5_4_a_cookie_can_be_asked_for_without_a_question() {
    let ask = |policy, parts: &[&[u8]]| {
        let data = parts.concat();
        let len = data.len() as u8;
        let opt = [&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, len + 4, 0, 10, 0, len][..], &data].concat();
        let query = [&header(0, [0, 0, 0, 1])[..], &opt].concat();
        world(policy).send(&query, Transport::Udp, 0).expect("an answer")
    };
    for (sent, expected) in [
        (Vec::new(), "NOERROR edns=1232"),
        (server(&OURS, 0).to_vec(), "NOERROR edns=1232"),
        (server(&OURS, 4000).to_vec(), "BADCOOKIE edns=1232"),
        (vec![5; 8], "BADCOOKIE edns=1232"),
    ] {
        for policy in [Policy::Answer, Policy::Require] {
            let answer = ask(policy, &[&CLIENT, &sent]);
            assert_eq!(render(&answer), expected, "{sent:?}");
            assert_eq!(answer[4..6], [0, 0], "no question comes back");
            assert_eq!(options(&answer), [(COOKIE, fresh())], "{sent:?}");
        }
    }
    assert_eq!(render(&ask(Policy::Answer, &[&[1; 7]])), "FORMERR edns=1232");
    // Where cookies are off there is nothing to answer (RFC 9619 §4).
    assert_eq!(render(&ask(Policy::Off, &[&CLIENT])), "FORMERR edns=1232");
}

#[test]
fn rfc7873_5_2_cookies_that_are_off_are_an_option_that_nobody_knows() {
    for sent in [&[][..], &[5; 8]] {
        let question = question(&[&CLIENT, sent], "");
        assert_eq!(world(Policy::Off).ask(&question), ANSWER);
        assert_eq!(back(&world(Policy::Off), &question), None);
    }
}

#[test]
fn a_cookie_stands_in_every_answer_that_has_opt() {
    let world = world(Policy::Answer);
    let data = hex(&CLIENT);
    for question in [
        "gone.example.com. A",
        "www.example.net. A",
        "www.example.com. MAILB",
        "www.example.com. OPT",
    ] {
        let question = format!("{question} +option=10:{data}");
        assert_eq!(back(&world, &question), Some(fresh()), "{question}");
    }
}
