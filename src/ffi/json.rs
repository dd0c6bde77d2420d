//! Reading JSON from C, by pointers (RFC 6901).

use std::ffi::{c_char, CStr};
use std::ptr::null;

use super::argument::{bytes, null as null_argument, optional_text, text};
use super::entry::enter;
use super::error::ocireg_error;
use super::handle::{self, opaque, Handle};
use super::out::{New, Text};
use super::panics::quietly;
use super::status::ocireg_status;
use crate::error::{Code, Error, Result};
use crate::json::JsonError;
use crate::json_pointer::{self, JsonContent, Node, NulTerminated};
use crate::text::shorten;

/// A value of a JSON document: the whole, which is freed, or one inside of it, which is borrowed from it. Read-only, so any threads may
/// read it at once.
pub(super) struct ocireg_json(Handle<Node>);

opaque!(ocireg_json, Node, 0x6f63_6972_6567_000a, survives_fork: true);

/// Marks the values inside: a borrowed one is lent as it is.
const INSIDE: u64 = 0x6f63_6972_6567_000b;

/// There is no such value.
pub const OCIREG_JSON_NONE: i32 = 0;
/// null.
pub const OCIREG_JSON_NULL: i32 = 1;
/// true or false.
pub const OCIREG_JSON_BOOLEAN: i32 = 2;
/// A number, whole or not.
pub const OCIREG_JSON_NUMBER: i32 = 3;
/// A string, without its quotes.
pub const OCIREG_JSON_STRING: i32 = 4;
/// A list of values.
pub const OCIREG_JSON_LIST: i32 = 5;
/// An object: values with names.
pub const OCIREG_JSON_OBJECT: i32 = 6;

/// The value that C has a pointer to, if it is one at all.
unsafe fn value<'a>(json: *const ocireg_json) -> Option<&'a Node> {
    unsafe {
        match handle::has_mark(json, INSIDE) {
            true => Some(&*json.cast::<Node>()),
            false => handle::peek(json),
        }
    }
}

unsafe fn find<'a>(json: *const ocireg_json, pointer: *const c_char) -> Option<&'a Node> {
    let node = unsafe { value(json) }?;
    match pointer.is_null() {
        true => Some(node),
        false => node.find(unsafe { CStr::from_ptr(pointer) }.to_bytes()),
    }
}

fn borrowed(node: Option<&Node>) -> *const ocireg_json {
    node.map_or(null(), |node| std::ptr::from_ref(node).cast())
}

fn for_c(text: Option<&NulTerminated>) -> *const c_char {
    text.and_then(NulTerminated::for_c).map_or(null(), |text| text.as_ptr().cast())
}

fn parse(text: &[u8]) -> Result<Node> {
    let refused = |error: JsonError| Error::new(Code::InvalidArgument, format!("the text {}", error.verdict()));
    crate::json_node_parser::document(text, INSIDE).map_err(refused)
}

/// Parses a JSON text, such as a result of this library, for the functions below. All of it is copied and nothing is allocated later:
/// what they return is borrowed from `json` and good until it is freed. Any thread.
///
/// A pointer says where a value is (RFC 6901): "/layers/0/digest" is member "digest" of element 0 of member "layers"; in a member's name
/// "~1" stands for "/" and "~0" for "~". "" and NULL are the value itself. Where there is no such value, or one of another kind, the
/// answer is NULL, 0 or what the caller gives for that case; NULL for `json` is such a case too. Free with ocireg_json_free.
/// The document takes at most 40 times the memory of its text; results of this library take 2 to 8 times.
///
/// Errors: OCIREG_INVALID_ARGUMENT for a text that is not one JSON document, is nested more than 56 deep (every result of the
/// library can be parsed), or has a member twice, or a number that is too large for a double. Source: RFC 8259.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_parse(
    text: *const c_char,
    json: *mut *mut ocireg_json,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, New::required(json, "json"), || parse(self::text(&text, "text")?.as_bytes())) }
}

/// Parses JSON of a size, such as the bytes of a manifest. The same as ocireg_json_parse otherwise.
///
/// Errors: as in ocireg_json_parse.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_parse_bytes(
    data: *const u8,
    size: usize,
    json: *mut *mut ocireg_json,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, New::required(json, "json"), || parse(bytes(data, size, "data")?)) }
}

/// What kind of value a pointer leads to: OCIREG_JSON_STRING, …; OCIREG_JSON_NONE when there is none.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_kind(json: *const ocireg_json, pointer: *const c_char) -> i32 {
    match unsafe { find(json, pointer) }.map(|node| &node.content) {
        None => OCIREG_JSON_NONE,
        Some(JsonContent::Null) => OCIREG_JSON_NULL,
        Some(JsonContent::Boolean(_)) => OCIREG_JSON_BOOLEAN,
        Some(JsonContent::Number(_)) => OCIREG_JSON_NUMBER,
        Some(JsonContent::String(_)) => OCIREG_JSON_STRING,
        Some(JsonContent::List(_)) => OCIREG_JSON_LIST,
        Some(JsonContent::Object(_)) => OCIREG_JSON_OBJECT,
    }
}

/// The value that a pointer leads to, for further pointers from there. Borrowed: it is never freed, and is valid until the whole is freed.
/// NULL when there is none.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_at(json: *const ocireg_json, pointer: *const c_char) -> *const ocireg_json {
    borrowed(unsafe { find(json, pointer) })
}

