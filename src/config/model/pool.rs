//! Pools, their backends, and the names that hand them out.

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::place::{Area, Site};
use super::{
    Backend, Check, CheckKind, Endpoint, Made, OwnCheck, PushCheck, Role, Serves, SetState, Shards,
};
use crate::name::Name;
use crate::rdata::rtype;

/// The most addresses, or targets, that the backends of one pool may have together.
pub const POOL_ADDRESSES_MAX: usize = 1024;
/// How many pools may stand one within the other, besides the outermost. Whoever walks them may do so by recursion.
pub const POOLS_WITHIN_MAX: usize = 4;
/// The most sites of one pool, where the nearest is handed out.
pub const SITES_MAX: usize = 64;
/// The most rules of one name, besides the pool for everybody else.
pub const RULES_MAX: usize = 64;
/// The most subnets that the rules of one name have together.
pub const SUBNETS_MAX: usize = 1024;

/// A name that answers from a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Balanced {
    /// Whose it is.
    pub owner: Name,
    /// What it answers.
    pub form: Form,
    /// Who gets another pool than [`Self::pool`]: the first rule that matches decides. At most [`RULES_MAX`].
    pub rules: Vec<Rule>,
    /// For whom no rule is; the place in [`Zone::pools`](super::Zone::pools).
    pub pool: usize,
    /// Which pool is for which label, of a wildcard that is shared out; then [`Self::pool`] is one of them, and there are no rules.
    pub shards: Option<Shards>,
}

impl Balanced {
    /// A name that answers A and AAAA from one pool, whoever asks.
    #[must_use]
    pub fn new(owner: Name, pool: usize) -> Self {
        Self { owner, form: Form::Addresses, rules: Vec::new(), pool, shards: None }
    }
}

/// Whom a pool is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where clients are, none of them with bits set past its prefix; at most [`SUBNETS_MAX`] in all rules of the name.
    pub subnets: Vec<IpNet>,
    /// Where else they are: a rule is for who is in any subnet or place that it names, and names one at least.
    pub area: Area,
    /// The place in [`Zone::pools`](super::Zone::pools).
    pub pool: usize,
}

/// What a name answers from its pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A and AAAA. The pools serve addresses.
    Addresses,
    /// A alone; AAAA is another's matter. The pools serve addresses.
    A,
    /// AAAA alone. The pools serve addresses.
    Aaaa,
    /// CNAME, one target an answer: so it has nothing else, and is not the apex. The pools serve targets.
    Cname,
    /// What else a record makes of it.
    Made(Made),
}

impl Form {
    /// The types that it answers.
    pub fn types(&self) -> impl Iterator<Item = u16> + use<> {
        let (first, second) = match self {
            Self::Addresses => (rtype::A, Some(rtype::AAAA)),
            Self::A => (rtype::A, None),
            Self::Aaaa => (rtype::AAAA, None),
            Self::Cname => (rtype::CNAME, None),
            Self::Made(made) => (made.rtype(), None),
        };
        std::iter::once(first).chain(second)
    }
}

