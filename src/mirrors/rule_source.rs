//! Where a rule stands.

use std::fmt;

/// Where a setting comes from: a file with a line, or an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RuleSource {
    /// An option of the caller.
    Option(&'static str),
    /// A line of a file, counted from 1.
    File {
        path: String,
        /// The line; 0 when only the file is known.
        line: u32,
    },
}

impl fmt::Display for RuleSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleSource::Option(name) => write!(out, "the option {name}"),
            RuleSource::File { path, line: 0 } => out.write_str(path),
            RuleSource::File { path, line } => write!(out, "{path}:{line}"),
        }
    }
}
