//! Checks in short, as people are told of them: `tcp :443`, `http :8080/healthz`.

use std::fmt;

use super::{Check, CheckKind, IcmpCheck};
use crate::rdata::type_name;

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { port } => write!(f, "tcp :{port}"),
            Self::Http(http) => {
                let scheme = if http.tls.is_some() { "https" } else { "http" };
                let host = http.host.as_deref().unwrap_or_default();
                write!(f, "{scheme} {host}:{}{}", http.port, http.path)
            }
            Self::Tls(check) => {
                let sni = check.tls.sni.as_deref().unwrap_or_default();
                write!(f, "tls {sni}:{}", check.port)
            }
            Self::Agent(check) => write!(f, "agent :{}", check.port),
            Self::Database(database) => write!(f, "{} :{}", database.kind.name(), database.port),
            Self::Dns(check) => {
                write!(f, "dns :{} {} {}", check.port, check.question, type_name(check.rtype))
            }
            Self::Udp(check) => write!(f, "udp :{}", check.port),
            Self::Icmp(IcmpCheck { count, least }) => match (count.get(), least.get()) {
                (1, _) => f.write_str("icmp"),
                (count, least) => write!(f, "icmp {least} of {count}"),
            },
            Self::Grpc(check) => {
                let scheme = if check.tls.is_some() { "grpcs" } else { "grpc" };
                let host = check.host.as_deref().unwrap_or_default();
                write!(f, "{scheme} {host}:{}", check.port)?;
                if check.service.is_empty() { Ok(()) } else { write!(f, "/{}", check.service) }
            }
            Self::Exec(check) => {
                write!(f, "exec {}", check.command.first().map_or("", String::as_str))
            }
            Self::File(file) => {
                write!(f, "file {}", file.path.display())?;
                file.name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))
            }
            Self::Push(push) => write!(f, "push {:?}", push.ttl),
            Self::Several(several) => {
                match several.word() {
                    "at_least" => write!(f, "at least {} of (", several.least)?,
                    word => write!(f, "{word} of (")?,
                }
                for (at, part) in several.of.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(f, "{comma}{part}")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}