/// A set of backends and how they are handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its name in the zone; a pool that stands inline is named after its record.
    pub name: String,
    /// How an answer is chosen among those that may be in it.
    pub policy: Policy,
    /// Seconds, while every backend is settled.
    pub ttl: u32,
    /// Seconds: the least TTL while a backend is changing side; at most [`Pool::ttl`].
    pub min_ttl: u32,
    /// How many addresses an answer has at most.
    pub answers: NonZeroU16,
    /// How many SRV records an answer has at most: clients weigh them themselves, so they are more than one where weights
    /// choose.
    pub services: NonZeroU16,
    /// What is handed out when nothing passes.
    pub when_all_down: WhenAllDown,
    /// The share of the pool's weight under which every address is handed out, in parts of a
    /// thousand; 0 is off.
    pub panic: u16,
    /// How the backends are judged; without one they count as up.
    pub check: Option<Arc<Check>>,
    /// At least one, in the order of the file, all of them with addresses or all with targets, their own or those of
    /// pools within; together they have at
    /// most [`POOL_ADDRESSES_MAX`]. Where there is a check, each target has an address to probe.
    pub backends: Vec<Backend>,
    /// Whether those that serve and should be seen to take part while others can.
    pub degraded: Degraded,
    /// When a tier of backends hands over to the next.
    pub tiers: Tiers,
    /// How far a replica may be behind its primary and still serve; `None` is however far.
    pub max_lag: Option<Duration>,
    /// Whether several may be primary at once.
    pub multi_primary: bool,
    /// In what time the part of a backend that comes up grows to all of its weight; zero is at once. Weights choose then.
    pub slow_start: Duration,
    /// How long a failure may be in caches before `rotadns check` warns of it; `None` is as the config file has it.
    pub failover_max: Option<Duration>,
    /// By what a client keeps its backend, where that is the policy.
    pub hash: HashBy,
    /// What records make of it besides addresses and a target, each once. A zone's builder fills it in.
    pub made: Vec<Made>,
    /// How records see it that do not see all of it; `None` is a pool as its file has it.
    pub face: Option<Face>,
}

/// A pool as some records or clients see it. It stands behind those of the file, with the name of its pool, so that what is set
/// for a backend holds for it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Face {
    /// The place of its pool in [`Zone::pools`](super::Zone::pools); of a site, that of the pool whose site it is, which may be
    /// a face.
    pub of: usize,
    /// The backends of this role alone.
    pub role: Option<Role>,
    /// Whether backends are handed out by their private addresses, where they have any.
    pub is_private: bool,
    /// The backends at one site alone, by its place among [`Pool::sites`].
    pub site: Option<u16>,
}

/// When the backends of one priority, which are a tier, hand over to those of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// With fewer backends that are eligible than this, a tier hands over.
    pub min_healthy: u16,
    /// When a better tier takes over again that could.
    pub failback: Failback,
}

/// When a better tier takes over again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failback {
    /// As soon as it can.
    AtOnce,
    /// Once it could for so long.
    After(Duration),
    /// When the tier that serves cannot any more.
    Never,
}

/// By what a client keeps its backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashBy {
    /// What is looked at.
    pub key: HashKey,
    /// How many bits of an IPv4 address, at most 32.
    pub v4: u8,
    /// How many bits of an IPv6 address, at most 128.
    pub v6: u8,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// The address that asks.
    Client,
    /// The client subnet of the query (RFC 7871), else the address that asks.
    Subnet,
    /// The name that is asked for.
    Name,
}

impl Default for HashBy {
    fn default() -> Self {
        Self { key: HashKey::Subnet, v4: 24, v6: 56 }
    }
}

impl Default for Tiers {
    fn default() -> Self {
        Self { min_healthy: 1, failback: Failback::AtOnce }
    }
}

impl Pool {
    /// The TTL of answers, in seconds, where the file sets none.
    pub const TTL: u32 = 30;
    /// The least TTL while a backend is changing side, in seconds, where the file sets none.
    pub const MIN_TTL: u32 = 5;

    /// A pool of these backends, all else as where a file says nothing.
    #[must_use]
    pub fn new(name: String, policy: Policy, backends: Vec<Backend>) -> Self {
        Self {
            name,
            policy,
            ttl: Self::TTL,
            min_ttl: Self::MIN_TTL,
            answers: policy.answers(),
            services: ANSWERS,
            when_all_down: WhenAllDown::All,
            panic: 0,
            check: None,
            backends,
            degraded: Degraded::Serve,
            tiers: Tiers::default(),
            max_lag: None,
            multi_primary: false,
            slow_start: Duration::ZERO,
            failover_max: None,
            hash: HashBy::default(),
            made: Vec::new(),
            face: None,
        }
    }

