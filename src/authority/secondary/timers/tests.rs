//! Virtual time: a day is a number.

use super::*;

const SOA: Soa = Soa { serial: 10, refresh: 100, retry: 20, expire: 1000 };

fn at(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

/// What is to be done each time that something is, told as it happens.
struct Stage {
    timers: Timers,
    now: Moment,
}

impl Stage {
    fn new(primaries: usize) -> Self {
        Self { timers: Timers::new(primaries, at(0)), now: at(0) }
    }

    /// Lets time pass until there is something to do: `SECOND ask PRIMARY` or `SECOND expire`.
    fn next(&mut self) -> String {
        loop {
            match self.timers.step(self.now) {
                Step::Wait(Moment::MAX) => return "nothing, ever".into(),
                Step::Wait(until) => {
                    assert!(until > self.now, "time passes");
                    self.now = until;
                }
                Step::Ask(primary) => return format!("{} ask {primary}", self.now.as_secs()),
                Step::Expire => return format!("{} expire", self.now.as_secs()),
            }
        }
    }

    /// What the primary that is asked does.
    fn answer(&mut self, answer: &str) {
        let (timers, now) = (&mut self.timers, self.now);
        match answer.split_once(' ') {
            Some(("sends", serial)) => {
                let serial = serial.parse().expect("a serial");
                timers.received(Soa { serial, ..SOA }, now, 0);
            }
            None if answer == "same" => drop(timers.up_to_date(now, 0)),
            None if answer == "fails" => timers.failed(now, 0),
            None if answer == "behind" => timers.behind(now, 0),
            _ => panic!("{answer}"),
        }
    }

    /// Asks and answers, row by row.
    fn play(&mut self, rows: &[(&str, &str)]) {
        for (number, (expected, answer)) in rows.iter().enumerate() {
            assert_eq!(self.next(), *expected, "row {number}");
            if !answer.is_empty() {
                self.answer(answer);
            }
        }
    }
}

#[test]
fn rfc1034_4_3_5_refresh_after_success_and_retry_after_failure() {
    Stage::new(1).play(&[
        ("0 ask 0", "sends 10"),
        ("100 ask 0", "same"),
        ("200 ask 0", "fails"),
        ("220 ask 0", "fails"),
        ("240 ask 0", "sends 11"),
        ("340 ask 0", "same"),
    ]);
}

#[test]
fn rfc1034_4_3_5_a_zone_expires_after_the_last_success_and_comes_back() {
    let mut stage = Stage::new(1);
    stage.play(&[("0 ask 0", "sends 10"), ("100 ask 0", "same")]);
    for _ in 0..45 {
        stage.next();
        stage.answer("fails");
    }
    assert!(stage.timers.is_served());
    stage.play(&[("1100 expire", "")]);
    assert!(!stage.timers.is_served());
    stage.play(&[("1100 ask 0", "fails"), ("1120 ask 0", "")]);
    assert!(stage.timers.up_to_date(stage.now, 0), "what we have may be served again");
    assert!(stage.timers.is_served());
    assert_eq!(stage.timers.expires(), Some(at(2120)));
    assert!(!stage.timers.up_to_date(stage.now, 0), "nothing new");
}

#[test]
fn a_zone_expires_while_a_primary_is_asked() {
    let mut stage = Stage::new(1);
    stage.play(&[("0 ask 0", "sends 10"), ("100 ask 0", ""), ("1000 expire", "")]);
    assert_eq!(stage.next(), "nothing, ever", "the primary's answer is awaited");
    stage.answer("sends 11");
    stage.play(&[("1100 ask 0", "same")]);
}

#[test]
fn primaries_are_tried_in_turn_and_the_list_from_its_start() {
    Stage::new(3).play(&[
        ("0 ask 0", "fails"),
        ("0 ask 1", "sends 10"),
        ("100 ask 0", "fails"),
        ("100 ask 1", "behind"),
        ("100 ask 2", "fails"),
        ("120 ask 0", "same"),
        ("220 ask 0", "same"),
    ]);
}

#[test]
fn a_zone_that_we_never_had_is_asked_for_ever_more_rarely() {
    let mut stage = Stage::new(1);
    let mut asked = Vec::new();
    for _ in 0..14 {
        asked.push(stage.next());
        stage.answer("fails");
    }
    let seconds = [0, 2, 6, 14, 30, 62, 126, 254, 510, 1022, 1922, 2822, 3722, 4622];
    assert_eq!(asked, seconds.map(|second| format!("{second} ask 0")));
}

#[test]
fn rfc1996_3_11_a_notify_brings_the_check_forward_once() {
    let mut stage = Stage::new(2);
    stage.play(&[("0 ask 0", "sends 10")]);
    stage.now = at(50);
    for (serial, from, expected) in [
        (Some(10), Some(1), Notified::Known),
        (Some(9), Some(1), Notified::Known),
        (Some(10_u32.wrapping_add(1 << 31)), None, Notified::Known),
        (Some(11), Some(1), Notified::Soon),
        (Some(12), None, Notified::Soon),
        (None, None, Notified::Soon),
    ] {
        assert_eq!(stage.timers.notified(serial, from, stage.now), expected, "{serial:?}");
    }
    // Who told of it is asked first; then all goes on as ever.
    stage.play(&[("50 ask 1", "sends 12"), ("150 ask 0", "same")]);
}

#[test]
fn rfc1996_4_4_a_notify_during_a_check_is_heard_after_it() {
    for (told, answer, then) in [
        (Some(11), "sends 11", "200 ask 0"),
        (Some(12), "sends 11", "101 ask 1"),
        (None, "same", "101 ask 1"),
        (Some(11), "fails", "100 ask 1"),
    ] {
        let mut stage = Stage::new(2);
        stage.play(&[("0 ask 0", "sends 10"), ("100 ask 0", "")]);
        assert_eq!(stage.timers.notified(told, Some(1), stage.now), Notified::After);
        stage.answer(answer);
        assert_eq!(stage.next(), then, "{told:?}, {answer}");
    }
}

#[test]
fn notifies_without_end_start_a_check_a_second() {
    let mut stage = Stage::new(1);
    stage.play(&[("0 ask 0", "sends 10")]);
    let mut checks = 0;
    for milliseconds in (0..10_000).step_by(10) {
        stage.now = Duration::from_millis(milliseconds);
        stage.timers.notified(None, Some(0), stage.now);
        if let Step::Ask(_) = stage.timers.step(stage.now) {
            checks += 1;
            stage.answer("same");
        }
    }
    assert_eq!(checks, 9);
}

#[test]
fn an_expired_zone_is_checked_whatever_serial_a_notify_names() {
    let mut timers = Timers::resumed(1, SOA, at(5000), at(0));
    assert!(!timers.is_served());
    assert_eq!(timers.step(at(0)), Step::Ask(0), "and told as expired by nobody");
    timers.failed(at(0), 0);
    assert_eq!(timers.notified(Some(10), None, at(0)), Notified::Soon);
    assert_eq!(timers.step(at(1)), Step::Ask(0));
}

#[test]
fn expire_goes_on_over_a_restart() {
    for (age, expires) in [(0, 1000), (400, 600), (999, 1)] {
        let mut timers = Timers::resumed(1, SOA, at(age), at(0));
        assert!(timers.is_served());
        assert_eq!(timers.expires(), Some(at(expires)), "after {age}");
        assert_eq!(timers.step(at(0)), Step::Ask(0), "asked for at once");
        assert_eq!(timers.step(at(0)), Step::Wait(at(expires)));
        assert_eq!(timers.step(at(expires)), Step::Expire);
    }
    for age in [1000, 1001] {
        assert!(!Timers::resumed(1, SOA, at(age), at(0)).is_served(), "after {age}");
    }
}

#[test]
fn rfc1982_serials_go_round() {
    let mut stage = Stage::new(1);
    stage.play(&[("0 ask 0", "sends 4294967295")]);
    stage.now = at(50);
    assert_eq!(stage.timers.notified(Some(4_294_967_294), None, stage.now), Notified::Known);
    assert_eq!(stage.timers.notified(Some(0), None, stage.now), Notified::Soon);
}

#[test]
fn intervals_are_bounded_on_both_sides() {
    for (refresh, retry, expire, waits) in [
        (0, 0, 0, [REFRESH_MIN, RETRY_MIN, REFRESH_MIN + RETRY_MIN]),
        (100, 200, 50, [at(100), at(200), at(300)]),
        (u32::MAX, u32::MAX, u32::MAX, [REFRESH_MAX, RETRY_MAX, EXPIRE_MAX]),
        (u32::MAX, u32::MAX, 0, [REFRESH_MAX, RETRY_MAX, REFRESH_MAX + RETRY_MAX]),
    ] {
        let soa = Soa { serial: 1, refresh, retry, expire };
        assert_eq!([soa.refresh(), soa.retry(), soa.expire()], waits, "{soa:?}");
    }
}

#[test]
fn waits_are_up_to_a_tenth_shorter() {
    for (draw, expected) in [(0, 100_000), (32_768, 95_000), (u16::MAX, 90_000)] {
        let wait = jittered(at(100), draw).as_millis();
        assert!(wait.abs_diff(expected) <= 1, "{draw}: {wait}");
    }
}

#[test]
fn an_soa_is_read_from_the_end_of_its_rdata() {
    let mut rdata = b"\x02ns\0\0".to_vec();
    for number in [1_u32, 2, 3, 4, 5] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    assert_eq!(Soa::of(&rdata), Some(Soa { serial: 1, refresh: 2, retry: 3, expire: 4 }));
    assert_eq!(Soa::of(&rdata[..19]), None);
}
