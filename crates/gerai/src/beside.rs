//! A gateway's database, opened beside the server that may be running on it: what the commands share that read it or
//! write into it.

use crate::config::Config;
use crate::data::{self, SANDBOX_MARK};
use clap::Args;
use gerai_domain::Rules;
use gerai_gateway::Clock;
use gerai_ledger::{Ledger, SqliteLedger, SqliteSettings};
use std::path::PathBuf;

/// Which gateway.
#[derive(Args)]
pub(crate) struct Place {
    /// The data folder of a sandbox.
    #[arg(long, global = true, env = "GERAI_DATA", default_value = "./gerai-data")]
    pub(crate) data: PathBuf,
    /// The configuration of a gateway (`gerai serve`); used instead of --data.
    #[arg(long, global = true)]
    pub(crate) config: Option<PathBuf>,
}

/// Which gateway, and how the answer looks.
#[derive(Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// An open gateway.
pub(crate) struct Beside {
    pub(crate) ledger: SqliteLedger,
    pub(crate) rules: Rules,
    /// The gateway's clock, which in a sandbox may have been moved.
    pub(crate) clock: Clock,
    pub(crate) sandbox: bool,
    /// What a gateway is configured with; a sandbox has nothing of the kind.
    pub(crate) config: Option<Config>,
}

impl Place {
    pub(crate) async fn open(&self) -> anyhow::Result<Beside> {
        let (ledger, rules, config) = match &self.config {
            Some(path) => {
                let config = Config::read(path)?;
                let settings = SqliteSettings::beside(&config.database);
                let rules = config.settings()?.rules;
                (SqliteLedger::open(settings, config.master_keys()?)?, rules, Some(config))
            }
            None => (data::open_beside_sandbox(&self.data)?, Rules::default(), None),
        };
        let sandbox = ledger.setting(SANDBOX_MARK).await?.is_some();
        let clock = Clock::system();
        if sandbox {
            gerai_gateway::restore_clock(&ledger, &clock).await?;
        }
        Ok(Beside { ledger, rules, clock, sandbox, config })
    }
}
