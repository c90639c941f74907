//! A browser of its own for a test, and what a person does in one. Whatever a step needs is waited for, with a limit; a
//! step that cannot be done fails the test.

use crate::chromedriver::Chromedriver;
use crate::support::PATIENCE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::{ParseError, Url};

/// How many browsers run at once: a small machine has two cores.
static SEATS: Semaphore = Semaphore::const_new(2);

const POLL: Duration = Duration::from_millis(25);

/// What a person has set in the browser.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// The `Accept-Language`, without weights.
    pub(crate) languages: &'static str,
    pub(crate) javascript: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { languages: "id-ID,id", javascript: true }
    }
}

/// What the page is looked at with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    height: u32,
    /// Pixels of the screen to one of the page.
    scale: u8,
    phone: bool,
    dark: bool,
}

pub(crate) const PHONE: Look = Look { width: 360, height: 800, scale: 1, phone: true, dark: false };
pub(crate) const DESKTOP: Look = Look { width: 1280, height: 900, scale: 1, phone: false, dark: false };

impl Look {
    pub(crate) const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// On a screen as today's phones have.
    pub(crate) const fn sharp(self) -> Self {
        Self { scale: 2, ..self }
    }
}

/// A browser that runs; a test has one at a time. It ends when this is dropped.
pub(crate) struct Browser {
    client: Client,
    session: String,
    look: Look,
    driver: Arc<Chromedriver>,
    _profile: TempDir,
    _seat: SemaphorePermit<'static>,
}

/// A command that only Chromium's driver knows.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// What the browser asked for since it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// The addresses, in order.
    pub(crate) asked: Vec<String>,
    /// The address and the status of each answer.
    pub(crate) answered: Vec<(String, u64)>,
    /// The bytes of all answers that have ended, heads and bodies as they were carried.
    pub(crate) bytes: u64,
}

