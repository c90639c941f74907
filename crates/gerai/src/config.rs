//! The configuration of `gerai serve`: a TOML file, then `GERAI_…` variables. A key that is not known is refused by its
//! name, and so is everything that only a sandbox has.

use crate::edge::{ConnectionsConfig, Edge, RatesConfig, TlsConfig};
use crate::logging::LogFormat;
use crate::reconcile::LayoutConfig;
use crate::traces::TracesConfig;
use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use gerai_domain::{Chain, ChainLimits, OpeningHours, Rules, Rupiah};
use gerai_gateway::{DeliverySettings, Settings};
use gerai_ledger::MasterKeys;
use jiff::{SignedDuration, Span};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Variables that begin with `GERAI_` and are no configuration keys.
const OTHER_VARIABLES: &[&str] = &["master_key", "partner_secret", "url", "data", "log_level"];

/// Keys that exist in a sandbox alone.
const SANDBOX_KEYS: &[&str] = &["sandbox", "auto_paid", "auto_pay_delay", "clock", "ephemeral", "faults"];

/// The whole file; `gerai serve --example` prints it with comments.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: String,
    pub(crate) database: PathBuf,
    #[serde(default)]
    master_key_file: Option<PathBuf>,
    #[serde(default = "json")]
    pub(crate) log: LogFormat,
    #[serde(default = "yes")]
    docs: bool,
    #[serde(default = "yes")]
    office: bool,
    #[serde(default)]
    trusted_hops: usize,
    #[serde(default)]
    tls: Option<TlsConfig>,
    #[serde(default)]
    rates: RatesConfig,
    #[serde(default)]
    connections: ConnectionsConfig,
    #[serde(default)]
    pub(crate) traces: Option<TracesConfig>,
    #[serde(default)]
    rules: RulesConfig,
    #[serde(default)]
    hours: BTreeMap<String, OpeningHours>,
    #[serde(default)]
    limits: BTreeMap<Chain, LimitsConfig>,
    #[serde(default)]
    notifications: NotificationsConfig,
    #[serde(default)]
    pub(crate) reconcile: BTreeMap<Chain, LayoutConfig>,
}

/// Variables that begin with `GERAI_CONNECT_` belong to `gerai connect`.
fn not_the_connectors(key: &figment::value::UncasedStr) -> bool {
    !key.starts_with("connect_")
}

const fn yes() -> bool {
    true
}

