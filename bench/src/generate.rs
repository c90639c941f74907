//! A sandbox's data folder with as many payments as are asked for, written by the ledger itself: a month of them, of
//! which seven in ten are paid and told, with some that were cancelled and a few that were returned.

use crate::requests;
use crate::stock;
use anyhow::ensure;
use gerai_domain::{Actor, Brand, Chain, Command, MerchantId, Partner, Payment, Rules, Rupiah, StoreVisit};
use gerai_ledger::{
    ClaimRequest, DeliveryAnswer, DeliveryRecord, Executed, Execution, Ledger, Opened, Origin, Settlement,
    SqliteLedger, Target,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the payments' month is, in seconds.
const MONTH: i64 = 30 * 86_400;

/// How many payments go through their life before the next are registered.
const CHUNK: usize = 20_000;

/// Where the notifications went.
const URL: &str = "https://shop.example/notify";

/// Fills a new folder; a server that is started on it has nothing left to deliver.
pub(crate) async fn generate(count: usize, into: &Path) -> anyhow::Result<()> {
    ensure!(!into.join("gerai.db").exists(), "{} holds a database already; name a new folder", into.display());
    std::fs::create_dir_all(into)?;
    let ledger = Arc::new(stock::found(into).await?);
    let begins = Timestamp::now().checked_sub(SignedDuration::from_secs(MONTH))?;
    let begun = Instant::now();
    for from in (0..count).step_by(CHUNK) {
        let numbers = from..count.min(from + CHUNK);
        let register = |ledger, n| register(ledger, n, count, begins);
        let payments = Arc::new(stock::each(&ledger, numbers.clone(), register).await?);
        stock::each(&ledger, 0..payments.len(), |ledger, place| live(ledger, Arc::clone(&payments), place)).await?;
        tell(&ledger).await?;
        eprintln!("{} of {count} payments after {:.0?}", numbers.end, begun.elapsed());
    }
    Ok(())
}

/// When the n-th of them was registered.
fn instant(n: usize, count: usize, begins: Timestamp) -> anyhow::Result<Timestamp> {
    let millis = i64::try_from(n)? * MONTH * 1_000 / i64::try_from(count)?;
    Ok(begins.checked_add(SignedDuration::from_millis(millis))?)
}

async fn register(
    ledger: Arc<SqliteLedger>,
    n: usize,
    count: usize,
    begins: Timestamp,
) -> anyhow::Result<(usize, Payment)> {
    let merchant: MerchantId = requests::imid(n).parse()?;
    let origin = Origin { actor: Actor::Merchant(merchant.clone()), request_id: None };
    let mut new = stock::registration(merchant, n, URL.into(), instant(n, count, begins)?)?;
    new.ask.reference_no = format!("INV-{n:09}");
    new.ask.amount = Rupiah::new(10_000 + u64::try_from(n * 7_919 % 990_000)?)?;
    new.ask.chain = Some(chain(n));
    match ledger.open(new, 1, origin).await? {
        Opened::New(payment) => Ok((n, *payment)),
        other => anyhow::bail!("a registration came to {other:?}"),
    }
}

const fn chain(n: usize) -> Chain {
    if n % 5 < 2 { Chain::Alma } else { Chain::Indo }
}

/// What becomes of the n-th.
async fn live(ledger: Arc<SqliteLedger>, payments: Arc<Vec<(usize, Payment)>>, place: usize) -> anyhow::Result<()> {
    let (n, payment) = &payments[place];
    let chain = chain(*n);
    let partner = Partner { chain, enabled: true };
    let visit = StoreVisit {
        partner,
        brand: if chain == Chain::Alma { Brand::Alfamart } else { Brand::Indomaret },
        store_code: "A001".into(),
        terminal_id: "1".into(),
        // At any hour.
        simulated: true,
    };
    let pay = Command::Pay {
        visit,
        amount: payment.terms.amount,
        trace_no: "T1".into(),
        biller: "NICEPAY - Toko Bench".into(),
        own_lines: Vec::new(),
    };
    let commit = (chain == Chain::Alma).then(|| Command::Commit { partner, trace_no: "T1".into() });
    let give_back = || Command::Return { operator: "bench".into(), reason: "goods came back".into() };
    let commands: Vec<Command> = match n % 1_000 {
        0..=2 => [Some(pay), commit, Some(give_back())].into_iter().flatten().collect(),
        3..=699 => [Some(pay), commit].into_iter().flatten().collect(),
        700..=709 => vec![Command::Cancel { amount: payment.terms.amount, message: None }],
        _ => Vec::new(),
    };
    for (step, command) in (1..).zip(commands) {
        let execution = Execution {
            target: Target::TxId(payment.terms.tx_id.clone()),
            command,
            rules: Arc::new(Rules::default()),
            now: payment.terms.registered_at.checked_add(SignedDuration::from_secs(60 * step))?,
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

/// Has every notification accepted.
async fn tell(ledger: &Arc<SqliteLedger>) -> anyhow::Result<()> {
    let now = Timestamp::now();
    loop {
        let request = ClaimRequest {
            limit: 1_000,
            per_host: HashMap::new(),
            default_per_host: 1_000,
            lease: Duration::from_secs(600),
            now,
            real_now: now,
        };
        let claimed = ledger.claim_due(request).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let claimed = Arc::new(claimed);
        stock::each(ledger, 0..claimed.len(), |ledger, place| {
            let claimed = Arc::clone(&claimed);
            async move {
                let answer = DeliveryAnswer::Status { code: 200, excerpt: "ok".into() };
                let took = Duration::from_millis(9);
                let record = DeliveryRecord { at: now, headers: Vec::new(), body: "status=0".into(), answer, took };
                Ok(ledger.settle(claimed[place].id, record, Settlement::Accepted).await?)
            }
        })
        .await?;
    }
}
