//! The data that a measurement begins with, written by the ledger itself before the server starts: merchants, chains,
//! payments that wait for their customer, and payments that were made and of which nobody has been told yet.

use crate::requests;
use gerai_domain::{
    Actor, Ask, Brand, Chain, Command, Kind, MerchantId, MerchantTerms, NewPayment, Partner, Payment, Rules, Rupiah,
    StoreVisit,
};
use gerai_ledger::{
    Executed, Execution, Ledger, MasterKey, Opened, Origin, PartnerAccount, SqliteLedger, SqliteSettings, Target,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// The secret of both chains.
pub(crate) const PARTNER_SECRET: &str = "bench-partner-secret";

/// A sandbox's data folder that is being filled.
pub(crate) struct Stock {
    folder: TempDir,
    ledger: Arc<SqliteLedger>,
    written: usize,
}

impl Stock {
    /// An empty sandbox beside the build, not in a folder that may be memory: syncs have to cost what they cost.
    pub(crate) async fn new(parent: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?;
        let ledger = found(folder.path()).await?;
        Ok(Self { folder, ledger: Arc::new(ledger), written: 0 })
    }

    /// Registers `count` payments of 10,000 rupiah, each told to `url`.
    pub(crate) async fn register(&mut self, count: usize, url: &str) -> anyhow::Result<Vec<Payment>> {
        let from = self.written;
        self.written += count;
        each(&self.ledger, 0..count, |ledger, n| {
            let url = url.to_owned();
            async move {
                let merchant: MerchantId = requests::imid(n).parse()?;
                let origin = Origin { actor: Actor::Merchant(merchant.clone()), request_id: None };
                match ledger.open(registration(merchant, from + n, url, Timestamp::now())?, 1, origin).await? {
                    Opened::New(payment) => Ok(*payment),
                    other => anyhow::bail!("a registration came to {other:?}"),
                }
            }
        })
        .await
    }

    /// Lets every one of these be paid, so that its notification is due.
    pub(crate) async fn pay(&self, payments: Vec<Payment>) -> anyhow::Result<()> {
        let payments = Arc::new(payments);
        let rules = Arc::new(Rules::default());
        each(&self.ledger, 0..payments.len(), |ledger, n| {
            let (payments, rules) = (Arc::clone(&payments), Arc::clone(&rules));
            async move {
                let payment = &payments[n];
                for command in [pay(payment.terms.amount), commit()] {
                    let execution = Execution {
                        target: Target::TxId(payment.terms.tx_id.clone()),
                        command,
                        rules: Arc::clone(&rules),
                        now: Timestamp::now(),
                        origin: Origin { actor: Actor::SimulatedStore, request_id: None },
                        idempotency: None,
                    };
                    match ledger.execute(execution).await? {
                        Executed::Judged { verdict: Ok(_), .. } => {}
                        other => anyhow::bail!("a payment came to {other:?}"),
                    }
                }
                Ok(())
            }
        })
        .await?;
        Ok(())
    }

    /// The folder, for a server.
    pub(crate) fn into_folder(self) -> TempDir {
        self.folder
    }
}

/// A sandbox's database in this folder, with the merchants and the chains.
pub(crate) async fn found(folder: &Path) -> anyhow::Result<SqliteLedger> {
    let master = MasterKey::generate();
    std::fs::write(folder.join("master.key"), master.to_base64().expose_secret())?;
    let ledger = SqliteLedger::open(SqliteSettings::serving(folder.join("gerai.db")), master)?;
    ledger.put_setting("sandbox", "1").await?;
    for n in 0..requests::MERCHANTS {
        let terms = MerchantTerms::usual(requests::imid(n).parse()?, "Toko Bench");
        ledger.add_merchant(requests::account(terms, n), requests::deed()).await?;
    }
    for chain in Chain::ALL {
        let partner = PartnerAccount { chain, enabled: true, secret: PARTNER_SECRET.into(), retired_secret: None };
        ledger.add_partner(partner, requests::deed()).await?;
    }
    Ok(ledger)
}

/// Does something for each of these numbers, many at once.
pub(crate) async fn each<T, F>(
    ledger: &Arc<SqliteLedger>,
    numbers: Range<usize>,
    work: impl Fn(Arc<SqliteLedger>, usize) -> F,
) -> anyhow::Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let mut done = Vec::with_capacity(numbers.len());
    let mut crowd = JoinSet::new();
    for n in numbers {
        if crowd.len() >= 512
            && let Some(one) = crowd.join_next().await
        {
            done.push(one??);
        }
        crowd.spawn(work(Arc::clone(ledger), n));
    }
    while let Some(one) = crowd.join_next().await {
        done.push(one??);
    }
    Ok(done)
}

/// A registration for seven days at this moment.
pub(crate) fn registration(merchant: MerchantId, n: usize, url: String, now: Timestamp) -> anyhow::Result<NewPayment> {
    Ok(NewPayment {
        merchant,
        ask: Ask {
            kind: Kind::Direct,
            reference_no: format!("STOCK-{n:08}"),
            amount: Rupiah::new(10_000)?,
            chain: Some(Chain::Alma),
            valid_date: None,
            valid_time: None,
            goods_nm: "Kopi Gayo 250 g, giling halus".into(),
            billing_nm: "Siti Aminah".into(),
            description: None,
            db_process_url: url,
            call_back_url: None,
            fingerprint: [0; 32],
            details: "{}".into(),
        },
        deadline: now.checked_add(SignedDuration::from_hours(7 * 24))?,
        registered_at: now,
        auto_pay_at: None,
    })
}

const ALMA: Partner = Partner { chain: Chain::Alma, enabled: true };

fn pay(amount: Rupiah) -> Command {
    Command::Pay {
        visit: StoreVisit {
            partner: ALMA,
            brand: Brand::Alfamart,
            store_code: "A001".into(),
            terminal_id: "1".into(),
            // So that a measurement at night begins with the same data.
            simulated: true,
        },
        amount,
        trace_no: "T1".into(),
        biller: "NICEPAY - Toko Bench".into(),
        own_lines: Vec::new(),
    }
}

fn commit() -> Command {
    Command::Commit { partner: ALMA, trace_no: "T1".into() }
}
