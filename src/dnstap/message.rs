//! dnstap's messages, as dnstap.proto has them: the parts that an authoritative server fills.

use std::net::{IpAddr, SocketAddr};

use prost::Message as _;

use super::record::{Exchange, Over};

/// `Dnstap`: the outermost message.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Dnstap {
    #[prost(bytes = "vec", optional, tag = "1")]
    identity: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    version: Option<Vec<u8>>,
    #[prost(message, optional, tag = "14")]
    message: Option<Message>,
    /// `MESSAGE`, the only one there is.
    #[prost(int32, required, tag = "15")]
    kind: i32,
}

/// `Message`: one DNS message that was received or sent.
#[expect(clippy::struct_field_names, reason = "the names of dnstap.proto")]
#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(int32, optional, tag = "2")]
    socket_family: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    socket_protocol: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    query_address: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "5")]
    response_address: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "6")]
    query_port: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    response_port: Option<u32>,
    #[prost(uint64, optional, tag = "8")]
    query_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "9")]
    query_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "10")]
    query_message: Option<Vec<u8>>,
    #[prost(uint64, optional, tag = "12")]
    response_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "13")]
    response_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "14")]
    response_message: Option<Vec<u8>>,
}

/// `Dnstap.Type.MESSAGE`.
const MESSAGE: i32 = 1;
/// `Message.Type.AUTH_QUERY` and `AUTH_RESPONSE`: an authoritative server received, and sent.
const AUTH_QUERY: i32 = 1;
const AUTH_RESPONSE: i32 = 2;

/// Who says it, in each message.
pub(super) struct Speaker {
    identity: Option<Vec<u8>>,
    version: Vec<u8>,
}

impl Speaker {
    pub(super) fn new(identity: Option<&str>) -> Self {
        let identity = identity.map(|identity| identity.as_bytes().to_vec());
        Self { identity, version: concat!("RotaDNS ", env!("CARGO_PKG_VERSION")).into() }
    }

    /// Gives the query of an exchange, and its answer where there is one: each the content of a frame.
    pub(super) fn encode(&self, exchange: &Exchange<'_>, mut each: impl FnMut(&[u8])) {
        let query = Message {
            kind: AUTH_QUERY,
            query_message: Some(exchange.query.to_vec()),
            ..common(exchange)
        };
        each(&self.wrap(query));
        if let Some(answer) = exchange.answer {
            let response = Message {
                kind: AUTH_RESPONSE,
                response_time_sec: Some(exchange.seconds),
                response_time_nsec: Some(exchange.nanoseconds),
                response_message: Some(answer.to_vec()),
                ..common(exchange)
            };
            each(&self.wrap(response));
        }
    }

    fn wrap(&self, message: Message) -> Vec<u8> {
        Dnstap {
            identity: self.identity.clone(),
            version: Some(self.version.clone()),
            message: Some(message),
            kind: MESSAGE,
        }
        .encode_to_vec()
    }
}

/// What a query and its answer have in common.
fn common(exchange: &Exchange<'_>) -> Message {
    let at = |address: SocketAddr| match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    // dnstap.proto: INET is 1, INET6 2; UDP 1, TCP 2, DOT 3.
    Message {
        socket_family: Some(if exchange.client.ip().to_canonical().is_ipv4() { 1 } else { 2 }),
        socket_protocol: Some(match exchange.over {
            Over::Udp => 1,
            Over::Tcp => 2,
            Over::Tls => 3,
        }),
        query_address: Some(at(exchange.client)),
        query_port: (exchange.client.port() != 0).then(|| exchange.client.port().into()),
        response_address: exchange.server.map(at),
        response_port: exchange.server.map(|server| server.port().into()),
        query_time_sec: Some(exchange.seconds),
        query_time_nsec: Some(exchange.nanoseconds),
        ..Message::default()
    }
}
