//! A flag that is raised once, from any thread, and wakes everything that waits for it.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that stays raised.
#[derive(Debug)]
pub struct CancelFlag(watch::Sender<bool>);

impl Default for CancelFlag {
    fn default() -> CancelFlag {
        CancelFlag(watch::Sender::new(false))
    }
}

impl CancelFlag {
    /// Raises the flag; it stays up.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is raised.
    pub async fn raised(&self) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|up| *up).await;
    }
}

/// The life of a client, which its calls, readers and uploads share with it. Its end raises the close flag, for whoever works on for
/// nobody.
#[derive(Debug, Default)]
pub struct ClientLife {
    closed: Arc<CancelFlag>,
}

impl ClientLife {
    pub fn closed(&self) -> &Arc<CancelFlag> {
        &self.closed
    }
}

impl Drop for ClientLife {
    fn drop(&mut self) {
        self.closed.raise();
    }
}
