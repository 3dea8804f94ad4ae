//! Against servers that are written out here: MySQL 8's way of logging in, and servers that mean harm.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::config::model::DatabaseKind;
use crate::prober::check::database::tests::{PasswordFile, found};

#[test]
fn the_furthest_of_all_sources_counts_and_one_that_cannot_tell() {
    let table = |column: &str, values: &[Option<&str>]| Table {
        columns: vec!["Slave_IO_State".into(), column.into()],
        rows: values.iter().map(|value| vec![None, value.map(str::to_owned)]).collect(),
    };
    let adrift = Said::Adrift("its replication does not run");
    for (values, expected) in [
        (&[][..], Said::Fenced),
        (&[Some("0")], Said::Replica(Duration::ZERO)),
        (&[Some("3"), Some("70"), Some("0")], Said::Replica(Duration::from_secs(70))),
        (&[Some("3"), None], adrift),
    ] {
        for column in ["Seconds_Behind_Master", "Seconds_Behind_Source"] {
            assert_eq!(judge(&table(column, values)).as_ref(), Ok(&expected), "{values:?}");
        }
    }
    let other = judge(&table("Seconds", &[Some("1")]));
    assert_eq!(other, Err(Trouble::Failed("it does not say how far behind it is".into())));
}

const CHALLENGE: &[u8; 20] = b"abcdefghijklmnopqrst";

async fn send(stream: &mut TcpStream, number: u8, packet: &[u8]) {
    let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
    stream.write_all(&[length[0], length[1], length[2], number]).await.unwrap();
    stream.write_all(packet).await.unwrap();
}

async fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.unwrap();
    let mut packet = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    stream.read_exact(&mut packet).await.unwrap();
    packet
}

/// A greeting of MySQL 8, whose users log in by `caching_sha2_password` unless told otherwise.
fn greeting() -> Vec<u8> {
    let mut packet = b"\x0a8.4.3\0\x01\0\0\0".to_vec();
    packet.extend_from_slice(&CHALLENGE[..8]);
    packet.extend_from_slice(&[0, 0xff, 0xf7, 45, 2, 0, 0xff, 0xdf, 21]);
    packet.extend_from_slice(&[0; 10]);
    packet.extend_from_slice(&CHALLENGE[8..]);
    packet.extend_from_slice(b"\0caching_sha2_password\0");
    packet
}

/// A table of one row, from packet 1.
async fn table(stream: &mut TcpStream, columns: &[&str], row: &[Option<&str>]) {
    let mut number = 1;
    let mut put = async |packet: &[u8]| {
        send(stream, number, packet).await;
        number += 1;
    };
    put(&[u8::try_from(columns.len()).unwrap()]).await;
    for name in columns {
        let mut packet = b"\x03def\0\0\0".to_vec();
        packet.push(u8::try_from(name.len()).unwrap());
        packet.extend_from_slice(name.as_bytes());
        packet.extend_from_slice(&[0; 13]);
        put(&packet).await;
    }
    put(&[0xfe, 0, 0, 2, 0]).await;
    if !row.is_empty() {
        let mut packet = Vec::new();
        for value in row {
            match value {
                Some(text) => {
                    packet.push(u8::try_from(text.len()).unwrap());
                    packet.extend_from_slice(text.as_bytes());
                }
                None => packet.push(0xfb),
            }
        }
        put(&packet).await;
    }
    put(&[0xfe, 0, 0, 2, 0]).await;
}