    /// The role that its backends are handed out in; `None` is whatever they are.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.face?.role
    }

    /// The same by the private addresses of its backends, where they have any.
    #[must_use]
    pub fn private(mut self) -> Self {
        for backend in &mut self.backends {
            if !backend.private.is_empty() {
                let addresses = std::mem::take(&mut backend.private);
                // One for each address is one for each of the others; the first stands for all of these.
                if backend.check_addresses.len() != addresses.len() {
                    backend.check_addresses.truncate(1);
                }
                backend.serves = Serves::Addresses(addresses);
            }
        }
        self
    }

    /// Where its backends are, each place once.
    #[must_use]
    pub fn sites(&self) -> Vec<&Site> {
        let mut sites: Vec<&Site> = Vec::new();
        for backend in &self.backends {
            if !backend.site.is_unknown() && !sites.contains(&&backend.site) {
                sites.push(&backend.site);
            }
        }
        sites
    }

    /// The same with the backends at one of its sites alone.
    #[must_use]
    pub fn at_site(mut self, place: u16) -> Self {
        let site = self.sites().get(usize::from(place)).map(|site| (*site).clone());
        self.backends.retain(|backend| Some(&backend.site) == site.as_ref());
        self
    }

    /// Where it is, if it has the backends at one site alone.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        self.face?.site?;
        self.backends.first().map(|backend| &backend.site)
    }

    /// Whether it is one by private addresses.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.face.is_some_and(|face| face.is_private)
    }

    /// Whether a backend has private addresses.
    #[must_use]
    pub fn has_private(&self) -> bool {
        self.backends.iter().any(|backend| !backend.private.is_empty())
    }

    /// What people call it: its name, and how it is seen: `orders (primary)`.
    #[must_use]
    pub fn label(&self) -> Cow<'_, str> {
        match self.seen_as() {
            Some(seen) => Cow::Owned(format!("{} ({seen})", self.name)),
            None => Cow::Borrowed(&self.name),
        }
    }

    /// How it is seen, if not as its file has it: `primary, private`.
    #[must_use]
    pub fn seen_as(&self) -> Option<String> {
        let face = self.face?;
        let role = face.role.map(|role| role.name().to_owned());
        let private = face.is_private.then(|| "private".to_owned());
        let site = self.site().map(ToString::to_string);
        let parts: Vec<String> = role.into_iter().chain(private).chain(site).collect();
        Some(parts.join(", "))
    }

    /// How one of its backends is judged; without a check it counts as up.
    #[must_use]
    pub fn check_of<'p>(&'p self, backend: &'p Backend) -> Option<&'p Arc<Check>> {
        match &backend.check {
            _ if backend.reports.is_some() => backend.reports.as_ref(),
            OwnCheck::Pools => self.check.as_ref(),
            OwnCheck::Off => None,
            OwnCheck::Own(check) => Some(check),
        }
    }

    /// Gives each backend of a pool of this zone that reports by itself a check that it has alone.
    #[must_use]
    pub fn with_reports(mut self, zone: &Name) -> Self {
        for place in 0..self.backends.len() {
            let backend = &self.backends[place];
            let Some(check) = self.check_of(backend) else { continue };
            let CheckKind::Push(push) = &check.kind else { continue };
            let of = Some(format!("{zone}/{}/{}", self.name, backend.name).into());
            let kind = CheckKind::Push(PushCheck { of, ..push.clone() });
            let own = Arc::new(Check { kind, ..Check::clone(check) });
            self.backends[place].reports = Some(own);
        }
        self
    }

    /// What the file says of answers, which SRV then has too; `None` where both are as usual.
    #[must_use]
    pub fn answers_set(&self) -> Option<NonZeroU16> {
        let is_usual = self.answers == self.policy.answers() && self.services == ANSWERS;
        (!is_usual).then_some(self.answers)
    }

    /// Whether it hands out names and no addresses.
    #[must_use]
    pub fn serves_targets(&self) -> bool {
        self.backends.iter().any(|backend| {
            matches!(backend.serves, Serves::Target { .. } | Serves::Pool { has_targets: true, .. })
        })
    }

    /// Whether other pools stand in it.
    #[must_use]
    pub fn has_inner(&self) -> bool {
        self.backends.iter().any(|backend| backend.inner().is_some())
    }

    /// Each backend that is another pool, with that.
    pub fn within<'p>(
        &'p self,
        pools: &'p [Self],
    ) -> impl Iterator<Item = (&'p Backend, &'p Self)> {
        self.backends.iter().filter_map(|backend| Some((backend, pools.get(backend.inner()?)?)))
    }

    /// The same with the backends of the pools within in their place; one that is set down as a whole is set down in each.
    #[must_use]
    pub fn flat(&self, pools: &[Self]) -> Cow<'_, Self> {
        if !self.has_inner() {
            return Cow::Borrowed(self);
        }
        let mut backends = Vec::new();
        for backend in &self.backends {
            let Some(inner) = backend.inner().and_then(|place| pools.get(place)) else {
                backends.push(backend.clone());
                continue;
            };
            // The model has no loops of pools.
            let own = inner.flat(pools).into_owned().backends.into_iter();
            backends.extend(own.map(|own| match backend.state {
                SetState::Down => Backend { state: SetState::Down, ..own },
                SetState::Auto | SetState::Up => own,
            }));
        }
        Cow::Owned(Self { backends, ..self.clone() })
    }

    /// Each thing of its own that it may hand out, with its backend, in the order of the file.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Backend, Endpoint)> {
        self.backends
            .iter()
            .flat_map(|backend| backend.endpoints().map(move |endpoint| (backend, endpoint)))
    }
}

