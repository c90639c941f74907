//! A proxy in the environment would carry messages past the egress guard, so it is ignored. The environment belongs to
//! the whole process: the test runs itself again in a child that has it set.

use std::process::Command;
use std::sync::Arc;

use crate::outbox::{MemoryOutbox, State};
use crate::receiver::{Receiver, Reply};
use crate::{Running, settings, until};

const TARGET: &str = "DELIVERY_TEST_TARGET";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s13_proxies_of_the_environment_are_ignored() {
    if let Ok(target) = std::env::var(TARGET) {
        let outbox = Arc::new(MemoryOutbox::default());
        outbox.add("host", &target, None);
        let running = Running::start(&outbox, settings());
        until("delivered", || outbox.count(&State::Accepted) == 1).await;
        running.stop().await;
        return;
    }
    let target = Receiver::start(Reply::Status(200)).await;
    let proxy = Receiver::start(Reply::Status(502)).await;
    let proxy_url = format!("http://127.0.0.1:{}", proxy.port);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "proxy::s13_proxies_of_the_environment_are_ignored"])
        .env(TARGET, target.url())
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &proxy_url);
    }
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(target.requests(), 1);
    assert_eq!(proxy.connections(), 0);
}
