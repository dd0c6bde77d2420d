//! What the library returns: strings and buffers.

use std::ffi::{c_char, CString};

use super::guard::quietly;

/// Exact bytes, such as a manifest's. Read-only, so any threads may read it at once.
pub struct ocireg_buffer(Vec<u8>);

impl ocireg_buffer {
    /// A buffer for the caller.
    pub fn new(bytes: Vec<u8>) -> *mut ocireg_buffer {
        Box::into_raw(Box::new(ocireg_buffer(bytes)))
    }
}

/// Frees a string that a function of this library returned through a `char **`. NULL is accepted.
#[no_mangle]
pub unsafe extern "C" fn ocireg_string_free(string: *mut c_char) {
    quietly((), || {
        if !string.is_null() {
            drop(unsafe { CString::from_raw(string) });
        }
    });
}

/// The bytes of a buffer, borrowed until it is freed; never NULL for a buffer of this library, even when its size is 0.
/// NULL for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_buffer_data(buffer: *const ocireg_buffer) -> *const u8 {
    unsafe { buffer.as_ref() }.map_or(std::ptr::null(), |buffer| buffer.0.as_ptr())
}

/// The number of bytes in a buffer. 0 for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_buffer_size(buffer: *const ocireg_buffer) -> usize {
    unsafe { buffer.as_ref() }.map_or(0, |buffer| buffer.0.len())
}

/// Frees a buffer. NULL is accepted.
#[no_mangle]
pub unsafe extern "C" fn ocireg_buffer_free(buffer: *mut ocireg_buffer) {
    quietly((), || {
        if !buffer.is_null() {
            drop(unsafe { Box::from_raw(buffer) });
        }
    });
}
