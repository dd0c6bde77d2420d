//! Which process this is, counted in forks: a process id may be the same in the child, which has a new namespace of them.
//!
//! The kernel empties a page of ours in every child, however it was made. Where it cannot (Linux before 4.14, other systems), a handler of
//! fork() does it.

use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// 0 in a child that has not looked yet.
type GenerationCell = AtomicU64;

const PAGE: usize = 4096;

static PLACE: AtomicPtr<GenerationCell> = AtomicPtr::new(std::ptr::null_mut());
/// For a process that gets no page.
static OWN: GenerationCell = GenerationCell::new(0);
/// The highest number given here or in a process before this one.
static NEWEST: AtomicU64 = AtomicU64::new(0);

/// The number of this process, different from that of every one that it was forked from.
pub(super) fn generation() -> u64 {
    let place = place();
    match place.load(Ordering::Acquire) {
        0 => {
            let next = NEWEST.fetch_add(1, Ordering::AcqRel) + 1;
            place.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire).map_or_else(|other| other, |_| next)
        }
        number => number,
    }
}

// Without a lock: a fork might catch another thread inside it.
fn place() -> &'static GenerationCell {
    let known = PLACE.load(Ordering::Acquire);
    let place = if known.is_null() { first_place() } else { known };
    unsafe { &*place }
}

fn first_place() -> *mut GenerationCell {
    let page = unsafe { wiped_page() };
    let place = page.unwrap_or((&raw const OWN).cast_mut());
    match PLACE.compare_exchange(std::ptr::null_mut(), place, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => place,
        Err(other) => {
            page.map(|page| unsafe { libc::munmap(page.cast(), PAGE) });
            other
        }
    }
}

unsafe fn wiped_page() -> Option<*mut GenerationCell> {
    let (read_write, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, read_write, private, -1, 0) };
    if page == libc::MAP_FAILED {
        unsafe { libc::pthread_atfork(None, None, Some(wipe)) };
        return None;
    }
    if !unsafe { is_wiped_by_fork(page) } {
        unsafe { libc::pthread_atfork(None, None, Some(wipe)) };
    }
    Some(page.cast())
}

#[cfg(target_os = "linux")]
unsafe fn is_wiped_by_fork(page: *mut libc::c_void) -> bool {
    unsafe { libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) == 0 }
}

#[cfg(not(target_os = "linux"))]
unsafe fn is_wiped_by_fork(_: *mut libc::c_void) -> bool {
    false
}

unsafe extern "C" fn wipe() {
    if let Some(place) = unsafe { PLACE.load(Ordering::Acquire).as_ref() } {
        place.store(0, Ordering::Release);
    }
}
