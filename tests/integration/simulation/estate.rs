//! What is served: the pools with their backends, and the zone file that says so.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::clients::{Asks, CITIES};
use super::pools::{AllDown, Check, DATABASES, ROWS, Row};

/// Backends, each a bit by its number.
pub(super) type Set = u128;

/// A set of one.
pub(super) fn one(backend: usize) -> Set {
    1 << backend
}

/// The numbers of those in a set.
pub(super) fn each(set: Set) -> impl Iterator<Item = usize> {
    (0..Set::BITS as usize).filter(move |backend| set & one(*backend) != 0)
}

/// A pool, with where it stands.
pub(super) struct Pool {
    pub(super) row: Row,
    pub(super) members: Vec<Member>,
    /// Its own backends.
    pub(super) own: Set,
    /// All that may ever be in its answers.
    pub(super) reach: Set,
}

/// One backend of a pool, or a pool within it.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) tier: u16,
    pub(super) weight: u32,
    pub(super) batch: usize,
    pub(super) is: Is,
}

#[derive(Clone, Copy)]
pub(super) enum Is {
    Backend(usize),
    Pool(usize),
}

/// All that is served.
pub(super) struct Estate {
    pub(super) pools: Vec<Pool>,
    /// The pool of each backend.
    pub(super) homes: Vec<usize>,
    /// The city of each backend, where it has one.
    pub(super) cities: Vec<Option<usize>>,
}

impl Estate {
    pub(super) fn new() -> Self {
        let place = |name: &str| ROWS.iter().position(|row| row.name == name).expect(name);
        let (mut homes, mut cities) = (Vec::new(), Vec::new());
        let mut pools: Vec<Pool> = Vec::new();
        for (home, row) in ROWS.iter().enumerate() {
            let (mut members, mut own) = (Vec::new(), 0);
            for (batch, of) in row.batches.iter().enumerate() {
                for _ in 0..of.count {
                    let is = if let Some(inner) = of.inner {
                        Is::Pool(place(inner))
                    } else {
                        own |= one(homes.len());
                        homes.push(home);
                        cities.push(of.city);
                        Is::Backend(homes.len() - 1)
                    };
                    members.push(Member { tier: of.tier, weight: of.weight, batch, is });
                }
            }
            if row.role.is_some() {
                own = pools[place(DATABASES)].own;
            }
            pools.push(Pool { row: *row, members, own, reach: own });
        }
        assert!(homes.len() <= Set::BITS as usize, "{} backends", homes.len());
        let mut estate = Self { pools, homes, cities };
        for pool in 0..estate.pools.len() {
            estate.pools[pool].reach = estate.reach(pool);
        }
        estate
    }

    /// The pool that one falls back on.
    pub(super) fn fallback(&self, pool: usize) -> Option<usize> {
        match self.pools[pool].row.all_down {
            AllDown::Fallback(name) => self.pools.iter().position(|pool| pool.row.name == name),
            AllDown::All | AllDown::None => None,
        }
    }

    fn reach(&self, pool: usize) -> Set {
        let fallback = self.fallback(pool).map_or(0, |other| self.reach(other));
        self.within(pool) | fallback
    }

    /// The backends of a pool and of those within it.
    pub(super) fn within(&self, pool: usize) -> Set {
        let inner = self.pools[pool].members.iter().map(|member| match member.is {
            Is::Backend(_) => 0,
            Is::Pool(inner) => self.within(inner),
        });
        inner.fold(self.pools[pool].own, |all, inner| all | inner)
    }

    pub(super) fn check_of(&self, backend: usize) -> Check {
        self.pools[self.homes[backend]].row.check
    }

    pub(super) fn address(&self, backend: usize) -> IpAddr {
        let number = backend as u8 + 1;
        match self.pools[self.homes[backend]].row.asks {
            Asks::Networks { is_v6: true } => {
                Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, u16::from(number)).into()
            }
            _ => Ipv4Addr::new(10, 0, 0, number).into(),
        }
    }

    /// Each backend by its address.
    pub(super) fn by_address(&self) -> HashMap<IpAddr, usize> {
        (0..self.homes.len()).map(|backend| (self.address(backend), backend)).collect()
    }

    /// The zone file.
    pub(super) fn zone_text(&self) -> String {
        let checks: Vec<String> =
            Check::ALL.iter().map(|(_, name, check)| format!("{name}: {check}")).collect();
        let mut text =
            format!("zone: example\nns: [ns]\nchecks: {{{}}}\npools:\n", checks.join(", "));
        for Pool { row, members, .. } in self.pools.iter().filter(|pool| pool.row.role.is_none()) {
            let Row { name, settings, .. } = row;
            write!(text, "  {name}: {{check: {}, {settings}", row.check.name()).expect("a String");
            if row.min_healthy > 1 {
                write!(text, "min_healthy: {}, ", row.min_healthy).expect("a String");
            }
            if row.panic > 0 {
                write!(text, "panic: 0.{:03}, ", row.panic).expect("a String");
            }
            for (key, time) in [("failback", row.failback), ("slow_start", row.slow_start)] {
                if !time.is_zero() {
                    write!(text, "{key}: {}s, ", time.as_secs()).expect("a String");
                }
            }
            match row.all_down {
                AllDown::All => {}
                AllDown::None => text += "when_all_down: none, ",
                AllDown::Fallback(other) => {
                    write!(text, "when_all_down: fallback, fallback: {other}, ").expect("a String");
                }
            }
            let members: Vec<String> =
                members.iter().map(|member| self.text(row, member)).collect();
            writeln!(text, "backends: {{{}}}}}", members.join(", ")).expect("a String");
        }
        text += "records:\n  ns: {A: 192.0.2.53}\n";
        for Pool { row: Row { name, role, .. }, .. } in &self.pools {
            match role {
                None => writeln!(text, "  {name}: {{pool: {name}}}"),
                Some(role) => {
                    writeln!(text, "  {name}: {{pool: {DATABASES}, role: {}}}", role.name())
                }
            }
            .expect("a String");
        }
        text
    }

    fn text(&self, row: &Row, member: &Member) -> String {
        let Member { tier, weight, is, .. } = *member;
        let (name, mut text) = match is {
            Is::Backend(backend) => {
                (format!("b{backend}"), format!("address: \"{}\"", self.address(backend)))
            }
            Is::Pool(inner) => {
                let name = self.pools[inner].row.name;
                (format!("in-{name}"), format!("pool: {name}"))
            }
        };
        if weight > 1 {
            write!(text, ", weight: {weight}").expect("a String");
        }
        // Where the policy is failover, each is a tier of its own without a word.
        if tier > 0 && !row.settings.contains("failover") {
            write!(text, ", priority: {tier}").expect("a String");
        }
        if let Is::Backend(backend) = is
            && let Some(city) = self.cities[backend]
        {
            let ((latitude, longitude), region) = (CITIES[city].location, CITIES[city].region);
            write!(text, ", location: [{latitude}, {longitude}], region: {region}")
                .expect("a String");
        }
        format!("{name}: {{{text}}}")
    }
}
