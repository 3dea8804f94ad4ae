//! The TLS check: a handshake, and how long the certificate is still good.

use std::net::{IpAddr, SocketAddr};

use super::tls::{self, Trust};
use super::{Deadline, Passed, Trouble, tcp};
use crate::config::model::TlsCheck;
use crate::health::told::Told;

/// Shakes hands, and hangs up. "TLS 1.3, certificate ends in 80 days".
pub async fn check(
    TlsCheck { port, tls, days }: &TlsCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    trust: &Trust,
    deadline: Deadline,
) -> Result<Passed, Trouble> {
    let connector = trust.connector(tls, None, address, &[]).map_err(Trouble::Obstacle)?;
    let stream = tcp::connect(SocketAddr::new(address, port.get()), source, deadline).await?;
    let stream = connector.connect(stream, deadline).await?;
    let connection = stream.get_ref().1;
    let version = match connection.protocol_version() {
        Some(tls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    let left = tls::Left::of(connection);
    let detail = match left {
        Some(left) => format!("{version}, certificate {left}"),
        None => version.to_owned(),
    };
    let is_degraded = left.is_some_and(|left| left.is_short(*days));
    Ok(Passed { detail, told: Told { is_degraded, ..Told::default() } })
}
