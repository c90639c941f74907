//! TLS: what is spoken, a certificate that is renewed while the gateway runs, and clients that do not finish their
//! handshake.

use crate::connections::{many_large_answers, narrow};
use crate::support::client::Request;
use crate::support::merchant::{DIRECT, direct};
use crate::support::{PATIENCE, sandbox_settings, until};
use gerai_gateway::{RunError, Settings, TlsFiles, run, seed};
use gerai_ledger::{Ledger, MasterKey, SqliteLedger, SqliteSettings};
use rcgen::{CertificateParams, DnType, KeyPair};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio_util::sync::{CancellationToken, DropGuard};

const NAME: &str = "pay.example";

/// A certificate that signs itself, and its key.
struct Made {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn make(common_name: &str) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Made { certificate: params.self_signed(&key).unwrap(), key }
}

struct Server {
    addr: SocketAddr,
    files: TlsFiles,
    shutdown: DropGuard,
    task: JoinHandle<Result<(), RunError>>,
    folder: TempDir,
}

impl Server {
    async fn start(made: &Made) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("fullchain.pem"),
            key: folder.path().join("privkey.pem"),
            look_every: Duration::from_millis(20),
        };
        std::fs::write(&files.certificate, made.certificate.pem()).unwrap();
        std::fs::write(&files.key, made.key.serialize_pem()).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(open(folder.path()));
        seed(ledger.as_ref()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let settings = Settings { tls: Some(files.clone()), write_timeout: PATIENCE / 40, ..sandbox_settings() };
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(listener, ledger, settings, shutdown.clone()));
        Self { addr, files, shutdown: shutdown.drop_guard(), task, folder }
    }

    /// Connects as a client that trusts this certificate alone.
    async fn connect(
        &self,
        trusted: &Made,
        version: &'static SupportedProtocolVersion,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.certificate.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = narrow(self.addr).await;
        let name = ServerName::try_from(NAME).unwrap();
        timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap()
    }

    /// Whether the certificate that is shown to a new connection is this one.
    async fn shows(&self, made: &Made) -> bool {
        self.connect(made, &TLS13, &[]).await.is_ok()
    }
}

fn open(folder: &Path) -> SqliteLedger {
    SqliteLedger::open(SqliteSettings::serving(folder.join("gerai.db")), MasterKey::new([7; 32])).unwrap()
}

/// The answer to one request, after which the connection is closed.
async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: Request) -> String {
    stream.write_all(&request.header("Connection", "close").bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn http_1_1_is_spoken_over_tls_1_2_and_1_3_and_nothing_in_the_clear() {
    let made = make("first");
    let server = Server::start(&made).await;
    for (version, spoken) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut stream = server.connect(&made, version, &["h2", "http/1.1"]).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(spoken));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = ask(&mut stream, Request::post(DIRECT, direct("ORD1").to_json())).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"resultCd\":\"0000\""), "{answer}");
    }
    let error = server.connect(&made, &TLS13, &["h2"]).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("protocol"), "{error}");
    let mut clear = TcpStream::connect(server.addr).await.unwrap();
    let answer = ask(&mut clear, Request::new("GET", "/healthz")).await;
    assert!(!answer.contains("HTTP/"), "{answer}");
    assert!(server.shows(&made).await, "and it goes on");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let (first, second, third) = (make("first"), make("second"), make("third"));
    let server = Server::start(&first).await;
    let mut kept = server.connect(&first, &TLS13, &[]).await.unwrap();
    let looks = Duration::from_millis(100);

    // One file after the other, as a renewal writes them: between the two the old pair is shown.
    std::fs::write(&server.files.certificate, second.certificate.pem()).unwrap();
    tokio::time::sleep(looks).await;
    assert!(server.shows(&first).await);
    std::fs::write(&server.files.key, second.key.serialize_pem()).unwrap();
    until("the second is shown", async || server.shows(&second).await).await;
    assert!(!server.shows(&first).await);

    for broken in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&server.files.certificate, broken).unwrap();
        tokio::time::sleep(looks).await;
        assert!(server.shows(&second).await, "{broken}");
    }
    std::fs::remove_file(&server.files.certificate).unwrap();
    tokio::time::sleep(looks).await;
    assert!(server.shows(&second).await);

    // The key first this time, and the certificate moved into its place.
    std::fs::write(&server.files.key, third.key.serialize_pem()).unwrap();
    let beside = server.folder.path().join("new.pem");
    std::fs::write(&beside, third.certificate.pem()).unwrap();
    std::fs::rename(&beside, &server.files.certificate).unwrap();
    until("the third is shown", async || server.shows(&third).await).await;

    // Whoever was connected all the time has noticed nothing.
    let answer = ask(&mut kept, Request::new("GET", "/readyz")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn handshakes_that_break_off_or_stall_hold_nobody_up() {
    let made = make("first");
    let server = Server::start(&made).await;
    let mut stalled = Vec::new();
    for _ in 0..50 {
        // The first byte of a handshake, and no more.
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"\x16").await.unwrap();
        stalled.push(stream);
        drop(TcpStream::connect(server.addr).await.unwrap());
    }
    let mut stream = server.connect(&made, &TLS13, &[]).await.unwrap();
    let text = ask(&mut stream, Request::new("GET", "/metrics")).await;
    let series = "gerai_connections_refused_total{reason=\"broken_handshake\"} ";
    let broken: u32 = text.lines().find_map(|line| line.strip_prefix(series)).unwrap().parse().unwrap();
    assert!(broken > 0, "{text}");

    let asked = Instant::now();
    server.shutdown.disarm().cancel();
    timeout(PATIENCE, server.task).await.unwrap().unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    for mut stream in stalled {
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_usable_pair_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(open(folder.path()));
    let files = TlsFiles {
        certificate: folder.path().join("none.pem"),
        key: folder.path().join("none.pem"),
        look_every: Duration::from_secs(1),
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = Settings { tls: Some(files), ..sandbox_settings() };
    let ended = run(listener, ledger, settings, CancellationToken::new()).await;
    assert!(matches!(&ended, Err(RunError::Tls(error)) if error.to_string().contains("none.pem")), "{ended:?}");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_behind_tls_too() {
    let made = make("first");
    let server = Server::start(&made).await;
    let mut deaf = server.connect(&made, &TLS13, &[]).await.unwrap();
    deaf.write_all(&many_large_answers()).await.unwrap();
    until("it gives up its place", async || {
        let mut stream = server.connect(&made, &TLS13, &[]).await.unwrap();
        ask(&mut stream, Request::new("GET", "/metrics")).await.contains("gerai_connections_open 1\n")
    })
    .await;
}
