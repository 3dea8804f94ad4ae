//! Each row of the chart of roles, and what lag and several primaries do to it.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::config::model::{Backend, Face, Policy, Serves, WhenAllDown};
use crate::engine::choose::ready::{Memory, Ready, Source, Standing};

/// A pool of backends `1`, `2`, ... with an address each, asked for by a role.
fn pool(count: usize, role: Option<Role>) -> Pool {
    let backend = |number: usize| {
        let address = IpAddr::from([192, 0, 2, number as u8]);
        Backend::new(number.to_string(), Serves::Addresses(vec![address]))
    };
    let backends = (1..=count).map(backend).collect();
    let face = role.map(|role| Face { of: 0, role: Some(role), is_private: false, site: None });
    Pool { face, ..Pool::new("orders".to_owned(), Policy::Fixed, backends) }
}

/// A word for each backend: `P` primary, `R` replica, `R7` one that is 7 s behind, `?` that has told no role; `-` before
/// that down, `!` set down, `~` about to go down.
fn standings(words: &str) -> Vec<Standing> {
    let standing = |word: &str| {
        let (sign, word) = match word.strip_prefix(['-', '!', '~']) {
            Some(rest) => (&word[..1], rest),
            None => ("", word),
        };
        let (role, lag) = match word.split_at(1) {
            ("P", lag) => (Some(Role::Primary), lag),
            ("R", lag) => (Some(Role::Replica), lag),
            (_, lag) => (None, lag),
        };
        Standing {
            in_service: sign != "-" && sign != "!",
            is_set_down: sign == "!",
            may_change_in: (sign == "~").then_some(Duration::from_secs(2)),
            role,
            lag: lag.parse().ok().map(Duration::from_secs),
            ..Standing::UP
        }
    };
    words.split(' ').map(standing).collect()
}

/// What is handed out, as the numbers of backends.
fn numbers(ready: &Ready) -> String {
    ready.addresses().map(|address| address.to_string().pop().unwrap_or_default()).collect()
}

fn ready(pool: &Pool, words: &str, held: &str, last: &str) -> Ready {
    let primary = (!held.is_empty()).then(|| held.to_owned());
    ready_with(pool, words, &Memory { primary, ..memory(last) })
}

fn memory(last: &str) -> Memory {
    let last = last
        .chars()
        .map(|number| Endpoint::Address(format!("192.0.2.{number}").parse().expect("an address")));
    Memory { last: last.collect(), ..Memory::default() }
}

fn ready_with(pool: &Pool, words: &str, memory: &Memory) -> Ready {
    Ready::new(pool, &standings(words), memory, None)
}

const PRIMARY: Option<Role> = Some(Role::Primary);
const REPLICA: Option<Role> = Some(Role::Replica);

#[test]
fn each_role_is_given_by_who_has_it() {
    for (role, words, expected) in [
        (PRIMARY, "P R R", "1"),
        (REPLICA, "P R R", "23"),
        (None, "P R R", "123"),
        // Reads go to the primary where no replica serves.
        (REPLICA, "P -R -R", "1"),
        (REPLICA, "P !R -R", "1"),
        (REPLICA, "P R -R", "2"),
        // Who has told nothing has no role, whatever it does else.
        (PRIMARY, "? R ?", ""),
        (PRIMARY, "? P ?", "2"),
        (REPLICA, "? P ?", "2"),
        (REPLICA, "? P R", "3"),
        // Down, or set down, it has none either.
        (PRIMARY, "-P R", ""),
        (PRIMARY, "!P R", ""),
        // Nobody is there to read from: a guess, as in any pool.
        (REPLICA, "-P -R", "12"),
        (REPLICA, "? ?", "12"),
    ] {
        let pool = pool(words.split(' ').count(), role);
        assert_eq!(numbers(&ready(&pool, words, "", "")), expected, "{role:?} of {words}");
    }
}

#[test]
fn a_replica_that_is_too_far_behind_is_left_out() {
    let (most, far) = (Some(Duration::from_secs(5)), LeftOut::Lag { most: Duration::from_secs(5) });
    for (role, max_lag, words, expected, why) in [
        (REPLICA, most, "P R5 R6", "2", Some(far)),
        // A lag that nobody knows: replication is broken.
        (REPLICA, most, "P R5 R", "2", Some(LeftOut::LagUnknown)),
        (REPLICA, None, "P R5 R999", "23", None),
        (REPLICA, None, "P R5 R", "23", None),
        // The primary stands in for all.
        (REPLICA, most, "P R6 R6", "1", Some(far)),
        // What the primary says of its own lag is nobody's concern.
        (PRIMARY, most, "P9 R R", "1", Some(LeftOut::LagUnknown)),
        // In the pool as a whole as well.
        (None, most, "P R5 R6", "12", Some(far)),
        (None, most, "? ? R6", "12", Some(far)),
        (REPLICA, most, "-P R6 R6", "123", None),
    ] {
        let pool = Pool { max_lag, ..pool(3, role) };
        let ready = ready(&pool, words, "", "");
        assert_eq!(numbers(&ready), expected, "{role:?} of {words}, at most {max_lag:?}");
        let third = Endpoint::Address(IpAddr::from([192, 0, 2, 3]));
        if ready.source == Source::InService {
            assert_eq!(ready.why_left_out(&third), why, "{role:?} of {words}");
        }
    }
}

