//! One target, called by libFuzzer.

#![no_main]

#[path = "../../faults/common.rs"]
#[allow(dead_code)]
mod common;
#[path = "../../faults/memory.rs"]
#[allow(dead_code)]
mod memory;
#[path = "../sandbox.rs"]
#[allow(dead_code)]
mod sandbox;
#[path = "../../faults/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../targets/mod.rs"]
#[allow(dead_code)]
mod targets;

libfuzzer_sys::fuzz_target!(init: { sandbox::folder(); }, |data: &[u8]| include!(concat!(env!("OUT_DIR"), "/call.rs")));
