//! Questions within questions: a callback for credentials that makes a call which needs the same ones would be asked without end.

use std::cell::RefCell;

use crate::error::{Code, Error, Result};

thread_local! {
    /// The hosts about whose credentials this thread asks the caller.
    static ASKED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Asks about a host, unless this thread is in a callback that was asked about it.
pub(super) fn ask<T>(host: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    if with(|hosts| hosts.iter().any(|asked| asked == host)).unwrap_or(false) {
        let message = format!("the callback for the credentials of {host} makes a call that needs them");
        return Err(Error::new(Code::Busy, message));
    }
    let _asked = Asked::new(host);
    ask()
}

struct Asked;

impl Asked {
    fn new(host: &str) -> Asked {
        with(|hosts| hosts.push(host.to_owned()));
        Asked
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        with(|hosts| drop(hosts.pop()));
    }
}

/// None when the thread is at its end.
fn with<T>(look: impl FnOnce(&mut Vec<String>) -> T) -> Option<T> {
    ASKED.try_with(|hosts| look(&mut hosts.borrow_mut())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_within_the_answer() {
        let nested = |host| ask("a", || ask(host, || Ok(1)));
        assert_eq!(nested("a").unwrap_err().code(), Code::Busy);
        assert_eq!(nested("b").unwrap(), 1);
        // After a failure and a panic the next question is one.
        let panic = std::panic::catch_unwind(|| ask::<()>("a", || std::panic::resume_unwind(Box::new("on purpose"))));
        assert!(panic.is_err());
        assert_eq!(ask("a", || Ok(2)).unwrap(), 2);
    }
}
