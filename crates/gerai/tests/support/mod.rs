//! Starts the built `gerai` as a process of its own and plays everybody around it: merchants, stores, a receiver of
//! notifications. All of it stays on loopback, and whatever is started is ended when its guard is dropped.

// Each file of tests takes what it needs.
#![allow(dead_code)]

pub(crate) mod audit;
pub(crate) mod collector;
pub(crate) mod place;
pub(crate) mod receiver;

use gerai_gateway::sign_store_request;
use gerai_protocol::{CancelRequest, InquiryRequest, Kind, MerchantKey, MitraCd, RegistrationRequest};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Far beyond what anything here takes, and less than a test run has patience for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The merchant key that NICEPAY prints for its sandbox merchant.
pub(crate) const IONPAYTEST_KEY: &str =
    "33F49GnCMS1mFYlGXisbUDzVf2ATWCl9k3R++d5hDd3Frmuos/XLx8XhXpe+LDYAbpGKZYSwtlyyLOtS/8aD7A==";

/// Each body of ours carries this; of `timeStamp` only the shape is looked at.
const TIME_STAMP: &str = "20260131120000";

/// `gerai` with nothing of the caller's own settings.
pub(crate) fn gerai() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gerai"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GERAI_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command of `gerai` to its end.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Said {
    Said::of(gerai().args(arguments))
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the command starts");
        Self {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&stdout).into_owned(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// The same, which must have ended with 0.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// The same, which must have been refused.
    #[track_caller]
    pub(crate) fn refused(self) -> Self {
        assert_eq!(self.code, 1, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A server that runs. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    client: reqwest::Client,
    pub(crate) url: String,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    /// Read both until they end.
    collecting: Vec<JoinHandle<()>>,
}

fn collect(stream: impl Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&text);
    let collecting = std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            kept.lock().expect("no one panics here").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
    (text, collecting)
}

/// What stands between `before` and the next white space or quote.
fn after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let rest = text.split_once(before)?.1;
    rest.split(|c: char| c.is_whitespace() || c == '"').next()
}

impl Server {
    /// A sandbox on a free port.
    pub(crate) fn sandbox(data: &Path) -> Self {
        let mut command = gerai();
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--log-level", "warn", "--data"]).arg(data);
        Self::start_sandbox(command)
    }

    /// Starts `command` and waits for the last line of the sandbox's banner.
    pub(crate) fn start_sandbox(command: Command) -> Self {
        let mut server = Self::spawn(command);
        server.wait_for(|out, _| out.contains("Stop with Ctrl-C.\n"));
        let url =
            after(&server.out(), "Merchant API   ").expect("the banner says where the merchant API is").to_owned();
        url.strip_suffix("/nicepay").expect("the merchant API's path").clone_into(&mut server.url);
        server
    }

    /// Starts `command` and waits for the line of the log that says where it serves.
    pub(crate) fn start_gateway(command: Command) -> Self {
        Self::start_serving(command, "the gateway serves")
    }

    /// The same of a connector.
    pub(crate) fn start_connector(command: Command) -> Self {
        Self::start_serving(command, "the connector serves")
    }

    fn start_serving(command: Command, line: &str) -> Self {
        let mut server = Self::spawn(command);
        server.wait_for(|_, err| err.contains(line));
        let address = after(&server.err(), "\"address\":\"").expect("the log says where it serves").to_owned();
        server.url = format!("http://{address}");
        server
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let (out, reads_out) = collect(child.stdout.take().expect("piped"));
        let (err, reads_err) = collect(child.stderr.take().expect("piped"));
        Self { child, client: http(), url: String::new(), out, err, collecting: vec![reads_out, reads_err] }
    }

    fn wait_for(&mut self, ready: impl Fn(&str, &str) -> bool) {
        let begun = Instant::now();
        while !ready(&self.out(), &self.err()) {
            let ended = self.child.try_wait().expect("its state can be asked");
            assert!(ended.is_none(), "it ended with {ended:?}\n{}\n{}", self.out(), self.err());
            assert!(begun.elapsed() < PATIENCE, "it does not get ready\n{}\n{}", self.out(), self.err());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn out(&self) -> String {
        self.out.lock().expect("no one panics there").clone()
    }

    pub(crate) fn err(&self) -> String {
        self.err.lock().expect("no one panics there").clone()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        // The shell's own `kill`: slim systems have no other.
        let sent = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())).status();
        assert!(sent.expect("there is a shell").success());
    }

