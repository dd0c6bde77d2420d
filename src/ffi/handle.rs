//! What all handles have in common: a mark that tells a live handle of this type from anything else (best effort),
//! and the process that made it. After a fork the parent's network threads do not exist in the child, so a handle
//! answers FORKED there, and freeing it leaks instead of waiting for a thread that is not there.

use std::ops::Deref;

use super::guard::null;
use crate::error::{Code, Error, Result};

const DEAD: u64 = 0xdead_0c1e_dead_0c1e;

/// A handle's content behind its mark.
#[repr(C)]
pub struct Handle<T> {
    mark: u64,
    process: u32,
    content: T,
}

impl<T> Handle<T> {
    /// A live handle of a type.
    pub fn new(mark: u64, content: T) -> Handle<T> {
        Handle { mark, process: std::process::id(), content }
    }

    /// Whether it was made by the parent of this process.
    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    fn check(&self, mark: u64, name: &str) -> Result<&T> {
        if self.mark != mark {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("the argument {name} is no live handle of its type"),
            ));
        }
        if self.is_forked() {
            let message =
                format!("the {name} was made before fork() by the parent process; make a new one in the child");
            return Err(Error::new(Code::Forked, message));
        }
        Ok(&self.content)
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

/// A C handle type: a transparent wrapper of a [`Handle`].
pub trait Opaque {
    /// Tells it from handles of other types.
    const MARK: u64;
    /// What it holds.
    type Content;
    /// The handle inside.
    fn handle(&self) -> &Handle<Self::Content>;
    /// The handle inside.
    fn handle_mut(&mut self) -> &mut Handle<Self::Content>;
}

/// A handle argument.
pub unsafe fn get<'a, H: Opaque + 'a>(argument: *const H, name: &str) -> Result<&'a H::Content> {
    unsafe { optional(argument, name) }?.ok_or_else(|| null(name))
}

/// A handle argument that may be NULL.
pub unsafe fn optional<'a, H: Opaque + 'a>(argument: *const H, name: &str) -> Result<Option<&'a H::Content>> {
    match unsafe { argument.as_ref() } {
        Some(handle) => handle.handle().check(H::MARK, name).map(Some),
        None => Ok(None),
    }
}

/// Ends a handle's life. NULL is none; a handle of the parent process is leaked.
pub unsafe fn free<H: Opaque>(argument: *mut H) {
    if argument.is_null() {
        return;
    }
    let handle = unsafe { &mut *argument }.handle_mut();
    if handle.mark != H::MARK || handle.is_forked() {
        return;
    }
    handle.mark = DEAD;
    drop(unsafe { Box::from_raw(argument) });
}
