//! The back office as operators and a merchant's people meet it.

mod looks;
mod merchants;
mod operations;
mod payments;
mod sign_in;

use crate::browser::{Browser, DESKTOP, Look, PHONE, Setup};
use crate::sandbox::{MORNING, Sandbox};
use crate::support::PATIENCE;
use std::time::Instant;

/// A sandbox's two users, each with the password that is the name.
const OPERATOR: &str = "operator";
const GERAITEST1: &str = "geraitest1";

/// What each page is used with.
#[derive(Debug, Clone, Copy)]
struct With {
    look: Look,
    javascript: bool,
}

const JAVASCRIPT: With = With { look: DESKTOP, javascript: true };
const NO_JAVASCRIPT: With = With { look: PHONE, javascript: false };

impl With {
    /// A browser in which somebody has signed in to a new sandbox.
    async fn signed_in(self, name: &str) -> (Sandbox, Browser) {
        let sandbox = Sandbox::at(MORNING).await;
        let browser = self.browser().await;
        browser.sign_in(&sandbox, name, name).await;
        (sandbox, browser)
    }

    async fn browser(self) -> Browser {
        let mut browser = Browser::open(Setup { javascript: self.javascript, ..Setup::default() }).await;
        browser.look(self.look).await;
        browser
    }
}

impl Browser {
    /// Goes to a page of the back office.
    pub(crate) async fn office(&self, sandbox: &Sandbox, path: &str) {
        self.goto(&format!("{}/office{path}", sandbox.url())).await;
    }

    pub(crate) async fn sign_in(&self, sandbox: &Sandbox, name: &str, password: &str) {
        self.office(sandbox, "/sign-in").await;
        self.fill("#name", name).await;
        self.fill("#password", password).await;
        self.click("#sign-in").await;
        self.sees("h1", "Overview").await;
    }

    async fn sign_out(&self) {
        self.click("#sign-out").await;
        self.sees(".said.good", "You are signed out.").await;
    }

    /// Loads the page again until `part` stands in the first element of this selector.
    async fn sees_in_the_end(&self, css: &str, part: &str) {
        let begun = Instant::now();
        while self.count(css).await == 0 || !self.text(css).await.contains(part) {
            assert!(begun.elapsed() < PATIENCE, "no {part:?} in {css}: {:?}", self.text(css).await);
            self.reload().await;
        }
    }

    /// The newest line of the audit log about `subject` says that `by` did `what`.
    async fn is_logged(&self, sandbox: &Sandbox, what: &str, by: &str, subject: &str) {
        self.office(sandbox, "/audit").await;
        self.fill("#subject", subject).await;
        self.click("#show").await;
        self.sees("form .buttons a", "All").await;
        self.sees("#deeds tbody tr", what).await;
        let line = self.text("#deeds tbody tr").await;
        assert!(line.contains(by) && line.contains(subject), "{line}");
    }
}
