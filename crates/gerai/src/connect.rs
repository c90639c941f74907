//! `gerai connect`: the merchant's connector, and a look at it from outside.

use crate::config::Length;
use crate::logging::LogFormat;
use crate::{Ended, logging, shutdown};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use gerai_merchant::{
    Client, ClientBuilder, Connector, Credentials, Doctor, Finding, Gateway, IpNet, Pace, Senders, ShopWebhook,
    SqliteBook, SqliteBookSettings, Verdict,
};
use secrecy::SecretString;
use serde::Deserialize;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Variables that are secrets: they are read where they are used, and stand in no message.
const SECRETS: &[&str] = &["merchant_key", "api_token", "webhook_secret", "gateway_webhook_secret"];

/// The commented example that `gerai connect --example` prints.
const EXAMPLE: &str = include_str!("connect.example.toml");

/// How many proxies there may be in front at most; more is a mistake.
const HOPS: usize = 8;

/// The options of `gerai connect`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai connect --example > connect.toml\n  \
                        (umask 077; openssl rand -hex 24 > api.token; cat > merchant.key)\n  \
                        gerai connect --config connect.toml\n  \
                        gerai connect doctor --config connect.toml")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    /// The configuration file.
    #[arg(long, default_value = "connect.toml")]
    config: PathBuf,
    /// Print a commented configuration and stop.
    #[arg(long)]
    example: bool,
    /// What is logged, as `info` or `gerai_merchant=debug,info`.
    #[arg(long, env = "GERAI_LOG_LEVEL", default_value = "info")]
    log_level: String,
}

#[derive(Subcommand)]
enum Action {
    /// Looks whether the gateway knows you, and from outside whether its notifications can reach you: name, certificate,
    /// firewall, answer. Run it from a machine that is not behind your own firewall.
    Doctor(DoctorOptions),
}

/// The options of `gerai connect doctor`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai connect doctor --config connect.toml\n  \
                        gerai connect doctor --url https://toko.example/notification\n\n\
                        Exit status: 0 notifications arrive, 1 they do not.")]
struct DoctorOptions {
    /// The configuration file; not needed with --url.
    #[arg(long, default_value = "connect.toml")]
    config: PathBuf,
    /// Look at this dbProcessUrl alone.
    #[arg(long)]
    url: Option<String>,
    /// The User-Agent of the gateway's notifications, where it is not the usual one.
    #[arg(long)]
    user_agent: Option<String>,
    /// One JSON object a finding.
    #[arg(long)]
    json: bool,
}

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    listen: SocketAddr,
    public_url: String,
    gateway: String,
    imid: String,
    book: PathBuf,
    merchant_key_file: Option<PathBuf>,
    older_merchant_key_file: Option<PathBuf>,
    api_token_file: Option<PathBuf>,
    gateway_webhook_secret_file: Option<PathBuf>,
    #[serde(default)]
    require_signature: bool,
    senders: Option<Vec<String>>,
    #[serde(default)]
    trusted_hops: usize,
    #[serde(default)]
    proxy_from_environment: bool,
    return_url: Option<String>,
    keep_exchanges: Option<Length>,
    #[serde(default = "json")]
    log: LogFormat,
    webhook: Option<WebhookConfig>,
    #[serde(default)]
    pace: PaceConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookConfig {
    url: String,
    secret_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaceConfig {
    quick: Option<Length>,
    usual: Option<Length>,
    committing: Option<Length>,
}

const fn json() -> LogFormat {
    LogFormat::Json
}

/// Serves until SIGTERM, or looks from outside.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, config, example, log_level } = options;
    if let Some(Action::Doctor(options)) = action {
        return doctor(options).await;
    }
    if example {
        print!("{EXAMPLE}");
        return Ok(Ended::Done);
    }
    let config = Config::read(&config)?;
    let _logs = logging::start(config.log, &log_level)?;
    let connector = config.connector()?;
    let listener = TcpListener::bind(config.listen).with_context(|| format!("listening on {}", config.listen))?;
    tracing::info!(address = %listener.local_addr()?, version = env!("CARGO_PKG_VERSION"), "the connector serves");
    gerai_merchant::run_connector(connector, listener, shutdown::on_signal()?).await?;
    Ok(Ended::Done)
}

