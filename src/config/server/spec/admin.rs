//! `admin:`, where the admin API listens and who may ask it.

use super::socket;
use crate::config::error::Problem;
use crate::config::node::{Kind, Node};
use crate::config::server::admin::{Admin, PORT, Tls};
use crate::config::server::{Config, Reader};

/// What `admin` may be.
const SHAPES: &str = "`off` or a map such as `{listen: 127.0.0.1:8053}`";

impl Reader<'_> {
    /// Sets what `admin` says.
    pub(super) fn admin(&mut self, config: &mut Config, node: &Node<'_>) {
        if node.scalar().is_some_and(|word| word.text == "off") {
            config.admin = None;
            return;
        }
        if !matches!(node.kind, Kind::Map(_)) {
            let found = node.describe();
            self.add(node.span, Problem::Expected { what: SHAPES, found });
            return;
        }
        let [listen, socket_path, tokens, tls] =
            self.fields(node, "`admin`", ["listen", "socket", "tokens", "tls"]);
        let mut admin = Admin::default();
        match listen {
            Some(listen) => admin.listen = self.each(listen, |text| socket(text, PORT)),
            // Who names a socket wants that one.
            None if socket_path.is_some() => admin.listen.clear(),
            None => {}
        }
        admin.socket = self.path_of(socket_path);
        admin.tokens = self.path_of(tokens);
        admin.tls = tls.and_then(|tls| self.tls(tls));
        // Where TLS is there and wrong, that has been told.
        if tls.is_none() || admin.tls.is_some() {
            let at = listen.map_or(node.span, |listen| listen.span);
            if let Some(problem) = admin.exposed() {
                self.add(at, problem);
            }
        }
        config.admin = Some(admin);
    }

    fn tls(&mut self, node: &Node<'_>) -> Option<Tls> {
        let [certificate, key] = self.fields(node, "`tls` of `admin`", ["certificate", "key"]);
        for (key, value) in [("certificate", certificate), ("key", key)] {
            if value.is_none() {
                self.missing(node, "`tls`", key);
            }
        }
        let (certificate, key) = (self.path_of(certificate), self.path_of(key));
        Some(Tls { certificate: certificate?, key: key? })
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
