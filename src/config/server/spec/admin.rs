//! `admin:`, where the admin API listens and who may ask it.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_yaml::Spanned;

use super::{Many, Text, place, socket, width};
use crate::config::error::Problem;
use crate::config::server::admin::{Admin, PORT, Tls};
use crate::config::server::{Config, Reader};

/// `off`, or a map of settings.
pub(super) enum AdminSpec {
    Word(String),
    Settings(Box<Settings>),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    listen: Option<Many>,
    socket: Option<Text>,
    tokens: Option<Text>,
    tls: Option<Spanned<TlsSpec>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsSpec {
    certificate: Option<Text>,
    key: Option<Text>,
}

impl<'de> Deserialize<'de> for AdminSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes;
        impl<'de> Visitor<'de> for Shapes {
            type Value = AdminSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SHAPES)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AdminSpec, E> {
                Ok(AdminSpec::Word(text.to_owned()))
            }

            // YAML 1.1 has `off` as a boolean.
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<AdminSpec, E> {
                Ok(AdminSpec::Word(if on { "on" } else { "off" }.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AdminSpec, A::Error> {
                Settings::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|settings| AdminSpec::Settings(Box::new(settings)))
            }
        }
        deserializer.deserialize_any(Shapes)
    }
}

/// What `admin` may be.
const SHAPES: &str = "`off` or a map such as `{listen: 127.0.0.1:8053}`";

impl Reader<'_> {
    /// Sets what `admin` says.
    pub(super) fn admin(&mut self, config: &mut Config, spec: &Spanned<AdminSpec>) {
        let settings = match &spec.value {
            AdminSpec::Word(word) if word == "off" => {
                config.admin = None;
                return;
            }
            AdminSpec::Word(word) => {
                let found = "a single value";
                self.add(place(spec, width(word)), Problem::Expected { what: SHAPES, found });
                return;
            }
            AdminSpec::Settings(settings) => settings,
        };
        let mut admin = Admin::default();
        match &settings.listen {
            Some(listen) => admin.listen = self.each(listen, |text| socket(text, PORT)),
            // Who names a socket wants that one.
            None if settings.socket.is_some() => admin.listen.clear(),
            None => {}
        }
        let path = |text: &Text| self.path(&text.value);
        admin.socket = settings.socket.as_ref().map(path);
        admin.tokens = settings.tokens.as_ref().map(path);
        if let Some(tls) = &settings.tls {
            admin.tls = self.tls(tls);
        }
        // Where TLS is there and wrong, that has been told.
        if settings.tls.is_none() || admin.tls.is_some() {
            let at = settings.listen.as_ref().map_or_else(|| place(spec, 1), Many::place);
            if let Some(problem) = admin.exposed() {
                self.add(at, problem);
            }
        }
        config.admin = Some(admin);
    }

    fn tls(&mut self, spec: &Spanned<TlsSpec>) -> Option<Tls> {
        let TlsSpec { certificate, key } = &spec.value;
        for (key, value) in [("certificate", certificate), ("key", key)] {
            if value.is_none() {
                self.add(place(spec, 1), Problem::MissingKey { place: "`tls`", key });
            }
        }
        Some(Tls {
            certificate: self.path(&certificate.as_ref()?.value),
            key: self.path(&key.as_ref()?.value),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::Path;

    use super::*;
    use crate::config::error::ConfigError;
    use crate::config::read_config;

    fn read(text: &str) -> Result<Option<Admin>, Vec<ConfigError>> {
        read_config(Path::new("/etc/rotadns/rotadns.yaml"), text).map(|config| config.admin)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address and a port")
    }

    #[test]
    fn it_listens_on_loopback_unless_told_otherwise() {
        assert_eq!(Config::default().admin, Some(Admin::default()));
        assert_eq!(Admin::default().listen, [address("127.0.0.1:8053")]);
        for (text, expected) in [
            ("admin: off", None),
            ("admin: {}", Some(vec![address("127.0.0.1:8053")])),
            ("admin: {listen: \"[::1]:1\"}", Some(vec![address("[::1]:1")])),
            (
                "admin: {listen: [127.0.0.1:1, 127.9.9.9:2]}",
                Some(vec![address("127.0.0.1:1"), address("127.9.9.9:2")]),
            ),
            ("admin: {socket: admin.sock}", Some(vec![])),
            ("admin: {socket: s, listen: 127.0.0.1:1}", Some(vec![address("127.0.0.1:1")])),
        ] {
            let listen = read(text).expect(text).map(|admin| admin.listen);
            assert_eq!(listen, expected, "{text}");
        }
    }

    #[test]
    fn its_paths_are_relative_to_the_file() {
        let text = "
admin:
  listen: 0.0.0.0:8053
  socket: /run/rotadns.sock
  tokens: tokens
  tls: {certificate: tls/certificate.pem, key: tls/key.pem}
";
        let admin = Admin {
            listen: vec![address("0.0.0.0:8053")],
            socket: Some("/run/rotadns.sock".into()),
            tokens: Some("/etc/rotadns/tokens".into()),
            tls: Some(Tls {
                certificate: "/etc/rotadns/tls/certificate.pem".into(),
                key: "/etc/rotadns/tls/key.pem".into(),
            }),
        };
        assert_eq!(read(text), Ok(Some(admin)));
    }

    #[test]
    fn every_wrong_value_is_told_with_its_place() {
        let exposed = |address: &str, missing| Problem::AdminExposed {
            address: self::address(address),
            missing,
        };
        let missing = |key| Problem::MissingKey { place: "`tls`", key };
        for (text, line, column, problem) in [
            ("admin: {listen: 0.0.0.0:1}", 1, 17, exposed("0.0.0.0:1", "`tokens` and `tls`")),
            ("admin: {listen: '[::]:1', tokens: t}", 1, 17, exposed("[::]:1", "`tls`")),
            (
                "admin:\n  listen: [127.0.0.1:1, 192.0.2.1:1]\n  tls: {certificate: c, key: k}",
                2,
                11,
                exposed("192.0.2.1:1", "`tokens`"),
            ),
            ("admin: {tls: {key: k}}", 1, 14, missing("certificate")),
            ("admin:\n  tls:\n    certificate: c", 3, 5, missing("key")),
            ("admin: {listen: 80}", 1, 17, Problem::BadSocket { text: "80".into(), port: PORT }),
        ] {
            let mistakes = read(text).expect_err(text);
            let [mistake] = &mistakes[..] else { panic!("{text}: {mistakes:?}") };
            let found = (mistake.at.line, mistake.at.column, &mistake.problem);
            assert_eq!(found, (line, column, &problem), "{text}");
        }
    }
}
