//! Where the stack of a calling thread is, found out once for each thread.

use crate::call::stack;

pub(super) fn look() {
    if !stack::is_known() {
        let (lowest, above) = unsafe { bounds() }.unwrap_or_default();
        stack::know(lowest, above);
    }
}

#[cfg(target_os = "linux")]
unsafe fn bounds() -> Option<(usize, usize)> {
    unsafe {
        let mut attributes = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return None;
        }
        let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
        let found = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        found.then(|| (lowest.addr(), lowest.addr().saturating_add(size)))
    }
}

#[cfg(not(target_os = "linux"))]
unsafe fn bounds() -> Option<(usize, usize)> {
    None
}
