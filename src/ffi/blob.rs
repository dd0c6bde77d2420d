//! Blobs and blob readers.

use std::ffi::{c_char, c_void};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, TryLockError};

use bytes::Bytes;

use super::client::{begin, ocireg_client};
use super::context::{ocireg_context, Userdata};
use super::error::ocireg_error;
use super::guard::{bytes, descriptor, enter_blocking, null, quietly, text, Out};
use super::handle::{self, Handle, Opaque};
use super::manifest::reference;
use super::memory::ocireg_buffer;
use super::options::{self, ocireg_options};
use super::registry::NoOptions;
use super::sigpipe;
use super::status::ocireg_status;
use crate::error::{Code, Error, Result};
use crate::http::upload::{Source, PIECE};
use crate::reference::Repository;
use crate::registry::blob::reader::Pieces;

/// Gives the bytes of a blob: puts up to `size` bytes into `buffer` and returns how many; 0 is the end, a negative number
/// stops the call with OCIREG_CALLBACK.
pub type ocireg_read_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, buffer: *mut u8, size: usize) -> i64>;

/// An open blob. It belongs to one thread at a time, and may move between threads; a second one at the same time gets
/// OCIREG_BUSY. It keeps what it needs of its client and context, so the order of the frees does not matter.
pub(super) struct ocireg_blob_reader(Handle<Mutex<Open>>);

/// The reader, until it is closed, and the bytes that did not fit into the caller's last buffer.
pub(super) struct Open {
    reader: Option<Box<dyn Pieces>>,
    rest: Bytes,
    delivered: u64,
}

impl Opaque for ocireg_blob_reader {
    const MARK: u64 = 0x6f63_6972_6567_0003;
    type Content = Mutex<Open>;
    fn wrap(handle: Handle<Mutex<Open>>) -> ocireg_blob_reader {
        ocireg_blob_reader(handle)
    }
    fn handle(&self) -> &Handle<Mutex<Open>> {
        &self.0
    }
}

/// The content of a handle that one thread uses at a time.
pub(super) fn exclusively<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(Error::new(Code::Busy, "the handle is in use on another thread")),
    }
}

/// A handle for what a caller reads piece by piece.
pub(super) fn new_reader(reader: Box<dyn Pieces>) -> *mut ocireg_blob_reader {
    let open = Open { reader: Some(reader), rest: Bytes::new(), delivered: 0 };
    handle::new(Mutex::new(open))
}

fn closed() -> Error {
    Error::new(Code::Closed, "the blob reader is closed")
}

/// What a registry says of a blob, HOST[:PORT]/REPOSITORY@DIGEST. A missing blob is no error. Blocks.
///
/// Options: none.
///
/// Result: {"exists": boolean, "digest": string, "size": number or null, "mediaType": string or null, "redirects":
/// [{"status": number, "url": string}] (the way to the server that has the bytes, without queries), "headers": {name: value} of the last
/// answer [, "first_headers": {name: value} of the registry's own, when that was a redirect]}. Free with ocireg_string_free.
///
/// Errors: the common ones. Source: distribution-spec end-2.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_head(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let reference = self::reference(reference)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.head_blob(&call, &reference)?)
        })
    }
}

/// Gets a blob into a file. The file appears under its name only whole and verified, replacing what was there, whose permissions it keeps where it was the caller's. Until then
/// the bytes are in a hidden file beside it, which a later call for the same blob and path continues after a broken
/// transfer. Links are followed to what they name. A named pipe, a character device, `-` (standard output) and the names of the process's
/// own descriptors, such as /dev/stdout, are written through, as by ocireg_blob_get_fd. Blocks.
///
/// Options: offset and length (integers: only a piece, which cannot be verified); size (integer: the blob's size from its
/// descriptor).
///
/// Result, `json` may be NULL: {"digest": string, "size": number or null (of the whole blob), "offset": number, "length":
/// number (bytes delivered), "verified": boolean (false for a piece), "resumed": number (bytes that an earlier call had
/// left), "path": string}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_SIZE_MISMATCH, OCIREG_IO. Source:
/// distribution-spec end-2, RFC 9110 14 (ranges).
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_get_file(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let reference = self::reference(reference)?;
            let path = text(path, "path")?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.get_blob_file(&call, &reference, Path::new(path), &options)?)
        })
    }
}

