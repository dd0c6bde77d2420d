//! The thread that does the network's work, and the one way to wait for it.
//!
//! Connections live on this thread; a call polls its own request on the caller's thread and sleeps in between.
//! So every call can be left at any moment (cancel, deadline, close), hooks run on the caller's thread, and hashing
//! or writing there overlaps with receiving here.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::thread;
use crate::error::{Code, Error, Result};

/// A running network thread.
pub struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread.
    pub fn start() -> Result<Engine> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(8) // name resolution only
            .thread_name("ocireg-dns")
            // They are started from whichever thread first needs one, and would inherit its mask.
            .on_thread_start(|| {
                let _ = SigSet::all().thread_block();
            })
            .build()
            .map_err(|error| Error::new(Code::Internal, format!("cannot start the network thread: {error}")))?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn("ocireg-net", move || {
            let _ = runtime.block_on(stopped);
            // A name resolution that hangs must not hold up whoever frees the client.
            runtime.shutdown_background();
        })?;
        Ok(Engine { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs a future on the calling thread, its sockets and timers on the network thread.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// The same, but no longer than until then; None when it is not done by that time. A timer of the network thread's would
    /// wake that thread at each wait.
    pub fn block_until<F: Future>(&self, end: Option<Instant>, future: F) -> Option<F::Output> {
        let _inside = self.handle.enter();
        let sleeper = Arc::new(Sleeper { thread: std::thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(sleeper.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            // Whatever else parks this thread may take the wake-up: the flag stays.
            while !sleeper.woken.swap(false, Ordering::Acquire) {
                match end.map(|end| end.saturating_duration_since(Instant::now())) {
                    None => std::thread::park(),
                    Some(Duration::ZERO) => return None,
                    Some(left) => std::thread::park_timeout(left),
                }
            }
        }
    }

    /// Leaves a future to the network thread.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(future);
    }
}

/// A thread that sleeps until its future can go on.
struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
