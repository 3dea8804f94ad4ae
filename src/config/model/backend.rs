//! The backends of a pool, and what is handed out of them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::place::Site;
use super::{Check, Service};
use crate::name::Name;

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
    /// Its tier: of those that can serve, the backends of the least number do.
    pub priority: u16,
    /// How it is judged.
    pub check: OwnCheck,
    /// The check by which it reports by itself, where that is how it is judged: it has it alone.
    pub reports: Option<Arc<Check>>,
    /// Where it is probed, if not at what it serves: one address that stands for all, or one for each of its addresses in
    /// their order.
    pub check_addresses: Vec<IpAddr>,
    /// Its addresses for those who get private ones, none twice in the pool; none where they get its others.
    pub private: Vec<IpAddr>,
    /// Where it is.
    pub site: Site,
}

/// How a backend is judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OwnCheck {
    /// As its pool says.
    #[default]
    Pools,
    /// Not at all: it counts as up.
    Off,
    /// By a check of its own.
    Own(Arc<Check>),
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
    /// What another pool of the zone hands out while it is in service.
    Pool {
        /// Its place in [`Zone::pools`](super::Zone::pools). It never leads back here.
        place: usize,
        /// Whether it serves targets.
        has_targets: bool,
    },
}

impl Backend {
    /// The weight of a backend that sets none.
    pub const WEIGHT: u16 = 1;

    /// A backend of which the file says nothing else.
    #[must_use]
    pub fn new(name: String, serves: Serves) -> Self {
        let (weight, state) = (Self::WEIGHT, SetState::Auto);
        let (check, reports) = (OwnCheck::Pools, None);
        let (private, site) = (Vec::new(), Site::default());
        let (service, priority, check_addresses) = (None, 0, Vec::new());
        Self {
            name,
            weight,
            state,
            serves,
            service,
            priority,
            check,
            reports,
            check_addresses,
            private,
            site,
        }
    }

    /// The addresses that may be handed out.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match &self.serves {
            Serves::Addresses(addresses) => addresses,
            Serves::Target { .. } | Serves::Pool { .. } => &[],
        }
    }

    /// The place of the pool that it stands for, where it does.
    #[must_use]
    pub fn inner(&self) -> Option<usize> {
        match self.serves {
            Serves::Pool { place, .. } => Some(place),
            Serves::Addresses(_) | Serves::Target { .. } => None,
        }
    }

    /// Each thing of its own that may be handed out, in the order of the file; each is judged apart.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let (addresses, target) = match &self.serves {
            Serves::Addresses(addresses) => (addresses.as_slice(), None),
            Serves::Target { name, .. } => (&[][..], Some(name)),
            Serves::Pool { .. } => (&[][..], None),
        };
        let addresses = addresses.iter().map(|address| Endpoint::Address(*address));
        addresses.chain(target.map(|name| Endpoint::Target(name.clone())))
    }

    /// The addresses that a check probes: those that are handed out, or what stands for them or the target.
    pub fn probed(&self) -> impl Iterator<Item = IpAddr> {
        let (addresses, probe) = match &self.serves {
            Serves::Addresses(_) if !self.check_addresses.is_empty() => {
                (self.check_addresses.as_slice(), None)
            }
            Serves::Addresses(addresses) => (addresses.as_slice(), None),
            Serves::Target { probe, .. } => (&[][..], *probe),
            Serves::Pool { .. } => (&[][..], None),
        };
        addresses.iter().copied().chain(probe)
    }

    /// The address whose check judges one of its endpoints.
    #[must_use]
    pub fn probe_of(&self, endpoint: &Endpoint) -> Option<IpAddr> {
        match (endpoint, &self.serves) {
            (Endpoint::Address(address), _) if self.check_addresses.is_empty() => Some(*address),
            (Endpoint::Address(address), _) => {
                let place = self.addresses().iter().position(|own| own == address);
                let own = place.and_then(|place| self.check_addresses.get(place));
                own.or(self.check_addresses.first()).copied()
            }
            (Endpoint::Target(_), Serves::Target { probe, .. }) => *probe,
            (Endpoint::Target(_), Serves::Addresses(_) | Serves::Pool { .. }) => None,
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
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Replica];

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
