//! Each row of the charts of what a pool hands out.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};
use std::sync::Arc;

use super::*;
use crate::config::model::{Backend, Check, CheckKind, Policy, Serves, SetState, WhenAllDown};
use crate::name::Name;

fn address(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint::Address(address(text))
}

const V4: List = List::Addresses(Family::V4);
const V6: List = List::Addresses(Family::V6);

/// A pool of backends such as `a=192.0.2.1,2001:db8::1 b*3=192.0.2.2 c!=192.0.2.3`: a weight after
/// the star, set down with an exclamation mark.
fn pool(backends: &str, when_all_down: WhenAllDown, panic: u16) -> Pool {
    let backend = |text: &str| {
        let (name, addresses) = text.split_once('=').expect("a name and its addresses");
        let state = if name.ends_with('!') { SetState::Down } else { SetState::Auto };
        let (name, weight) = name.trim_end_matches('!').split_once('*').unwrap_or((name, "1"));
        let serves = Serves::Addresses(addresses.split(',').map(address).collect());
        let weight = weight.parse().expect("a weight");
        Backend { weight, state, ..Backend::new(name.to_owned(), serves) }
    };
    let backends = backends.split(' ').map(backend).collect();
    Pool {
        when_all_down,
        panic,
        check: Some(Arc::new(Check {
            kind: CheckKind::Tcp { port: NonZeroU16::MIN },
            interval: Duration::from_secs(10),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            rise: NonZeroU8::MIN,
            fall: NonZeroU8::MIN,
            flap: None,
        })),
        ..Pool::new("web".to_owned(), Policy::RoundRobin, backends)
    }
}

/// One sign for each address: `+` in service, `-` not.
fn standings(signs: &str) -> Vec<Standing> {
    let standing = |sign| Standing { in_service: sign == '+', ..Standing::UP };
    signs.chars().map(standing).collect()
}

/// The same, with what the file of this pool sets down.
fn standings_in(pool: &Pool, signs: &str) -> Vec<Standing> {
    let set_down = pool.endpoints().map(|(backend, _)| backend.state == SetState::Down);
    let standings = standings(signs).into_iter().zip(set_down);
    standings.map(|(standing, is_set_down)| Standing { is_set_down, ..standing }).collect()
}

/// The last part of each address, in order.
fn parts(ready: &Ready) -> String {
    ready.endpoints().filter_map(|endpoint| endpoint.to_string().chars().last()).collect()
}

const THREE: &str = "a=192.0.2.1 b=192.0.2.2 c=192.0.2.3";

#[test]
fn each_row_of_the_chart() {
    use Source::{AllDown, Fallback, InService, Last, Nothing, Panic};
    use WhenAllDown::{All, Last as LastOnes, None as NoOne};

    let other = pool("d=192.0.2.8 e=192.0.2.9", All, 0);
    let other = Ready::new(&other, &standings("+-"), &Memory::default(), None);
    let last = [endpoint("192.0.2.2")];
    let fallback = WhenAllDown::Fallback(1);
    for (when, panic, signs, last, source, expected) in [
        (All, 0, "+++", &last[..], InService, "123"),
        (All, 0, "-+-", &last, InService, "2"),
        (fallback, 0, "--+", &last, InService, "3"),
        // Two thirds of the weight are asked for.
        (NoOne, 600, "++-", &last, InService, "12"),
        (NoOne, 600, "+--", &last, Panic, "123"),
        // None in service is all-down, not panic.
        (NoOne, 600, "---", &last, Nothing, ""),
        (All, 600, "---", &last, AllDown, "123"),
        (All, 0, "---", &last, AllDown, "123"),
        (LastOnes, 0, "---", &last, Last, "2"),
        (LastOnes, 0, "---", &[], AllDown, "123"),
        (fallback, 0, "---", &last, Fallback, "8"),
        (NoOne, 0, "---", &last, Nothing, ""),
    ] {
        let pool = pool(THREE, when, panic);
        let ready = Ready::new(
            &pool,
            &standings(signs),
            &Memory { last: last.to_vec(), ..Memory::default() },
            Some(&other),
        );
        let row = format!("{when:?}, panic {panic}, {signs}");
        assert_eq!((ready.source, parts(&ready).as_str()), (source, expected), "{row}");
    }
}

#[test]
fn what_is_set_down_is_no_guess_unless_all_is() {
    let some = "a!=192.0.2.1 b=192.0.2.2 c!=192.0.2.3 d=192.0.2.4";
    for (backends, when, signs, last, expected) in [
        (some, WhenAllDown::All, "----", "", "24"),
        (some, WhenAllDown::Last, "----", "", "24"),
        // In service last, and set down or taken out of the file since.
        (some, WhenAllDown::Last, "----", "14", "4"),
        (some, WhenAllDown::Last, "----", "19", "24"),
        ("a!=192.0.2.1 b!=192.0.2.2", WhenAllDown::All, "--", "", "12"),
        ("a!=192.0.2.1 b!=192.0.2.2", WhenAllDown::Last, "--", "2", "2"),
    ] {
        let last: Vec<Endpoint> =
            last.chars().map(|part| endpoint(&format!("192.0.2.{part}"))).collect();
        let pool = pool(backends, when, 0);
        let ready = Ready::new(
            &pool,
            &standings_in(&pool, signs),
            &Memory { last: last.clone(), ..Memory::default() },
            None,
        );
        assert_eq!(parts(&ready), expected, "{backends}, {when:?}, last {last:?}");
    }
}

