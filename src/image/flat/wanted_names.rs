//! Which names of an image are wanted: all of them, or what patterns name, and everything in the folders that they name.

use super::pattern::Pattern;
use crate::error::{Code, Error, Result};

/// More patterns than anybody has.
const MOST: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Picks {
    /// Without any, everything is wanted. Each with whether it has named something.
    patterns: Vec<(Pattern, bool)>,
}

impl Picks {
    pub(crate) fn all() -> Picks {
        Picks { patterns: Vec::new() }
    }

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
        Ok(Picks { patterns: patterns.iter().map(read).collect::<Result<_>>()? })
    }

    /// Whether the name of a file that there is, or a folder above it, is wanted.
    pub(super) fn take(&mut self, path: &[u8]) -> bool {
        let mut wanted = self.patterns.is_empty();
        for (pattern, found) in &mut self.patterns {
            if pattern.names(path) {
                (*found, wanted) = (true, true);
            }
        }
        wanted
    }

    /// The paths, if each is exactly one.
    pub(super) fn exact(&self) -> Option<Vec<Vec<u8>>> {
        match self.patterns.is_empty() {
            true => None,
            false => self.patterns.iter().map(|(pattern, _)| pattern.exact()).collect(),
        }
    }

    pub(super) fn refuse_unfound(&self) -> Result<()> {
        match self.patterns.iter().find(|(_, found)| !found) {
            Some((pattern, _)) => {
                let message = format!("the image has nothing that matches '{}'", pattern.text());
                Err(Error::new(Code::NotFound, message))
            }
            None => Ok(()),
        }
    }
}
