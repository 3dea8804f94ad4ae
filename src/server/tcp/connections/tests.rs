//! The table of connections: caps, shedding, idle limits.

use std::time::Duration;

use super::*;

fn table(connections: usize, per_client: usize) -> Arc<Connections> {
    let seconds = Duration::from_secs;
    let (first_query, idle) = (seconds(10), seconds(30));
    Connections::new(Limits { connections, per_client, first_query, idle })
}

fn client(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

fn open(connections: &Arc<Connections>, from: IpAddr, now: Millis) -> Ticket {
    match connections.admit(from, now) {
        Admission::Admitted { ticket, .. } => ticket,
        Admission::Refused => panic!("{from} was refused"),
    }
}

fn is_refused(connections: &Arc<Connections>, from: IpAddr, now: Millis) -> bool {
    matches!(connections.admit(from, now), Admission::Refused)
}

/// Which of these were told to close.
fn cut(tickets: &[Ticket]) -> Vec<usize> {
    (0..tickets.len()).filter(|&n| tickets[n].is_cut()).collect()
}

#[test]
fn rfc7766_6_1_the_newest_of_a_client_over_its_cap_is_refused() {
    let connections = table(10, 2);
    let first = open(&connections, client(1), 0);
    let _second = open(&connections, client(1), 0);
    assert!(is_refused(&connections, client(1), 0));
    let _other = open(&connections, client(2), 0);
    drop(first);
    let _third = open(&connections, client(1), 0);
    assert!(is_refused(&connections, client(1), 0));
}

#[test]
fn an_ipv6_client_counts_by_its_64() {
    let connections = table(10, 1);
    let address = |text: &str| text.parse().expect("an address");
    let _one = open(&connections, address("2001:db8:0:1::1"), 0);
    assert!(is_refused(&connections, address("2001:db8:0:1:ffff::2"), 0));
    let _other = open(&connections, address("2001:db8:0:2::1"), 0);
    let _v4 = open(&connections, address("192.0.2.1"), 0);
    assert!(is_refused(&connections, address("::ffff:192.0.2.1"), 0));
}

#[test]
fn over_the_cap_the_one_longest_idle_is_shed() {
    let connections = table(3, 3);
    let tickets: Vec<_> = (0..3).map(|n| open(&connections, client(1), n)).collect();
    assert!(tickets[0].mark(Phase::Idle, 8));
    assert!(tickets[1].mark(Phase::Idle, 5));
    assert!(tickets[2].mark(Phase::Idle, 7));
    for (n, expected) in [(10, vec![1]), (11, vec![1, 2]), (12, vec![0, 1, 2])] {
        let Admission::Admitted { ticket, shed: true } = connections.admit(client(n), 9) else {
            panic!("one is shed for each");
        };
        assert!(ticket.mark(Phase::Idle, 100));
        std::mem::forget(ticket); // stays open
        assert_eq!(cut(&tickets), expected);
    }
    assert_eq!(connections.len(), 3);
}

#[test]
fn what_was_shed_is_not_counted_for_its_client() {
    let connections = table(1, 1);
    let first = open(&connections, client(1), 0);
    let second = open(&connections, client(2), 1);
    assert!(first.is_cut());
    let _third = open(&connections, client(1), 2);
    assert!(second.is_cut());
    drop((first, second));
    assert_eq!(connections.len(), 1);
    assert!(is_refused(&connections, client(1), 3));
}

#[test]
fn a_connection_in_the_middle_of_answering_is_not_idle() {
    let connections = table(2, 9);
    let answering = open(&connections, client(1), 0);
    let idle = open(&connections, client(1), 1);
    assert!(answering.mark(Phase::Answering, 2));
    assert!(connections.shed(3));
    assert!(idle.is_cut() && !answering.is_cut());

    assert!(!connections.shed(4), "nothing is idle");
    let _room = open(&connections, client(2), 5);
    assert!(answering.mark(Phase::Idle, 6));
    assert!(connections.shed(500));
}

#[test]
fn when_all_are_answering_the_newest_is_refused() {
    let connections = table(1, 9);
    let answering = open(&connections, client(1), 0);
    assert!(answering.mark(Phase::Answering, 0));
    assert!(is_refused(&connections, client(2), 1));
    // A client that has long not read its answers is not waited for.
    let _next = open(&connections, client(2), STALL_GRACE);
    assert!(answering.is_cut());
}

#[test]
fn rfc7766_6_2_3_idle_connections_expire() {
    let connections = table(9, 9);
    // Opened at 0; asked its only query at that second; closed at the next full second.
    let rows = [(None, 10), (Some(1), 31), (Some(9), 39)];
    let tickets: Vec<_> = rows.iter().map(|_| open(&connections, client(1), 0)).collect();
    let mut closed = vec![None; rows.len()];
    for second in 0..60 {
        for (ticket, (asked, _)) in tickets.iter().zip(rows) {
            if asked == Some(second) {
                assert!(ticket.mark(Phase::Idle, second * 1_000));
            }
        }
        connections.expire(second * 1_000);
        for (ticket, closed) in tickets.iter().zip(&mut closed) {
            if ticket.is_cut() {
                closed.get_or_insert(second);
            }
        }
    }
    assert_eq!(closed, rows.map(|(_, expected)| Some(expected)));
    assert_eq!(connections.len(), 0);
}

#[test]
fn a_connection_that_was_cut_stays_cut() {
    let connections = table(9, 9);
    let ticket = open(&connections, client(1), 0);
    assert!(connections.shed(1));
    assert!(!ticket.mark(Phase::Answering, 2));
    assert!(ticket.is_cut());
}

proptest::proptest! {
    #[test]
    fn shedding_follows_the_order_of_last_activity(
        active in proptest::collection::vec((0_usize..8, proptest::bool::ANY), 0..64)
    ) {
        let connections = table(8, 8);
        let tickets: Vec<_> = (0..8).map(|_| open(&connections, client(1), 0)).collect();
        let mut last: Vec<(Millis, usize)> = (0..8).map(|n| (0, n)).collect();
        let mut open: Vec<usize> = (0..8).collect();
        for (now, (n, sheds)) in (1..).zip(active) {
            if tickets[n].mark(Phase::Idle, now) {
                last[n].0 = now;
            }
            if sheds && let Some(&idlest) = open.iter().min_by_key(|&&n| last[n]) {
                proptest::prop_assert!(connections.shed(now));
                open.retain(|&n| n != idlest);
                proptest::prop_assert!(tickets[idlest].is_cut());
                proptest::prop_assert_eq!(connections.len(), open.len());
            }
        }
    }
}
