//! What was answered with success is on disk before the answer leaves (rule 15), and a disk that is full, read-only or
//! broken costs nothing but the requests that it could not take.
//!
//! Killing a process proves nothing about syncs: the system still writes what it was given. So a small library stands
//! between the server and its disk (`disk_shim.c`), counts, and fails what it is told to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::MitraCd;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use support::audit::audit;
use support::receiver::Receiver;
use support::{ALFAMART, INDOMARET, Order, Registered, Server, Shop, gerai, http, post, text, tomorrow_at};
use tempfile::TempDir;

/// What the disk is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Works = 0,
    /// A write lands by half, then none does: `ENOSPC`.
    Full = 1,
    /// No write, and nothing opens for writing: `EROFS`.
    ReadOnly = 2,
    /// Writes land, but no sync succeeds: `EIO`.
    SyncsFail = 3,
}

/// The words of the shim's file, in its order.
#[derive(Debug, Clone, Copy)]
enum Word {
    Order = 0,
    SyncMicros = 1,
    LogSyncs = 2,
    LogWrites = 4,
    Transactions = 5,
    Durable = 6,
    Failed = 7,
}

const WORDS: usize = 8;

/// The library, built once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk_shim.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("disk_shim.{}.so", std::process::id()));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library).arg(&source);
        let built = cc.arg("-ldl").output().expect("a C compiler, `cc`, as SQLite itself needs one");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("disk_shim.so");
        std::fs::rename(&library, &kept).unwrap();
        kept
    })
}

/// A sandbox whose disk is watched, at ten in the morning.
struct Watched {
    server: Server,
    folder: TempDir,
    words: File,
}

impl Watched {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words_at = folder.path().join("words");
        std::fs::write(&words_at, [0; WORDS * 8]).unwrap();
        let words = File::options().read(true).write(true).open(&words_at).unwrap();
        let mut command = gerai();
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--log-level", "off", "--data"]);
        command.arg(folder.path().join("data")).env("LD_PRELOAD", library()).env("DISK_SHIM", &words_at);
        let server = Server::start_sandbox(command);
        server.clock(json!({ "set": tomorrow_at("10:00:00") })).await;
        Self { server, folder, words }
    }

    fn word(&self, word: Word) -> u64 {
        let mut bytes = [0; 8];
        self.words.read_exact_at(&mut bytes, word as u64 * 8).unwrap();
        u64::from_ne_bytes(bytes)
    }

    fn order(&self, disk: Disk) {
        self.words.write_all_at(&(disk as u64).to_ne_bytes(), Word::Order as u64 * 8).unwrap();
    }

    fn syncs_take(&self, micros: u64) {
        self.words.write_all_at(&micros.to_ne_bytes(), Word::SyncMicros as u64 * 8).unwrap();
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("data/gerai.db")
    }
}

/// An address where somebody listens and nobody ever answers. One notification on its way there is all that the
/// courier gives it, so that for the ten seconds that follow nothing but what a test asks for is written.
async fn silent(watched: &Watched) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/n", listener.local_addr().unwrap());
    let (server, shop, client) = (&watched.server, Shop::geraitest1(), http());
    let number = shop.register(server, &Order::at(MitraCd::Indo, "WARM-UP", &url)).await.pay_no;
    INDOMARET.payment(&number, 10_000, "W").must(&client, &server.url, "2002500").await;
    let begun = Instant::now();
    while server.metric("gerai_notifications_in_flight").await != 1 {
        assert!(begun.elapsed() < Duration::from_secs(5), "the notification does not leave");
    }
    (listener, url)
}

