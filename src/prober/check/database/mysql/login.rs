//! How one logs in to MySQL and MariaDB.
//!
//! | method | what is sent |
//! |---|---|
//! | `mysql_native_password` | a digest of the password's digest and of the server's challenge |
//! | `caching_sha2_password` | the same with SHA-256; where the server wants the password itself, through TLS, else encrypted with the key that it sends |
//! | `mysql_clear_password` | the password itself, through TLS alone |

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::packet::{Fields, Packets, Told, not_mysql};
use crate::prober::check::Deadline;
use crate::prober::check::Trouble;
use crate::prober::check::database::{Connector, Duplex, Login, no_password, secured};

// Capabilities.
const LONG_PASSWORD: u32 = 1;
const PROTOCOL_41: u32 = 1 << 9;
const TLS: u32 = 1 << 11;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;
/// What every server of this century can do, and we need.
const NEEDED: u32 = LONG_PASSWORD | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;

/// utf8mb4, as every server knows it.
const CHARSET: u8 = 45;
/// The most packets of a server between the greeting and the end of a login.
const STEPS_MAX: usize = 8;
/// The bytes of a challenge.
const CHALLENGE: usize = 20;
/// "Access denied", with and without its host.
const DENIED: [u16; 2] = [1045, 1698];

const NATIVE: &[u8] = b"mysql_native_password";
const CACHING: &[u8] = b"caching_sha2_password";
const CLEAR: &[u8] = b"mysql_clear_password";

/// What the server says first.
struct Greeting {
    is_mariadb: bool,
    capabilities: u32,
    challenge: Vec<u8>,
    method: Vec<u8>,
}

/// A connection that has logged in.
pub(super) struct Session {
    pub(super) packets: Packets<Box<dyn Duplex>>,
    pub(super) is_mariadb: bool,
}

/// From the greeting to the end of the login.
pub(super) async fn log_in(
    stream: impl Duplex + 'static,
    connector: Option<Connector>,
    login: Login<'_>,
    deadline: Deadline,
) -> Result<Session, Trouble> {
    let mut packets = Packets::new(stream);
    let greeting = deadline.within("no greeting", packets.read()).await??;
    let greeting = greet(&greeting, login)?;
    let is_tls = connector.is_some();
    let capabilities = if is_tls { NEEDED | TLS } else { NEEDED };
    let mut head = capabilities.to_le_bytes().to_vec();
    head.extend_from_slice(&(1_u32 << 24).to_le_bytes()); // the largest packet
    head.push(CHARSET);
    head.extend_from_slice(&[0; 23]);
    if is_tls {
        if greeting.capabilities & TLS == 0 {
            return Err(Trouble::Failed("it does not speak TLS".into()));
        }
        packets.write(&head).await?;
    }
    let packets = packets.wrapped(|stream| secured(stream, connector, deadline)).await?;
    let is_mariadb = greeting.is_mariadb;
    let mut entrance = Entrance { packets, login, is_tls, challenge: greeting.challenge };
    deadline.within("no login", entrance.pass(head, greeting.method)).await??;
    Ok(Session { packets: entrance.packets, is_mariadb })
}

fn greet(packet: &[u8], login: Login<'_>) -> Result<Greeting, Trouble> {
    if packet[0] == 0xff {
        return Err(refusal(Told::read(packet)?, login));
    }
    let mut fields = Fields(packet);
    if fields.byte()? != 10 {
        return Err(not_mysql());
    }
    let version = fields.zero_ended();
    let is_mariadb = version.windows(7).any(|part| part.eq_ignore_ascii_case(b"mariadb"));
    fields.take(4)?; // the connection's number
    let mut challenge = fields.take(8)?.to_vec();
    fields.take(1)?;
    let low = fields.short()?;
    fields.take(3)?; // charset, status
    let high = fields.short()?;
    let capabilities = u32::from(high) << 16 | u32::from(low);
    if capabilities & NEEDED & !LONG_PASSWORD != NEEDED & !LONG_PASSWORD {
        return Err(Trouble::Failed("it is too old: it does not know its users' methods".into()));
    }
    fields.take(11)?; // the challenge's length, which is 20 and a zero; nothing
    challenge.extend_from_slice(fields.take(CHALLENGE - 8)?);
    fields.take(1)?;
    Ok(Greeting { is_mariadb, capabilities, challenge, method: fields.zero_ended().to_vec() })
}

fn refusal(Told { code, message }: Told, login: Login<'_>) -> Trouble {
    if DENIED.contains(&code) {
        return if login.password.is_some() { login.refused() } else { no_password() };
    }
    Trouble::Failed(message)
}

/// The way in.
struct Entrance<'a> {
    packets: Packets<Box<dyn Duplex>>,
    login: Login<'a>,
    is_tls: bool,
    challenge: Vec<u8>,
}

