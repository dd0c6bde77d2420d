//! How far a partial file is written: what the next call may continue, what is reserved, and what the kernel was asked to write. Pure.
//!
//! Valid for the next call is only what the file begins with, without a gap: a partial file has no list of its pieces. Whatever lies
//! behind that is cut off when the file is left.

use std::ops::Range;

/// After this many bytes the kernel is asked to start writing.
const WRITE_BACK: u64 = 2 << 20;
/// How much space is reserved ahead.
const STRETCH: u64 = 8 << 20;
/// Less is not worth asking, and read in no time.
const SMALL: u64 = 1 << 20;
/// Space is reserved in whole blocks.
const BLOCK: u64 = 4096;

#[derive(Debug, Default)]
pub(super) struct PartialState {
    /// How large it is when whole, where that is known: only what a server claims.
    size: Option<u64>,
    /// The bytes that it begins with.
    valid: u64,
    /// The kernel was asked to write up to here, or the bytes are from an earlier call.
    flushed: u64,
    /// Space was reserved up to here.
    room: u64,
}

impl PartialState {
    /// A file that has the first bytes from an earlier call.
    pub(super) fn new(size: Option<u64>, valid: u64) -> PartialState {
        PartialState { size, valid, flushed: valid, room: 0 }
    }

    pub(super) fn valid(&self) -> u64 {
        self.valid
    }

    /// How large it can be at most, where that is known: with more bytes it is not the beginning of the whole.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The space to reserve before so many bytes are written: one stretch at a time and never more than the whole. The file is then
    /// contiguous on disk, and writing is cheaper. Not everything at once: the size is only what a server claims.
    pub(super) fn reserve(&mut self, more: u64) -> Option<Range<u64>> {
        let size = self.size.filter(|size| size.saturating_sub(self.valid) >= SMALL)?;
        if self.valid + more <= self.room {
            return None;
        }
        let begin = self.valid.next_multiple_of(BLOCK);
        self.room = size.min(begin + more.max(STRETCH));
        Some(begin..self.room.max(begin))
    }

    /// The next bytes are written. Whether it is time to let the kernel write them to the disk.
    pub(super) fn wrote(&mut self, count: u64) -> bool {
        self.valid += count;
        self.valid - self.flushed >= WRITE_BACK
    }

    /// The bytes that the kernel was not asked to write yet, and is now.
    pub(super) fn flush(&mut self) -> Range<u64> {
        std::mem::replace(&mut self.flushed, self.valid)..self.valid
    }

    /// The length to cut the file to when it is left: what is reserved behind the last byte goes.
    pub(super) fn cut(&mut self) -> Option<u64> {
        (std::mem::take(&mut self.room) > self.valid).then_some(self.valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_reserved_by_stretches_and_never_more_than_the_whole() {
        let mut state = PartialState::new(Some(20 << 20), 5000);
        assert_eq!(state.reserve(100), Some(8192..8192 + STRETCH));
        assert_eq!((state.wrote(100), state.reserve(100)), (false, None), "there is room");
        assert!(state.wrote(STRETCH));
        assert_eq!(state.reserve(3092), None, "up to its last byte");
        let begin = (5100 + STRETCH).next_multiple_of(BLOCK);
        assert_eq!(state.reserve(3093), Some(begin..begin + STRETCH));
        state.wrote(STRETCH);
        assert_eq!(state.reserve(2 * STRETCH), Some(begin + STRETCH..20 << 20), "the whole ends there");
        assert_eq!(state.cut(), Some(5100 + 2 * STRETCH));
        assert_eq!(state.cut(), None);
    }

    #[test]
    fn a_small_rest_and_one_of_unknown_size_reserve_nothing() {
        for (size, valid) in [(None, 0), (Some(SMALL - 1), 0), (Some(3 << 20), (2 << 20) + 1), (Some(1), 5)] {
            let mut state = PartialState::new(size, valid);
            assert_eq!((state.reserve(100), state.cut()), (None, None), "{size:?} {valid}");
        }
    }

    #[test]
    fn what_an_earlier_call_left_is_not_flushed_again() {
        let mut state = PartialState::new(None, 7);
        assert!(!state.wrote(WRITE_BACK - 1));
        assert!(state.wrote(1));
        assert_eq!((state.flush(), state.valid()), (7..7 + WRITE_BACK, 7 + WRITE_BACK));
        assert!(!state.wrote(1));
    }
}
