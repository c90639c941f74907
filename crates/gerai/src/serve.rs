//! `gerai serve`: the gateway, for real.

use crate::config::{Config, EXAMPLE};
use crate::data::SANDBOX_MARK;
use crate::edge::fit_to_open_files;
use crate::invocation::{pasteable, program};
use crate::traces::TracesConfig;
use crate::{Ended, logging, shutdown};
use anyhow::{Context, bail};
use clap::Args;
use gerai_gateway::KeepSpans;
use gerai_ledger::{Ledger, SqliteLedger, SqliteSettings};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

/// The options of `gerai serve`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai serve --example > gerai.toml\n  \
                        (umask 077; openssl rand -base64 32 > master.key)\n  \
                        GERAI_MASTER_KEY=$(cat master.key) gerai serve --config gerai.toml")]
pub(crate) struct Options {
    /// The configuration file.
    #[arg(long, default_value = "gerai.toml")]
    config: PathBuf,
    /// Print a commented configuration and stop.
    #[arg(long)]
    example: bool,
    /// What is logged, as `info` or `gerai_gateway=debug,info`.
    #[arg(long, env = "GERAI_LOG_LEVEL", default_value = "info")]
    log_level: String,
}

/// Serves until SIGTERM.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    if options.example {
        print!("{EXAMPLE}");
        return Ok(Ended::Done);
    }
    let config = Config::read(&options.config)?;
    let mut settings = config.settings()?;
    let keys = config.master_keys()?;
    let _logs = logging::start(config.log, &options.log_level)?;
    fit_to_open_files(&mut settings.connections);
    let traces = config.traces.as_ref().map(TracesConfig::start).transpose()?.map(Arc::new);
    settings.spans = traces.clone().map(|traces| traces as Arc<dyn KeepSpans>);
    let ledger = SqliteLedger::open(SqliteSettings::serving(&config.database), keys)?;
    if ledger.setting(SANDBOX_MARK).await?.is_some() {
        bail!("{} is a sandbox's database; a gateway needs one of its own", config.database.display());
    }
    if ledger.users().await?.is_empty() {
        let first =
            format!("{} user add NAME --config {}", program(), pasteable(&options.config.display().to_string()));
        tracing::info!(first, "nobody can sign in to the back office yet; this adds the first operator");
    }
    let listener = TcpListener::bind(config.listen).with_context(|| format!("listening on {}", config.listen))?;
    tracing::info!(address = %listener.local_addr()?, version = env!("CARGO_PKG_VERSION"), "the gateway serves");
    gerai_gateway::run(listener, Arc::new(ledger), settings, shutdown::on_signal()?).await?;
    if let Some(traces) = traces {
        traces.finish().await;
    }
    Ok(Ended::Done)
}