    /// How it ended, within `limit`.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state can be asked") {
                return status;
            }
            assert!(begun.elapsed() < limit, "it still runs after {limit:?}\n{}", self.err());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM, and it ends in order. Gives all that it wrote to standard error.
    pub(crate) fn stop(mut self) -> String {
        self.terminate();
        let status = self.ended_within(Duration::from_secs(10));
        assert_eq!(status.code(), Some(0), "{}", self.err());
        for collecting in self.collecting.drain(..) {
            collecting.join().expect("it only reads");
        }
        self.err()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a body"))
    }

    /// Posts JSON, and gets an answer in JSON.
    pub(crate) async fn post(&self, path: &str, body: String) -> (u16, Value) {
        post(&self.client, &self.url, path, body).await.expect("an answer")
    }

    /// Moves the sandbox's clock.
    pub(crate) async fn clock(&self, change: Value) -> Value {
        let (status, answer) = self.post("/sandbox/v1/clock", change.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// One number out of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.get("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a whole number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client with connections of its own.
pub(crate) fn http() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
}

async fn read(request: reqwest::RequestBuilder) -> Result<(u16, Value), reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body = response.bytes().await?;
    let value = serde_json::from_slice(&body)
        .unwrap_or_else(|error| panic!("{status}, {error}: {}", String::from_utf8_lossy(&body)));
    Ok((status, value))
}

/// Posts JSON. An error means that no whole answer came.
pub(crate) async fn post(
    client: &reqwest::Client,
    url: &str,
    path: &str,
    body: String,
) -> Result<(u16, Value), reqwest::Error> {
    read(client.post(format!("{url}{path}")).header("content-type", "application/json").body(body)).await
}

/// Ten in the morning of tomorrow, in WIB: every store is open, and it is later than now.
pub(crate) fn tomorrow_at(time: &str) -> String {
    let wib = jiff::tz::Offset::constant(7);
    let tomorrow = wib.to_datetime(jiff::Timestamp::now()).date().tomorrow().expect("not the end of time");
    format!("{tomorrow}T{time}+07:00")
}

/// A merchant's own system.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) imid: String,
    pub(crate) key: MerchantKey,
}

impl Shop {
    pub(crate) fn new(imid: &str, key: &str) -> Self {
        Self { imid: imid.to_owned(), key: MerchantKey::new(key.to_owned()) }
    }

    /// The sandbox's merchant whom customers pay at a counter.
    pub(crate) fn geraitest1() -> Self {
        Self::new("GERAITEST1", "gerai-sandbox-key")
    }

    /// The sandbox's AutoPaid merchant (S5).
    pub(crate) fn ionpaytest() -> Self {
        Self::new("IONPAYTEST", IONPAYTEST_KEY)
    }

    /// The body of a registration with all that is required.
    pub(crate) fn registration(&self, order: &Order) -> String {
        let Order { reference_no, amt, mitra_cd, db_process_url, kind } = order;
        let request = RegistrationRequest {
            time_stamp: Some(TIME_STAMP.into()),
            imid: self.imid.clone(),
            amt: amt.to_string(),
            reference_no: reference_no.clone(),
            goods_nm: "Kopi Gayo 250 g".into(),
            billing_nm: "Siti Aminah".into(),
            billing_phone: "081234567890".into(),
            billing_email: "siti@example.com".into(),
            billing_addr: Some("Jalan Merdeka 1".into()),
            billing_city: "Jakarta".into(),
            billing_state: "DKI Jakarta".into(),
            billing_post_cd: "10110".into(),
            billing_country: "Indonesia".into(),
            mitra_cd: *mitra_cd,
            db_process_url: db_process_url.clone(),
            cart_data: matches!(kind, Kind::Redirect).then(|| "{}".into()),
            call_back_url: matches!(kind, Kind::Redirect).then(|| "https://shop.example.com/back".into()),
            ..RegistrationRequest::new(*kind)
        };
        request.to_json(&self.key)
    }

    /// The body of an inquiry.
    pub(crate) fn inquiry(&self, t_xid: &str, reference_no: &str, amt: u64) -> String {
        let request = InquiryRequest {
            time_stamp: TIME_STAMP.into(),
            t_xid: t_xid.into(),
            imid: self.imid.clone(),
            reference_no: reference_no.into(),
            amt: amt.to_string(),
            ..InquiryRequest::default()
        };
        request.to_json(&self.key)
    }

    /// The body of a cancel.
    pub(crate) fn cancel(&self, t_xid: &str, amt: u64) -> String {
        let request = CancelRequest {
            time_stamp: TIME_STAMP.into(),
            t_xid: t_xid.into(),
            imid: self.imid.clone(),
            amt: amt.to_string(),
            ..CancelRequest::new()
        };
        request.to_json(&self.key)
    }

    /// Registers, which must succeed.
    pub(crate) async fn register(&self, server: &Server, order: &Order) -> Registered {
        let (status, answer) = server.post(order.path(), self.registration(order)).await;
        assert_eq!((status, text(&answer, "resultCd")), (200, "0000"), "{answer}");
        Registered { t_xid: text(&answer, "tXid").to_owned(), pay_no: text(&answer, "payNo").to_owned() }
    }

