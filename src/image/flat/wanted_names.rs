//! Which names of an image are wanted: all of them, what patterns name with everything in the folders that they name, or what is on the way to a
//! path.

use super::pattern::Pattern;
use crate::error::{Code, Error, Result};
use crate::tar::names::is_within;

/// More patterns than anybody has.
const MOST: usize = 10_000;

#[derive(Debug)]
pub(crate) enum Picks {
    All,
    /// Each with whether it has named something.
    Patterns(Vec<(Pattern, bool)>),
    /// This path, and what is above it.
    Way(Vec<u8>),
}

impl Picks {
    pub(crate) fn of(patterns: &[String]) -> Result<Picks> {
        if patterns.is_empty() {
            let message = "the option paths is an empty list, which names nothing: without the option it is all files";
            return Err(Error::new(Code::InvalidArgument, message));
        }
        if patterns.len() > MOST {
            let message = format!("{} paths are too many: at most {MOST} are allowed", patterns.len());
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let read = |text: &String| Pattern::read(text).map(|pattern| (pattern, false));
        Ok(Picks::Patterns(patterns.iter().map(read).collect::<Result<_>>()?))
    }

    /// Whether the name of a file that there is, or a folder above it, is wanted.
    pub(super) fn take(&mut self, path: &[u8]) -> bool {
        match self {
            Picks::All => true,
            Picks::Way(end) => path == end || is_within(end, path),
            Picks::Patterns(patterns) => patterns.iter_mut().fold(false, |wanted, (pattern, found)| {
                let named = pattern.names(path);
                *found |= named;
                wanted | named
            }),
        }
    }

    /// The paths, if each is exactly one.
    pub(super) fn exact(&self) -> Option<Vec<Vec<u8>>> {
        match self {
            Picks::All => None,
            Picks::Way(end) => Some(vec![end.clone()]),
            Picks::Patterns(patterns) => patterns.iter().map(|(pattern, _)| pattern.exact()).collect(),
        }
    }

    /// Whether what is in a folder that is wanted is wanted too.
    pub(super) fn inside(&self) -> bool {
        !matches!(self, Picks::Way(_))
    }

    pub(super) fn refuse_unfound(&self) -> Result<()> {
        let Picks::Patterns(patterns) = self else { return Ok(()) };
        match patterns.iter().find(|(_, found)| !found) {
            Some((pattern, _)) => {
                let message = format!("the image has nothing that matches '{}'", pattern.text());
                Err(Error::new(Code::NotFound, message))
            }
            None => Ok(()),
        }
    }
}
