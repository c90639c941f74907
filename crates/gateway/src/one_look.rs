//! What costs something to find out, and may be asked for by anybody: it is found out once a second at most, however many
//! ask.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long what was found is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// What was last found, and when.
pub(crate) struct OneLook<T>(Arc<Mutex<Option<(Instant, T)>>>);

impl<T> Default for OneLook<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + 'static> OneLook<T> {
    /// What was found within the last second, or else what `look` finds. Whoever asks meanwhile waits for the same look.
    /// `None` when it broke off.
    pub(crate) async fn take(&self, look: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let mut last = Arc::clone(&self.0).lock_owned().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < GOOD_FOR
        {
            return Some(found.clone());
        }
        // In a task of its own: when whoever asked has gone, the look is still under way, and the next must not begin.
        let looking = tokio::spawn(async move {
            let found = look.await;
            *last = Some((Instant::now(), found.clone()));
            found
        });
        looking.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn many_who_ask_and_many_who_leave_are_one_look() {
        let look: Arc<OneLook<u32>> = Arc::default();
        let (looks, go) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let ask = || {
            let (look, looks, go) = (Arc::clone(&look), Arc::clone(&looks), Arc::clone(&go));
            tokio::spawn(async move {
                let number = look.take(async move {
                    go.notified().await;
                    looks.fetch_add(1, Ordering::Relaxed)
                });
                number.await
            })
        };
        let leave = ask();
        while look.0.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        leave.abort();
        assert!(leave.await.unwrap_err().is_cancelled());
        let others: Vec<_> = (0..100).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        go.notify_one();
        for other in others {
            assert_eq!(other.await.unwrap(), Some(0));
        }
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_look_that_breaks_off_is_made_again() {
        let look = OneLook::default();
        let broken = async { std::future::ready::<Option<u32>>(None).await.expect("broken off") };
        assert_eq!(look.take(broken).await, None);
        assert_eq!(look.take(async { 1 }).await, Some(1));
        assert_eq!(look.take(async { 2 }).await, Some(1), "it is good for a second");
    }
}