/// Gets a blob and writes it to a descriptor, which stays open. The bytes are written as they come: on an error,
/// OCIREG_DIGEST_MISMATCH too, what was written is not to be trusted. It may be a file, a pipe, a socket or a terminal, with or without
/// O_NONBLOCK; while nobody reads at its other end, the call waits, and cancel, deadline and close end that wait as any other. A
/// reader that went away is OCIREG_IO with ocireg_error_errno EPIPE; no SIGPIPE comes. Blocks.
///
/// Options: those of ocireg_blob_get_file.
///
/// Result, `json` may be NULL: as of ocireg_blob_get_file without "path". Free with ocireg_string_free.
///
/// Errors: those of ocireg_blob_get_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_get_fd(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    fd: i32,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let reference = self::reference(reference)?;
            let fd = descriptor(fd)?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let mut into = call.output(fd)?;
            out.put_json(&client.get_blob_to(&call, &reference, &mut into, &options)?)
        })
    }
}

/// Gets a blob into memory. Blocks.
///
/// Options: those of ocireg_blob_get_file, and limit (integer, 67108864: the most bytes to take).
///
/// Result: `bytes`, freed with ocireg_buffer_free; `json`, may be NULL: as of ocireg_blob_get_file without "path", freed with
/// ocireg_string_free.
///
/// Errors: those of ocireg_blob_get_file, and OCIREG_LIMIT_EXCEEDED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_get_memory(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    bytes: *mut *mut ocireg_buffer,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let json = Out::optional(json, std::ptr::null_mut());
            let out = Out::required(bytes, std::ptr::null_mut(), "bytes")?;
            let reference = self::reference(reference)?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let (delivered, content) = client.get_blob(&call, &reference, &options)?;
            json.put_json(&delivered)?;
            out.put(ocireg_buffer::new(content));
            Ok(())
        })
    }
}

/// Opens a blob for reading. The context, if given, also governs the reads. Close or free it before its end to stop the
/// transfer. Free with ocireg_blob_reader_free. Blocks.
///
/// Options: those of ocireg_blob_get_file.
///
/// Errors: those of ocireg_blob_get_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_open(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    reader: *mut *mut ocireg_blob_reader,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(reader, std::ptr::null_mut(), "reader")?;
            let reference = self::reference(reference)?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let reader = client.open_blob(&call, &reference, &options)?;
            out.put(new_reader(Box::new(reader)));
            Ok(())
        })
    }
}

/// What is known of an open blob: {"digest": string, "size": number or null, "offset": number, "mediaType": string or null}.
/// Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_CLOSED, OCIREG_BUSY, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_info(
    reader: *const ocireg_blob_reader,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(json, std::ptr::null_mut(), "json")?;
            let reader = handle::get(reader, "reader")?;
            let open = exclusively(&reader)?;
            out.put_json(&open.reader.as_ref().ok_or_else(closed)?.info())
        })
    }
}

/// Reads up to `size` bytes; `*read` says how many. 0 is the end, and then the blob has been verified: a wrong digest or a
/// short transfer is an error, never an end. A broken transfer is continued by itself.
/// After an error the reader answers that error from then on; only a progress callback that stopped it costs
/// nothing. Blocks.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH, OCIREG_CLOSED, OCIREG_BUSY.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_read(
    reader: *mut ocireg_blob_reader,
    buffer: *mut u8,
    size: usize,
    read: *mut usize,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::required(read, 0, "read")?;
            if buffer.is_null() {
                return Err(null("buffer"));
            }
            if size == 0 {
                return Err(Error::new(Code::InvalidArgument, "the argument size is 0, which would look like the end"));
            }
            let reader = handle::get(reader, "reader")?;
            let mut open = exclusively(&reader)?;
            let piece = open.take(size)?;
            std::ptr::copy_nonoverlapping(piece.as_ptr(), buffer, piece.len());
            out.put(piece.len());
            Ok(())
        })
    }
}

impl Open {
    fn take(&mut self, size: usize) -> Result<Bytes> {
        let reader = self.reader.as_mut().ok_or_else(closed)?;
        if self.rest.is_empty() {
            self.rest = reader.piece()?.unwrap_or_default();
        }
        let count = size.min(self.rest.len());
        // Before they are taken: a callback that stops the call must not cost bytes.
        reader.report(self.delivered + count as u64)?;
        self.delivered += count as u64;
        Ok(self.rest.split_to(count))
    }
}

