//! A writer of databases in `MaxMind`'s format, version 2.0, after its published description: small, and for tests alone.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// A value of the data section.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Double(f64),
    U16(u16),
    U32(u32),
    U64(u64),
    Map(Vec<(&'static str, Value)>),
    List(Vec<Value>),
}

/// A text as a value.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A record as databases of cities have it; coordinates in degrees.
pub(crate) fn city(
    continent: &str,
    country: &str,
    region: Option<&str>,
    at: Option<(f64, f64)>,
) -> Value {
    let mut record = vec![
        ("continent", Value::Map(vec![("code", text(continent))])),
        ("country", Value::Map(vec![("geoname_id", Value::U32(1)), ("iso_code", text(country))])),
    ];
    record.extend(at.map(|(latitude, longitude)| {
        let location = vec![
            ("accuracy_radius", Value::U16(100)),
            ("latitude", Value::Double(latitude)),
            ("longitude", Value::Double(longitude)),
        ];
        ("location", Value::Map(location))
    }));
    record.extend(region.map(|region| {
        let names =
            Value::Map(vec![("en", text("some name, longer than can stand in a control byte"))]);
        let region = Value::Map(vec![("iso_code", text(region)), ("names", names)]);
        ("subdivisions", Value::List(vec![region]))
    }));
    Value::Map(record)
}

/// A record as databases of autonomous systems have it.
pub(crate) fn asn(number: u32) -> Value {
    Value::Map(vec![
        ("autonomous_system_number", Value::U32(number)),
        ("autonomous_system_organization", text("Example")),
    ])
}

/// What a database is made of.
pub(crate) struct Database<'d> {
    /// Such as `GeoLite2-City`.
    pub kind: &'d str,
    /// Seconds since 1970.
    pub built: u64,
    /// 24, 28 or 32 bits.
    pub record_size: u16,
    /// Whether its tree has IPv6; else IPv4 alone.
    pub has_v6: bool,
    /// None within another.
    pub networks: Vec<(IpNet, Value)>,
}

impl Default for Database<'_> {
    fn default() -> Self {
        Self {
            kind: "Test-City",
            built: 1_700_000_000,
            record_size: 24,
            has_v6: true,
            networks: Vec::new(),
        }
    }
}

/// What a record of a node leads to.
#[derive(Clone, Copy)]
enum Leads {
    Nowhere,
    Node(usize),
    Data(usize),
}

impl Database<'_> {
    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut data = Vec::new();
        let mut known: Vec<(&Value, usize)> = Vec::new();
        let mut nodes = vec![[Leads::Nowhere; 2]];
        for (network, value) in &self.networks {
            let offset = known.iter().find(|(other, _)| *other == value).map(|(_, offset)| *offset);
            let offset = offset.unwrap_or_else(|| {
                let offset = data.len();
                write(value, &mut data);
                known.push((value, offset));
                offset
            });
            self.insert(&mut nodes, *network, offset);
        }
        let mut bytes = Vec::new();
        for [left, right] in &nodes {
            let [left, right] = [left, right].map(|leads| match leads {
                Leads::Nowhere => nodes.len(),
                Leads::Node(place) => *place,
                Leads::Data(offset) => nodes.len() + 16 + offset,
            } as u32);
            let ([_, left @ ..], [_, right @ ..]) = (left.to_be_bytes(), right.to_be_bytes());
            match self.record_size {
                24 => bytes.extend([left, right].concat()),
                28 => {
                    let middle =
                        (self.high(left, nodes.len()) << 4) | self.high(right, nodes.len());
                    bytes.extend(left);
                    bytes.push(middle);
                    bytes.extend(right);
                }
                _ => {
                    bytes.push(0);
                    bytes.extend(left);
                    bytes.push(0);
                    bytes.extend(right);
                }
            }
        }
        bytes.extend([0; 16]);
        bytes.extend(data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        let metadata = BTreeMap::from([
            ("binary_format_major_version", Value::U16(2)),
            ("binary_format_minor_version", Value::U16(0)),
            ("build_epoch", Value::U64(self.built)),
            ("database_type", text(self.kind)),
            ("description", Value::Map(vec![("en", text("for tests"))])),
            ("ip_version", Value::U16(if self.has_v6 { 6 } else { 4 })),
            ("languages", Value::List(vec![text("en")])),
            ("node_count", Value::U32(nodes.len() as u32)),
            ("record_size", Value::U16(self.record_size)),
        ]);
        write(&Value::Map(metadata.into_iter().collect()), &mut bytes);
        bytes
    }

    /// The highest four of 28 bits; our trees are too small to have any.
    fn high(&self, record: [u8; 3], nodes: usize) -> u8 {
        assert!(nodes < 1 << 20 && self.record_size == 28, "{record:?}");
        0
    }

    fn insert(&self, nodes: &mut Vec<[Leads; 2]>, network: IpNet, offset: usize) {
        let (bits, length) = match (network.network(), self.has_v6) {
            (IpAddr::V4(address), false) => {
                (u128::from(address.to_bits()) << 96, network.prefix_len())
            }
            // IPv4 stands at ::/96 of a tree of IPv6.
            (IpAddr::V4(address), true) => {
                (u128::from(address.to_bits()), 96 + network.prefix_len())
            }
            (IpAddr::V6(address), true) => (Ipv6Addr::to_bits(address), network.prefix_len()),
            (IpAddr::V6(_), false) => panic!("{network} in a tree of IPv4"),
        };
        let side = |depth: u8| (bits >> (127 - depth) & 1) as usize;
        let mut at = 0;
        for depth in 0..length - 1 {
            at = match nodes[at][side(depth)] {
                Leads::Node(next) => next,
                Leads::Nowhere => {
                    nodes.push([Leads::Nowhere; 2]);
                    nodes[at][side(depth)] = Leads::Node(nodes.len() - 1);
                    nodes.len() - 1
                }
                Leads::Data(_) => panic!("{network} is within another"),
            };
        }
        nodes[at][side(length - 1)] = Leads::Data(offset);
    }
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            control(2, text.len(), bytes);
            bytes.extend(text.as_bytes());
        }
        Value::Double(number) => {
            control(3, 8, bytes);
            bytes.extend(number.to_be_bytes());
        }
        Value::U16(number) => unsigned(5, &number.to_be_bytes(), bytes),
        Value::U32(number) => unsigned(6, &number.to_be_bytes(), bytes),
        Value::U64(number) => unsigned(9, &number.to_be_bytes(), bytes),
        Value::Map(entries) => {
            control(7, entries.len(), bytes);
            for (key, value) in entries {
                write(&text(key), bytes);
                write(value, bytes);
            }
        }
        Value::List(items) => {
            control(11, items.len(), bytes);
            for item in items {
                write(item, bytes);
            }
        }
    }
}

/// A number without the zeros before it.
fn unsigned(kind: u8, number: &[u8], bytes: &mut Vec<u8>) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    control(kind, number.len() - zeros, bytes);
    bytes.extend(&number[zeros..]);
}

/// The kind of a value and its size; kinds above 7 take a second byte, sizes above 28 more.
fn control(kind: u8, size: usize, bytes: &mut Vec<u8>) {
    let short = size.min(29) as u8;
    assert!(size < 29 + 256, "nothing here is so large");
    if kind <= 7 {
        bytes.push(kind << 5 | short);
    } else {
        bytes.extend([short, kind - 7]);
    }
    if size >= 29 {
        bytes.push((size - 29) as u8);
    }
}
