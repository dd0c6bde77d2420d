//! The thread that does the network's work, and the one way to wait for it.
//!
//! Connections live on this thread, but for those of a loop of its own ([`super::own_loop`]); a call polls its own request on the caller's thread and sleeps in between.
//! So every call can be abandoned at any moment (cancel, deadline, close), hooks run on the caller's thread, and
//! hashing or writing there overlaps with receiving here.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};

use super::thread as ours;
use crate::error::{Error, Result};

/// How often a wait looks at what nothing wakes it for.
pub(super) const GLANCE: Duration = Duration::from_millis(50);

/// A runtime that runs futures on its own thread only.
fn runtime() -> Result<Runtime> {
    // One step of a connection that a server floods takes long: check for other events after each.
    let built = Builder::new_current_thread().enable_all().event_interval(1).build();
    built.map_err(|error| Error::io("cannot set up the network", &error))
}

/// Where a future is waited for.
pub(crate) trait WaitPlace {
    /// Waits until the future is done, or until the end: None when it is not done by then. `look` is called every [`GLANCE`] meanwhile, if
    /// at all, and its error ends the wait.
    fn block_until<F: Future>(
        self,
        end: Option<Instant>,
        look: Option<impl FnMut() -> Result<()>>,
        future: F,
    ) -> Result<Option<F::Output>>;
}

pub(crate) struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Engine {
    pub(crate) fn start() -> Result<Engine> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = ours::spawn("ocireg-net", move || {
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Engine { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs a future on the calling thread, its sockets and timers on the network thread.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// Runs a future on the network thread, so that the caller needs little stack: a handshake takes much. It is
    /// dropped with the returned future.
    pub(crate) fn aside<F>(&self, future: F) -> impl Future<Output = F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let mut task = AbortOnDrop(self.handle.spawn(future));
        async move {
            match (&mut task.0).await {
                Ok(output) => output,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // The network thread has ended, which happens only after the last call.
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Runs a future on the network thread without waiting for it.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(future).abort_handle()
    }
}

impl WaitPlace for &Engine {
    // With the thread's own clock: a timer of the network thread would wake that thread at each wait.
    fn block_until<F: Future>(
        self,
        end: Option<Instant>,
        mut look: Option<impl FnMut() -> Result<()>>,
        future: F,
    ) -> Result<Option<F::Output>> {
        let _inside = self.handle.enter();
        let sleeper = Arc::new(ThreadWaker { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(sleeper.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        let mut next_look = look.is_some().then(|| Instant::now() + GLANCE);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(Some(output));
            }
            loop {
                if let Some(look) = look.as_mut().filter(|_| next_look.is_some_and(|at| at <= Instant::now())) {
                    look()?;
                    next_look = Some(Instant::now() + GLANCE);
                }
                // Something else that parks this thread may consume the wake-up: the flag remains.
                if sleeper.woken.swap(false, Ordering::Acquire) {
                    break;
                }
                let now = Instant::now();
                match [end, next_look].into_iter().flatten().min() {
                    _ if end.is_some_and(|end| end <= now) => return Ok(None),
                    None => thread::park(),
                    Some(at) => thread::park_timeout(at.saturating_duration_since(now)),
                }
            }
        }
    }
}

/// A task that is aborted when no call waits for it any more.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A thread that sleeps until its future can make progress.
struct ThreadWaker {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for ThreadWaker {
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
        // What it drops last may be the last that held it.
        let other = |thread: &thread::JoinHandle<()>| thread.thread().id() != thread::current().id();
        if let Some(thread) = self.thread.take().filter(other) {
            let _ = thread.join();
        }
    }
}
