//! Where else a registry's images can be had: the endpoints to ask for a repository, in order, and what each may be asked.
//!
//! A [`Rule`] says that of the names that it is for; rules come from options and from the machine's files (a reader for each format is
//! beside). [`Rules::of`] finds the rule of a repository. Nothing here reads files or asks anybody.

mod endpoint;
mod rename;
mod rules;

pub(crate) use endpoint::{Abilities, Endpoint, EndpointBase, EndpointTls};
pub(crate) use rename::Rename;
pub(crate) use rules::{NameScope, Rule, RuleSource, Rules};