impl Entrance<'_> {
    async fn pass(&mut self, mut packet: Vec<u8>, mut method: Vec<u8>) -> Result<(), Trouble> {
        packet.extend_from_slice(self.login.user.as_bytes());
        packet.push(0);
        // A server begins with its default method, and goes on with the user's. One that we do not know may be the
        // first; with another, it asks for the user's.
        if ![NATIVE, CACHING].contains(&&*method) {
            method = NATIVE.to_vec();
        }
        let response = self.response(&method)?;
        packet.push(u8::try_from(response.len()).map_err(|_| too_long())?);
        packet.extend_from_slice(&response);
        packet.extend_from_slice(&method);
        packet.push(0);
        self.packets.write(&packet).await?;

        for _ in 0..STEPS_MAX {
            let packet = self.packets.read().await?;
            match packet[..] {
                [0, ..] => return Ok(()),
                [0xff, ..] => return Err(refusal(Told::read(&packet)?, self.login)),
                [0xfe, ..] => {
                    let mut fields = Fields(&packet[1..]);
                    method = fields.zero_ended().to_vec();
                    self.challenge = fields.zero_ended().to_vec();
                    let response = self.response(&method)?;
                    self.packets.write(&response).await?;
                }
                // The server remembers the password, and its OK follows.
                [1, 3] if method == CACHING => {}
                [1, 4] if method == CACHING => self.whole_password().await?,
                _ => return Err(not_mysql()),
            }
        }
        Err(not_mysql())
    }

    /// What proves the password by a method.
    fn response(&self, method: &[u8]) -> Result<Vec<u8>, Trouble> {
        let Some(password) = self.login.password else { return Ok(Vec::new()) };
        let password = password.text().as_bytes();
        match method {
            NATIVE => Ok(native(password, &self.challenge)),
            CACHING => Ok(caching(password, &self.challenge)),
            CLEAR if self.is_tls => Ok([password, &[0]].concat()),
            CLEAR => Err(Trouble::Failed(
                "it wants the password in clear text, which is sent through TLS alone".into(),
            )),
            other => Err(Trouble::Failed(format!(
                "its user logs in by {}; mysql_native_password and caching_sha2_password are known",
                String::from_utf8_lossy(other)
            ))),
        }
    }

    /// The server does not remember the password: it gets it whole.
    async fn whole_password(&mut self) -> Result<(), Trouble> {
        let password = self.login.password.ok_or_else(no_password)?;
        let mut password = [password.text().as_bytes(), &[0]].concat();
        if self.is_tls {
            return self.packets.write(&password).await;
        }
        self.packets.write(&[2]).await?;
        let packet = self.packets.read().await?;
        let [1, key @ ..] = &packet[..] else { return Err(not_mysql()) };
        if self.challenge.is_empty() {
            return Err(not_mysql());
        }
        for (byte, mask) in password.iter_mut().zip(self.challenge.iter().cycle()) {
            *byte ^= mask;
        }
        let sealed = sealed(&password, key)?;
        self.packets.write(&sealed).await
    }
}

/// Encrypted with a public key in PEM.
fn sealed(text: &[u8], key: &[u8]) -> Result<Vec<u8>, Trouble> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(key).map_err(|_| not_mysql())?;
    let key = PublicEncryptingKey::from_der(&key).map_err(|_| not_mysql())?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| not_mysql())?;
    let mut sealed = vec![0; key.ciphertext_size()];
    let length = key.encrypt(&OAEP_SHA1_MGF1SHA1, text, &mut sealed, None);
    let length = length.map_err(|_| too_long())?.len();
    sealed.truncate(length);
    Ok(sealed)
}

fn too_long() -> Trouble {
    Trouble::Failed("the password is too long for this method of login".into())
}

fn hash(algorithm: &'static Algorithm, parts: &[&[u8]]) -> Vec<u8> {
    digest(algorithm, &parts.concat()).as_ref().to_vec()
}

fn masked(mut text: Vec<u8>, mask: &[u8]) -> Vec<u8> {
    for (byte, mask) in text.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    text
}

/// SHA1(password) XOR SHA1(challenge, SHA1(SHA1(password)))
fn native(password: &[u8], challenge: &[u8]) -> Vec<u8> {
    let once = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[password]);
    let twice = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&once]);
    masked(once, &hash(&SHA1_FOR_LEGACY_USE_ONLY, &[challenge, &twice]))
}

/// SHA256(password) XOR SHA256(SHA256(SHA256(password)), challenge)
fn caching(password: &[u8], challenge: &[u8]) -> Vec<u8> {
    let once = hash(&SHA256, &[password]);
    let twice = hash(&SHA256, &[&once]);
    masked(once, &hash(&SHA256, &[&twice, challenge]))
}
