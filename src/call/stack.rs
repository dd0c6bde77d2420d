//! How much stack a thread has, for what needs more of it than a call promises.

use std::cell::Cell;
use std::hint::black_box;

/// How much must be left for driving connections: a TLS handshake takes about a tenth of it.
const ENOUGH: usize = 512 << 10;
/// What the first function of a thread may have taken already.
const BEGUN: usize = 64 << 10;

thread_local! {
    /// The lowest address of this thread's stack and the one above it. None: nobody has looked.
    static BOUNDS: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Whether [`know`] was told of this thread.
pub(crate) fn is_known() -> bool {
    BOUNDS.get().is_some()
}

/// Says where this thread's stack is; from 0 to 0 if that cannot be found out.
pub(crate) fn know(lowest: usize, above: usize) {
    BOUNDS.set(Some((lowest, above)));
}

/// Says that this thread has a stack of that size, of which almost nothing is in use.
pub fn begins_here(size: usize) {
    let here = here();
    know((here + BEGUN).saturating_sub(size), here + BEGUN);
}

/// Whether enough is left here. Not so on a stack that is not the thread's own, as that of a fiber.
pub(crate) fn is_roomy() -> bool {
    let here = here();
    BOUNDS.get().is_some_and(|(lowest, above)| lowest.saturating_add(ENOUGH) <= here && here < above)
}

#[inline(never)]
fn here() -> usize {
    let place = 0u8;
    (black_box(&place) as *const u8).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a thread with a stack of that size says of itself.
    fn of_a_thread<T: Send + 'static>(size: usize, look: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::Builder::new().stack_size(size).spawn(look).unwrap().join().unwrap()
    }

    #[test]
    fn what_is_unknown_small_or_another_is_not_roomy() {
        assert!(!of_a_thread(8 << 20, is_roomy));
        let begun = |size| move || (begins_here(size), is_roomy()).1;
        assert!(of_a_thread(2 << 20, begun(2 << 20)));
        assert!(!of_a_thread(512 << 10, begun(512 << 10)));
        let elsewhere = |offset: isize| {
            move || {
                let here = here();
                know((here - (4 << 20)).saturating_add_signed(offset), here.saturating_add_signed(offset));
                is_roomy()
            }
        };
        assert!(of_a_thread(8 << 20, elsewhere(1 << 16)));
        assert!(!of_a_thread(8 << 20, elsewhere(-(1 << 20))) && !of_a_thread(8 << 20, elsewhere(4 << 20)));
        let unknown = || (know(0, 0), is_known() && !is_roomy()).1;
        assert!(of_a_thread(8 << 20, unknown));
    }
}
