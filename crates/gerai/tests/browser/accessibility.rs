//! The pages against the rules of axe-core, which `cargo xtask ci` puts where this looks for it.

use crate::browser::{Browser, DESKTOP, PHONE};
use crate::missing;
use serde_json::Value;
use std::sync::LazyLock;

const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/axe-core/node_modules/axe-core/axe.min.js");

static SCRIPT: LazyLock<String> =
    LazyLock::new(|| std::fs::read_to_string(AXE).unwrap_or_else(|error| missing("axe-core", &error)));

const RUN: &str = "
    const done = arguments[0];
    axe.run(document).then(
        (found) => done({
            passed: found.passes.length,
            broken: found.violations.map((rule) => ({
                rule: rule.id, help: rule.help, where: rule.nodes.map((node) => node.html + ' ' + node.failureSummary),
            })),
        }),
        (error) => done({ failed: `${error}` }),
    );";

impl Browser {
    /// The page breaks none of axe's rules, as it is looked at now.
    pub(crate) async fn is_accessible(&self, state: &str) {
        if self.run("return typeof axe;", vec![]).await == "undefined" {
            self.run(&SCRIPT, vec![]).await;
        }
        let found = self.run_to_the_end(RUN, vec![]).await;
        assert!(found["passed"].as_u64().is_some_and(|passed| passed > 10), "{state}: axe did not look: {found}");
        assert_eq!(found["broken"], Value::Array(vec![]), "{state}: {found:#}");
    }

    /// The page is accessible and fits at each window and in each colour that it is looked at with.
    pub(crate) async fn looks_good(&mut self, state: &str) {
        for look in [PHONE, PHONE.dark(), DESKTOP, DESKTOP.dark()] {
            self.look(look).await;
            self.fits(state).await;
            self.is_accessible(&format!("{state} on {look:?}")).await;
        }
    }
}
