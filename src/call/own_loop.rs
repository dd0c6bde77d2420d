//! An event loop that the thread drives which waits for it. What is small is done sooner so than where two threads hand it to one
//! another; between the waits nothing happens in it.
//!
//! Where a thread may not do that, the network thread does the work: a connection needs more stack than a call promises, and a thread
//! that runs another event loop cannot run this one.

use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::Sleep;

use super::engine::{WaitPlace, GLANCE};
use super::stack;
use crate::error::{Code, Error, Result};

/// In how many turns what has come about meanwhile happens: the system tells it in the first, and a task runs in each.
const TURNS: usize = 5;
/// An alarm that does not matter.
const FAR: Duration = Duration::from_secs(3600);

/// A loop of its own, for one thread at a time.
pub(crate) struct OwnLoop {
    /// Set for the next look, or for an earlier one: to set it anew for each wait would cost two system calls.
    alarm: Pin<Box<Sleep>>,
    runtime: Quiet,
}

/// A runtime that can be dropped anywhere, in the tasks of another one too.
struct Quiet(Option<Runtime>);

impl Quiet {
    fn get(&self) -> Result<&Runtime> {
        self.0.as_ref().ok_or_else(|| Error::new(Code::Internal, "the loop has ended"))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl OwnLoop {
    /// None if the system has no more descriptors.
    pub(crate) fn new() -> Option<OwnLoop> {
        // One step of a connection that a server floods takes long: look at the end after each.
        let runtime = Builder::new_current_thread().enable_all().event_interval(1).build().ok()?;
        let alarm = {
            let _inside = runtime.enter();
            Box::pin(tokio::time::sleep(FAR))
        };
        Some(OwnLoop { alarm, runtime: Quiet(Some(runtime)) })
    }

    /// Whether this thread can drive a loop now.
    pub(crate) fn can_be_driven() -> bool {
        stack::is_roomy() && Handle::try_current().is_err()
    }

    /// Lets everything happen that has come about since the last wait: connections that were closed know it then.
    pub(crate) fn catch_up(&mut self) {
        let _ = self.run_out(pin!(std::future::pending::<()>()));
    }

    /// Whether the future is done by what has come about, though nobody has looked at it yet.
    fn run_out<F: Future>(&mut self, mut future: Pin<&mut F>) -> Result<Option<F::Output>> {
        Ok(self.runtime.get()?.block_on(async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
                if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
                    return Some(output);
                }
            }
            None
        }))
    }

    /// Sets the alarm for this moment, unless it rings before anyway.
    fn wake_at(&mut self, at: Instant) {
        if self.alarm.is_elapsed() || self.alarm.deadline().into_std() > at {
            self.alarm.as_mut().reset(at.into());
        }
    }

    /// Drives the loop until the future is done, or the alarm rings.
    fn run<F: Future>(&mut self, mut future: Pin<&mut F>) -> Result<Option<F::Output>> {
        let OwnLoop { alarm, runtime } = self;
        Ok(runtime.get()?.block_on(poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => alarm.as_mut().poll(context).map(|()| None),
        })))
    }
}

