//! The boundary to C: the header, the symbols, and what the release library was built with.
//!
//! Needs the release library (`make`), which `make test` builds before.

mod command_circles;
mod supply_chain;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> String {
    std::fs::read_to_string(root().join("include/ocireg.h")).unwrap()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The functions declared by the header.
fn declared() -> BTreeSet<String> {
    let text: String = header()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with('*'))
        .collect();
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("ocireg_") {
        let name: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if text[at + name.len()..].starts_with('(') {
            names.insert(name);
        }
    }
    names
}

#[test]
fn the_header_is_what_the_source_says() {
    let made = std::fs::read_to_string(env!("OCIREG_MADE_HEADER")).unwrap();
    assert!(made == header(), "include/ocireg.h has drifted: run 'make header' and commit it");
}

#[test]
fn symbols_header_and_list_agree() {
    let library = root().join("target/release/libocireg.so");
    let symbols = run("nm", &["-D", "--defined-only", library.to_str().unwrap()]);
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect();
    let list = std::fs::read_to_string(root().join("tests/abi/symbols.txt")).unwrap();
    let listed: BTreeSet<String> =
        list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect();
    assert_eq!(exported, listed, "the library's symbols and tests/abi/symbols.txt differ");
    assert_eq!(declared(), listed, "the header's functions and tests/abi/symbols.txt differ");
    assert!(listed.iter().all(|name| name.starts_with("ocireg_")));
}

#[test]
fn every_function_says_what_it_gives() {
    let text = header();
    for name in declared() {
        let is_code = |at: &usize| !text[text[..*at].rfind('\n').unwrap()..].trim_start().starts_with(['/', '*']);
        let at = text.match_indices(&format!("{name}(")).map(|(at, _)| at).find(is_code).unwrap();
        let before = &text[..at];
        let comment = &before[before.rfind("\n\n").unwrap_or(0)..];
        assert!(comment.contains("//"), "{name} has no comment");
        if text[before.rfind('\n').unwrap()..at].contains("ocireg_status") && !name.ends_with("_code") {
            assert!(comment.contains("rrors"), "{name} does not document its errors");
        }
    }
    assert!(!text.contains("# Safety"), "Rust's documentation habits in a C header");
}

/// `tests/c/test_all_jobs.c` goes over that table.
#[test]
fn every_function_that_blocks_is_in_the_table_of_the_c_tests() {
    let table = std::fs::read_to_string(root().join("tests/c/calls.c")).unwrap();
    let text = header();
    let blocks = |declaration: &&str| {
        declaration.contains("ocireg_client *client,") && declaration.contains("ocireg_context *context,")
    };
    let names = text.split("\nocireg_status ocireg_").skip(1).map(|rest| rest.split(");").next().unwrap());
    let names: Vec<&str> = names.filter(blocks).map(|declaration| declaration.split('(').next().unwrap()).collect();
    assert!(names.len() >= 80, "only {} functions", names.len());
    for name in names {
        assert!(table.contains(&format!("{{\"{name}\", \"Cx")), "tests/c/calls.c lacks {name}");
    }
}

#[test]
fn the_header_compiles_alone_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let strict = ["-fsyntax-only", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Iinclude"];
    let compile = |compiler: &str, file: &Path, more: &[&str]| {
        run(compiler, &[&strict[..], more, &[file.to_str().unwrap()]].concat());
    };
    let c = folder.path().join("alone.c");
    std::fs::write(&c, "#include <ocireg.h>\nint main(void) { return (int)sizeof(ocireg_status) - 4; }\n").unwrap();
    for standard in ["c99", "c11", "c17", "c2x"] {
        compile("gcc", &c, &[&format!("-std={standard}"), "-Wc++-compat"]);
    }
    let cpp = folder.path().join("alone.cpp");
    std::fs::copy(&c, &cpp).unwrap();
    for standard in ["c++11", "c++14", "c++17", "c++20", "c++23"] {
        compile("g++", &cpp, &[&format!("-std={standard}")]);
    }
}

#[test]
fn the_readmes_program_builds() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let program = readme.split("```c\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("tags.c"), folder.path().join("tags"));
    std::fs::write(&source, program).unwrap();
    let arguments =
        ["-Wall", "-Wextra", "-Werror", source.to_str().unwrap(), "-Iinclude", "-Ltarget/release", "-locireg", "-o"];
    run("cc", &[&arguments[..], &[out.to_str().unwrap()]].concat());
    let linked = run("readelf", &["-d", out.to_str().unwrap()]);
    assert!(linked.contains("libocireg.so"), "{linked}");
}

#[test]
fn versions_agree() {
    let text = header();
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("#define OCIREG_VERSION \"{version}\"")));
    for (name, part) in ["MAJOR", "MINOR", "PATCH"].iter().zip(version.split('.')) {
        assert!(text.contains(&format!("#define OCIREG_VERSION_{name} {part}\n")), "{name}");
    }
}

#[test]
fn the_release_library_is_built_as_it_should_be() {
    let library = std::fs::read(root().join("target/release/libocireg.so")).unwrap();
    let contains = |needle: &str| library.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(!contains("force_panic"), "the hook of the panic test is in the shipped library");
    let path = root().join("target/release/libocireg.so");
    let dynamic = run("readelf", &["-d", path.to_str().unwrap()]);
    assert!(dynamic.contains("NODELETE"), "the library could be unloaded while its threads run");
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    let abi = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    assert!(dynamic.contains(&format!("soname: [libocireg.so.{abi}]")), "{dynamic}");
    // Link-time optimisation saves an eighth: 11.0 MB with it would be more than 12 without.
    assert!(library.len() < 22 << 19, "{} bytes: was link-time optimisation on?", library.len());
}