#[test]
fn a_backend_of_which_one_address_asks_to_be_left_out_is_not_set_down_as_a_whole() {
    // A sign for each address: `!` asks to be left out.
    for (backends, panic, signs, source, expected) in [
        ("a=192.0.2.1,2001:db8::2", 0, "!+", Source::InService, "2"),
        ("a=192.0.2.1,2001:db8::2 b=192.0.2.3", 600, "!++", Source::InService, "23"),
        ("a=192.0.2.1,2001:db8::2 b=192.0.2.3", 600, "!!+", Source::InService, "3"),
        // What fails of the rest is missed.
        ("a=192.0.2.1,2001:db8::2 b=192.0.2.3", 600, "!-+", Source::Panic, "23"),
    ] {
        let pool = pool(backends, WhenAllDown::All, panic);
        let standing =
            |sign| Standing { in_service: sign == '+', is_set_down: sign == '!', ..Standing::UP };
        let standings: Vec<Standing> = signs.chars().map(standing).collect();
        let ready = Ready::new(&pool, &standings, &Memory::default(), None);
        assert_eq!(
            (ready.source, parts(&ready).as_str()),
            (source, expected),
            "{backends} {signs}"
        );
    }
}

#[test]
fn panic_weighs_backends_and_does_not_miss_those_set_down() {
    for (backends, panic, signs, source) in [
        ("a*2=192.0.2.1 b=192.0.2.2 c=192.0.2.3", 500, "+--", Source::InService),
        ("a*2=192.0.2.1 b=192.0.2.2 c=192.0.2.3", 500, "-++", Source::InService),
        ("a*2=192.0.2.1 b=192.0.2.2 c=192.0.2.3", 500, "-+-", Source::Panic),
        ("a*2=192.0.2.1 b=192.0.2.2 c=192.0.2.3", 501, "+--", Source::Panic),
        ("a!*9=192.0.2.1 b=192.0.2.2 c=192.0.2.3", 500, "-+-", Source::InService),
        // A backend serves while one of its addresses does.
        ("a=192.0.2.1,2001:db8::1 b=192.0.2.2", 1000, "+-+", Source::InService),
        ("a=192.0.2.1,2001:db8::1 b=192.0.2.2", 1000, "--+", Source::Panic),
        ("a=192.0.2.1 b=192.0.2.2", 0, "-+", Source::InService),
    ] {
        let backends = backends.replace("a!*9", "a*9!");
        let pool = pool(&backends, WhenAllDown::All, panic);
        let ready = Ready::new(&pool, &standings_in(&pool, signs), &Memory::default(), None);
        assert_eq!(ready.source, source, "{backends}, panic {panic}, {signs}");
    }
}

#[test]
fn the_ttl_is_the_soonest_change_within_its_bounds() {
    let pool = pool(THREE, WhenAllDown::All, 0);
    for (milliseconds, expected) in [
        ([None, None, None], 30),
        ([None, Some(12_000), None], 12),
        ([Some(20_000), Some(12_001), None], 13),
        ([Some(1), None, None], 5),
        ([Some(0), None, None], 5),
        ([Some(31_000), None, None], 30),
        ([Some(u64::MAX), None, None], 30),
    ] {
        let standings = milliseconds.map(|time| Standing {
            may_change_in: time.map(Duration::from_millis),
            ..Standing::UP
        });
        let ready = Ready::new(&pool, &standings, &Memory::default(), None);
        let record = ready.handout(V4).records(0, 1);
        assert_eq!(record[6..10], u32::to_be_bytes(expected), "{milliseconds:?}");
    }
}

#[test]
fn each_family_has_its_own_list_and_its_own_patience_when_it_is_empty() {
    let pool = pool("a=192.0.2.1,2001:db8::1 b=192.0.2.2", WhenAllDown::All, 0);
    let ready = Ready::new(&pool, &standings("+-+"), &Memory::default(), None);
    let (v4, v6) = (ready.handout(V4), ready.handout(V6));
    assert_eq!((v4.count(), v6.count(), v6.is_empty()), (2, 0, true));
    // It can come back any moment.
    assert_eq!(v6.empty_ttl, 5);
    let only_v4 = self::pool(THREE, WhenAllDown::All, 0);
    let ready = Ready::new(&only_v4, &standings("+++"), &Memory::default(), None);
    // Health will never bring one.
    assert_eq!(ready.handout(V6).empty_ttl, u32::MAX);
}