async fn doctor(options: DoctorOptions) -> anyhow::Result<Ended> {
    let DoctorOptions { config, url, user_agent, json } = options;
    let doctor = user_agent.map_or_else(Doctor::new, |user_agent| Doctor::new().user_agent(user_agent));
    let mut findings = Vec::new();
    let url = match url {
        Some(url) => url,
        None => {
            let config = Config::read(&config)?;
            findings.push(doctor.ask(&config.client()?.build()?).await);
            config.under_public_url("notification")
        }
    };
    findings.extend(doctor.look_at(&url).await);
    for finding in &findings {
        tell(finding, json);
    }
    let reachable = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
    Ok(if reachable { Ended::Done } else { Ended::Refused })
}

fn tell(finding: &Finding, json: bool) {
    let Finding { what, verdict, says } = finding;
    let verdict = match verdict {
        Verdict::Good => "good",
        Verdict::Doubtful => "doubtful",
        Verdict::Bad => "bad",
    };
    if json {
        println!("{}", serde_json::json!({ "what": what, "verdict": verdict, "says": says }));
    } else {
        println!("{verdict:<9} {what:<11} {says}");
    }
}

impl Config {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("the configuration {}", path.display()))?;
        let figment = Figment::new()
            .merge(Toml::string(&text))
            .merge(Env::prefixed("GERAI_CONNECT_").ignore(SECRETS).split("__"));
        figment.extract().with_context(|| format!("in {}", path.display()))
    }

    fn under_public_url(&self, path: &str) -> String {
        format!("{}/{path}", self.public_url.trim_end_matches('/'))
    }

    fn gateway(&self) -> anyhow::Result<Gateway> {
        let gateway = match self.gateway.as_str() {
            "nicepay-development" => Gateway::nicepay_development(),
            "nicepay-production" => Gateway::nicepay_production(),
            "nicepay-development-cloud" => Gateway::nicepay_development_cloud(),
            "nicepay-production-cloud" => Gateway::nicepay_production_cloud(),
            address => Gateway::at(address).context("gateway")?,
        };
        let Some(senders) = &self.senders else { return Ok(gateway) };
        let networks = senders
            .iter()
            .map(|text| {
                let network =
                    text.parse::<IpNet>().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
                network.with_context(|| format!("senders: `{text}` is no network; write it as 203.0.113.0/24"))
            })
            .collect::<anyhow::Result<Vec<IpNet>>>()?;
        Ok(gateway.with_senders(Senders::Only(networks)))
    }

    fn credentials(&self) -> anyhow::Result<Credentials> {
        let key = secret("merchant_key", self.merchant_key_file.as_deref())?;
        let key = key.context("no merchant key; set GERAI_CONNECT_MERCHANT_KEY or merchant_key_file")?;
        let mut credentials = Credentials::new(self.imid.clone(), key)?;
        if let Some(path) = &self.older_merchant_key_file {
            credentials = credentials.with_older_key(file(path)?).context("older_merchant_key_file")?;
        }
        match secret("gateway_webhook_secret", self.gateway_webhook_secret_file.as_deref())? {
            Some(secret) => Ok(credentials.with_webhook_secret(secret).context("the gateway's webhook secret")?),
            None if self.require_signature => {
                bail!("require_signature needs GERAI_CONNECT_GATEWAY_WEBHOOK_SECRET or gateway_webhook_secret_file")
            }
            None => Ok(credentials),
        }
    }

    fn client(&self) -> anyhow::Result<ClientBuilder> {
        let client = Client::builder(self.gateway()?, self.credentials()?)
            .notify_at(self.under_public_url("notification"))
            .call_back_at(self.under_public_url("callback"));
        Ok(if self.proxy_from_environment { client.proxy_from_environment() } else { client })
    }

    fn connector(&self) -> anyhow::Result<Connector> {
        if self.trusted_hops > HOPS {
            bail!("trusted_hops must be the number of proxies in front, at most {HOPS}");
        }
        let api_token = secret("api_token", self.api_token_file.as_deref())?;
        let api_token = api_token.context("no API token; set GERAI_CONNECT_API_TOKEN or api_token_file")?;
        let webhook = match &self.webhook {
            None => None,
            Some(WebhookConfig { url, secret_file }) => {
                let secret = secret("webhook_secret", secret_file.as_deref())?;
                let secret = secret.context("no secret; set GERAI_CONNECT_WEBHOOK_SECRET or webhook.secret_file")?;
                Some(ShopWebhook { url: url.clone(), secret })
            }
        };
        let usual = SqliteBookSettings::at(&self.book);
        let keep_exchanges = self.keep_exchanges.map_or(usual.keep_exchanges, |Length(length)| length);
        let PaceConfig { quick, usual: between, committing } = &self.pace;
        let pace = Pace::default();
        let length = |given: &Option<Length>, usual| given.map_or(usual, |Length(length)| length);
        Ok(Connector {
            client: self.client()?,
            book: Arc::new(SqliteBook::open(SqliteBookSettings { keep_exchanges, ..usual })?),
            api_token,
            webhook,
            return_url: self.return_url.clone(),
            pace: Pace {
                quick: length(quick, pace.quick),
                usual: length(between, pace.usual),
                committing: length(committing, pace.committing),
            },
            trusted_hops: self.trusted_hops,
            require_signature: self.require_signature,
        })
    }
}

