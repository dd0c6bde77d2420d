//! Questions within questions: a callback for credentials that makes a call which needs the same ones would be asked without end, or wait
//! for itself.

use std::cell::RefCell;
use std::iter::successors;
use std::sync::{Arc, Mutex, Weak};

use crate::error::{Code, Error, Result};
use crate::mutex::lock;

/// How many calls within calls are looked at: contexts that are within one another have no first.
const DEPTH: usize = 256;

/// A client, known by a number, and a host.
type Asked = (usize, String);

thread_local! {
    /// What this thread asks its caller.
    static ASKED: RefCell<Vec<Asked>> = const { RefCell::new(Vec::new()) };
}

/// What the calls of a context ask their caller now, and the context in whose callback they are made.
#[derive(Default)]
pub(super) struct Questions {
    asked: Mutex<Vec<Asked>>,
    within: Mutex<Weak<Questions>>,
}

impl Questions {
    pub(super) fn set_within(&self, outer: Option<&Arc<Questions>>) {
        *lock(&self.within) = outer.map(Arc::downgrade).unwrap_or_default();
    }

    fn outer(&self) -> Option<Arc<Questions>> {
        lock(&self.within).upgrade()
    }
}

/// Whether calls whose questions these are are made for the answer to such a question.
pub(super) fn is_for_answer(questions: &Questions, client: usize, host: &str) -> bool {
    successors(questions.outer(), |outer| outer.outer())
        .take(DEPTH)
        .any(|outer| lock(&outer.asked).iter().any(|asked| is_same(asked, client, host)))
}

/// Asks about a host for a client, unless this thread or a call in whose callback this one is made asks it already. The callback itself
/// says nothing: a binding may set a new one for each call.
pub(super) fn ask<T>(questions: &Questions, client: usize, host: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    let by_thread = with(|asked| asked.iter().any(|asked| is_same(asked, client, host))).unwrap_or(false);
    if by_thread || is_for_answer(questions, client, host) {
        let message = format!("the callback for the credentials of {host} makes a call that needs them");
        return Err(Error::new(Code::Busy, message));
    }
    let _asked = WhileAsked::new(questions, client, host);
    ask()
}

fn is_same(asked: &Asked, client: usize, host: &str) -> bool {
    asked.0 == client && asked.1 == host
}

struct WhileAsked<'a> {
    questions: &'a Questions,
    asked: Asked,
}

impl<'a> WhileAsked<'a> {
    fn new(questions: &'a Questions, client: usize, host: &str) -> WhileAsked<'a> {
        let asked = (client, host.to_owned());
        with(|all| all.push(asked.clone()));
        lock(&questions.asked).push(asked.clone());
        WhileAsked { questions, asked }
    }
}

impl Drop for WhileAsked<'_> {
    fn drop(&mut self) {
        with(|all| drop(all.pop()));
        // Other calls with the same context may ask too.
        let mut all = lock(&self.questions.asked);
        if let Some(position) = all.iter().position(|asked| *asked == self.asked) {
            all.swap_remove(position);
        }
    }
}

/// None when the thread is at its end.
fn with<T>(look: impl FnOnce(&mut Vec<Asked>) -> T) -> Option<T> {
    ASKED.try_with(|asked| look(&mut asked.borrow_mut())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_within_the_answer() {
        let questions = Questions::default();
        let ask = |client, host| super::ask(&questions, client, host, || Ok(1));
        let nested = |client, host| super::ask(&questions, 7, "a", || ask(client, host));
        assert_eq!(nested(7, "a").unwrap_err().code(), Code::Busy);
        assert_eq!((nested(7, "b").unwrap(), nested(8, "a").unwrap()), (1, 1));
        // After a failure and a panic the next question is one.
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            super::ask::<()>(&questions, 7, "a", || std::panic::resume_unwind(Box::new("on purpose")))
        }));
        assert!(panic.is_err());
        assert_eq!(ask(7, "a").unwrap(), 1);
        assert!(lock(&questions.asked).is_empty());
    }

    #[test]
    fn nor_by_a_call_of_another_thread_that_is_made_for_it() {
        let [first, second, third, stranger] = [(); 4].map(|()| Arc::new(Questions::default()));
        second.set_within(Some(&first));
        third.set_within(Some(&second));
        let elsewhere = |questions: &Arc<Questions>, host| {
            std::thread::scope(|scope| scope.spawn(|| ask(questions, 7, host, || Ok(1))).join().unwrap())
        };
        ask(&first, 7, "a", || {
            assert_eq!(elsewhere(&third, "a").unwrap_err().code(), Code::Busy);
            assert_eq!((elsewhere(&third, "b").unwrap(), elsewhere(&stranger, "a").unwrap()), (1, 1));
            Ok(())
        })
        .unwrap();
        assert_eq!(elsewhere(&third, "a").unwrap(), 1);
        // A circle has an end, and one that was let go is within nothing.
        first.set_within(Some(&third));
        assert_eq!(elsewhere(&third, "a").unwrap(), 1);
        second.set_within(None);
        ask(&first, 7, "a", || elsewhere(&third, "a")).unwrap();
    }
}
