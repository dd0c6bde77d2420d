//! The folders that the environment names for a user's own files (XDG Base Directory Specification), and the search path. It is read
//! only where an option asks for it, and what is empty counts as not there.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Reads an environment variable; tests replace it.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Reads the process's own environment.
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The same as text, where it is.
pub(crate) fn text(name: &str) -> Option<String> {
    environment(name).and_then(|value| value.into_string().ok())
}

/// A folder or a file that a variable names.
pub(crate) fn named(environment: Environment<'_>, variable: &str) -> Option<PathBuf> {
    environment(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

pub(crate) fn home(environment: Environment<'_>) -> Option<PathBuf> {
    named(environment, "HOME")
}

/// The folder of settings.
pub(crate) fn config(environment: Environment<'_>) -> Option<PathBuf> {
    named(environment, "XDG_CONFIG_HOME").or_else(|| home(environment).map(|home| home.join(".config")))
}

/// The folder that exists while the user is logged in.
pub(crate) fn runtime(environment: Environment<'_>) -> Option<PathBuf> {
    named(environment, "XDG_RUNTIME_DIR")
}

/// The folders that are searched for programs, in one text.
pub(crate) fn search_path(environment: Environment<'_>) -> Option<OsString> {
    environment("PATH")
}

/// The folders in such a text.
pub(crate) fn folders_of(search_path: &OsStr) -> Vec<PathBuf> {
    std::env::split_paths(search_path).collect()
}
