//! Mirrors: which are asked, in which order, and what happens to one that fails.

mod closed;
mod configurations;
mod expectation;
mod file_credentials;
mod files;
pub mod house;
mod liars;
mod matrix;
mod no_fallback;
mod not_its_fault;
mod operations;
mod order;
mod own_tags;
mod own_tags_by_files;
mod probes;
mod resume;
mod rules;
mod secrets;
mod served_by;
mod slow;
mod throttles;
mod writes;
