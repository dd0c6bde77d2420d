//! Protocol v1, what registries spoke before 2015.

mod layer;
mod read;
mod write;

use std::ffi::c_char;

use super::argument::text;
use crate::error::Result;
use crate::registry_v1::id::ImageId;

unsafe fn image_id(argument: *const c_char) -> Result<ImageId> {
    unsafe { text(&argument, "id") }?.parse()
}
