//! Options: named values, so that a C program writes no JSON and calls can grow.

use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ocireg_error;
use super::guard::{enter, null, quietly, text, Out};
use super::status::ocireg_status;
use crate::error::{Code, Error, Result};

/// Named options of a call. The header lists each call's keys; an unknown key or a value of the wrong type is found by
/// the call, which names it. NULL stands for no options everywhere. Options are read during a call only, and may be
/// used for several.
pub struct ocireg_options(Mutex<Map<String, Value>>);

impl ocireg_options {
    /// No options.
    pub fn empty() -> ocireg_options {
        ocireg_options(Mutex::default())
    }

    fn change(&self, change: impl FnOnce(&mut Map<String, Value>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The options as what a call wants.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        serde_path_to_error::deserialize(Value::Object(values)).map_err(|error| {
            let key = error.path().to_string();
            let what = without_value(&error.inner().to_string());
            let message = if key == "." { what } else { format!("the option {key}: {what}") };
            Error::new(Code::InvalidArgument, message)
        })
    }
}

/// serde's text shows the value that does not fit, which may be a password.
fn without_value(text: &str) -> String {
    match (text.starts_with("invalid type: ") || text.starts_with("invalid value: "), text.rsplit_once(", expected ")) {
        (true, Some((_, expected))) => format!("the value is not {expected}"),
        _ => text.to_owned(),
    }
}

/// An options argument as what a call wants; NULL is the defaults.
pub unsafe fn read<T: DeserializeOwned + Default>(options: *const ocireg_options) -> Result<T> {
    match unsafe { options.as_ref() } {
        Some(options) => options.read(),
        None => Ok(T::default()),
    }
}

unsafe fn set(options: *mut ocireg_options, key: *const c_char, value: Value) -> Result<()> {
    let options = unsafe { options.as_ref() }.ok_or_else(|| null("options"))?;
    let key = unsafe { text(key, "key") }?.to_owned();
    options.change(|values| drop(values.insert(key, value)));
    Ok(())
}

/// Makes empty options. Free with ocireg_options_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_new(
    options: *mut *mut ocireg_options,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, || {
            let out = Out::required(options, std::ptr::null_mut(), "options")?;
            out.put(Box::into_raw(Box::new(ocireg_options::empty())));
            Ok(())
        })
    }
}

/// Sets a string option; the value is copied. A value set before is replaced.
///
/// Errors: OCIREG_INVALID_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_set_string(
    options: *mut ocireg_options,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, || set(options, key, text(value, "value")?.into())) }
}

/// Sets an integer option.
///
/// Errors: OCIREG_INVALID_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_set_int(
    options: *mut ocireg_options,
    key: *const c_char,
    value: i64,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, || set(options, key, value.into())) }
}

/// Sets a boolean option.
///
/// Errors: OCIREG_INVALID_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_set_bool(
    options: *mut ocireg_options,
    key: *const c_char,
    value: bool,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, || set(options, key, value.into())) }
}

/// Adds a string to a list option; the value is copied.
///
/// Errors: OCIREG_INVALID_ARGUMENT, also when the option holds something that is no list.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_add_string(
    options: *mut ocireg_options,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, || {
            let options = options.as_ref().ok_or_else(|| null("options"))?;
            let (key, value) = (text(key, "key")?, text(value, "value")?);
            let mut fits = true;
            options.change(|values| match values.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(list) => list.push(value.into()),
                _ => fits = false,
            });
            match fits {
                true => Ok(()),
                false => {
                    Err(Error::new(Code::InvalidArgument, format!("the option {key} holds a value that is no list")))
                }
            }
        })
    }
}

/// Adds the members of a JSON object: {"key": string, number, boolean or list of strings, ...}.
///
/// Errors: OCIREG_INVALID_ARGUMENT when it is no JSON object, or one with a key twice.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_parse(
    options: *mut ocireg_options,
    json: *const c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, || {
            let options = options.as_ref().ok_or_else(|| null("options"))?;
            let invalid =
                |why: String| Error::new(Code::InvalidArgument, format!("the options are no JSON object: {why}"));
            match crate::json::parse(text(json, "json")?.as_bytes()) {
                Ok(Value::Object(members)) => options.change(|values| values.extend(members)),
                Ok(_) => return Err(invalid("another JSON value".to_owned())),
                Err(error) => return Err(invalid(error.to_string())),
            }
            Ok(())
        })
    }
}

/// Frees options. NULL is accepted.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_free(options: *mut ocireg_options) {
    quietly((), || {
        if !options.is_null() {
            drop(unsafe { Box::from_raw(options) });
        }
    });
}
