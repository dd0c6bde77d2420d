//! Which bytes of a body are here, which are on their way, and which are still to be asked for. Pure: no I/O.
//!
//! Whoever reads a range claims it here first, so that no two read the same bytes, and says what has arrived of it. Today one claim takes
//! everything; several may be held at once.

use std::ops::Range;

/// From `from` to `at` the bytes are here; from there to `end` they are on their way.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: u64,
    at: u64,
    end: u64,
}

pub(super) struct Positions {
    /// What begins at the first wanted byte: only this can be hashed and delivered.
    prefix: Stretch,
    /// What lies further on, in order and apart from each other.
    ahead: Vec<Stretch>,
}

impl Positions {
    /// The bytes from the first wanted one up to `at` are here.
    pub(super) fn new(first: u64, at: u64) -> Positions {
        Positions { prefix: Stretch { from: first, at, end: at }, ahead: Vec::new() }
    }

    /// The first byte that is not here: everything wanted before it is.
    pub(super) fn reached(&self) -> u64 {
        self.prefix.at
    }

    /// How many of the wanted bytes are here without a gap.
    pub(super) fn in_order(&self) -> u64 {
        self.prefix.at - self.prefix.from
    }

    /// The first bytes before `end` that are neither here nor on their way, at most that many. They are on their way from now on.
    pub(super) fn claim(&mut self, most: u64, end: u64) -> Option<Range<u64>> {
        let mut from = self.prefix.end;
        let mut before = 0;
        while let Some(stretch) = self.ahead.get(before).filter(|stretch| stretch.from == from) {
            (from, before) = (stretch.end, before + 1);
        }
        let gap = self.ahead.get(before).map_or(end, |next| next.from.min(end));
        let claimed = from..gap.min(from.saturating_add(most));
        if claimed.is_empty() {
            return None;
        }
        match from == self.prefix.at {
            true => self.prefix.end = claimed.end,
            false => self.ahead.insert(before, Stretch { from, at: from, end: claimed.end }),
        }
        Some(claimed)
    }

    /// So many bytes of a claim have come, of which those before `at` are here.
    pub(super) fn arrived(&mut self, at: u64, count: u64) {
        if let Some(stretch) = self.on_its_way(at) {
            stretch.at = stretch.end.min(at.saturating_add(count));
        }
        self.absorb();
    }

    /// The rest of a claim does not come: it is to be asked for again.
    pub(super) fn released(&mut self, at: u64) {
        if let Some(stretch) = self.on_its_way(at) {
            stretch.end = at;
        }
        self.ahead.retain(|stretch| stretch.from < stretch.end);
        self.absorb();
    }

    fn on_its_way(&mut self, at: u64) -> Option<&mut Stretch> {
        std::iter::once(&mut self.prefix).chain(&mut self.ahead).find(|stretch| stretch.at == at && at < stretch.end)
    }

    /// What the prefix has reached belongs to it.
    fn absorb(&mut self) {
        while self.prefix.at == self.prefix.end && self.ahead.first().is_some_and(|next| next.from == self.prefix.at) {
            let Stretch { at, end, .. } = self.ahead.remove(0);
            (self.prefix.at, self.prefix.end) = (at, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = u64::MAX;

    #[test]
    fn one_claim_takes_everything_and_arrives_in_order() {
        let mut positions = Positions::new(10, 12);
        assert_eq!(positions.claim(ALL, ALL), Some(12..ALL));
        assert_eq!(positions.claim(ALL, ALL), None, "it is on its way");
        positions.arrived(12, 8);
        positions.arrived(20, 1);
        assert_eq!((positions.reached(), positions.in_order()), (21, 11));
        positions.released(21);
        assert_eq!(positions.claim(ALL, 30), Some(21..30), "what did not come is asked for again");
        positions.arrived(21, 9);
        assert_eq!((positions.reached(), positions.claim(ALL, 30)), (30, None));
    }

    #[test]
    fn ranges_that_come_in_any_order_become_one() {
        let mut positions = Positions::new(0, 0);
        let claims: Vec<_> = std::iter::from_fn(|| positions.claim(10, 35)).collect();
        assert_eq!(claims, [0..10, 10..20, 20..30, 30..35]);
        positions.arrived(30, 5);
        positions.arrived(10, 10);
        assert_eq!(positions.reached(), 0, "a gap is before them");
        positions.arrived(0, 4);
        assert_eq!(positions.reached(), 4);
        positions.arrived(4, 6);
        assert_eq!(positions.reached(), 20);
        positions.arrived(20, 3);
        assert_eq!(positions.reached(), 23, "the third goes on as the first");
        positions.arrived(23, 7);
        assert_eq!((positions.reached(), positions.in_order()), (35, 35));
        assert!(positions.ahead.is_empty());
    }

    #[test]
    fn the_rest_of_what_broke_is_a_gap_that_is_filled_first() {
        let mut positions = Positions::new(0, 0);
        for _ in 0..3 {
            positions.claim(10, 30);
        }
        positions.arrived(10, 4);
        positions.released(14);
        positions.released(20);
        assert_eq!(positions.claim(2, 30), Some(14..16));
        assert_eq!(positions.claim(ALL, 30), Some(16..30), "the second break left nothing of itself");
        positions.released(0);
        assert_eq!(positions.claim(ALL, 30), Some(0..10), "up to what is here already");
        positions.arrived(0, 10);
        assert_eq!(positions.reached(), 14);
        positions.arrived(16, 14);
        positions.arrived(14, 2);
        assert_eq!(positions.reached(), 30);
    }

    #[test]
    fn what_is_nobodys_claim_or_more_than_it_changes_nothing_else() {
        let mut positions = Positions::new(5, 5);
        positions.arrived(5, 3);
        positions.released(5);
        assert_eq!(positions.reached(), 5, "nothing was claimed");
        assert_eq!(positions.claim(3, ALL), Some(5..8));
        positions.arrived(6, 1);
        assert_eq!(positions.reached(), 5, "it does not begin there");
        positions.arrived(5, 100);
        assert_eq!(positions.reached(), 8);
        assert_eq!(positions.claim(0, ALL), None);
        assert_eq!(positions.claim(1, 8), None);
    }
}
