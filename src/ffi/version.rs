//! The version of the library that runs, which may be newer than the header a program was built with.

use std::ffi::c_char;

const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The library's version, such as "0.1.0". Static: never freed. Any thread.
#[no_mangle]
pub extern "C" fn ocireg_version() -> *const c_char {
    TEXT.as_ptr().cast()
}

/// The library's version as a number: major << 16 | minor << 8 | patch, as OCIREG_VERSION_NUMBER is. Any thread.
#[no_mangle]
pub extern "C" fn ocireg_version_number() -> u32 {
    let mut number = 0;
    for part in env!("CARGO_PKG_VERSION").split('.') {
        number = number << 8 | part.parse::<u32>().unwrap_or(0);
    }
    number
}