#[tokio::test]
async fn mysql_8_gets_the_password_encrypted_where_it_does_not_remember_it() {
    let password = PasswordFile::of("s3cret-word");
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let public: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
    let pem = pem("PUBLIC KEY", public.as_ref());
    let private = OaepPrivateDecryptingKey::new(private).unwrap();

    let found = found(&DatabaseKind::Mysql, Some(&password), async |stream| {
        send(stream, 0, &greeting()).await;
        let login = receive(stream).await;
        assert_eq!(&login[32..37], b"rota\0");
        // SHA256(password) XOR SHA256(SHA256(SHA256(password)), challenge)
        let sha = |text: &[u8]| digest(&SHA256, text).as_ref().to_vec();
        let once = sha(b"s3cret-word");
        let mask = sha(&[&sha(&once)[..], CHALLENGE].concat());
        let proof: Vec<u8> = once.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!((login[37], &login[38..70]), (32, &proof[..]));
        assert_eq!(&login[70..], b"caching_sha2_password\0");

        send(stream, 2, &[1, 4]).await;
        assert_eq!(receive(stream).await, [2]);
        send(stream, 4, &[&[1], pem.as_bytes()].concat()).await;
        let sealed = receive(stream).await;
        let mut opened = vec![0; private.key_size_bytes()];
        let opened = private.decrypt(&OAEP_SHA1_MGF1SHA1, &sealed, &mut opened, None).unwrap();
        let word = opened.iter().zip(CHALLENGE.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        assert_eq!(word.collect::<Vec<u8>>(), b"s3cret-word\0");
        send(stream, 6, &[0, 0, 0, 2, 0, 0, 0]).await;

        assert_eq!(receive(stream).await, b"\x03SELECT @@global.read_only");
        table(stream, &["@@global.read_only"], &[Some("1")]).await;
        assert_eq!(receive(stream).await, b"\x03SHOW REPLICA STATUS");
        table(stream, &["Source_Host", "Seconds_Behind_Source"], &[Some("db-1"), Some("7")]).await;
        assert_eq!(receive(stream).await, [1], "it takes leave");
    });
    assert_eq!(found.await, "+ replica, 7000 ms behind");
}

#[tokio::test]
async fn an_older_mysql_is_asked_in_older_words() {
    let found = found(&DatabaseKind::Mysql, None, async |stream| {
        send(stream, 0, &greeting()).await;
        receive(stream).await;
        send(stream, 2, &[0, 0, 0, 2, 0, 0, 0]).await;
        receive(stream).await;
        table(stream, &["@@global.read_only"], &[Some("1")]).await;
        receive(stream).await;
        send(stream, 1, b"\xff\x28\x04#42000You have an error in your SQL syntax").await;
        assert_eq!(receive(stream).await, b"\x03SHOW SLAVE STATUS");
        table(stream, &["Seconds_Behind_Master"], &[None]).await;
        assert_eq!(receive(stream).await, [1]);
    });
    assert_eq!(found.await, "+ replica, nobody knows how far behind: its replication does not run");
}

#[tokio::test]
async fn what_a_server_may_not_have_it_does_not_get() {
    let password = PasswordFile::of("s3cret-word");
    // A file of ours, the password in clear text, a method that nobody knows, steps without end.
    for (packets, expected) in [
        (
            &[&b"\xfemysql_clear_password\0"[..]][..],
            "it wants the password in clear text, which is sent through TLS alone",
        ),
        (
            &[b"\xfeclient_ed25519\0abc"],
            "its user logs in by client_ed25519; mysql_native_password and caching_sha2_password are known",
        ),
        (&[&b"\x01\x03"[..]; 9], "the answer is not of MySQL"),
        (&[b"\x00\x00\x00\x02\x00\x00\x00", b"\xfb/etc/passwd"], "the answer is not of MySQL"),
        (
            &[b"\xff\x15\x04#28000Access denied for user 'rota'@'localhost'"],
            "authentication failed for rota",
        ),
        (&[b"\xff\x10\x04Too many connections"], "Too many connections"),
    ] {
        let found = found(&DatabaseKind::Mysql, Some(&password), async |stream| {
            send(stream, 0, &greeting()).await;
            receive(stream).await;
            let is_in = packets[0][0] == 0;
            for (place, packet) in packets.iter().enumerate() {
                if is_in && place == 1 {
                    receive(stream).await;
                    send(stream, 1, packet).await;
                } else {
                    send(stream, u8::try_from(2 + place).unwrap(), packet).await;
                }
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        assert_eq!(found.await, format!("- {expected}"));
    }
}

/// A key in PEM.
fn pem(kind: &str, der: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in der.chunks(3) {
        let bits = part
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > part.len() { '=' } else { letter.into() });
        }
    }
    format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
}
