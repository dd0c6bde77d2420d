//! Memory for the names in all lists of a sync: what one of them may take is what the others leave.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Code, Error, Result};

/// How many bytes all names may take, each with what it costs besides its text.
const MOST: usize = 512 << 20;
const EACH: usize = 64;

/// What all lists have taken.
#[derive(Debug)]
pub(crate) struct NameRoom {
    taken: AtomicUsize,
    most: usize,
}

impl Default for NameRoom {
    fn default() -> NameRoom {
        NameRoom { taken: AtomicUsize::new(0), most: MOST }
    }
}

/// What one list has taken; given back when this is dropped, unless it is kept.
#[derive(Debug)]
pub(crate) struct ListRoom<'a> {
    room: &'a NameRoom,
    taken: AtomicUsize,
    is_full: AtomicBool,
}

impl NameRoom {
    #[cfg(test)]
    pub(crate) fn of(most: usize) -> NameRoom {
        NameRoom { most, ..NameRoom::default() }
    }

    pub(crate) fn list(&self) -> ListRoom<'_> {
        ListRoom { room: self, taken: AtomicUsize::new(0), is_full: AtomicBool::new(false) }
    }
}

impl ListRoom<'_> {
    /// Whether there is room for a name; once there was none, there never is again.
    pub(crate) fn take(&self, name: &str) -> bool {
        if self.is_full.load(Ordering::Relaxed) {
            return false;
        }
        let bytes = name.len() + EACH;
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        let has_room = self.room.taken.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.room.most;
        self.is_full.store(!has_room, Ordering::Relaxed);
        has_room
    }

    /// Keeps what was taken; an error if that was not all.
    pub(crate) fn keep(mut self) -> Result<()> {
        if *self.is_full.get_mut() {
            let most = self.room.most >> 20;
            let message = format!("the names of these and of all other tags need more than {most} MiB");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        *self.taken.get_mut() = 0;
        Ok(())
    }
}

impl Drop for ListRoom<'_> {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(*self.taken.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_takes_too_much_takes_nothing_from_the_others() {
        let room = NameRoom::of(10 * (EACH + 1));
        let small = room.list();
        assert!(["a", "b"].iter().all(|name| small.take(name)));
        small.keep().unwrap();
        let large = room.list();
        let taken = (0..100).filter(|_| large.take("c")).count();
        assert_eq!(taken, 8);
        assert!(!large.take(""));
        assert_eq!(large.keep().unwrap_err().code(), Code::LimitExceeded);
        let other = room.list();
        assert_eq!((0..8).filter(|_| other.take("d")).count(), 8);
        other.keep().unwrap();
        assert!(!room.list().take("e"));
    }
}
