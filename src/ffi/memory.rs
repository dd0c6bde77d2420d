//! What the library returns: strings and buffers.

use std::alloc::{alloc, dealloc, Layout};
use std::ffi::c_char;

use zeroize::Zeroize as _;

use super::handle::{self, opaque, Handle};
use super::panics::quietly;

/// Exact bytes, such as a manifest's. Read-only, so any threads may read it at once.
pub(super) struct ocireg_buffer(Handle<Vec<u8>>);

opaque!(ocireg_buffer, Vec<u8>, 0x6f63_6972_6567_0007, survives_fork: true);

impl ocireg_buffer {
    /// A buffer for the caller.
    pub(super) fn new(bytes: Vec<u8>) -> *mut ocireg_buffer {
        handle::new(bytes)
    }
}

/// What stands before the bytes of a string: C has only a pointer to them.
#[repr(C)]
struct Head {
    size: usize,
    mark: u64,
}

const STRING: u64 = 0x6f63_6972_6567_0008;
const DEAD: u64 = 0xdead_0c1e_dead_0c1e;

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size_of::<Head>().checked_add(size)?.checked_add(1)?, align_of::<Head>()).ok()
}

/// A string for the caller; None when it contains a NUL, or out of memory.
pub(super) fn new_string(text: &str) -> Option<*mut c_char> {
    let layout = layout(text.len()).filter(|_| !text.contains('\0'))?;
    unsafe {
        let head = alloc(layout).cast::<Head>();
        if head.is_null() {
            return None;
        }
        head.write(Head { size: text.len(), mark: STRING });
        let bytes = head.add(1).cast::<u8>();
        bytes.copy_from_nonoverlapping(text.as_ptr(), text.len());
        bytes.add(text.len()).write(0);
        Some(bytes.cast())
    }
}

/// Frees a string that a function of this library returned through a `char **`. NULL is accepted, and anything else is
/// left alone where that can be told.
#[no_mangle]
pub unsafe extern "C" fn ocireg_string_free(string: *mut c_char) {
    quietly((), || unsafe {
        let head = string.cast::<Head>();
        if string.is_null() || !head.is_aligned() {
            return;
        }
        let head = head.sub(1);
        // Only the word before the string: before others there may be no more.
        let mark = &raw mut (*head).mark;
        if let Some(layout) = (mark.read() == STRING).then(|| layout((*head).size)).flatten() {
            mark.write(DEAD);
            // It may have been a token.
            std::slice::from_raw_parts_mut(string.cast::<u8>(), (*head).size).zeroize();
            dealloc(head.cast(), layout);
        }
    });
}

/// The bytes of a buffer, borrowed until it is freed; never NULL for a buffer of this library, even when its size is 0.
/// NULL for NULL, and for anything that is not a buffer.
#[no_mangle]
pub unsafe extern "C" fn ocireg_buffer_data(buffer: *const ocireg_buffer) -> *const u8 {
    unsafe { handle::peek(buffer) }.map_or(std::ptr::null(), |bytes| bytes.as_ptr())
}

/// The number of bytes in a buffer. 0 for NULL, and for anything that is not a buffer.
#[no_mangle]
pub unsafe extern "C" fn ocireg_buffer_size(buffer: *const ocireg_buffer) -> usize {
    unsafe { handle::peek(buffer) }.map_or(0, Vec::len)
}

/// Frees a buffer. NULL is accepted, and anything that is not a buffer is ignored.
#[no_mangle]
pub unsafe extern "C" fn ocireg_buffer_free(buffer: *mut ocireg_buffer) {
    quietly((), || unsafe { handle::free(buffer) });
}
