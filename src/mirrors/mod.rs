//! Where else a registry's images can be had: the endpoints to ask for a repository, in order, and what each may be asked.
//!
//! A [`Rule`] says that of the names that it is for; rules come from options and from the machine's files (a reader for each format is
//! beside). [`Rules::of_name`] finds the rule of a repository. The same files say where signatures are ([`RegistriesD`]). Nothing here reads
//! files or asks anybody.

mod config_text;
pub(crate) mod daemon_json;
mod endpoint;
mod forbidden_hosts;
mod host_path;
pub(crate) mod hosts_toml;
mod mirrors_option;
mod registries_conf;
mod registries_d;
pub(crate) mod registries_yaml;
mod rename;
mod rule_source;
mod rules;
mod short_names;
mod toml_tables;
pub(crate) mod yaml;

pub(crate) use config_text::ConfigText;
pub(crate) use endpoint::{Abilities, EndpointBase, EndpointKey, EndpointTls, RegistryEndpoint};
pub(crate) use forbidden_hosts::ForbiddenHosts;
pub use mirrors_option::Mirrors;
pub(crate) use registries_conf::RegistriesConf;
pub(crate) use registries_d::{ImageSignatures, RegistriesD};
pub(crate) use rename::Rename;
pub(crate) use rule_source::RuleSource;
#[cfg(test)]
pub(crate) use rules::NameScope;
pub(crate) use rules::{Rule, Rules, Unreadable};
pub(crate) use short_names::ShortNames;
