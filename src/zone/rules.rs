//! Which pool of a name is for whom, ready to be asked.
//!
//! Subnets overlap, and the first rule that matches decides. Where any of them begins or ends is known beforehand, so
//! all addresses fall into spans that each have one answer, and a query is one binary search:
//!
//! ```text
//!   rules    10.1.0.0/16 ─▶ a, 10.0.0.0/8 ─▶ b
//!   spans    0.0.0.0 none │ 10.0.0.0 b │ 10.1.0.0 a │ 10.2.0.0 b │ 11.0.0.0 none
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::Choice;

/// The rules of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    v4: Spans<u32>,
    v6: Spans<u128>,
    choices: Box<[Choice]>,
    /// As written, to be told.
    subnets: Box<[Box<[IpNet]>]>,
}

impl Rules {
    /// Rules, the first that matches first.
    #[must_use]
    pub fn new(rules: &[(&[IpNet], Choice)]) -> Self {
        let subnets = || {
            rules
                .iter()
                .zip(0..)
                .flat_map(|((subnets, _), rule)| subnets.iter().map(move |subnet| (subnet, rule)))
        };
        let v4 = subnets().filter_map(|(subnet, rule)| match subnet {
            IpNet::V4(subnet) => {
                Some((subnet.network().to_bits(), subnet.broadcast().to_bits(), rule))
            }
            IpNet::V6(_) => None,
        });
        let v6 = subnets().filter_map(|(subnet, rule)| match subnet {
            IpNet::V6(subnet) => {
                Some((subnet.network().to_bits(), subnet.broadcast().to_bits(), rule))
            }
            IpNet::V4(_) => None,
        });
        Self {
            v4: Spans::new(v4.map(|(first, last, rule)| (first, last.checked_add(1), rule))),
            v6: Spans::new(v6.map(|(first, last, rule)| (first, last.checked_add(1), rule))),
            choices: rules.iter().map(|(_, choice)| *choice).collect(),
            subnets: rules.iter().map(|(subnets, _)| Box::from(*subnets)).collect(),
        }
    }

    /// What the first rule that matches a client gives it; `None` where none does.
    #[inline]
    #[must_use]
    pub fn find(&self, client: IpAddr) -> Option<Choice> {
        self.choices.get(self.matching(client)?).copied()
    }

    /// The place of the first rule that matches a client.
    #[inline]
    #[must_use]
    pub fn matching(&self, client: IpAddr) -> Option<usize> {
        // A socket for both families has IPv4 clients as ::ffff:192.0.2.1.
        let rule = match client.to_canonical() {
            IpAddr::V4(client) => self.v4.find(client.to_bits()),
            IpAddr::V6(client) => self.v6.find(client.to_bits()),
        };
        rule.map(usize::from)
    }

    /// Each rule in its order: its subnets, and what it gives.
    pub fn iter(&self) -> impl Iterator<Item = (&[IpNet], Choice)> {
        self.subnets.iter().map(AsRef::as_ref).zip(self.choices.iter().copied())
    }
}

/// Spans of addresses by where they begin, and the rule of each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spans<T> {
    begins: Box<[T]>,
    rules: Box<[Option<u16>]>,
}

impl<T: Copy + Ord> Spans<T> {
    /// Of subnets, each with its first address, the one behind its last where there is one, and its rule.
    fn new(subnets: impl Iterator<Item = (T, Option<T>, u16)>) -> Self {
        // What begins and what ends at an address; a rule may have a subnet more than once.
        let mut edges: BTreeMap<T, Vec<(u16, i32)>> = BTreeMap::new();
        for (first, behind, rule) in subnets {
            edges.entry(first).or_default().push((rule, 1));
            if let Some(behind) = behind {
                edges.entry(behind).or_default().push((rule, -1));
            }
        }
        let mut open: BTreeMap<u16, i32> = BTreeMap::new();
        let mut matching = BTreeSet::new();
        let (mut begins, mut rules) = (Vec::new(), Vec::new());
        for (at, changes) in edges {
            for (rule, change) in changes {
                let count = open.entry(rule).or_default();
                *count += change;
                if *count > 0 {
                    matching.insert(rule);
                } else {
                    matching.remove(&rule);
                }
            }
            let first = matching.first().copied();
            if rules.last() != Some(&first) {
                begins.push(at);
                rules.push(first);
            }
        }
        Self { begins: begins.into_boxed_slice(), rules: rules.into_boxed_slice() }
    }

    #[inline]
    fn find(&self, address: T) -> Option<u16> {
        let behind = self.begins.partition_point(|begin| *begin <= address);
        self.rules[behind.checked_sub(1)?]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        let subnets: Vec<Vec<IpNet>> = text
            .split('|')
            .map(|rule| rule.split_whitespace().map(|one| one.parse().expect(one)).collect())
            .collect();
        let choice = |pool| Choice { pool, rotation: 0, made: 0 };
        let rules: Vec<(&[IpNet], Choice)> =
            subnets.iter().zip(0..).map(|(own, pool)| (own.as_slice(), choice(pool))).collect();
        Rules::new(&rules)
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let some = "10.1.0.0/16 | 10.0.0.0/8 2001:db8::/32 | 10.1.2.0/24 ::/0 | 255.255.255.255/32";
        for (rules, client, expected) in [
            (some, "9.255.255.255", None),
            (some, "10.0.0.0", Some(1)),
            (some, "10.1.0.0", Some(0)),
            // Not the longest prefix: an earlier rule has it.
            (some, "10.1.2.3", Some(0)),
            (some, "10.1.255.255", Some(0)),
            (some, "10.2.0.0", Some(1)),
            (some, "10.255.255.255", Some(1)),
            (some, "11.0.0.0", None),
            (some, "255.255.255.255", Some(3)),
            (some, "2001:db8::1", Some(1)),
            (some, "2001:db9::", Some(2)),
            (some, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(2)),
            // An IPv4 client of a socket for both families.
            (some, "::ffff:10.1.2.3", Some(0)),
            ("0.0.0.0/0", "192.0.2.1", Some(0)),
            ("0.0.0.0/0", "2001:db8::1", None),
            ("10.0.0.0/8 10.0.0.0/8 10.1.0.0/16 | 10.0.0.0/8", "10.200.0.0", Some(0)),
        ] {
            let found = self::rules(rules).find(client.parse().expect(client));
            assert_eq!(found.map(|choice| choice.pool), expected, "{client} by {rules}");
        }
    }
}
