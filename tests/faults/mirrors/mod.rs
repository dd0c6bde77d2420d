//! Mirrors: who is asked, in which order, and what happens to one that fails.

mod files;
pub mod house;
mod liars;
mod matrix;
mod order;
mod probes;
mod resume;
mod rules;
mod secrets;
mod slow;
mod writes;
