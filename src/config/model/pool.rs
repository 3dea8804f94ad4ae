//! Pools, their backends, and the names that hand them out.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use ipnet::IpNet;

use super::{Check, Made, Service};
use crate::name::Name;
use crate::rdata::rtype;

/// The most addresses, or targets, that the backends of one pool may have together.
pub const POOL_ADDRESSES_MAX: usize = 1024;
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
}

impl Balanced {
    /// A name that answers A and AAAA from one pool, whoever asks.
    #[must_use]
    pub fn new(owner: Name, pool: usize) -> Self {
        Self { owner, form: Form::Addresses, rules: Vec::new(), pool }
    }
}

/// Whom a pool is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where clients are, none of them with bits set past its prefix; at least one, and at most [`SUBNETS_MAX`]
    /// in all rules of the name.
    pub subnets: Vec<IpNet>,
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
    /// At least one, in the order of the file, all of them with addresses or all with targets; together they have at
    /// most [`POOL_ADDRESSES_MAX`]. Where there is a check, each target has an address to probe.
    pub backends: Vec<Backend>,
    /// What records make of it besides addresses and a target, each once. A zone's builder fills it in.
    pub made: Vec<Made>,
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
            made: Vec::new(),
        }
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
        self.backends.iter().any(|backend| matches!(backend.serves, Serves::Target { .. }))
    }

    /// Each thing that it may hand out, with its backend, in the order of the file.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Backend, Endpoint)> {
        self.backends
            .iter()
            .flat_map(|backend| backend.endpoints().map(move |endpoint| (backend, endpoint)))
    }
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
        }
    }

    /// How many addresses an answer has at most, where the file sets nothing: where weights pick, one, as resolvers
    /// shuffle what is in an answer.
    #[must_use]
    pub fn answers(self) -> NonZeroU16 {
        match self {
            Self::Weighted => NonZeroU16::MIN,
            Self::RoundRobin | Self::Random | Self::Fixed => ANSWERS,
        }
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

/// One machine or service that answers connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// Its name in the pool; a bare address is named after itself.
    pub name: String,
    /// Its share among the pool's backends. Where weights pick, one of 0 takes nothing while others can.
    pub weight: u16,
    /// What the file says of its state.
    pub state: SetState,
    /// What is handed out of it.
    pub serves: Serves,
    /// Where it is to those who ask for SRV; there where a record makes SRV of its pool.
    pub service: Option<Service>,
}

/// What is handed out of a backend.
#[derive(Clone, Debug, PartialEq)]
pub enum Serves {
    /// Addresses: at least one, none twice in the pool, in the order of the file.
    Addresses(Vec<IpAddr>),
    /// A name, that of a CNAME.
    Target {
        /// The name; none twice in the pool.
        name: Name,
        /// What a check probes in its place, and nobody is given.
        probe: Option<IpAddr>,
    },
}

impl Backend {
    /// The weight of a backend that sets none.
    pub const WEIGHT: u16 = 1;

    /// A backend of which the file says nothing else.
    #[must_use]
    pub fn new(name: String, serves: Serves) -> Self {
        let (weight, state) = (Self::WEIGHT, SetState::Auto);
        Self { name, weight, state, serves, service: None }
    }

    /// The addresses that may be handed out.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match &self.serves {
            Serves::Addresses(addresses) => addresses,
            Serves::Target { .. } => &[],
        }
    }

    /// Each thing that may be handed out, in the order of the file; each is judged apart.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let (addresses, target) = match &self.serves {
            Serves::Addresses(addresses) => (addresses.as_slice(), None),
            Serves::Target { name, .. } => (&[][..], Some(name)),
        };
        let addresses = addresses.iter().map(|address| Endpoint::Address(*address));
        addresses.chain(target.map(|name| Endpoint::Target(name.clone())))
    }

    /// The addresses that a check probes: those that are handed out, or one that stands for the target.
    pub fn probed(&self) -> impl Iterator<Item = IpAddr> {
        let (addresses, probe) = match &self.serves {
            Serves::Addresses(addresses) => (addresses.as_slice(), None),
            Serves::Target { probe, .. } => (&[][..], *probe),
        };
        addresses.iter().copied().chain(probe)
    }

    /// The address whose check judges one of its endpoints.
    #[must_use]
    pub fn probe_of(&self, endpoint: &Endpoint) -> Option<IpAddr> {
        match (endpoint, &self.serves) {
            (Endpoint::Address(address), _) => Some(*address),
            (Endpoint::Target(_), Serves::Target { probe, .. }) => *probe,
            (Endpoint::Target(_), Serves::Addresses(_)) => None,
        }
    }
}

/// One thing that a pool hands out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An address, for A or AAAA.
    Address(IpAddr),
    /// A name, for CNAME.
    Target(Name),
}

impl Endpoint {
    /// The address, where it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Target(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Target(name) => name.fmt(f),
        }
    }
}

impl From<IpAddr> for Endpoint {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

/// What a backend is among its like, databases above all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It follows a primary, and is read from.
    Replica,
}

impl Role {
    /// What a zone file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }
}

/// What the file says of a backend's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetState {
    /// The check decides.
    Auto,
    /// In service whatever the check says.
    Up,
    /// Out of service whatever the check says.
    Down,
}
