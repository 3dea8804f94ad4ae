//! Servers that mean harm, and what is said of them. Real ones are in `tests/integration/databases/`.

use std::num::NonZeroU16;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::Checker;
use super::super::tests::{probe, target};
use super::*;
use crate::config::model::allowed::Programs;
use crate::config::model::{CheckKind, Secret};

/// A password in a file, which goes with it.
pub(super) struct PasswordFile(std::path::PathBuf);

impl PasswordFile {
    pub(super) fn of(password: &str) -> Self {
        let name = format!("rotadns-password-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, password).unwrap();
        Self(path)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What a probe finds of a server that does this with the connection.
pub(super) async fn found(
    kind: &DatabaseKind,
    password: Option<&PasswordFile>,
    serve: impl AsyncFnOnce(&mut TcpStream),
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let check = DatabaseCheck {
        port: NonZeroU16::new(address.port()).unwrap(),
        user: Some("rota".into()),
        password: password.map(|file| Secret::File(file.0.clone())),
        tls: None,
        kind: kind.clone(),
    };
    let target = target(address, CheckKind::Database(check));
    let files = password.map(|file| file.0.clone()).into_iter().collect();
    let secrets = Secrets { files, ..Secrets::default() };
    let checker = Checker::with(Vec::new(), Programs::default(), secrets);
    let served = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        serve(&mut stream).await;
        stream
    };
    tokio::join!(probe(&checker, &target), served).0
}

static POSTGRES: DatabaseKind = DatabaseKind::Postgres { database: String::new(), query: None };

/// Sends these bytes, then zeros until nobody takes them.
async fn flood(stream: &mut TcpStream, first: &[u8]) {
    let mut sent = stream.write_all(first).await;
    while sent.is_ok() {
        sent = stream.write_all(&[0; 4096]).await;
    }
}

#[tokio::test]
async fn a_server_that_says_it_sends_a_gigabyte_is_cut_off() {
    // An error, and a bulk string, each of 2^30 bytes.
    for (kind, first) in [
        (POSTGRES.clone(), &b"E\x40\x00\x00\x00"[..]),
        (DatabaseKind::Redis, b"$1073741824\r\n"),
        (DatabaseKind::Redis, b"*1073741824\r\n"),
    ] {
        let found = found(&kind, None, async |stream| flood(stream, first).await).await;
        assert!(found.starts_with("- "), "{kind:?}: {found}");
        let is_cut = found == "- it sends more than 1024 KiB";
        assert!(is_cut || first.starts_with(b"*"), "{kind:?}: {found}");
    }
    let found = found(&DatabaseKind::Mysql, None, async |stream| {
        flood(stream, &[255, 255, 255, 0]).await;
    });
    assert_eq!(found.await, "- the answer is not of MySQL");
}

#[tokio::test]
async fn a_server_of_something_else_is_a_failure() {
    for kind in [POSTGRES.clone(), DatabaseKind::Redis, DatabaseKind::Mysql] {
        for greeting in [
            &b""[..],
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            &[0xff; 300],
        ] {
            let found = found(&kind, None, async |stream| {
                let _ = stream.write_all(greeting).await;
                let _ = stream.shutdown().await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            });
            let found = found.await;
            assert!(found.starts_with("- "), "{kind:?} {greeting:?}: {found}");
        }
    }
}

#[tokio::test]
async fn a_server_that_says_why_is_told_in_its_words() {
    let error = |message: &str| {
        let fields = format!("SFATAL\0VFATAL\0C57P03\0M{message}\0\0");
        let mut packet = vec![b'E'];
        packet.extend_from_slice(&u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
        packet.extend_from_slice(fields.as_bytes());
        packet
    };
    let starting = error("the database system is starting up");
    let found = found(&POSTGRES, None, async |stream| {
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(&starting).await.unwrap();
    });
    assert_eq!(found.await, "- the database system is starting up");
}

#[tokio::test]
async fn a_password_that_a_server_sends_back_is_not_told() {
    let password = PasswordFile::of("s3cret-word\n");
    let found = found(&POSTGRES, Some(&password), async |stream| {
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(b"R\x00\x00\x00\x08\x00\x00\x00\x03").await.unwrap(); // in clear text
        let mut sent = [0; 1024];
        let length = stream.read(&mut sent).await.unwrap();
        let sent = String::from_utf8_lossy(&sent[5..length - 1]).into_owned();
        assert_eq!(sent, "s3cret-word");
        let fields = format!("SFATAL\0VFATAL\0C28000\0Mno {sent} here\0\0");
        stream.write_all(b"E").await.unwrap();
        stream.write_all(&u32::try_from(fields.len() + 4).unwrap().to_be_bytes()).await.unwrap();
        stream.write_all(fields.as_bytes()).await.unwrap();
    });
    assert_eq!(found.await, "- no *** here");
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_no_fault_of_the_server() {
    let gone = PasswordFile::of("");
    std::fs::remove_file(&gone.0).unwrap();
    let check = DatabaseCheck {
        port: NonZeroU16::MIN,
        user: None,
        password: Some(Secret::File(gone.0.clone())),
        tls: None,
        kind: DatabaseKind::Redis,
    };
    let address = "127.0.0.1:1".parse().unwrap();
    let target = target(address, CheckKind::Database(check));
    let secrets = Secrets { files: vec![gone.0.clone()], ..Secrets::default() };
    let checker = Checker::with(Vec::new(), Programs::default(), secrets);
    let found = probe(&checker, &target).await;
    assert!(found.starts_with("! cannot read the password file "), "{found}");
}

#[test]
fn each_standing_has_a_role_a_lag_and_its_words() {
    let second = Duration::from_secs(1);
    for (said, detail, role, lag, is_degraded) in [
        (Said::Primary, "primary", Role::Primary, None, false),
        (
            Said::Replica(Duration::ZERO),
            "replica, up to date",
            Role::Replica,
            Some(Duration::ZERO),
            false,
        ),
        (Said::Replica(second), "replica, 1000 ms behind", Role::Replica, Some(second), false),
        (
            Said::Adrift("it stands"),
            "replica, nobody knows how far behind: it stands",
            Role::Replica,
            None,
            false,
        ),
        (Said::Fenced, "takes no writes, and follows no primary", Role::Replica, None, true),
    ] {
        let told = Told { is_degraded, role: Some(role), lag, ..Told::default() };
        assert_eq!(Passed::from(said), Passed { detail: detail.into(), told });
    }
}
