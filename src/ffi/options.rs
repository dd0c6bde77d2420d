//! Options: named values, so that a C program writes no JSON and calls can grow.

use std::ffi::c_char;
use std::sync::Mutex;

use serde_json::{Map, Number, Value};

use super::argument::text;
use super::entry::enter;
use super::error::ocireg_error;
use super::handle::{self, opaque, Handle, Owned};
use super::out::New;
use super::panics::quietly;
use super::status::ocireg_status;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::mutex::lock;
use crate::options::{options, Options};

/// Named options of a call. The header lists each call's keys; an unknown key or a value of the wrong type is found by
/// the call, which names it. NULL stands for no options everywhere. Options are read during a call only, and may be
/// used for several.
pub(super) struct ocireg_options(Handle<Named>);

/// The values by their names.
#[derive(Default)]
pub(super) struct Named {
    values: Mutex<Map<String, Value>>,
    /// It is the library's: a callback fills it in.
    lent: bool,
}

opaque!(ocireg_options, Named, 0x6f63_6972_6567_0005, survives_fork: true);

/// Options that a callback fills in; it can do nothing else to them, and nothing once it has returned.
pub(super) struct Lent(Owned<ocireg_options>);

impl Lent {
    /// None yet.
    pub(super) fn new() -> Lent {
        Lent(Owned::new(Named { lent: true, values: Mutex::default() }))
    }

    /// What the callback gets.
    pub(super) fn pointer(&self) -> *mut ocireg_options {
        self.0.pointer()
    }

    /// What it has filled in.
    pub(super) fn read<T: Options>(&self) -> Result<T> {
        unsafe { read(self.0.pointer()) }
    }
}

// Values may be passwords.
impl Drop for Named {
    fn drop(&mut self) {
        lock(&self.values).values_mut().for_each(json::wipe);
    }
}

impl Named {
    /// Sets values, instead of those that were there under their names.
    fn set(&self, more: impl IntoIterator<Item = (String, Value)>) {
        let mut values = lock(&self.values);
        for (key, value) in more {
            if let Some(mut old) = values.insert(key, value) {
                json::wipe(&mut old);
            }
        }
    }

    fn add(&self, key: &str, value: &str) -> Result<()> {
        match lock(&self.values).entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(list) => list.push(value.into()),
            _ => {
                let message = format!("the option {key} holds a value that is not a list");
                return Err(Error::new(Code::InvalidArgument, message));
            }
        }
        Ok(())
    }

    /// The options as what a call wants.
    fn read<T: Options>(&self) -> Result<T> {
        T::read(lock(&self.values).clone())
    }
}

options! {
    pub(super) struct NoOptions {}
}

/// An options argument as what a call wants; NULL is the defaults.
pub(super) unsafe fn read<T: Options>(options: *const ocireg_options) -> Result<T> {
    match unsafe { handle::optional(options, "options") }? {
        Some(options) => options.read(),
        None => T::read(Map::new()),
    }
}

/// Whether an options argument says one of these.
pub(super) unsafe fn has(options: *const ocireg_options, keys: &[&str]) -> Result<bool> {
    let options = unsafe { handle::optional(options, "options") }?;
    Ok(options.is_some_and(|options| keys.iter().any(|key| lock(&options.values).contains_key(*key))))
}

/// For the tests of the panic guard only: the shipped library knows no such option.
#[cfg(feature = "force-panic")]
#[allow(clippy::panic)]
pub(super) unsafe fn panic_if_asked(options: *const ocireg_options) -> Result<()> {
    let options = unsafe { handle::optional(options, "options") }?;
    match options.is_some_and(|options| lock(&options.values).contains_key("force_panic")) {
        true => panic!("forced by the option force_panic"),
        false => Ok(()),
    }
}

unsafe fn set(options: *mut ocireg_options, key: *const c_char, value: Value) -> Result<()> {
    let options = unsafe { handle::get(options, "options") }?;
    let key = unsafe { text(&key, "key") }?.to_owned();
    options.set([(key, value)]);
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
    unsafe { enter(error, New::required(options, "options"), || Ok(Named::default())) }
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
    unsafe { enter(error, (), || set(options, key, text(&value, "value")?.into())) }
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
    unsafe { enter(error, (), || set(options, key, value.into())) }
}

/// Sets an option that is a number with a fraction, such as requests_per_second. One that is an integer takes none.
///
/// Errors: OCIREG_INVALID_ARGUMENT, also when it is infinite or not a number.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_set_double(
    options: *mut ocireg_options,
    key: *const c_char,
    value: f64,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let infinite =
                || Error::new(Code::InvalidArgument, format!("the argument value is {value}, not a finite number"));
            set(options, key, Number::from_f64(value).ok_or_else(infinite)?.into())
        })
    }
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
    unsafe { enter(error, (), || set(options, key, value.into())) }
}

/// Adds a string to a list option; the value is copied.
///
/// Errors: OCIREG_INVALID_ARGUMENT, also when the option holds something other than a list.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_add_string(
    options: *mut ocireg_options,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let options = handle::get(options, "options")?;
            options.add(text(&key, "key")?, text(&value, "value")?)
        })
    }
}

/// Adds the members of a JSON object: {"key": string, number, boolean or list of strings, ...}.
///
/// Errors: OCIREG_INVALID_ARGUMENT when it is not a JSON object, or has a key twice.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_parse(
    options: *mut ocireg_options,
    json: *const c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let options = handle::get(options, "options")?;
            let invalid =
                |why: String| Error::new(Code::InvalidArgument, format!("the options are not a JSON object: {why}"));
            match json::parse(text(&json, "json")?.as_bytes()) {
                Ok(Value::Object(members)) => options.set(members),
                Ok(_) => return Err(invalid("another JSON value".to_owned())),
                Err(error) => return Err(invalid(format!("the text {}", error.verdict()))),
            }
            Ok(())
        })
    }
}

/// Frees options. NULL is accepted; anything that is not options, and the `answer` of a callback, is ignored.
#[no_mangle]
pub unsafe extern "C" fn ocireg_options_free(options: *mut ocireg_options) {
    quietly((), || unsafe {
        if handle::peek(options).is_some_and(|options| !options.lent) {
            handle::free(options);
        }
    });
}
