//! Who asks, from where and how; and where that is, as the operator's tables have it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use rotadns::config::model::place::{Network, Place, Point, Region};
use rotadns::engine::settings::{Places, Settings};
use rotadns::geo::{Atlas, subnets};
use rotadns::rdata::rtype;

/// Who asks for a pool.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Asks {
    /// Somebody, once a second.
    Anybody,
    /// Clients of many networks, by themselves and by way of a resolver that tells the network.
    Networks { is_v6: bool },
    /// One of each of [`ORDERS`].
    Cities,
    /// Somebody; and from time to time so often that everybody's part shows.
    Shares,
}

/// A city where backends are.
pub(super) struct City {
    pub(super) location: (f64, f64),
    pub(super) region: &'static str,
}

/// Oslo, Frankfurt, New York, Tokyo.
pub(super) const CITIES: [City; 4] = [
    City { location: (59.9, 10.7), region: "north" },
    City { location: (50.1, 8.7), region: "south" },
    City { location: (40.7, -74.0), region: "west" },
    City { location: (35.7, 139.7), region: "east" },
];

/// A network, where it is, and the cities from the nearest to the farthest, with kilometres as a globe has them; a
/// region is nearer than anything. No cities: nothing tells where it is.
struct Order {
    network: &'static str,
    location: Option<(f64, f64)>,
    region: Option<&'static str>,
    cities: &'static [usize],
}

const ORDERS: [Order; 6] = [
    // Bergen: 300, 1,170, 5,610, 8,550.
    Order {
        network: "198.18.0.0/24",
        location: Some((60.4, 5.3)),
        region: None,
        cities: &[0, 1, 2, 3],
    },
    // Milan: 510, 1,600, 6,460, 9,710.
    Order {
        network: "198.18.1.0/24",
        location: Some((45.5, 9.2)),
        region: None,
        cities: &[1, 0, 2, 3],
    },
    // Boston: 310, 5,610, 5,900, 10,780.
    Order {
        network: "198.18.2.0/24",
        location: Some((42.4, -71.1)),
        region: None,
        cities: &[2, 0, 1, 3],
    },
    // Singapore, in a region of New York's: then 5,320, 10,050 and 10,260.
    Order {
        network: "198.18.3.0/24",
        location: Some((1.35, 103.8)),
        region: Some("west"),
        cities: &[2, 3, 0, 1],
    },
    // Of the region of Tokyo, which stands in for its place: 8,410 to Oslo, 9,330, 10,850.
    Order { network: "198.18.4.0/24", location: None, region: Some("east"), cities: &[3, 0, 1, 2] },
    Order { network: "198.18.5.0/24", location: None, region: None, cities: &[] },
];

/// How many networks the clients of [`Asks::Networks`] are of.
const NETWORKS: u8 = 200;
/// How many of them ask in a second.
const ASKING: usize = 2;
/// A resolver that tells whom it asks for, in none of the networks.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 53));

/// One question for a pool's name.
pub(super) struct Question {
    pub(super) client: IpAddr,
    pub(super) bytes: Vec<u8>,
    /// Which of the kinds of clients that get other answers this is.
    pub(super) kind: usize,
    /// The number of its network among those of its kind.
    pub(super) network: usize,
    /// The client subnet that the question tells.
    pub(super) subnet: Option<IpNet>,
}

impl Asks {
    /// How many kinds of clients get other answers than each other.
    pub(super) fn kinds(self) -> usize {
        if self == Self::Cities { ORDERS.len() } else { 1 }
    }

    /// The cities in the order in which clients of a kind are sent there.
    pub(super) fn order(self, kind: usize) -> &'static [usize] {
        if self == Self::Cities { ORDERS[kind].cities } else { &[] }
    }

    /// What is asked in a second.
    pub(super) fn questions(self, name: &str, random: &mut fastrand::Rng) -> Vec<Question> {
        match self {
            Self::Anybody | Self::Shares => {
                let client = Ipv4Addr::new(192, 0, 2, random.u8(..)).into();
                vec![Question::new(name, rtype::A, (client, None), 0, 0)]
            }
            Self::Cities => {
                let of = |(kind, order): (usize, &Order)| {
                    let network = order.network.parse().expect(order.network);
                    Question::new(name, rtype::A, who(network, random), kind, 0)
                };
                let mut all: Vec<Question> = ORDERS.iter().enumerate().map(of).collect();
                // Kinds that share a city shall not take its backends by turns.
                random.shuffle(&mut all);
                all
            }
            Self::Networks { is_v6 } => {
                let of = |_| {
                    let number = random.u8(0..NETWORKS);
                    let (network, rtype) = if is_v6 {
                        let net =
                            Ipv6Addr::new(0x2001, 0xdb8, 1, u16::from(number) << 8, 0, 0, 0, 0);
                        (IpNet::new(net.into(), 56), rtype::AAAA)
                    } else {
                        (IpNet::new(Ipv4Addr::new(198, 19, number, 0).into(), 24), rtype::A)
                    };
                    let network = network.expect("a prefix that there is");
                    Question::new(name, rtype, who(network, random), 0, number.into())
                };
                (0..ASKING).map(of).collect()
            }
        }
    }
}

/// A client of a network, and how it asks.
fn who(network: IpNet, random: &mut fastrand::Rng) -> (IpAddr, Option<IpNet>) {
    if random.bool() {
        return (RESOLVER, Some(network));
    }
    let client = match network {
        IpNet::V4(net) => {
            Ipv4Addr::from_bits(net.network().to_bits() | u32::from(random.u8(..))).into()
        }
        IpNet::V6(net) => {
            let host = random.u128(..) >> net.prefix_len();
            Ipv6Addr::from_bits(net.network().to_bits() | host).into()
        }
    };
    (client, None)
}

impl Question {
    fn new(
        name: &str,
        rtype: u16,
        (client, subnet): (IpAddr, Option<IpNet>),
        kind: usize,
        network: usize,
    ) -> Self {
        let additional = u8::from(subnet.is_some());
        let mut bytes = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, additional, name.len() as u8];
        bytes.extend(name.bytes());
        bytes.extend(b"\x07example\0");
        bytes.extend(rtype.to_be_bytes());
        bytes.extend([0, 1]);
        if let Some(subnet) = subnet {
            let (family, address) = match subnet.network() {
                IpAddr::V4(address) => (1, address.octets().to_vec()),
                IpAddr::V6(address) => (2, address.octets().to_vec()),
            };
            let address = &address[..usize::from(subnet.prefix_len()).div_ceil(8)];
            let length = 4 + address.len() as u8;
            // OPT of 1,232 bytes, with one option (RFC 7871 §6).
            bytes.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, length + 4, 0, 8, 0, length]);
            bytes.extend([0, family, subnet.prefix_len(), 0]);
            bytes.extend(address);
        }
        Self { client, bytes, kind, network, subnet }
    }
}

/// What the operator sets: where the networks of [`ORDERS`] are.
pub(super) fn settings() -> Arc<Settings> {
    let network = |order: &Order| Network {
        subnet: order.network.parse().expect(order.network),
        place: Place {
            point: order.location.map(|(latitude, longitude)| Point::new(latitude, longitude)),
            region: order.region.map(Region::new),
            ..Place::default()
        },
        region: order.region.map(str::to_owned),
    };
    let table: Vec<Network> = ORDERS.iter().map(network).collect();
    let atlas = Some(Arc::new(Atlas::new(&[&subnets::source(&table)])));
    let places = Places { atlas, ..Places::default() };
    Arc::new(Settings { places, ..Settings::default() })
}