#[test]
fn of_several_primaries_the_one_that_held_the_role_keeps_it() {
    for (words, held, expected) in [
        ("P P R", "1", "1"),
        ("P P R", "2", "2"),
        // Nobody knows: the first of the file, so that every server decides the same.
        ("P P R", "", "1"),
        ("R P P", "9", "2"),
        // The one that held it is gone, or another's replica.
        ("-P P R", "1", "2"),
        ("R P R", "1", "2"),
        // It is back, and another was promoted in the meantime.
        ("P P R", "2", "2"),
        // Its last probe failed, so what it says is old: a promotion is followed at once.
        ("~P P R", "1", "2"),
        ("~P ~P R", "2", "2"),
        // Alone it goes on as long as it is in service.
        ("~P R R", "1", "1"),
    ] {
        let found = ready(&pool(3, PRIMARY), words, held, "");
        assert_eq!(numbers(&found), expected, "{words}, held by {held}");
        assert_eq!(found.cast.holder.as_deref(), Some(expected), "{words}");
        // Reads that the primary stands in for go to the same.
        let alone = words.replace('R', "-R");
        assert_eq!(numbers(&ready(&pool(3, REPLICA), &alone, held, "")), expected, "{alone}");
    }
}

#[test]
fn who_said_so_before_the_holder_failed_is_a_rival_and_no_promotion() {
    // Who claimed the role when that was looked at last, `1` held it.
    for (claims, words, expected, rivals) in [
        ("12", "P P R", "1", "2"),
        ("12", "~P P R", "1", "2"),
        ("12", "~P ~P R", "1", "2"),
        ("1", "~P P R", "2", ""),
        // A third is promoted.
        ("12", "~P P P", "3", "2"),
        ("123", "~P P P", "1", "23"),
        // The holder is gone, be it that another was a rival.
        ("12", "-P P R", "2", ""),
        ("12", "R P R", "2", ""),
        ("123", "-P ~P P", "3", ""),
    ] {
        let claims = claims.chars().map(String::from).collect();
        let memory = Memory { primary: Some("1".into()), claims, ..memory("") };
        let found = ready_with(&pool(3, PRIMARY), words, &memory);
        assert_eq!(
            (numbers(&found).as_str(), &*found.cast.rivals.concat()),
            (expected, rivals),
            "{words}"
        );
    }
}

#[test]
fn who_held_the_role_and_is_not_judged_yet_holds_it() {
    for (held, words, expected) in [
        ("2", "? ? ?", "2"),
        // One that is asked first and says so is a rival.
        ("2", "P ? R", "2"),
        ("2", "P -? R", "1"),
        ("9", "P ? R", "1"),
        ("", "? ? ?", ""),
    ] {
        let pool = pool(3, PRIMARY);
        let mut standings = standings(words);
        for standing in &mut standings {
            standing.is_unjudged = standing.role.is_none();
        }
        let primary = (!held.is_empty()).then(|| held.to_owned());
        let memory = Memory { primary, ..Memory::default() };
        let found = Ready::new(&pool, &standings, &memory, None);
        assert_eq!(numbers(&found), expected, "{words}, held by {held:?}");
    }
}

#[test]
fn two_primaries_are_told_and_many_may_be_allowed() {
    let found = ready(&pool(4, PRIMARY), "P P R P", "2", "");
    assert_eq!(
        found.cast.rivalry().as_deref(),
        Some("3 primaries: 1 and 4 say that they are primary, while 2 keeps the role")
    );
    let rival = Endpoint::Address(IpAddr::from([192, 0, 2, 1]));
    assert_eq!(found.why_left_out(&rival), Some(LeftOut::SecondPrimary));
    // An answer is kept no longer than it must, as somebody is about to mend this.
    assert_eq!((found.ttl, ready(&pool(4, PRIMARY), "R P R R", "2", "").ttl), (5, 30));

    let many = Pool { multi_primary: true, ..pool(3, PRIMARY) };
    let found = ready(&many, "P P R", "2", "");
    assert_eq!((numbers(&found).as_str(), found.cast.rivalry()), ("12", None));
    assert_eq!((found.cast.holder, found.ttl), (None, 30));
}

#[test]
fn who_stands_in_for_replicas_is_not_kept_for_long() {
    let ttl = |words| ready(&pool(3, REPLICA), words, "1", "").ttl;
    assert_eq!((ttl("P R R"), ttl("P -R -R")), (30, 5));
}

#[test]
fn writes_are_never_a_guess() {
    use WhenAllDown::{All, Last, None as NoOne};
    for (when, words, last, source, expected) in [
        (All, "-P R R", "1", Source::Nothing, ""),
        (NoOne, "-P R R", "1", Source::Nothing, ""),
        (Last, "-P R R", "1", Source::Last, "1"),
        (Last, "-? R R", "1", Source::Last, "1"),
        // It says itself that it is primary no more, or a hand took it out.
        (Last, "R R R", "1", Source::Nothing, ""),
        (Last, "!P R R", "1", Source::Nothing, ""),
        // Nobody was primary since the start.
        (Last, "-P R R", "", Source::Nothing, ""),
    ] {
        let pool = Pool { when_all_down: when, ..pool(3, PRIMARY) };
        let ready = ready(&pool, words, "1", last);
        let row = format!("{when:?}, {words}, last {last}");
        assert_eq!((ready.source, numbers(&ready).as_str()), (source, expected), "{row}");
    }
    // `panic` is about the pool as a whole.
    let pool = Pool { panic: 900, ..pool(3, PRIMARY) };
    assert_eq!(numbers(&ready(&pool, "P -R -R", "1", "")), "1");
}

#[test]
fn a_backend_of_two_addresses_holds_the_role_as_one() {
    let both = vec![IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
    let one = Backend::new("one".to_owned(), Serves::Addresses(both));
    let mut pool = pool(3, PRIMARY);
    pool.backends.drain(..2);
    pool.backends.insert(0, one);
    let found = ready(&pool, "P P P", "one", "");
    assert_eq!((numbers(&found).as_str(), found.cast.rivals), ("12", vec!["3".to_owned()]));
}
