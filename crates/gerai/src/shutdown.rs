//! Stops on SIGTERM and on Ctrl-C, in time.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long what was begun beside the work may take to end after it. With the server's own waits it is over within 10 s.
const FAREWELL: Duration = Duration::from_millis(500);

/// Runs `work` to its end. Then nobody waits for a thread that hangs: the look-up of a name whose servers do not answer
/// would keep the process for half a minute.
///
/// # Errors
/// When the runtime's threads cannot be started.
pub(crate) fn run_to_end<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(FAREWELL);
    Ok(ended)
}

/// A token that is cancelled by the first SIGTERM or SIGINT.
pub(crate) fn on_signal() -> std::io::Result<CancellationToken> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("stopping: finishing what has begun");
        stop.cancel();
    });
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    #[test]
    fn a_thread_that_hangs_does_not_keep_the_process() {
        let (let_go, hangs) = mpsc::channel::<()>();
        let begun = Instant::now();
        let ended = run_to_end(async {
            tokio::task::spawn_blocking(move || hangs.recv_timeout(Duration::from_secs(30)));
            "done"
        });
        assert_eq!(ended.unwrap(), "done");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        drop(let_go);
    }
}