const fn json() -> LogFormat {
    LogFormat::Json
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesConfig {
    cell: Option<u8>,
    biller_prefix: Option<String>,
    longest_period: Option<Length>,
    commit_timeout: Option<Length>,
    reversal_window: Option<Length>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsConfig {
    min: Rupiah,
    max: Rupiah,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotificationsConfig {
    user_agent: Option<String>,
    schedule: Option<Vec<Length>>,
    jitter: Option<f64>,
    per_host: Option<usize>,
}

/// A length of time as people write it: `5m`, `24h`, `7d`, `PT15M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) SignedDuration);

impl std::str::FromStr for Length {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no length of time; write it as 5m, 24h, 7d or PT15M");
        let span: Span = text.parse().map_err(|_| wrong())?;
        let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        if length.is_positive() { Ok(Self(length)) } else { Err(wrong()) }
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The commented example that `gerai serve --example` prints.
pub(crate) const EXAMPLE: &str = include_str!("gerai.example.toml");

impl Config {
    /// Reads the file and the environment.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("the configuration {}", path.display()))?;
        let figment = Figment::new()
            .merge(Toml::string(&text))
            .merge(Env::prefixed("GERAI_").ignore(OTHER_VARIABLES).filter(not_the_connectors).split("__"));
        for key in SANDBOX_KEYS {
            if figment.contains(key) || figment.contains(&format!("rules.{key}")) {
                bail!("`{key}` belongs to a sandbox; `gerai serve` takes real money and has no such setting");
            }
        }
        let config: Self = figment.extract().with_context(|| format!("in {}", path.display()))?;
        Ok(config)
    }

    /// The file that the configuration names for the master key.
    pub(crate) fn master_key_file(&self) -> Option<&Path> {
        self.master_key_file.as_deref()
    }

    /// The master keys: from the environment, or from the file that the configuration names.
    pub(crate) fn master_keys(&self) -> anyhow::Result<MasterKeys> {
        if let Some(keys) = crate::data::master_keys_from_environment()? {
            return Ok(keys);
        }
        match &self.master_key_file {
            Some(path) => crate::data::master_keys_from_file(path),
            None => bail!(
                "no master key: set {} or `master_key_file` (make one with `openssl rand -base64 32`)",
                crate::data::MASTER_KEY_VARIABLE
            ),
        }
    }

    /// What the gateway runs with.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings {
            public_url: self.public_url()?,
            docs: self.docs,
            office: self.office,
            rules: self.rules()?,
            ..Settings::default()
        };
        let NotificationsConfig { user_agent, schedule, jitter, per_host } = &self.notifications;
        if let Some(agent) = user_agent {
            if agent.is_empty() || !agent.bytes().all(|b| (0x20..0x7f).contains(&b)) {
                bail!("notifications.user_agent must be printable ASCII");
            }
            settings.notification_user_agent.clone_from(agent);
        }
        let defaults = DeliverySettings::default();
        settings.delivery = DeliverySettings {
            schedule: match schedule {
                Some(waits) => waits
                    .iter()
                    .map(|Length(wait)| Duration::try_from(*wait).context("notifications.schedule"))
                    .collect::<Result<_, _>>()?,
                None => defaults.schedule.clone(),
            },
            jitter: jitter.unwrap_or(defaults.jitter),
            per_host: per_host.unwrap_or(defaults.per_host),
            ..defaults
        };
        let Self { rates, connections, tls, trusted_hops, .. } = self;
        Edge { rates, connections, tls: tls.as_ref(), trusted_hops: *trusted_hops }.apply(&mut settings)?;
        Ok(settings)
    }

    fn public_url(&self) -> anyhow::Result<String> {
        let url = url::Url::parse(&self.public_url).context("public_url")?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            bail!("public_url must be an http(s) address without a query, as https://pay.example.id");
        }
        Ok(self.public_url.trim_end_matches('/').to_owned())
    }

    fn rules(&self) -> anyhow::Result<Rules> {
        let mut rules = Rules::default();
        let RulesConfig { cell, biller_prefix, longest_period, commit_timeout, reversal_window } = &self.rules;
        if let Some(cell) = cell {
            if !(1..=9).contains(cell) {
                bail!("rules.cell must be a digit from 1 to 9");
            }
            rules.cell = *cell;
        }
        if let Some(prefix) = biller_prefix {
            rules.biller_prefix.clone_from(prefix);
        }
        for (target, given) in [
            (&mut rules.longest_period, longest_period),
            (&mut rules.commit_timeout, commit_timeout),
            (&mut rules.reversal_window, reversal_window),
        ] {
            if let Some(Length(length)) = given {
                *target = *length;
            }
        }
        for (brand, hours) in &self.hours {
            let target = match brand.as_str() {
                "alfamart" => &mut rules.alfamart_hours,
                "alfamidi" => &mut rules.alfamidi_hours,
                "dandan" => &mut rules.dandan_hours,
                "lawson" => &mut rules.lawson_hours,
                "indomaret" => &mut rules.indomaret_hours,
                _ => bail!("hours.{brand} is no brand; there are alfamart, alfamidi, dandan, lawson and indomaret"),
            };
            *target = *hours;
        }
        for (chain, LimitsConfig { min, max }) in &self.limits {
            if min > max || min.get() == 0 {
                bail!("limits.{chain}: min must be at least 1 and at most max");
            }
            let limits = ChainLimits { min: *min, max: *max };
            match chain {
                Chain::Alma => rules.alma_limits = limits,
                Chain::Indo => rules.indo_limits = limits,
            }
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_whole_configuration_with_the_default_rules() {
        let config: Config = Figment::new().merge(Toml::string(EXAMPLE)).extract().unwrap();
        let settings = config.settings().unwrap();
        assert_eq!(settings.rules, Rules::default());
        assert_eq!(settings.delivery.schedule, DeliverySettings::default().schedule);
        assert_eq!(settings.rates, Some(gerai_gateway::Rates::default()));
        assert_eq!(settings.connections, gerai_gateway::ConnectionLimits::default());
        assert_eq!((settings.trusted_hops, settings.tls), (0, None));
        assert!(!settings.sandbox);
        assert!(settings.docs);
        assert!(settings.office);
    }

    #[test]
    fn the_description_and_the_back_office_can_be_switched_off() {
        let off = Toml::string("docs = false\noffice = false");
        let config: Config = Figment::new().merge(Toml::string(EXAMPLE)).merge(off).extract().unwrap();
        let settings = config.settings().unwrap();
        assert_eq!((settings.docs, settings.office), (false, false));
    }

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, secs) in [("5m", 300), ("24h", 86_400), ("7d", 604_800), ("PT15M", 900), ("P3D", 259_200)] {
            assert_eq!(text.parse::<Length>().unwrap().0.as_secs(), secs, "{text}");
        }
        for wrong in ["", "5", "-5m", "0s", "soon"] {
            assert!(wrong.parse::<Length>().is_err(), "{wrong}");
        }
    }
}
