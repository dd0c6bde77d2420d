//! The C API with any bytes for its strings.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr::null_mut;
use std::sync::OnceLock;

use super::ffi_arguments::{functions, prototypes, AnyFunction, Prototype};
use crate::sandbox::{first_line, folder};

type Handle = *mut c_void;

extern "C" {
    fn ocireg_options_new(options: *mut Handle, error: *mut Handle) -> i32;
    fn ocireg_options_parse(options: Handle, json: *const c_char, error: *mut Handle) -> i32;
    fn ocireg_options_free(options: Handle);
    fn ocireg_client_new(options: Handle, client: *mut Handle, error: *mut Handle) -> i32;
    fn ocireg_client_free(client: Handle);
    fn ocireg_context_new(context: *mut Handle, error: *mut Handle) -> i32;
    fn ocireg_context_set_deadline(context: Handle, milliseconds: i64, error: *mut Handle) -> i32;
    fn ocireg_context_free(context: Handle);
    fn ocireg_artifact_new(artifact: *mut Handle, error: *mut Handle) -> i32;
    fn ocireg_artifact_free(artifact: Handle);
    fn ocireg_json_parse_bytes(data: *const u8, size: usize, json: *mut Handle, error: *mut Handle) -> i32;
    fn ocireg_json_text(json: Handle, pointer: *const c_char, otherwise: *const c_char) -> *const c_char;
    fn ocireg_json_at(json: Handle, pointer: *const c_char) -> Handle;
    fn ocireg_json_item(json: Handle, pointer: *const c_char, at: usize) -> Handle;
    fn ocireg_json_key(json: Handle, pointer: *const c_char, at: usize) -> *const c_char;
    fn ocireg_json_size(json: Handle, pointer: *const c_char) -> usize;
    fn ocireg_json_kind(json: Handle, pointer: *const c_char) -> i32;
    fn ocireg_json_integer(json: Handle, pointer: *const c_char, otherwise: i64) -> i64;
    fn ocireg_json_free(json: Handle);
    fn ocireg_buffer_free(buffer: Handle);
    fn ocireg_blob_reader_free(reader: Handle);
    fn ocireg_upload_free(upload: Handle);
    fn ocireg_string_free(text: Handle);
    fn ocireg_error_message(error: Handle) -> *const c_char;
    fn ocireg_error_json(error: Handle) -> *const c_char;
    fn ocireg_error_code(error: Handle) -> i32;
    fn ocireg_error_free(error: Handle);
}

/// A string for C that names nothing outside the current folder: no absolute path, nothing above, no escapes that become that.
fn harmless(bytes: &[u8]) -> CString {
    let mut bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let is_url = |before: &[u8]| [&b"docker"[..], b"docker-v1", b"http", b"https"].contains(&before);
    for at in 0..bytes.len() {
        let before = &bytes[..at];
        let begins = before.last().is_none_or(|last| b":\"'=, \n\t/".contains(last));
        let in_url = before.split(|byte| *byte == b':').next().is_some_and(is_url) && at < 12;
        match bytes[at] {
            b'/' if begins && !in_url => bytes[at] = b'_',
            b'.' if before.last() == Some(&b'.') => bytes[at] = b'_',
            b'\\' | b'~' | b'$' => bytes[at] = b'_',
            _ => {}
        }
    }
    CString::new(bytes).unwrap()
}

/// What the status and the error say must agree, and the error can be shown.
fn judge(name: &str, status: i32, error: Handle) {
    assert_eq!(status == 0, error.is_null(), "{name}: {status}");
    if error.is_null() {
        return;
    }
    // SAFETY: a live error.
    unsafe {
        assert_eq!(ocireg_error_code(error), status, "{name}");
        assert!((1..64).contains(&status), "{name}: {status}");
        let message = CStr::from_ptr(ocireg_error_message(error)).to_str().expect(name);
        assert!(!message.contains(ocireg::inside::is_obeyed) && message.len() < 8 << 10, "{name}: {message:?}");
        let json = CStr::from_ptr(ocireg_error_json(error)).to_str().expect(name);
        assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{name}: {json}");
        ocireg_error_free(error);
    }
}

/// A client that reaches nobody.
struct LoneClient(Handle);
// SAFETY: a client may be used by any thread.
unsafe impl Send for LoneClient {}
unsafe impl Sync for LoneClient {}

fn lone_client() -> LoneClient {
    let text =
        c"{\"proxy\": \"http://127.0.0.1:1\", \"retries\": 0, \"connect_timeout_ms\": 200, \"idle_timeout_ms\": 200}";
    let (mut options, mut client, mut error) = (null_mut(), null_mut(), null_mut());
    // SAFETY: as the header says.
    unsafe {
        assert_eq!(ocireg_options_new(&mut options, &mut error), 0);
        assert_eq!(ocireg_options_parse(options, text.as_ptr(), &mut error), 0);
        assert_eq!(ocireg_client_new(options, &mut client, &mut error), 0);
        ocireg_options_free(options);
    }
    LoneClient(client)
}