impl Browser {
    /// Starts one with nothing in its memory, on a phone. It finds no host but this one.
    pub(crate) async fn open(setup: Setup) -> Self {
        let seat = SEATS.acquire().await.unwrap();
        let driver = Chromedriver::shared();
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            &format!("--user-data-dir={}", profile.path().display()),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--headless=new",
            // As root there is none; what it looks at is ours.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ];
        let preferences = json!({
            "intl.accept_languages": setup.languages,
            "profile.managed_default_content_settings.javascript": if setup.javascript { 1 } else { 2 },
        });
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments, "prefs": preferences },
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&driver.url())
            .await
            .expect("Chromium starts; `cargo xtask ci` brings it");
        let session = client.session_id().await.unwrap().unwrap();
        // The guard below ends it.
        client.persist().await.unwrap();
        let mut browser = Self { client, session, look: PHONE, driver, _profile: profile, _seat: seat };
        browser.look(PHONE).await;
        // What it shows of its own accord is left behind.
        browser.goto("about:blank").await;
        browser.traffic().await;
        browser
    }

    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.unwrap()
    }

    /// A command of the DevTools protocol.
    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.own("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Turns the window into another one; the page stays.
    pub(crate) async fn look(&mut self, look: Look) {
        let Look { width, height, scale, phone, dark } = look;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
        // Without a screen no window has the focus by itself.
        self.devtools("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        self.look = look;
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    pub(crate) async fn address(&self) -> String {
        self.client.current_url().await.unwrap().into()
    }

    /// Opens a second window, and goes on there. Gives the first.
    pub(crate) async fn open_window(&mut self) -> WindowHandle {
        let first = self.client.window().await.unwrap();
        let second = self.client.new_window(false).await.unwrap();
        self.go_on_in(second.handle).await;
        self.look(self.look).await;
        first
    }

    /// Goes on in this window.
    pub(crate) async fn go_on_in(&self, window: WindowHandle) {
        self.client.switch_to_window(window).await.unwrap();
    }

    /// Waits for the first element of this selector.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).every(POLL).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub(crate) async fn click(&self, css: &str) {
        let element = self.find(css).await;
        // To the middle, where no bar lies over it, and at once.
        let to_the_middle =
            "document.querySelector(arguments[0])?.scrollIntoView({ block: 'center', behavior: 'instant' });";
        self.run(to_the_middle, vec![css.into()]).await;
        element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Types into this field what it is to hold; the Enter key is not pressed.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(|error| panic!("{css}: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Types into the field that has the focus by itself, once it is this one, and presses Enter, as a scanner does.
    pub(crate) async fn scan_into(&self, css: &str, text: &str) {
        let field = self.find(&format!("{css}:focus")).await;
        field.send_keys(&(text.to_owned() + &Key::Enter)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Presses Enter in this field.
    pub(crate) async fn enter(&self, css: &str) {
        self.find(css).await.send_keys(&Key::Enter).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Chooses out of a list; the value is the choice's own name.
    pub(crate) async fn choose(&self, css: &str, value: &str) {
        let list = self.find(css).await;
        list.select_by_value(value).await.unwrap_or_else(|error| panic!("{css}, {value}: {error}"));
    }

    /// Puts a day into this field, whose keys depend on the system's language.
    pub(crate) async fn choose_day(&self, css: &str, day: &str) {
        self.run("document.querySelector(arguments[0]).value = arguments[1];", vec![css.into(), day.into()]).await;
        assert_eq!(self.value(css).await, day, "{css}");
    }

    /// Clicks on what is downloaded. Gives the file's name and its text.
    pub(crate) async fn download(&self, css: &str) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let allowed = json!({ "behavior": "allow", "downloadPath": folder.path() });
        self.devtools("Browser.setDownloadBehavior", allowed).await;
        self.click(css).await;
        let begun = Instant::now();
        loop {
            let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
            // It has another name until it is whole.
            let whole = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "csv");
            if let Some(file) = files.into_iter().find(whole) {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                return (name, std::fs::read_to_string(file).unwrap());
            }
            assert!(begun.elapsed() < PATIENCE, "{css}: nothing came");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the body of a function gives this.
    pub(crate) async fn comes_to(&self, script: &str, expected: &Value) {
        let begun = Instant::now();
        loop {
            let result = self.client.execute(script, vec![]).await;
            if result.as_ref().is_ok_and(|result| result == expected) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{script}: {result:?} and not {expected}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// What this field holds.
    pub(crate) async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// What stands in the first element of this selector, as it is seen.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Waits until `part` stands in the first element of this selector, on this page or on one that follows it.
    pub(crate) async fn sees(&self, css: &str, part: &str) {
        let asked = "const it = document.querySelector(arguments[0]); return it && it.innerText;";
        let begun = Instant::now();
        loop {
            // A page that is on its way to the next one answers with an error.
            let text = self.client.execute(asked, vec![css.into()]).await;
            if text.as_ref().is_ok_and(|text| text.as_str().is_some_and(|text| text.contains(part))) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no {part:?} in {css}: {text:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether there is such an element, and it is to be seen.
    pub(crate) async fn shows(&self, css: &str) -> bool {
        match self.client.find_all(Locator::Css(css)).await.unwrap().first() {
            Some(element) => element.is_displayed().await.unwrap(),
            None => false,
        }
    }

    /// How many elements there are.
    pub(crate) async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    /// Runs the body of a function in the page. A browser without JavaScript does so, too: only the page's own is off.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The same for one that hands its result to the last argument, which is a function.
    pub(crate) async fn run_to_the_end(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute_async(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Nothing stands beyond the right edge of the window.
    pub(crate) async fn fits(&self, state: &str) {
        const MEASURE: &str = "
            const beyond = (part) => part.getBoundingClientRect().right > arguments[0] + 1;
            const out = [...document.body.querySelectorAll('*')].filter(beyond).map((part) => part.outerHTML.slice(0, 90));
            return { width: document.documentElement.scrollWidth, out: out.slice(0, 20) };";
        let measured = self.run(MEASURE, vec![self.look.width.into()]).await;
        // A phone's own idea of its width grows with what sticks out.
        let fits = measured["width"].as_u64().unwrap() <= u64::from(self.look.width);
        assert!(fits, "{state} on {:?}: {measured:#}", self.look);
    }

    /// No alert, question or the like is open.
    pub(crate) async fn asks_nothing(&self) {
        let dialog = self.client.get_alert_text().await;
        assert!(dialog.as_ref().is_err_and(fantoccini::error::CmdError::is_no_such_alert), "{dialog:?}");
    }

    /// What lies in the clipboard.
    pub(crate) async fn clipboard(&self) -> String {
        let granted = json!({ "permissions": ["clipboardReadWrite"] });
        self.devtools("Browser.grantPermissions", granted).await;
        let read = "navigator.clipboard.readText().then(arguments[0], (error) => arguments[0](`${error}`));";
        self.run_to_the_end(read, vec![]).await.as_str().unwrap().to_owned()
    }

    /// What is on the screen: a PNG.
    pub(crate) async fn screen(&self) -> Vec<u8> {
        self.client.screenshot().await.unwrap()
    }

    /// The page from its head to where its content ends: a PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let end = "return Math.max(...[...document.body.children].map((part) => part.getBoundingClientRect().bottom));";
        self.run("scrollTo(0, 0);", vec![]).await;
        let clip =
            json!({ "x": 0, "y": 0, "width": self.look.width, "height": self.run(end, vec![]).await, "scale": 1 });
        let taken =
            self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "clip": clip })).await;
        STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// What the printer gets for paper of this size in millimetres: a PDF.
    pub(crate) async fn print(&self, width_mm: f64, height_mm: f64) -> Vec<u8> {
        // The page says itself how wide its margins are.
        let page = json!({ "width": width_mm / 10.0, "height": height_mm / 10.0 });
        let margin = json!({ "top": 0, "bottom": 0, "left": 0, "right": 0 });
        let printed = self.own("print", json!({ "page": page, "margin": margin, "shrinkToFit": false })).await;
        STANDARD.decode(printed.as_str().unwrap()).unwrap()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let log = self.own("se/log", json!({ "type": kind })).await;
        log.as_array().unwrap().clone()
    }

    /// What was asked for since the last look.
    pub(crate) async fn traffic(&self) -> Traffic {
        let mut traffic = Traffic::default();
        for entry in self.log("performance").await {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (name, of) = (&event["message"]["method"], &event["message"]["params"]);
            match name.as_str().unwrap() {
                "Network.requestWillBeSent" => traffic.asked.push(of["request"]["url"].as_str().unwrap().to_owned()),
                "Network.responseReceived" => {
                    let response = &of["response"];
                    let url = response["url"].as_str().unwrap().to_owned();
                    traffic.answered.push((url, response["status"].as_u64().unwrap()));
                }
                "Network.loadingFinished" => {
                    let bytes = of["encodedDataLength"].as_f64().unwrap();
                    traffic.bytes += serde_json::from_str::<u64>(&format!("{bytes:.0}")).unwrap();
                }
                _ => {}
            }
        }
        traffic
    }

    /// Since the last look at the traffic nobody but these sites was asked for anything, and the browser had nothing to
    /// complain of: no breach of the page's own policy, no error of its script. That a page is 404 or 410 is no complaint.
    pub(crate) async fn kept_to(&self, sites: &[&str]) {
        let asked = self.traffic().await.asked;
        assert!(!asked.is_empty(), "nothing was asked for");
        // Pictures that the browser itself draws in fields have no host.
        for url in asked.iter().filter(|url| !url.starts_with("data:")) {
            assert!(sites.iter().any(|site| url.starts_with(&format!("{site}/"))), "{url} was asked for");
        }
        for entry in self.log("browser").await {
            let told = entry["message"].as_str().unwrap();
            if entry["level"] == "INFO" {
                continue;
            }
            assert!(told.contains("Failed to load resource: the server responded with a status of 4"), "{entry}");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.end(&self.session);
    }
}
