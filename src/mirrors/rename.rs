//! What a repository is called at an endpoint.

use std::fmt;

use crate::reference::is_repository;

/// How the name of a repository changes.
#[derive(Debug, Clone)]
pub(crate) enum Rename {
    /// It is called as at its own registry.
    Keep,
    /// The beginning, of whole components, is another: `from` may be empty, `to` as well.
    Prefix {
        /// Components of the repository's name at its own registry.
        from: String,
        /// Components instead of these.
        to: String,
    },
    /// The first expression that makes it another replaces all that it finds (k3s's `rewrite`).
    Expressions(Vec<(regex_lite::Regex, String)>),
}

// Two that are written alike rename alike.
impl fmt::Display for Rename {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rename::Keep => Ok(()),
            Rename::Prefix { from, to } => write!(out, "{from}/ {to}/"),
            Rename::Expressions(rules) => {
                rules.iter().try_for_each(|(from, to)| write!(out, "{} {to} ", from.as_str()))
            }
        }
    }
}

impl Rename {
    /// The name there; None: it is not one of those that this is for, or what it becomes is not a repository's name.
    pub(crate) fn apply(&self, name: &str) -> Option<String> {
        let renamed = match self {
            Rename::Keep => Some(name.to_owned()),
            Rename::Prefix { from, to } => {
                let rest = match from.as_str() {
                    "" => name,
                    from => match name.strip_prefix(from)? {
                        "" => "",
                        rest => rest.strip_prefix('/')?,
                    },
                };
                let parts = [to.as_str(), rest];
                Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
            }
            Rename::Expressions(rules) => {
                let renamed = rules.iter().map(|(from, to)| from.replace_all(name, to.as_str()));
                Some(renamed.into_iter().find(|renamed| renamed != name).unwrap_or(name.into()).into_owned())
            }
        };
        // An endpoint's own host does not matter: this is about components and what they consist of.
        renamed.filter(|name| matches!(self, Rename::Keep) || is_repository(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_of_whole_components() {
        let rename = |from: &str, to: &str, name: &str| Rename::Prefix { from: from.into(), to: to.into() }.apply(name);
        assert_eq!(rename("", "proxy", "a/b"), Some("proxy/a/b".into()));
        assert_eq!(rename("a", "", "a/b"), Some("b".into()));
        assert_eq!(rename("a", "x/y", "a/b"), Some("x/y/b".into()));
        assert_eq!(rename("a/b", "x", "a/b"), Some("x".into()));
        assert_eq!(rename("a", "x", "ab/c"), None);
    }

    #[test]
    fn expressions_give_names_only() {
        let rename = |from: &str, to: &str, name: &str| {
            Rename::Expressions(vec![(regex_lite::Regex::new(from).unwrap(), to.into())]).apply(name)
        };
        assert_eq!(rename("^rancher/(.*)", "mirrors/$1", "rancher/pause"), Some("mirrors/pause".into()));
        assert_eq!(rename("a", "b", "aa/a"), Some("bb/b".into()));
        assert_eq!(rename("^x", "y", "a/b"), Some("a/b".into()));
        let two =
            [("^a/(.*)", "a/$1"), ("^a/", "c/")].map(|(from, to)| (regex_lite::Regex::new(from).unwrap(), to.into()));
        assert_eq!(Rename::Expressions(two.to_vec()).apply("a/b"), Some("c/b".into()));
        for to in ["../$0", "/$0", "A", "$0?x=1", "a//b", "$0/", "http://evil/$0", "a@b"] {
            assert_eq!(rename("^a/b$", to, "a/b"), None, "{to}");
        }
    }
}