#[tokio::test]
async fn each_success_is_synced_to_disk_before_its_answer_rule_15() {
    const EACH: usize = 50;
    let watched = Watched::start().await;
    let (_listener, url) = silent(&watched).await;
    let (server, shop, client) = (&watched.server, Shop::geraitest1(), http());
    // Long enough that an answer which does not wait for its sync is here before it.
    watched.syncs_take(2_000);
    let mut seen = 0;
    let mut synced = async |what: &str, request: std::pin::Pin<Box<dyn Future<Output = Value>>>| {
        let (syncs, transactions) = (watched.word(Word::LogSyncs), watched.word(Word::Transactions));
        let answer = request.await;
        let durable = watched.word(Word::Durable);
        assert!(watched.word(Word::LogSyncs) > syncs, "{what} was answered before any sync: {answer}");
        assert!(durable > transactions, "{what} was answered before its own sync: {answer}");
        seen += 1;
        answer
    };
    for i in 0..EACH {
        let order = Order::at(MitraCd::Alma, &format!("SYNC-{i}"), &url);
        let register = |order: Order| {
            let (client, url, body) = (client.clone(), server.url.clone(), shop.registration(&order));
            Box::pin(async move { post(&client, &url, order.path(), body).await.unwrap().1 })
        };
        let answer = synced("a registration", register(order.clone())).await;
        assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
        let number = text(&answer, "payNo").to_owned();
        for (what, ask, code) in [
            ("a payment", ALFAMART.payment(&number, 10_000, "T"), "2002500"),
            ("a commit", ALFAMART.commit(&number, "T"), "2002600"),
            ("a reversal", ALFAMART.reversal(&number, "T"), "2002700"),
        ] {
            let (client, url) = (client.clone(), server.url.clone());
            synced(what, Box::pin(async move { ask.must(&client, &url, code).await })).await;
        }
        let body = shop.cancel(text(&answer, "tXid"), order.amt);
        let (client, url) = (client.clone(), server.url.clone());
        let cancel = Box::pin(async move { post(&client, &url, "/nicepay/direct/v2/cancel", body).await.unwrap().1 });
        let answer = synced("a cancel", cancel).await;
        assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
    }
    assert_eq!(seen, EACH * 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_share_a_sync_and_none_goes_without_rule_15() {
    const CLIENTS: usize = 32;
    const EACH: usize = 20;
    let watched = Watched::start().await;
    let (_listener, url) = silent(&watched).await;
    watched.syncs_take(3_000);
    let server = &watched.server;
    let words = [Word::LogSyncs, Word::Transactions, Word::LogWrites];
    let before = words.map(|word| watched.word(word));
    let commits_before = server.metric("gerai_ledger_commits_total").await;
    let commands_before = server.metric("gerai_ledger_commands_total").await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (http, base, shop, url) = (http(), server.url.clone(), Shop::geraitest1(), url.clone());
        clients.spawn(async move {
            for i in 0..EACH {
                let order = Order::at(MitraCd::Alma, &format!("MANY-{client}-{i}"), &url);
                let (_, answer) = post(&http, &base, order.path(), shop.registration(&order)).await.unwrap();
                assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
                let number = text(&answer, "payNo");
                ALFAMART.payment(number, 10_000, "T").must(&http, &base, "2002500").await;
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let [syncs, transactions, writes] = [0, 1, 2].map(|i| watched.word(words[i]) - before[i]);
    let requests = u64::try_from(CLIENTS * EACH * 2).unwrap();
    let commits = server.metric("gerai_ledger_commits_total").await - commits_before;
    let commands = server.metric("gerai_ledger_commands_total").await - commands_before;
    // Every batch that wrote has a commit record in the log, and each record has its own sync.
    assert!(syncs >= transactions, "{syncs} syncs, {transactions} transactions");
    assert_eq!(watched.word(Word::Durable), watched.word(Word::Transactions));
    assert!(writes > transactions, "{writes} writes");
    // The gateway counts those, and the batches that found nothing to write.
    assert!(commits >= transactions && syncs * 2 >= commits, "{commits} commits, {transactions} in the log");
    assert!(commands >= requests, "{commands} commands for {requests} requests");
    assert!(syncs * 4 < requests, "{syncs} syncs for {requests} requests: nothing is shared");
    assert!(syncs * 256 >= requests, "{syncs} syncs for {requests} requests");
}

/// What stood before the trouble, and what is asked in it.
struct Counter {
    unpaid: (Order, Registered),
    at_indomaret: Registered,
    ready: Registered,
    paid: Registered,
}

async fn trouble_comes_and_goes(disk: Disk) {
    let watched = Watched::start().await;
    let receiver = Receiver::start(|_| 200).await;
    let (server, shop, client) = (&watched.server, Shop::geraitest1(), http());
    let order = |mitra: MitraCd, name: &str| Order::at(mitra, name, &receiver.url);
    let unpaid = order(MitraCd::Alma, "UNPAID");
    let before = Counter {
        unpaid: (unpaid.clone(), shop.register(server, &unpaid).await),
        at_indomaret: shop.register(server, &order(MitraCd::Indo, "INDO")).await,
        ready: shop.register(server, &order(MitraCd::Alma, "READY")).await,
        paid: shop.register(server, &order(MitraCd::Alma, "PAID")).await,
    };
    for number in [&before.ready.pay_no, &before.paid.pay_no] {
        ALFAMART.payment(number, 10_000, "T").must(&client, &server.url, "2002500").await;
    }
    ALFAMART.commit(&before.paid.pay_no, "T").must(&client, &server.url, "2002600").await;
    announced(&receiver, &before.paid, 1).await;

    // The very requests that are refused now, and sent again later.
    let store = [
        (INDOMARET.payment(&before.at_indomaret.pay_no, 10_000, "I"), "5002500", "2002500"),
        (ALFAMART.commit(&before.ready.pay_no, "T"), "5002600", "2002600"),
        (ALFAMART.reversal(&before.paid.pay_no, "T"), "5002700", "2002700"),
    ];
    let cancel = shop.cancel(&before.unpaid.1.t_xid, 10_000);
    let refused: Vec<Order> = (0..10).map(|i| order(MitraCd::Alma, &format!("REFUSED-{i}"))).collect();

    watched.order(disk);
    let failed_before = watched.word(Word::Failed);
    for _ in 0..2 {
        for order in &refused {
            let (status, answer) = server.post(order.path(), shop.registration(order)).await;
            assert_eq!((status, text(&answer, "resultCd")), (200, "9002"), "{disk:?}: {answer}");
            assert!(answer.get("tXid").is_some_and(Value::is_null), "{answer}");
        }
        for (ask, busy, _) in &store {
            let (status, answer) = ask.send(&client, &server.url).await.unwrap();
            assert_eq!((status, text(&answer, "responseCode")), (500, *busy), "{disk:?}: {answer}");
        }
        let (status, answer) = server.post("/nicepay/direct/v2/cancel", cancel.clone()).await;
        assert_eq!((status, text(&answer, "resultCd")), (200, "9002"), "{disk:?}: {answer}");
    }
    assert!(watched.word(Word::Failed) > failed_before, "{disk:?} met no write");
    // What can be read is read, and nothing of what was refused shows.
    assert_eq!(shop.status(server, &before.unpaid.0, &before.unpaid.1).await, "3");
    assert_eq!(shop.status(server, &order(MitraCd::Indo, "INDO"), &before.at_indomaret).await, "3");
    assert_eq!(shop.status(server, &order(MitraCd::Alma, "READY"), &before.ready).await, "5");
    assert_eq!(shop.status(server, &order(MitraCd::Alma, "PAID"), &before.paid).await, "0");
    INDOMARET.inquiry(&before.at_indomaret.pay_no).must(&client, &server.url, "2002400").await;
    assert_eq!(server.get("/healthz").await.0, 200);
    turns(server, 503).await;

    watched.order(Disk::Works);
    recovers(&watched, &shop, &refused[0]).await;
    let mut registered = Vec::new();
    for order in &refused {
        registered.push((order.clone(), shop.register(server, order).await));
    }
    for (ask, _, done) in &store {
        ask.must(&client, &server.url, done).await;
    }
    let (_, answer) = server.post("/nicepay/direct/v2/cancel", cancel).await;
    assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
    turns(server, 200).await;
    announced(&receiver, &before.at_indomaret, 1).await;
    announced(&receiver, &before.ready, 1).await;
    announced(&receiver, &before.paid, 2).await;

    let refused = comes_in_the_middle(&watched, &shop, &mut registered, disk).await;
    for (order, registered) in registered.iter().step_by(20) {
        assert_eq!(shop.status(server, order, registered).await, "3", "{order:?}");
    }
    // It ends in order, even now.
    watched.order(disk);
    let database = watched.database();
    let Watched { server, folder, words } = watched;
    server.stop();
    let stored = audit(&database);
    for (order, registered) in &registered {
        let found: Vec<_> = stored.iter().filter(|stored| stored.reference_no == order.reference_no).collect();
        assert!(matches!(found[..], [one] if one.t_xid == registered.t_xid), "{order:?} {registered:?}: {found:?}");
    }
    match disk {
        // What could not be written is not there.
        Disk::Full | Disk::ReadOnly => {
            let left = stored.iter().find(|stored| refused.contains(&stored.reference_no));
            assert!(left.is_none(), "it was refused: {left:?}");
        }
        // What was written and not synced may be found again; the audit has seen that it is whole.
        Disk::SyncsFail | Disk::Works => {}
    }
    let states: Vec<&str> = ["UNPAID", "INDO", "READY", "PAID"]
        .map(|name| stored.iter().find(|stored| stored.reference_no == name).unwrap().state.as_str())
        .to_vec();
    assert_eq!(states, ["Cancelled", "Paid", "Paid", "Unpaid"]);
    drop((folder, words));
}

/// Within moments it takes again, without a restart.
async fn recovers(watched: &Watched, shop: &Shop, order: &Order) {
    let begun = Instant::now();
    loop {
        let (status, answer) = watched.server.post(order.path(), shop.registration(order)).await;
        match text(&answer, "resultCd") {
            "0000" => return,
            code => assert_eq!((status, code), (200, "9002"), "{answer}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "it does not recover: {answer}");
    }
}

/// Whether the server is ready is good for a second.
async fn turns(server: &Server, status: u16) {
    let begun = Instant::now();
    while server.get("/readyz").await.0 != status {
        assert!(begun.elapsed() < Duration::from_secs(3), "it does not turn to {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A payment's notifications have all come, in order.
async fn announced(receiver: &Receiver, registered: &Registered, count: usize) {
    let begun = Instant::now();
    loop {
        let came = receiver.came();
        let mut ids: Vec<&str> = came
            .iter()
            .filter(|came| came.field("tXid") == registered.t_xid)
            .map(|came| came.webhook_id.as_str())
            .collect();
        ids.dedup();
        if ids.len() == count {
            return;
        }
        assert!(ids.len() < count && begun.elapsed() < Duration::from_secs(10), "{count} awaited: {came:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The trouble comes and goes three times under load. Each answer is `0000`, and is kept for the audit, or `9002`: the
/// references of these are given.
async fn comes_in_the_middle(
    watched: &Watched,
    shop: &Shop,
    kept: &mut Vec<(Order, Registered)>,
    disk: Disk,
) -> HashSet<String> {
    let end = Instant::now() + Duration::from_millis(1_200);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8 {
        let (http, base, shop) = (http(), watched.server.url.clone(), shop.clone());
        clients.spawn(async move {
            let (mut done, mut busy) = (Vec::new(), Vec::new());
            for i in 0.. {
                if Instant::now() >= end {
                    break;
                }
                let order = Order::at(MitraCd::Alma, &format!("LOAD-{client}-{i}"), "https://shop.example.com/n");
                let (status, answer) = post(&http, &base, order.path(), shop.registration(&order)).await.unwrap();
                match (status, text(&answer, "resultCd")) {
                    (200, "0000") => {
                        let registered = Registered {
                            t_xid: text(&answer, "tXid").to_owned(),
                            pay_no: text(&answer, "payNo").to_owned(),
                        };
                        done.push((order, registered));
                    }
                    (200, "9002") => busy.push(order.reference_no),
                    _ => panic!("{status} {answer}"),
                }
            }
            (done, busy)
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        watched.order(disk);
        tokio::time::sleep(Duration::from_millis(150)).await;
        watched.order(Disk::Works);
    }
    let (mut done, mut busy) = (0, HashSet::new());
    while let Some(ended) = clients.join_next().await {
        let (registered, refused) = ended.unwrap();
        done += registered.len();
        busy.extend(refused);
        kept.extend(registered);
    }
    assert!(done > 20 && busy.len() > 20, "{done} done, {} refused", busy.len());
    busy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_busy_to_everybody_and_loses_nothing_rule_15() {
    trouble_comes_and_goes(Disk::Full).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_file_system_is_busy_to_everybody_and_loses_nothing_rule_15() {
    trouble_comes_and_goes(Disk::ReadOnly).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_sync_is_busy_to_everybody_and_loses_nothing_rule_15() {
    trouble_comes_and_goes(Disk::SyncsFail).await;
}
