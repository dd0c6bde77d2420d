//! A flag that is raised once, from any thread, and wakes everything that waits for it. From a signal handler it can be raised too,
//! without waking anything: what waits looks at it from time to time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use tokio::sync::watch;

/// A flag that stays raised.
#[derive(Debug, Default)]
pub(crate) struct CancelFlag {
    raised: AtomicBool,
    bell: watch::Sender<bool>,
}

impl CancelFlag {
    /// Raises the flag; it stays up.
    pub(crate) fn raise(&self) {
        self.raise_silently();
        self.bell.send_replace(true);
    }

    /// Raises it without waking those that wait for it. This is one atomic store: a signal handler may do it.
    pub(crate) fn raise_silently(&self) {
        self.raised.store(true, Ordering::Release);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Completes when it is raised, but not when that is done silently.
    pub(crate) async fn raised(&self) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.bell.subscribe().wait_for(|up| *up).await;
    }
}

/// Shared by a client and its calls, readers and uploads. When the last of them is gone it raises the close flag, which ends the work
/// that nothing waits for any more.
#[derive(Debug, Default)]
pub(crate) struct ClientLife {
    closed: Arc<CancelFlag>,
}

impl ClientLife {
    pub(crate) fn closed(&self) -> &Arc<CancelFlag> {
        &self.closed
    }
}

impl Drop for ClientLife {
    fn drop(&mut self) {
        self.closed.raise();
    }
}