    /// Asks for the status, which must be known.
    pub(crate) async fn ask(&self, server: &Server, order: &Order, registered: &Registered) -> Value {
        let body = self.inquiry(&registered.t_xid, &order.reference_no, order.amt);
        let (status, answer) = server.post("/nicepay/direct/v2/inquiry", body).await;
        assert_eq!((status, text(&answer, "resultCd")), (200, "0000"), "{answer}");
        answer
    }

    /// The one character that the status is.
    pub(crate) async fn status(&self, server: &Server, order: &Order, registered: &Registered) -> String {
        text(&self.ask(server, order, registered).await, "status").to_owned()
    }
}

/// What is registered.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) reference_no: String,
    pub(crate) amt: u64,
    pub(crate) mitra_cd: Option<MitraCd>,
    pub(crate) db_process_url: String,
    pub(crate) kind: Kind,
}

impl Order {
    /// A Direct registration that is payable at `mitra_cd`.
    pub(crate) fn at(mitra_cd: MitraCd, reference_no: &str, db_process_url: &str) -> Self {
        Self {
            reference_no: reference_no.into(),
            amt: 10_000,
            mitra_cd: Some(mitra_cd),
            db_process_url: db_process_url.into(),
            kind: Kind::Direct,
        }
    }

    pub(crate) fn path(&self) -> &'static str {
        match self.kind {
            Kind::Direct => "/nicepay/direct/v2/registration",
            Kind::Redirect => "/nicepay/redirect/v2/registration",
        }
    }
}

/// What a registration was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) t_xid: String,
    pub(crate) pay_no: String,
}

/// A field's text, or nothing.
pub(crate) fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A till at one brand, with its chain's secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Till {
    pub(crate) brand: &'static str,
    chain: &'static str,
    secret: &'static str,
}

pub(crate) const ALFAMART: Till = Till { brand: "ALFAMART", chain: "ALMA", secret: "alma-sandbox-secret" };
pub(crate) const INDOMARET: Till = Till { brand: "INDOMARET", chain: "INDO", secret: "indo-sandbox-secret" };

/// One request of a till, which can be sent again as it was.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    till: Till,
    call: &'static str,
    body: String,
    external_id: String,
}

impl Till {
    /// The same till, signing with another secret, which is one of a test's few.
    pub(crate) fn with_secret(self, secret: &str) -> Self {
        Self { secret: Box::leak(secret.to_owned().into_boxed_str()), ..self }
    }

    fn request(self, call: &'static str, body: &Value) -> Ask {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let external_id = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Ask { till: self, call, body: body.to_string(), external_id }
    }

    pub(crate) fn inquiry(self, pay_no: &str) -> Ask {
        let body = json!({ "payNo": pay_no, "storeBrand": self.brand, "storeCode": "S001", "terminalId": "1" });
        self.request("inquiry", &body)
    }

    pub(crate) fn payment(self, pay_no: &str, amt: u64, trace_no: &str) -> Ask {
        let amount = json!({ "value": format!("{amt}.00"), "currency": "IDR" });
        let body = json!({
            "payNo": pay_no, "storeBrand": self.brand, "storeCode": "S001", "terminalId": "1", "amount": amount,
            "traceNo": trace_no,
        });
        self.request("payment", &body)
    }

    pub(crate) fn commit(self, pay_no: &str, trace_no: &str) -> Ask {
        self.request("commit", &json!({ "payNo": pay_no, "traceNo": trace_no }))
    }

    pub(crate) fn reversal(self, pay_no: &str, trace_no: &str) -> Ask {
        self.request("reversal", &json!({ "payNo": pay_no, "traceNo": trace_no, "reason": "wrong order" }))
    }
}

impl Ask {
    /// Sends it, signed for this moment. An error means that no whole answer came.
    pub(crate) async fn send(&self, client: &reqwest::Client, url: &str) -> Result<(u16, Value), reqwest::Error> {
        let path = format!("/store/v1/{}", self.call);
        let timestamp = jiff::Timestamp::now().to_string();
        let signature = sign_store_request(&self.till.secret.into(), &path, self.body.as_bytes(), &timestamp);
        let request = client
            .post(format!("{url}{path}"))
            .header("content-type", "application/json")
            .header("x-partner-id", self.till.chain)
            .header("x-timestamp", timestamp)
            .header("x-external-id", &self.external_id)
            .header("x-signature", signature)
            .body(self.body.clone());
        read(request).await
    }

    /// Sends it, and must get this `responseCode`.
    #[track_caller]
    pub(crate) fn must<'a>(
        &'a self,
        client: &'a reqwest::Client,
        url: &'a str,
        code: &'a str,
    ) -> impl Future<Output = Value> + 'a {
        let asked_at = std::panic::Location::caller();
        async move {
            let (_, answer) = self.send(client, url).await.expect("an answer");
            assert_eq!(text(&answer, "responseCode"), code, "{asked_at}: {answer}");
            answer
        }
    }
}
