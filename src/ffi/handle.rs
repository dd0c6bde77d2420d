//! What all handles have in common: a mark that tells a live handle of this type from anything else (best effort: memory that
//! was freed may be anything), and for those that need threads or connections the process that made them. After a fork the
//! parent's network threads do not exist in the child, so such a handle answers FORKED there, and freeing it leaks instead of
//! waiting for a thread that is not there.
//!
//! A call keeps the content of its handles alive: a callback may free what the call was made with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::argument::null;
use super::fork;
use crate::error::{Code, Error, Result};

const DEAD: u64 = 0xdead_0c1e_dead_0c1e;
/// No handle lies in the first page: integers that were mistaken for pointers do.
const FIRST_PAGE: usize = 4096;

/// A handle's content behind its mark.
#[repr(C)]
pub(super) struct Handle<T> {
    mark: AtomicU64,
    generation: u64,
    content: Arc<T>,
}

/// A C handle type: a wrapper of a [`Handle`] and nothing else.
pub(super) trait Opaque: Sized {
    /// Tells it from handles of other types.
    const MARK: u64;
    /// Whether it is memory only, and so still valid in a forked child.
    const SURVIVES_FORK: bool = false;
    /// What it holds.
    type Content;
    /// Puts a handle into the type that C sees.
    fn wrap(handle: Handle<Self::Content>) -> Self;
    fn handle(&self) -> &Handle<Self::Content>;
}

/// Says of a wrapper, `struct ocireg_x(Handle<Content>)`, that it is a handle. The structs are written out, as cbindgen sees
/// none that a macro makes.
macro_rules! opaque {
    ($wrapper:ident, $content:ty, $mark:literal $(, survives_fork: $survives:literal)?) => {
        impl $crate::ffi::handle::Opaque for $wrapper {
            const MARK: u64 = $mark;
            $(const SURVIVES_FORK: bool = $survives;)?
            type Content = $content;
            fn wrap(handle: $crate::ffi::handle::Handle<$content>) -> $wrapper {
                $wrapper(handle)
            }
            fn handle(&self) -> &$crate::ffi::handle::Handle<$content> {
                &self.0
            }
        }
    };
}
pub(super) use opaque;

/// A handle that is the library's own: what the caller sees of it is lent.
pub(super) struct Owned<H: Opaque>(*mut H);

unsafe impl<H: Opaque<Content: Send + Sync>> Send for Owned<H> {}
unsafe impl<H: Opaque<Content: Send + Sync>> Sync for Owned<H> {}

impl<H: Opaque> Owned<H> {
    pub(super) fn new(content: H::Content) -> Owned<H> {
        Owned(new(content))
    }

    pub(super) fn pointer(&self) -> *mut H {
        self.0
    }
}

impl<H: Opaque> Drop for Owned<H> {
    fn drop(&mut self) {
        unsafe { free(self.0) };
    }
}

/// A live handle for the caller.
pub(super) fn new<H: Opaque>(content: H::Content) -> *mut H {
    let (mark, generation) = (AtomicU64::new(H::MARK), fork::generation());
    Box::into_raw(Box::new(H::wrap(Handle { mark, generation, content: Arc::new(content) })))
}

pub(super) unsafe fn get<H: Opaque>(argument: *const H, name: &str) -> Result<Arc<H::Content>> {
    unsafe { optional(argument, name) }?.ok_or_else(|| null(name))
}

/// A handle argument that may be NULL.
pub(super) unsafe fn optional<H: Opaque>(argument: *const H, name: &str) -> Result<Option<Arc<H::Content>>> {
    if argument.is_null() {
        return Ok(None);
    }
    let Some(handle) = (unsafe { alive(argument) }) else {
        return Err(stray(name));
    };
    check_process::<H>(handle, name)?;
    Ok(Some(handle.content.clone()))
}

/// Whether it is a handle of the parent process.
pub(super) unsafe fn is_of_parent<H: Opaque>(argument: *const H) -> bool {
    unsafe { alive(argument) }.is_some_and(is_forked::<H>)
}

fn check_process<H: Opaque>(handle: &Handle<H::Content>, name: &str) -> Result<()> {
    if is_forked::<H>(handle) {
        let message = format!("the {name} was made before fork() by the parent process; make a new one in the child");
        return Err(Error::new(Code::Forked, message));
    }
    Ok(())
}

/// Refuses a handle of the parent process, whatever else is wrong with it or with the call.
pub(super) unsafe fn refuse_forked<H: Opaque>(argument: *const H, name: &str) -> Result<()> {
    unsafe { alive(argument) }.map_or(Ok(()), |handle| check_process::<H>(handle, name))
}

/// The error for an argument that is something else than its type says, as far as its mark tells.
pub(super) fn stray(name: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the argument {name} is not a live handle of its type"))
}

/// For accessors, which cannot report an error: None for NULL, for anything that is not a live handle, and for one of the parent process:
/// a lock in it may be held for ever.
pub(super) unsafe fn peek<'a, H: Opaque + 'a>(argument: *const H) -> Option<&'a H::Content> {
    unsafe { alive(argument) }.filter(|handle| !is_forked::<H>(handle)).map(|handle| &*handle.content)
}

/// The same, of the parent process too: for what is as it was made and needs no lock.
pub(super) unsafe fn peek_unchanging<'a, H: Opaque + 'a>(argument: *const H) -> Option<&'a H::Content> {
    unsafe { alive(argument) }.map(|handle| &*handle.content)
}

/// Frees a handle. NULL and anything that is not a live handle are ignored; a handle of the parent process is leaked.
pub(super) unsafe fn free<H: Opaque>(argument: *mut H) {
    let Some(handle) = (unsafe { alive(argument) }) else { return };
    // Of two threads that free it one does.
    let ours = || handle.mark.compare_exchange(H::MARK, DEAD, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if !is_forked::<H>(handle) && ours() {
        drop(unsafe { Box::from_raw(argument) });
    }
}

fn is_forked<H: Opaque>(handle: &Handle<H::Content>) -> bool {
    !H::SURVIVES_FORK && handle.generation != fork::generation()
}

/// The handle, if the pointer leads to one. Nothing but its mark is looked at before that is known.
unsafe fn alive<'a, H: Opaque + 'a>(argument: *const H) -> Option<&'a Handle<H::Content>> {
    unsafe { has_mark(argument, H::MARK) }.then(|| unsafe { &*argument }.handle())
}

/// Whether a pointer leads to what begins with this mark.
pub(super) unsafe fn has_mark<H>(argument: *const H, mark: u64) -> bool {
    let may_be_read = argument.addr() >= FIRST_PAGE && argument.is_aligned();
    may_be_read && unsafe { &*argument.cast::<AtomicU64>() }.load(Ordering::Acquire) == mark
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    /// Two types with one mark would be taken for each other.
    #[test]
    fn each_mark_is_of_one_type() {
        let (mut lines, mut marks) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
        crate::rooms::lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ffi"), &mut lines);
        for (_, line) in lines {
            if let Some((_, mark)) = line.split_once("0x6f63_6972_6567_") {
                marks.entry(mark[..4].to_owned()).or_default().push(line);
            }
        }
        assert!(marks.len() > 10);
        assert!(marks.values().all(|lines| lines.len() == 1), "{marks:?}");
    }
}