impl WaitPlace for &mut OwnLoop {
    fn block_until<F: Future>(
        self,
        end: Option<Instant>,
        mut look: Option<impl FnMut() -> Result<()>>,
        future: F,
    ) -> Result<Option<F::Output>> {
        // What is given up must be dropped inside too.
        let handle = self.runtime.get()?.handle().clone();
        let _inside = handle.enter();
        let mut future = pin!(future);
        loop {
            let now = Instant::now();
            let next_look = look.is_some().then(|| now + GLANCE);
            self.wake_at([end, next_look].into_iter().flatten().min().unwrap_or(now + FAR));
            if let Some(output) = self.run(future.as_mut())? {
                return Ok(Some(output));
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                // The thread may have been held up, by a hook or by the system, with the answer in the socket.
                return self.run_out(future);
            }
            // Outside of the loop: a hook that is called here may make calls of its own.
            if let Some(look) = &mut look {
                look()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::Arc;

    use super::super::cancel::CancelFlag;
    use super::*;

    const NO_LOOK: Option<fn() -> Result<()>> = None;

    fn after(time: Duration) -> Option<Instant> {
        Some(Instant::now() + time)
    }

    #[test]
    fn a_wait_ends_with_its_future_at_its_end_or_by_a_look() {
        let mut own = OwnLoop::new().unwrap();
        assert_eq!(own.block_until(after(FAR), NO_LOOK, async { 7 }).unwrap(), Some(7));
        let begun = Instant::now();
        let short = Duration::from_millis(70);
        assert!(own.block_until(after(short), NO_LOOK, std::future::pending::<()>()).unwrap().is_none());
        assert!(begun.elapsed() >= short && begun.elapsed() < Duration::from_secs(2));
        // What is done counts, though its time was over before.
        assert_eq!(own.block_until(Some(begun), NO_LOOK, async { 8 }).unwrap(), Some(8));
        assert_eq!(own.block_until(Some(begun), NO_LOOK, std::future::pending::<()>()).unwrap(), None);

        let looks = AtomicU32::new(0);
        let look = || match looks.fetch_add(1, Ordering::Relaxed) {
            0..3 => Ok(()),
            _ => Err(Error::new(Code::Cancelled, "enough")),
        };
        let begun = Instant::now();
        let outcome = own.block_until(None, Some(look), std::future::pending::<()>());
        assert_eq!(outcome.unwrap_err().code(), Code::Cancelled);
        assert!(begun.elapsed() >= 4 * GLANCE && begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn the_alarm_is_not_set_anew_for_each_wait() {
        let mut own = OwnLoop::new().unwrap();
        own.block_until(after(Duration::from_secs(20)), NO_LOOK, async {}).unwrap();
        let first = own.alarm.deadline();
        own.block_until(after(Duration::from_secs(30)), NO_LOOK, async {}).unwrap();
        assert_eq!(own.alarm.deadline(), first);
        own.block_until(after(Duration::from_secs(10)), NO_LOOK, async {}).unwrap();
        assert!(own.alarm.deadline() < first);
    }

    #[test]
    fn other_threads_wake_it() {
        let mut own = OwnLoop::new().unwrap();
        let flag = Arc::new(CancelFlag::default());
        let raised = flag.clone();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            raised.raise();
        });
        assert_eq!(own.block_until(after(FAR), NO_LOOK, flag.raised()).unwrap(), Some(()));
        other.join().unwrap();
    }

    #[test]
    fn what_came_about_meanwhile_happens_when_it_catches_up() {
        let mut own = OwnLoop::new().unwrap();
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let (told, heard) = std::sync::mpsc::channel();
        let task = own.runtime.0.as_ref().unwrap().spawn(async move {
            let _ = receiver.await;
            told.send(()).unwrap();
        });
        own.catch_up();
        sender.send(()).unwrap();
        assert!(heard.try_recv().is_err(), "nobody drives it between the waits");
        own.catch_up();
        assert!(heard.try_recv().is_ok() && task.is_finished());
    }

    #[test]
    fn an_answer_that_came_while_the_thread_was_held_up_past_the_end_counts() {
        use std::io::Write;
        let mut own = OwnLoop::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut far = listener.accept().unwrap().0;
        near.set_nonblocking(true).unwrap();
        let (told, heard) = tokio::sync::oneshot::channel();
        let task = async move {
            let mut byte = [0];
            let near = tokio::net::TcpStream::from_std(near).unwrap();
            near.readable().await.unwrap();
            near.try_read(&mut byte).unwrap();
            told.send(byte[0]).unwrap();
        };
        own.runtime.0.as_ref().unwrap().spawn(task);
        let look = || {
            far.write_all(&[7]).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            Ok(())
        };
        let outcome = own.block_until(after(Duration::from_millis(120)), Some(look), heard).unwrap();
        assert_eq!(outcome, Some(Ok(7)));
    }

    #[test]
    fn it_is_not_driven_inside_of_another_and_can_be_dropped_there() {
        let rooms = std::thread::Builder::new().stack_size(4 << 20).spawn(|| {
            assert!(!OwnLoop::can_be_driven(), "the stack of this thread is unknown");
            stack::begins_here(4 << 20);
            assert!(OwnLoop::can_be_driven());
            let (outer, inner) = (OwnLoop::new().unwrap(), OwnLoop::new().unwrap());
            outer.runtime.0.as_ref().unwrap().block_on(async {
                assert!(!OwnLoop::can_be_driven());
                drop(inner);
            });
            let _inside = outer.runtime.0.as_ref().unwrap().enter();
            assert!(!OwnLoop::can_be_driven());
        });
        rooms.unwrap().join().unwrap();
    }
}
