//! What is fuzzed. A target takes any bytes and panics when a promise about them is broken. The same functions are called by the tests
//! (`../main.rs`: the seeds, changed at random) and by libFuzzer (`../libfuzzer`: guided by coverage).

pub mod answers;
pub mod archives;
pub mod auth;
pub mod documents;
pub mod ffi;
pub mod ffi_arguments;
pub mod headers;
pub mod layers;
pub mod machine;
pub mod names;
pub mod schema1;
pub mod tar_script;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// How often the tests call it.
    pub rounds: u64,
    /// The most bytes of memory that a call may hold at once.
    pub memory: usize,
}

const fn target(name: &'static str, run: fn(&[u8]), rounds: u64, memory: usize) -> Target {
    Target { name, run, rounds, memory }
}

const MIB: usize = 1 << 20;

pub const TARGETS: [Target; 37] = [
    target("challenge", headers::challenge, 10_000, MIB),
    target("realm", headers::realm, 10_000, MIB),
    target("scope", headers::scope, 10_000, MIB),
    target("link", headers::link, 10_000, MIB),
    target("range", headers::range, 10_000, MIB),
    target("retry_after", headers::retry_after, 10_000, MIB),
    target("rate_limit", headers::rate_limit, 10_000, MIB),
    target("warning", headers::warning, 10_000, MIB),
    target("location", headers::location, 10_000, MIB),
    target("reference", names::reference, 5_000, MIB),
    target("digest", names::digest, 20_000, MIB),
    target("platform", names::platform, 20_000, MIB),
    target("place", names::place, 5_000, MIB),
    target("auth_file", auth::auth_file, 5_000, MIB),
    target("token_answer", auth::token_answer, 5_000, MIB),
    target("refusal", auth::refusal, 5_000, MIB),
    target("registries_conf", machine::registries_conf, 1_000, MIB),
    target("hosts_toml", machine::hosts_toml, 1_000, MIB),
    target("registries_yaml", machine::registries_yaml, 1_000, MIB),
    target("daemon_json", machine::daemon_json, 2_000, MIB),
    target("registries_d", machine::registries_d, 1_000, MIB),
    target("manifest", documents::manifest, 2_000, 2 * MIB),
    target("index", documents::index, 2_000, 2 * MIB),
    target("config", documents::config, 2_000, 2 * MIB),
    target("page", documents::page, 5_000, MIB),
    target("v1_json", schema1::v1_json, 5_000, MIB),
    target("schema1", schema1::signed, 300, 2 * MIB),
    target("keys", schema1::keys, 500, MIB),
    target("layout_index", archives::layout_index, 200, 4 * MIB),
    target("saved_archive", archives::saved_archive, 200, 4 * MIB),
    target("tar", archives::tar, 5_000, 4 * MIB),
    target("extract", layers::extract_image, 300, 8 * MIB),
    // What xz and zstd may need for their windows.
    target("unpack", layers::unpack, 300, 200 * MIB),
    target("options", ffi::options, 500, 8 * MIB),
    target("json_pointer", ffi::json_pointer, 5_000, 2 * MIB),
    target("ffi_strings", ffi::strings, 300, 16 * MIB),
    target("answers", answers::copy, 100, 16 * MIB),
];

pub fn find(name: &str) -> Option<&'static Target> {
    const ALL: &[Target] = &TARGETS;
    ALL.iter().find(|target| target.name == name)
}
