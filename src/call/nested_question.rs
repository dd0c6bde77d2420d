//! Questions within questions: a callback for credentials that makes a call which needs the same ones would be asked without end.

use std::cell::RefCell;

use crate::error::{Code, Error, Result};

thread_local! {
    /// The clients for which this thread asks its caller, and the hosts about which.
    static ASKED: RefCell<Vec<(usize, String)>> = const { RefCell::new(Vec::new()) };
}

/// Asks about a host for a client, known by a number, unless that is what this thread asks already. The callback itself says nothing: a
/// binding may set a new one for each call.
pub(super) fn ask<T>(client: usize, host: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_same = |asked: &(usize, String)| asked.0 == client && asked.1 == host;
    if with(|asked| asked.iter().any(is_same)).unwrap_or(false) {
        let message = format!("the callback for the credentials of {host} makes a call that needs them");
        return Err(Error::new(Code::Busy, message));
    }
    let _asked = Asked::new(client, host);
    ask()
}

struct Asked;

impl Asked {
    fn new(client: usize, host: &str) -> Asked {
        with(|asked| asked.push((client, host.to_owned())));
        Asked
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        with(|asked| drop(asked.pop()));
    }
}

/// None when the thread is at its end.
fn with<T>(look: impl FnOnce(&mut Vec<(usize, String)>) -> T) -> Option<T> {
    ASKED.try_with(|asked| look(&mut asked.borrow_mut())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_within_the_answer() {
        let nested = |client, host| ask(7, "a", || ask(client, host, || Ok(1)));
        assert_eq!(nested(7, "a").unwrap_err().code(), Code::Busy);
        assert_eq!((nested(7, "b").unwrap(), nested(8, "a").unwrap()), (1, 1));
        // After a failure and a panic the next question is one.
        let panic =
            std::panic::catch_unwind(|| ask::<()>(7, "a", || std::panic::resume_unwind(Box::new("on purpose"))));
        assert!(panic.is_err());
        assert_eq!(ask(7, "a", || Ok(2)).unwrap(), 2);
    }
}