#[test]
fn a_family_that_only_the_fallback_has_may_come_at_any_time() {
    let spare = pool("s=2001:db8::9", WhenAllDown::All, 0);
    let spare = Ready::new(&spare, &standings("+"), &Memory::default(), None);
    let web = pool("a=192.0.2.1", WhenAllDown::Fallback(1), 0);
    let ready = Ready::new(&web, &standings("+"), &Memory::default(), Some(&spare));
    assert!(ready.handout(V6).is_empty());
    assert_eq!(ready.handout(V6).empty_ttl, 5);
    let ready = Ready::new(&web, &standings("-"), &Memory::default(), Some(&spare));
    assert_eq!(ready.handout(V6).count(), 1);
}

#[test]
fn the_soonest_change_of_the_fallback_counts_too() {
    let spare = pool("s=192.0.2.9", WhenAllDown::All, 0);
    let changing = Standing { may_change_in: Some(Duration::from_secs(7)), ..standings("+")[0] };
    let spare = Ready::new(&spare, &[changing], &Memory::default(), None);
    let web = pool("a=192.0.2.1", WhenAllDown::Fallback(1), 0);
    let ttl = |signs| Ready::new(&web, &standings(signs), &Memory::default(), Some(&spare)).ttl;
    assert_eq!((ttl("+"), ttl("-")), (30, 7));
}

#[test]
fn a_handout_is_whole_records_twice_in_a_row() {
    let ready = Ready::new(
        &pool("a=192.0.2.1 b=192.0.2.2", WhenAllDown::All, 0),
        &standings("++"),
        &Memory::default(),
        None,
    );
    let handout = ready.handout(V4);
    assert_eq!((handout.answers, handout.count(), handout.size(7)), (2, 2, 2 * 16));
    let one =
        |last: u8| [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4][..], &[192, 0, 2, last]].concat();
    assert_eq!(handout.records(0, 2), [one(1), one(2)].concat());
    assert_eq!(handout.records(1, 2), [one(2), one(1)].concat());
    let ready = Ready::new(
        &pool("a=2001:db8::1", WhenAllDown::All, 0),
        &standings("+"),
        &Memory::default(),
        None,
    );
    assert_eq!(ready.handout(V6).size(0), 28);
    assert_eq!(ready.handout(V6).records(0, 1)[..12], [0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 30, 0, 16]);
    assert!(ready.handout(V4).is_empty());
}

#[test]
fn weight_0_takes_nothing_while_another_of_its_list_can() {
    for (backends, signs, expected) in [
        ("a*0=192.0.2.1 b=192.0.2.2", "++", "2"),
        ("a*0=192.0.2.1 b=192.0.2.2", "+-", "1"),
        ("a*0=192.0.2.1 b*0=192.0.2.2", "++", "12"),
        ("a*0=192.0.2.1 b=192.0.2.2", "--", "2"),
        // None but the one of weight 0 has AAAA.
        ("a*0=192.0.2.1,2001:db8::7 b=192.0.2.2", "+++", "72"),
    ] {
        let own = pool(backends, WhenAllDown::All, 0);
        let weighted = Pool { policy: Policy::Weighted, ..own.clone() };
        let ready = Ready::new(&weighted, &standings(signs), &Memory::default(), None);
        assert_eq!(parts(&ready), expected, "{backends}, {signs}");
        // Where weights do not choose, it is one like the others.
        let ready = Ready::new(&own, &standings("+++"), &Memory::default(), None);
        assert_eq!(parts(&ready).len(), own.endpoints().count());
    }
}

#[test]
fn targets_are_one_an_answer_whatever_is_asked_for() {
    let target =
        |name: &str| Serves::Target { name: Name::parse_absolute(name).expect(name), probe: None };
    let backends = ["a.example.", "longer.b.example."];
    let backends = backends.map(|name| Backend::new(name.to_owned(), target(name)));
    let pool = Pool::new("web".to_owned(), Policy::RoundRobin, backends.to_vec());
    let ready = Ready::new(&pool, &standings("++"), &Memory::default(), None);
    let handout = ready.handout(List::Targets);
    assert_eq!((handout.answers, handout.count()), (1, 2));
    let names = [b"\x01a\x07example\0".as_slice(), b"\x06longer\x01b\x07example\0"];
    for (draw, name) in [(0, names[0]), (1, names[1]), (2, names[0])] {
        assert_eq!(ready.target(List::Targets, draw), Some(name), "{draw}");
        assert_eq!(handout.size(draw), 12 + name.len());
    }
    assert!(ready.handout(V4).is_empty() && ready.handout(V4).empty_ttl == u32::MAX);
    let ready = Ready::new(&pool, &standings("-+"), &Memory::default(), None);
    assert_eq!(ready.target(List::Targets, 4), Some(names[1]));
}
