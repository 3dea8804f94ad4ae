//! How many probers must agree.
//!
//! ```text
//! quorum     up
//! any        one finds it up
//! majority   unless more than half find it down: a tie is up, as half of the places can reach it
//! all        none finds it down
//! N          N find it up, or all of them where fewer have judged it
//! ```

use super::target::Side;
use crate::config::model::probers::Quorum;

/// The side that votes come to; `None` without any.
#[must_use]
pub fn side(quorum: Quorum, votes: impl IntoIterator<Item = Side>) -> Option<Side> {
    let (mut judged, mut up) = (0_usize, 0);
    for vote in votes {
        judged += 1;
        up += usize::from(vote == Side::Up);
    }
    let wanted = match quorum {
        Quorum::Any => 1,
        Quorum::Majority => judged.div_ceil(2),
        Quorum::All => judged,
        Quorum::AtLeast(count) => judged.min(usize::from(count.get())),
    };
    let side = if up >= wanted { Side::Up } else { Side::Down };
    (judged > 0).then_some(side)
}

/// The word of the config file for it.
#[must_use]
pub fn word(quorum: Quorum) -> String {
    match quorum {
        Quorum::Any => "any".to_owned(),
        Quorum::Majority => "majority".to_owned(),
        Quorum::All => "all".to_owned(),
        Quorum::AtLeast(count) => count.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;

    #[test]
    fn each_quorum_counts_as_the_chart_says() {
        // A column for each quorum: U up, D down.
        let count = |count| Quorum::AtLeast(NonZeroU8::new(count).expect("not zero"));
        let quorums = [Quorum::Any, Quorum::Majority, Quorum::All, count(1), count(2), count(3)];
        for (votes, expected) in [
            ("U", "UUUUUU"),
            ("D", "DDDDDD"),
            ("UU", "UUUUUU"),
            ("UD", "UUDUDD"),
            ("DD", "DDDDDD"),
            ("UUU", "UUUUUU"),
            ("UUD", "UUDUUD"),
            ("UDD", "UDDUDD"),
            ("DDD", "DDDDDD"),
            ("UUDD", "UUDUUD"),
            ("UDDD", "UDDUDD"),
            ("UUUDD", "UUDUUU"),
        ] {
            let sides = |vote| if vote == 'U' { Side::Up } else { Side::Down };
            let found = quorums.map(|quorum| match side(quorum, votes.chars().map(sides)) {
                Some(Side::Up) => 'U',
                Some(Side::Down) => 'D',
                None => '?',
            });
            let found = String::from_iter(found);
            assert_eq!(found, expected, "votes {votes}");
        }
        assert_eq!(side(Quorum::Any, []), None);
    }
}
