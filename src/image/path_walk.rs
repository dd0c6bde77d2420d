//! A path of an image step by step, through its links, and no further than the paths of good images lead: what follows it,
//! on a disk or in a list, asks here for each step.

use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::tar::names::shown;

/// More links in a path than any system follows.
pub(crate) const MOST_LINKS: usize = 40;
/// More steps than a path and its links have.
const MOST_STEPS: usize = 1024;
/// How many steps links may add to each path on average, once they have added many. A link is followed again for every path that
/// leads through it, so a few bytes of links could cost more than everything else in an image.
const LINK_STEPS: u64 = 32;
const MANY: u64 = 1 << 20;

/// The limit for all paths of an image together.
pub(crate) struct WalkBudget {
    call: Call,
    paths: u64,
    link_steps: u64,
}

impl WalkBudget {
    /// A budget of which nothing is spent.
    pub(crate) fn new(call: &Call) -> WalkBudget {
        WalkBudget { call: call.clone(), paths: 0, link_steps: 0 }
    }

    /// Returns an error when the call has to end.
    pub(crate) fn check(&self) -> Result<()> {
        self.call.check()
    }

    /// Begins to follow a path, after the parts that were followed already.
    pub(crate) fn walk(&mut self, path: &[u8], followed: usize) -> PathWalk {
        self.paths += 1;
        let waiting = parts(path).skip(followed).map(<[u8]>::to_vec).collect::<Vec<_>>();
        PathWalk { path: path.to_vec(), waiting: waiting.into_iter().rev().collect(), steps: 0, links: 0 }
    }
}

/// A path that is being followed.
pub(crate) struct PathWalk {
    path: Vec<u8>,
    /// The remaining names, the next one last.
    waiting: Vec<Vec<u8>>,
    steps: usize,
    links: usize,
}

impl PathWalk {
    /// The next name; `..` is one too.
    pub(crate) fn next(&mut self, budget: &mut WalkBudget) -> Result<Option<Vec<u8>>> {
        budget.check()?;
        let Some(part) = self.waiting.pop() else { return Ok(None) };
        self.steps += 1;
        if self.links > 0 {
            budget.link_steps += 1;
        }
        if self.steps > MOST_STEPS || budget.link_steps > MANY.max(budget.paths.saturating_mul(LINK_STEPS)) {
            return Err(self.too_long(&format!("{} steps", self.steps - 1)));
        }
        Ok(Some(part))
    }

    /// Continues at the target of a link, which the last name was.
    pub(crate) fn follow(&mut self, target: &[u8]) -> Result<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(self.too_long(&format!("{MOST_LINKS} links")));
        }
        // Longer targets are not followed to their end.
        let more: Vec<_> = parts(target).take(MOST_STEPS + 1).map(<[u8]>::to_vec).collect();
        self.waiting.extend(more.into_iter().rev());
        Ok(())
    }

    fn too_long(&self, most: &str) -> Error {
        let message = format!("'{}' leads through more than {most}", shown(&self.path));
        Error::new(Code::LimitExceeded, message)
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::context::Context;

    fn budget(context: Option<std::sync::Arc<Context>>) -> WalkBudget {
        WalkBudget::new(&Call::alone(context))
    }

    fn rest(walk: &mut PathWalk, budget: &mut WalkBudget) -> Result<Vec<Vec<u8>>> {
        std::iter::from_fn(|| walk.next(budget).transpose()).collect()
    }

    #[test]
    fn links_are_taken_in_the_middle() {
        let mut budget = budget(None);
        let mut walk = budget.walk(b"a/b/c", 1);
        assert_eq!(walk.next(&mut budget).unwrap().unwrap(), b"b");
        walk.follow(b"/x//./../y").unwrap();
        assert_eq!(rest(&mut walk, &mut budget).unwrap(), [&b"x"[..], b"..", b"y", b"c"]);
    }

    #[test]
    fn a_path_has_an_end() {
        let mut budget = budget(None);
        let mut walk = budget.walk(b"a", 0);
        let outcome = (0..).map(|_| walk.follow(b"a")).find(Result::is_err).unwrap();
        assert!(outcome.unwrap_err().message().contains("40 links"));
        let mut walk = budget.walk(b"a", 0);
        walk.follow(&b"d/../".repeat(1000)).unwrap();
        assert!(rest(&mut walk, &mut budget).unwrap_err().message().contains("1024 steps"));
    }

    /// No path is too long, but each costs a thousand times what it costs to write.
    #[test]
    fn all_paths_together_have_an_end() {
        let mut budget = budget(None);
        let mut one = || {
            let mut walk = budget.walk(b"l/f", 0);
            walk.next(&mut budget)?;
            walk.follow(&b"d/../".repeat(500))?;
            rest(&mut walk, &mut budget)
        };
        let spent = (0..100_000).find(|_| one().is_err()).unwrap();
        assert!((1000..1100).contains(&spent), "{spent}");
        // Paths of real images stay below the limits.
        let mut budget = self::budget(None);
        for _ in 0..1_000_000 {
            let mut walk = budget.walk(b"lib/x/y", 0);
            walk.next(&mut budget).unwrap();
            walk.follow(b"usr/lib").unwrap();
            rest(&mut walk, &mut budget).unwrap();
        }
    }

    #[test]
    fn it_can_be_left_at_each_step() {
        let context = std::sync::Arc::new(Context::new());
        let mut budget = budget(Some(context.clone()));
        let mut walk = budget.walk(b"a/b", 0);
        walk.next(&mut budget).unwrap();
        context.cancel();
        assert_eq!(walk.next(&mut budget).unwrap_err().code(), Code::Cancelled);
    }
}