/// The text of a string. Borrowed. NULL when there is no string, or one that has a NUL in it, which C would take for its end:
/// ocireg_json_string gives that whole.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_text(json: *const ocireg_json, pointer: *const c_char) -> *const c_char {
    match unsafe { find(json, pointer) }.map(|node| &node.content) {
        Some(JsonContent::String(text)) => for_c(Some(text)),
        _ => null(),
    }
}

/// The text of a string with its size, NULs inside of it and all. Borrowed. `size` may be NULL. NULL and 0 when there is no string.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_string(
    json: *const ocireg_json,
    pointer: *const c_char,
    size: *mut usize,
) -> *const c_char {
    let found = match unsafe { find(json, pointer) }.map(|node| &node.content) {
        Some(JsonContent::String(text)) => Some(text.with_nul()),
        _ => None,
    };
    if !size.is_null() {
        unsafe { size.write(found.map_or(0, |text| text.len() - 1)) };
    }
    found.map_or(null(), |text| text.as_ptr().cast())
}

/// An integer, however it is written (2, 2.0, 2e3); `otherwise` when there is no number, or one with a fraction or out of range. What is
/// written with a point or an exponent is exact up to 2^53.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_integer(json: *const ocireg_json, pointer: *const c_char, otherwise: i64) -> i64 {
    match unsafe { find(json, pointer) }.map(|node| &node.content) {
        Some(JsonContent::Number(number)) => json_pointer::integer(number).unwrap_or(otherwise),
        _ => otherwise,
    }
}

/// A number, as exact as a double is; `otherwise` when there is none.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_number(json: *const ocireg_json, pointer: *const c_char, otherwise: f64) -> f64 {
    match unsafe { find(json, pointer) }.map(|node| &node.content) {
        Some(JsonContent::Number(number)) => number.as_f64().unwrap_or(otherwise),
        _ => otherwise,
    }
}

/// true or false; `otherwise` when there is neither.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_boolean(
    json: *const ocireg_json,
    pointer: *const c_char,
    otherwise: bool,
) -> bool {
    match unsafe { find(json, pointer) }.map(|node| &node.content) {
        Some(JsonContent::Boolean(value)) => *value,
        _ => otherwise,
    }
}

/// How many elements a list has, or members an object; 0 for any other value.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_size(json: *const ocireg_json, pointer: *const c_char) -> usize {
    unsafe { find(json, pointer) }.map_or(0, Node::len)
}

/// The element of a list, or the value of an object's member, at a position from 0 on; members are in the document's order. Borrowed.
/// NULL when there is none.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_item(
    json: *const ocireg_json,
    pointer: *const c_char,
    position: usize,
) -> *const ocireg_json {
    borrowed(unsafe { find(json, pointer) }.and_then(|node| node.item(position)))
}

/// The name of an object's member at a position from 0 on. Borrowed. NULL when there is none, or one that has a NUL in it.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_key(
    json: *const ocireg_json,
    pointer: *const c_char,
    position: usize,
) -> *const c_char {
    for_c(unsafe { find(json, pointer) }.and_then(|node| node.key(position)))
}

/// The descriptor of a layer. `manifest` is a manifest, or a result that holds one, such as that of ocireg_manifest_get. The layer
/// is the one at a position, from 0 on, among those of this media type (of any type, when it is NULL). Its
/// "/digest", "/size" and "/mediaType" are read by ocireg_json_text and ocireg_json_integer, its bytes by ocireg_blob_get_file
/// with REPOSITORY@DIGEST. An artifact's blobs count as layers. Borrowed. NULL when there is none: an index has no layers, and
/// those of schema 1 have no descriptors.
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_layer(
    manifest: *const ocireg_json,
    media_type: *const c_char,
    position: usize,
) -> *const ocireg_json {
    let media_type = (!media_type.is_null()).then(|| unsafe { CStr::from_ptr(media_type) }.to_bytes());
    borrowed(unsafe { value(manifest) }.and_then(|manifest| json_pointer::layer(manifest, media_type, position)))
}

/// Writes the value that a pointer leads to as JSON again: members in their order, strings the same, numbers that fit 64 bits exact, and
/// others as the nearest double (1e2 becomes 100.0). Keep the text where its exact bytes matter. `text` is freed with ocireg_string_free. Any thread.
///
/// Errors: OCIREG_INVALID_ARGUMENT; OCIREG_NOT_FOUND when there is no such value.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_dump(
    json: *const ocireg_json,
    pointer: *const c_char,
    text: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Text::required(text, "text"), || {
            if json.is_null() {
                return Err(null_argument("json"));
            }
            let node = value(json).ok_or_else(|| handle::stray("json"))?;
            let pointer = optional_text(&pointer, "pointer")?.unwrap_or_default();
            let nothing = || Error::new(Code::NotFound, format!("there is no value at '{}'", shorten(pointer)));
            let found = node.find(pointer.as_bytes()).ok_or_else(nothing)?;
            crate::json::text(&found.to_value()).map_err(|error| Error::new(Code::Internal, error.to_string()))
        })
    }
}

/// Frees a document with all that was borrowed from it. NULL is accepted; a value inside of a document, and what is not a value at
/// all, is left alone.
#[no_mangle]
pub unsafe extern "C" fn ocireg_json_free(json: *mut ocireg_json) {
    quietly((), || unsafe { handle::free(json) });
}