/// A secret from the environment, or else from its file.
fn secret(name: &str, path: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
    let variable = format!("GERAI_CONNECT_{}", name.to_uppercase());
    match std::env::var(&variable) {
        Ok(secret) => Ok(Some(secret.into())),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{variable} is no text"),
        Err(std::env::VarError::NotPresent) => path.map(file).transpose(),
    }
}

/// A file's text, without the line's end.
fn file(path: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(path).with_context(|| format!("the secret in {}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Config> {
        Ok(Figment::new().merge(Toml::string(text)).extract()?)
    }

    /// The example with every commented key switched on.
    fn whole_example() -> String {
        let key = |line: &str| line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
        let lines = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if key(rest) || rest.starts_with('[') => rest,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_can_be_read_as_it_stands_and_with_every_key() {
        let config = read(EXAMPLE).unwrap();
        assert_eq!(config.under_public_url("notification"), "https://pay.toko.example/notification");
        let whole = read(&whole_example()).unwrap();
        assert!(
            whole.webhook.is_some()
                && whole.pace.usual.is_some()
                && whole.senders.is_some()
                && whole.return_url.is_some()
        );
        whole.gateway().unwrap();
    }

    #[test]
    fn the_examples_commented_values_are_the_defaults() {
        let (plain, whole) = (read(EXAMPLE).unwrap(), read(&whole_example()).unwrap());
        assert_eq!((whole.require_signature, whole.trusted_hops), (plain.require_signature, plain.trusted_hops));
        assert_eq!(whole.proxy_from_environment, plain.proxy_from_environment);
        let pace = Pace::default();
        let PaceConfig { quick, usual, committing } = whole.pace;
        let told = [quick, usual, committing].map(|length| length.unwrap().0);
        assert_eq!(told, [pace.quick, pace.usual, pace.committing]);
        assert_eq!(whole.keep_exchanges.unwrap().0, SqliteBookSettings::at("x").keep_exchanges);
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_name() {
        for (text, name) in
            [("pubic_url = \"x\"", "pubic_url"), ("[webhook]\nurl = \"http://x\"\nsecrets = 1", "secrets")]
        {
            let refused = read(&format!("{EXAMPLE}\n{text}")).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }

    #[test]
    fn senders_are_networks_or_addresses() {
        let config = |senders: &str| read(&format!("senders = {senders}\n{EXAMPLE}")).unwrap().gateway();
        let gateway = config(r#"["203.0.113.0/24", "2001:db8::1"]"#).unwrap();
        assert!(gateway.senders().include(Some("203.0.113.9".parse().unwrap())));
        assert!(gateway.senders().include(Some("2001:db8::1".parse().unwrap())));
        assert!(!gateway.senders().include(Some("198.51.100.1".parse().unwrap())));
        let wrong = config(r#"["shop.example"]"#).unwrap_err().to_string();
        assert!(wrong.contains("shop.example"), "{wrong}");
    }
}