/// Closes a reader: ends the transfer; later reads answer OCIREG_CLOSED. Any number of times. While another thread is in
/// a read it answers OCIREG_BUSY; the reader's context ends such a read.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_BUSY, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_close(
    reader: *mut ocireg_blob_reader,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let reader = handle::get(reader, "reader")?;
            let mut open = exclusively(&reader)?;
            open.reader = None;
            open.rest = Bytes::new();
            Ok(())
        })
    }
}

/// Frees a reader. NULL is accepted, and what is no reader is left alone.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_free(reader: *mut ocireg_blob_reader) {
    sigpipe::without(|| quietly((), || unsafe { handle::free(reader) }));
}

/// Puts a file's bytes as a blob into [HOST[:PORT]/]REPOSITORY, unless the registry has it already. A failure on the way is
/// tried again from the start. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Options: digest (string: what the bytes must have; else sha256 is computed); chunk_size (integer: send it in chunks of
/// this many bytes, each kept in memory); single_post (boolean, false: one POST instead of POST and PUT, where the registry
/// can); size (integer: what it must be); mount_from (list of repositories of the same registry that may have it: it is mounted from
/// the first that has). A registry that finds a blob too large for one request (413) gets it in chunks, smaller and smaller.
///
/// Result, `json` may be NULL: {"digest": string, "size": number, "location": string or null, "uploaded": boolean (false
/// when the registry had it, or it was mounted), "mounted": boolean}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_IO, OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH. Source: distribution-spec end-4a to
/// end-6.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_put_file(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    path: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = Repository::parse(text(repository, "repository")?, None)?;
            let path = text(path, "path")?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.put_blob_file(&call, &repository, Path::new(path), &options)?)
        })
    }
}

/// Puts bytes in memory as a blob; as ocireg_blob_put_file. `data` may be NULL when `size` is 0.
///
/// Options, result and errors: those of ocireg_blob_put_file.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_put_memory(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    data: *const u8,
    size: usize,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = Repository::parse(text(repository, "repository")?, None)?;
            let data = bytes(data, size, "data")?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.put_blob(&call, &repository, data, &options)?)
        })
    }
}

/// Puts what a callback gives as a blob: in one request when size and digest are given, else in chunks, each of which is kept
/// until the registry has it. The callback runs on this thread. Blocks.
///
/// Options: digest (string), size (integer), chunk_size (integer, 4194304), single_post, mount_from, as of ocireg_blob_put_file.
///
/// Result and errors: those of ocireg_blob_put_file; OCIREG_CALLBACK.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_put_stream(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    callback: ocireg_read_fn,
    userdata: *mut c_void,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let repository = Repository::parse(text(repository, "repository")?, None)?;
            let read = callback.ok_or_else(|| null("callback"))?;
            let options = options::read(options)?;
            let (client, call) = begin(client, context)?;
            let mut source = Callback { read, userdata: Userdata::new(userdata), over: false };
            out.put_json(&client.put_blob_stream(&call, &repository, &mut source, &options)?)
        })
    }
}

struct Callback {
    read: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i64,
    userdata: Userdata,
    over: bool,
}

impl Source for Callback {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        let mut piece = vec![0; most.min(PIECE)];
        let mut filled = 0;
        while filled < piece.len() && !self.over {
            let count = self.read(&mut piece[filled..])?;
            filled += count;
            self.over = count == 0;
        }
        piece.truncate(filled);
        Ok(piece.into())
    }
}

impl Callback {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let answer = unsafe { (self.read)(self.userdata.pointer(), buffer.as_mut_ptr(), buffer.len()) };
        let stopped = |why: &str| Error::new(Code::Callback, format!("the caller's read callback {why}"));
        let count = usize::try_from(answer).map_err(|_| stopped("stopped the call"))?;
        if count > buffer.len() {
            return Err(stopped(&format!("says it put {count} bytes into a buffer of {}", buffer.len())));
        }
        Ok(count)
    }
}

/// Deletes a blob, HOST[:PORT]/REPOSITORY@DIGEST. Blocks.
///
/// Options: none.
///
/// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED. Source: distribution-spec end-10.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_delete(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, || {
            let out = Out::optional(json, std::ptr::null_mut());
            let reference = self::reference(reference)?;
            let _: NoOptions = options::read(options)?;
            let (client, call) = begin(client, context)?;
            out.put_json(&client.delete_blob(&call, &reference)?)
        })
    }
}
