//! `gerai sandbox`: the whole thing, to try.

use crate::edge::fit_to_open_files;
use crate::logging::LogFormat;
use crate::{Ended, address, banner, data, logging, shutdown};
use anyhow::Context;
use clap::Args;
use gerai_gateway::{Clock, DeliverySettings, EgressGuard, Rates, Settings};
use gerai_ledger::Ledger;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

/// The options of `gerai sandbox`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai sandbox\n  gerai sandbox --listen 127.0.0.1:9000 --ephemeral")]
pub(crate) struct Options {
    /// Where it listens. Beyond loopback, notifications to internal addresses are refused.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The folder that keeps payments, merchants and the master key.
    #[arg(long, env = "GERAI_DATA", default_value = "./gerai-data")]
    data: PathBuf,
    /// Keep nothing: a temporary folder, gone at the end.
    #[arg(long, conflicts_with = "data")]
    ephemeral: bool,
    /// Limit how much anybody may ask for, as `gerai serve` does by default.
    #[arg(long)]
    limits: bool,
    /// How log lines look.
    #[arg(long, value_enum, default_value = "text")]
    log: LogFormat,
    /// What is logged, as `info` or `gerai_gateway=debug,info`.
    #[arg(long, env = "GERAI_LOG_LEVEL", default_value = "info")]
    log_level: String,
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let _logs = logging::start(options.log, &options.log_level)?;
    let temporary = if options.ephemeral { Some(tempfile::tempdir()?) } else { None };
    let folder = temporary.as_ref().map_or(options.data, |folder| folder.path().to_owned());
    let ledger: Arc<dyn Ledger> = Arc::new(data::open_sandbox(&folder).await?);
    gerai_gateway::seed(ledger.as_ref()).await?;
    let clock = Clock::system();
    gerai_gateway::restore_clock(ledger.as_ref(), &clock).await?;
    let listener = TcpListener::bind(options.listen).with_context(|| {
        format!("listening on {}; another address can be given with --listen 127.0.0.1:9000", options.listen)
    })?;
    let listening = listener.local_addr()?;
    let guard = if listening.ip().is_loopback() { EgressGuard::Off } else { EgressGuard::On };
    let mut settings = Settings {
        public_url: format!("http://{}", address::reachable(listening)),
        sandbox: true,
        delivery: DeliverySettings { guard, ..DeliverySettings::default() },
        clock: clock.clone(),
        rates: options.limits.then(Rates::default),
        ..Settings::default()
    };
    fit_to_open_files(&mut settings.connections);
    let stop = shutdown::on_signal()?;
    let shown = banner::Shown {
        url: &settings.public_url,
        guard,
        folder: &folder,
        ephemeral: options.ephemeral,
        rules: &settings.rules,
        clock: &clock,
    };
    print!("{}", banner::text(&shown, ledger.as_ref()).await?);
    gerai_gateway::run(listener, ledger, settings, stop).await?;
    Ok(Ended::Done)
}