/// What becomes of a backend that serves and should be seen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degraded {
    /// It takes part as the others do.
    Serve,
    /// It takes part when no other can.
    Avoid,
}

/// How an answer is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Each answer begins one address further.
    RoundRobin,
    /// Each backend is in answers in proportion to its weight, spread out evenly.
    Weighted,
    /// Each answer is a draw of its own.
    Random,
    /// As the file has them.
    Fixed,
    /// As weighted, where the part of each follows what is free of it.
    LeastLoad,
    /// A client keeps its backend.
    Hash,
    /// From the first tier that can serve; each backend without a priority of its own is a tier.
    Failover,
    /// Those that are nearest to the client.
    Nearest,
}

impl Policy {
    /// What a zone file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::Weighted => "weighted",
            Self::Random => "random",
            Self::Fixed => "fixed",
            Self::LeastLoad => "least_load",
            Self::Hash => "hash",
            Self::Failover => "failover",
            Self::Nearest => "nearest",
        }
    }

    /// How many addresses an answer has at most, where the file sets nothing: where weights pick, one, as resolvers
    /// shuffle what is in an answer.
    #[must_use]
    pub fn answers(self) -> NonZeroU16 {
        match self {
            Self::Weighted | Self::LeastLoad | Self::Hash | Self::Nearest => NonZeroU16::MIN,
            Self::RoundRobin | Self::Random | Self::Fixed | Self::Failover => ANSWERS,
        }
    }

    /// Whether weights choose.
    #[must_use]
    pub fn weighs(self) -> bool {
        matches!(self, Self::Weighted | Self::LeastLoad | Self::Hash)
    }

    /// The tier of a backend that sets none, where this is the last one of those before it in the file.
    #[must_use]
    pub fn priority_after(self, last: Option<u16>) -> u16 {
        match self {
            Self::Failover => last.map_or(0, |last| last.saturating_add(1)),
            _ => 0,
        }
    }

    /// Each backend with whether its tier is one that the file must say.
    pub fn with_own_tier(self, backends: &[Backend]) -> impl Iterator<Item = (&Backend, bool)> {
        let mut last = None;
        backends.iter().map(move |backend| {
            let is_own = backend.priority != self.priority_after(last);
            last = last.max(Some(backend.priority));
            (backend, is_own)
        })
    }
}

/// How many addresses an answer has at most, where the file sets nothing and weights do not pick.
const ANSWERS: NonZeroU16 = NonZeroU16::new(8).expect("eight is not zero");

/// What a pool hands out when none of its addresses passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAllDown {
    /// Every address: a guess beats nothing.
    All,
    /// No address: NODATA.
    None,
    /// Those that passed last.
    Last,
    /// What another pool hands out now; its place in [`Zone::pools`](super::Zone::pools). Never leads back here, and
    /// serves addresses or targets as this one does.
    Fallback(usize),
}