struct Api {
    functions: Vec<(&'static str, AnyFunction)>,
    prototypes: HashMap<String, Prototype>,
    client: LoneClient,
    /// For the function that changes a client.
    other_client: LoneClient,
}

fn api() -> &'static Api {
    static API: OnceLock<Api> = OnceLock::new();
    API.get_or_init(|| {
        folder();
        let prototypes = prototypes().into_iter().collect();
        Api { functions: functions(), prototypes, client: lone_client(), other_client: lone_client() }
    })
}

/// What a call is made with and leaves.
struct Arguments {
    texts: Vec<CString>,
    data: Vec<u8>,
    next: usize,
    numbers: u64,
    slots: Box<[Handle; 12]>,
    frees: Vec<(usize, unsafe extern "C" fn(Handle))>,
    error: Option<usize>,
    owned: Vec<(Handle, unsafe extern "C" fn(Handle))>,
    buffer: Box<[u8; 64]>,
}

impl Arguments {
    fn of(bytes: &[u8]) -> Arguments {
        let parts: Vec<&[u8]> = bytes.split(|byte| *byte == 0).take(12).collect();
        let texts = parts.iter().map(|part| harmless(part)).collect();
        let numbers = bytes.iter().fold(7u64, |all, byte| all.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        let (slots, frees, owned) = (Box::new([null_mut(); 12]), Vec::new(), Vec::new());
        let (data, buffer) = (bytes.to_vec(), Box::new([0; 64]));
        Arguments { texts, data, next: 0, numbers, slots, frees, error: None, owned, buffer }
    }

    fn slot(&mut self, at: usize, free: Option<unsafe extern "C" fn(Handle)>) -> usize {
        self.frees.extend(free.map(|free| (at, free)));
        &mut self.slots[at] as *mut Handle as usize
    }

    fn made(&mut self, make: impl Fn(*mut Handle, *mut Handle) -> i32, free: unsafe extern "C" fn(Handle)) -> usize {
        let (mut handle, mut error) = (null_mut(), null_mut());
        if make(&mut handle, &mut error) == 0 {
            self.owned.push((handle, free));
        } else {
            // SAFETY: an error of ours.
            unsafe { ocireg_error_free(error) };
        }
        handle as usize
    }

    /// The argument for a parameter of a type.
    fn value(&mut self, at: usize, kinds: &[String], client: Handle) -> usize {
        match kinds[at].as_str() {
            "const char *" => {
                self.next += 1;
                self.texts.get(self.next - 1).map_or(0, |text| text.as_ptr() as usize)
            }
            "const uint8_t *" => self.data.as_ptr() as usize,
            "uint8_t *" => self.buffer.as_mut_ptr() as usize,
            "size_t" if at > 0 && kinds[at - 1] == "const uint8_t *" => self.data.len(),
            "size_t" if at > 0 && kinds[at - 1] == "uint8_t *" => self.buffer.len(),
            "size_t" | "int64_t" | "uint64_t" => (self.numbers % 5) as usize,
            "bool" => (self.numbers % 2) as usize,
            "int32_t" => usize::MAX,
            "ocireg_client *" => client as usize,
            // SAFETY: as the header says.
            "ocireg_options *" => self.made(|to, error| unsafe { ocireg_options_new(to, error) }, ocireg_options_free),
            "ocireg_artifact *" | "const ocireg_artifact *" => {
                self.made(|to, error| unsafe { ocireg_artifact_new(to, error) }, ocireg_artifact_free)
            }
            "ocireg_context *" => self.made(|to, error| unsafe { within_deadline(to, error) }, ocireg_context_free),
            "const ocireg_json *" => {
                let (data, size) = (self.data.as_ptr(), self.data.len());
                self.made(|to, error| unsafe { ocireg_json_parse_bytes(data, size, to, error) }, ocireg_json_free)
            }
            "char **" => self.slot(at, Some(ocireg_string_free)),
            "ocireg_buffer **" => self.slot(at, Some(ocireg_buffer_free)),
            "ocireg_json **" => self.slot(at, Some(ocireg_json_free)),
            "ocireg_blob_reader **" => self.slot(at, Some(ocireg_blob_reader_free)),
            "ocireg_upload **" => self.slot(at, Some(ocireg_upload_free)),
            "ocireg_error **" => {
                self.error = Some(at);
                self.slot(at, None)
            }
            kind if kind.ends_with("**") || kind == "size_t *" => self.slot(at, None),
            // Handles that nobody has made, callbacks and what they are given.
            _ => 0,
        }
    }
}

unsafe fn within_deadline(context: *mut Handle, error: *mut Handle) -> i32 {
    // SAFETY: as the header says.
    unsafe {
        match ocireg_context_new(context, error) {
            0 => ocireg_context_set_deadline(*context, 700, error),
            status => status,
        }
    }
}

/// Any function that takes strings, with any strings: the first line chooses it, and what follows are its strings, apart by NUL.
pub fn strings(bytes: &[u8]) {
    let (api, (line, rest)) = (api(), first_line(bytes));
    let hash = line.iter().fold(5usize, |all, byte| all.wrapping_mul(33).wrapping_add(usize::from(*byte)));
    let named = api.functions.iter().find(|(name, _)| name.as_bytes() == line);
    let (name, function) = named.unwrap_or(&api.functions[hash % api.functions.len()]);
    let prototype = &api.prototypes[*name];
    let client = if *name == "ocireg_client_set_host" { api.other_client.0 } else { api.client.0 };
    let mut given = Arguments::of(rest);
    let mut values = [0; 12];
    for (at, value) in values.iter_mut().enumerate().take(prototype.parameters.len()) {
        *value = given.value(at, &prototype.parameters, client);
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l] = values;
    // SAFETY: what the prototype says; a function reads as many as it has.
    let returned = unsafe { function(a, b, c, d, e, f, g, h, i, j, k, l) };
    if let (Some(error), "ocireg_status") = (given.error, prototype.returns.as_str()) {
        judge(name, returned as i32, given.slots[error]);
        for (at, free) in &given.frees {
            assert!(returned as i32 == 0 || given.slots[*at].is_null(), "{name} leaves a result beside an error");
            // SAFETY: a result of ours.
            unsafe { free(given.slots[*at]) };
        }
    }
    for (handle, free) in given.owned {
        // SAFETY: a handle of ours.
        unsafe { free(handle) };
    }
}

/// Options as JSON, for the call that has most of them.
pub fn options(bytes: &[u8]) {
    folder();
    let text = harmless(bytes);
    let (mut options, mut client, mut error) = (null_mut(), null_mut(), null_mut());
    // SAFETY: as the header says.
    unsafe {
        assert_eq!(ocireg_options_new(&mut options, &mut error), 0);
        let status = ocireg_options_parse(options, text.as_ptr(), &mut error);
        judge("ocireg_options_parse", status, error);
        error = null_mut();
        if status == 0 {
            let status = ocireg_client_new(options, &mut client, &mut error);
            judge("ocireg_client_new", status, error);
            assert_eq!(client.is_null(), status != 0);
            ocireg_client_free(client);
        }
        ocireg_options_free(options);
    }
}

/// A document, the first line a pointer into it: both as serde_json has them.
pub fn json_pointer(bytes: &[u8]) {
    let (pointer, document) = first_line(bytes);
    let (mut json, mut error) = (null_mut(), null_mut());
    // SAFETY: as the header says; what is borrowed lives as long as the document.
    unsafe {
        let status = ocireg_json_parse_bytes(document.as_ptr(), document.len(), &mut json, &mut error);
        judge("ocireg_json_parse_bytes", status, error);
        if status != 0 {
            return;
        }
        let value: serde_json::Value = serde_json::from_slice(document).unwrap();
        let pointer: Vec<u8> = pointer.iter().copied().filter(|byte| *byte != 0).collect();
        let text = CString::new(pointer).unwrap();
        let there = text.to_str().ok().and_then(|text| value.pointer(text));
        let found = ocireg_json_at(json, text.as_ptr());
        assert_eq!(found.is_null(), there.is_none(), "{text:?} {value}");
        let said = ocireg_json_text(json, text.as_ptr(), std::ptr::null());
        match there.and_then(|there| there.as_str()) {
            Some(there) if !there.contains('\0') => assert_eq!(CStr::from_ptr(said).to_str().unwrap(), there),
            None => assert!(said.is_null()),
            _ => {}
        }
        let size = ocireg_json_size(json, text.as_ptr());
        let count =
            there.map_or(0, |there| there.as_array().map_or(there.as_object().map_or(0, |o| o.len()), Vec::len));
        assert!(there.is_some_and(|there| there.is_string()) || size == count, "{size} {count}");
        ocireg_json_item(json, text.as_ptr(), size);
        ocireg_json_key(json, text.as_ptr(), 0);
        ocireg_json_kind(json, text.as_ptr());
        ocireg_json_integer(json, text.as_ptr(), -1);
        ocireg_json_free(json);
    }
}
