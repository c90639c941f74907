//! The servers that are measured, each a process of its own, ended when the measurement is over.

use crate::requests;
use anyhow::{Context, bail};
use gerai_domain::{MerchantTerms, wib};
use gerai_ledger::{Ledger, MasterKey, SqliteLedger, SqliteSettings};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server under measurement.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
    _folder: Option<TempDir>,
}

impl Server {
    /// The ceiling: this binary in its other role.
    pub(crate) async fn ceiling() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg("--ceiling").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        let server = Self { address: line.trim().parse()?, child, _folder: None };
        server.ready().await
    }

    /// `gerai sandbox`, the one in which notifications may go to this machine, over the data in `folder`; its clock is
    /// moved to the next morning, when all stores are open.
    pub(crate) async fn sandbox(gerai: &Path, folder: TempDir) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new(gerai)
            .args(["sandbox", "--log", "json", "--listen", &address.to_string(), "--data"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{}; build it first", gerai.display()))?;
        let server = Self { address, child, _folder: Some(folder) }.ready().await?;
        let tomorrow = wib::wall(Timestamp::now()).date().tomorrow()?;
        let body = format!("{{\"set\":\"{tomorrow}T10:00:00+07:00\"}}");
        let request = format!(
            "POST /sandbox/v1/clock HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = crate::load::connect(address).await?;
        crate::load::ask(&mut stream, request.as_bytes(), &mut Vec::new()).await?;
        Ok(server)
    }

    /// `gerai serve` as it ships, with sixteen merchants, on a database of its own on disk.
    pub(crate) async fn gateway(gerai: &Path) -> anyhow::Result<Self> {
        // Beside the build, not in a folder that may be memory: syncs have to cost what they cost.
        let parent = gerai.parent().context("the binary's folder")?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?;
        let database = folder.path().join("gerai.db");
        let master = MasterKey::generate();
        let master_text = master.to_base64();
        let ledger = SqliteLedger::open(SqliteSettings::serving(&database), master)?;
        for n in 0..requests::MERCHANTS {
            let terms = MerchantTerms::usual(requests::imid(n).parse()?, "Toko Bench");
            ledger.add_merchant(requests::account(terms, n), requests::deed()).await?;
        }
        drop(ledger);
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = folder.path().join("gerai.toml");
        let text = format!(
            "listen = \"{address}\"\npublic_url = \"http://{address}\"\ndatabase = {:?}\nlog = \"json\"\n\
             [rates]\nmerchant = {{ per_minute = 60000000, burst = 1000000 }}\n\
             partner = {{ per_minute = 60000000, burst = 1000000 }}\n\
             terminal = {{ per_minute = 60000000, burst = 1000000 }}\n\
             pages = {{ per_minute = 60000000, burst = 1000000 }}\n",
            database.display().to_string()
        );
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new(gerai)
            .args(["serve", "--config"])
            .arg(&config)
            .env("GERAI_MASTER_KEY", master_text.expose_secret())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{}; build it first", gerai.display()))?;
        let server = Self { address, child, _folder: Some(folder) };
        server.ready().await
    }

    async fn ready(self) -> anyhow::Result<Self> {
        let give_up = Instant::now() + Duration::from_secs(20);
        while Instant::now() < give_up {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return Ok(self);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("a server did not come up at {}", self.address)
    }

    /// How much processor time it has used so far.
    pub(crate) fn cpu(&self) -> Duration {
        // Fields 14 and 15 of the line, counted from the end of the command's name, are user and system time in ticks
        // of a hundredth of a second.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Ends it.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also when a measurement failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
