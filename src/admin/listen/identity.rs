//! What the server shows of itself over TLS: its certificate, read again when it is renewed.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::{TlsAcceptor, rustls};

use super::reread::Reread;

/// The largest file of certificates or a key, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Reads a file of certificates and a file with their key.
    pub fn read(paths: &[PathBuf]) -> Result<Self, String> {
        let [certificate_file, key_file] = paths else {
            return Err("a certificate and a key are two files".into());
        };
        let text = |path: &PathBuf| {
            let told = |error| format!("{}: cannot be read: {error}", path.display());
            match fs::metadata(path).map_err(told)?.len() {
                0..=FILE_MAX => fs::read(path).map_err(told),
                _ => Err(format!("{}: is larger than {FILE_MAX} bytes", path.display())),
            }
        };
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(&text(certificate_file)?).collect();
        let chain = chain.ok().filter(|chain: &Vec<CertificateDer<'static>>| !chain.is_empty());
        let chain = chain.ok_or_else(|| {
            format!("{}: has no certificate in PEM format", certificate_file.display())
        })?;
        let key = PrivateKeyDer::from_pem_slice(&text(key_file)?)
            .map_err(|_| format!("{}: has no private key in PEM format", key_file.display()))?;
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
            let (certificate, key) = (certificate_file.display(), key_file.display());
            format!("{certificate} and {key} do not make a certificate with its key: {error}")
        })?;
        Ok(Self(Arc::new(certified)))
    }

    /// Whether the certificate is for a name.
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        let Ok(name) = ServerName::try_from(name) else { return false };
        let parsed = self.0.cert.first().map(ParsedCertificate::try_from);
        parsed.is_some_and(|parsed| {
            parsed.is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
        })
    }
}

/// The server's side of handshakes. A client that names protocols must name one of these.
pub fn acceptor(
    identity: Arc<Reread<Identity>>,
    protocols: &[&[u8]],
) -> Result<TlsAcceptor, String> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Resolver(identity)));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[derive(Debug)]
struct Resolver(Arc<Reread<Identity>>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.current().0))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
