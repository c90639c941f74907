//! TLS from two PEM files, read again when they change. What cannot be used never replaces what is in use: a renewal
//! writes two files one after the other, and between the two they do not belong together.

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use tokio_util::sync::CancellationToken;

/// The largest file that is read, in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and after it those between it and the root; PEM.
    pub certificate: PathBuf,
    /// Its private key, in PKCS #8, PKCS #1 or SEC 1; PEM.
    pub key: PathBuf,
    /// How often the files are looked at.
    pub look_every: Duration,
}

/// Why two files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no certificate in the one.
    #[error("{} holds no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// There is no private key in the other.
    #[error("{} holds no private key in PEM", .0.display())]
    NoKey(PathBuf),
    /// They do not fit, or are of a kind that is not supported.
    #[error("certificate and key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What stood in the files when they were last looked at.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl TlsFiles {
    fn read(&self) -> Result<Contents, TlsError> {
        Ok(Contents { certificate: read(&self.certificate)?, key: read(&self.key)? })
    }

    fn config(&self, contents: &Contents) -> Result<Arc<ServerConfig>, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NoCertificate(self.certificate.clone()))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(self.certificate.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|_| TlsError::NoKey(self.key.clone()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::Unreadable { path: path.to_owned(), error };
    let mut contents = Vec::new();
    File::open(path).map_err(unreadable)?.take(FILE_BYTES).read_to_end(&mut contents).map_err(unreadable)?;
    Ok(contents)
}

/// Certificate and key in use.
pub(crate) struct Tls {
    files: TlsFiles,
    pub(crate) config: RustlsConfig,
    seen: Contents,
    /// What is wrong with the files, so that it is said once and not at each look.
    wrong: Option<String>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = files.read()?;
        let config = RustlsConfig::from_config(files.config(&seen)?);
        Ok(Self { files, config, seen, wrong: None })
    }

    /// Takes over what changes in the files, for connections that are made from then on, until the shutdown.
    pub(crate) async fn watch(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.files.look_every) => {}
            }
            let files = self.files.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || files.read()).await else { return };
            self.look(read);
        }
    }

    fn look(&mut self, read: Result<Contents, TlsError>) {
        let changed = match read {
            Ok(contents) if contents == self.seen => return,
            Ok(contents) => {
                let config = self.files.config(&contents);
                self.seen = contents;
                config
            }
            Err(error) => Err(error),
        };
        match changed {
            Ok(config) => {
                self.config.reload_from_config(config);
                self.wrong = None;
                tracing::info!(certificate = %self.files.certificate.display(), "the certificate was renewed");
            }
            Err(error) => {
                let wrong = Some(error.to_string());
                if self.wrong != wrong {
                    tracing::error!(%error, "the certificate is not renewed; the one before it stays in use");
                    self.wrong = wrong;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_told_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
            look_every: Duration::from_secs(1),
        };
        let why = |files: &TlsFiles| Tls::load(files.clone()).err().unwrap().to_string();
        assert!(why(&files).contains("cert.pem cannot be read"), "{}", why(&files));
        let made = rcgen::generate_simple_self_signed(vec!["pay.example".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["pay.example".to_owned()]).unwrap();
        std::fs::write(&files.certificate, "no PEM").unwrap();
        std::fs::write(&files.key, "no PEM").unwrap();
        assert!(why(&files).contains("cert.pem holds no certificate"), "{}", why(&files));
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        assert!(why(&files).contains("key.pem holds no private key"), "{}", why(&files));
        std::fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        assert!(why(&files).contains("cannot be used together"), "{}", why(&files));
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        assert!(Tls::load(files).is_ok());
    }
}
