//! Generates the C header from the `ffi` room, and links the shared library so that it is never unloaded: one of its
//! threads may still be running.

#[path = "src/ffi/header/options.rs"]
mod options;

use std::path::Path;
use std::{env, fs, process};

use options::Declarations;

const HEADER: &str = "include/ocireg.h";
/// Constants that C has as macros too: cbindgen generates none for strings.
const MEDIA_TYPES: &str = "src/media_type.rs";
const REGISTRY: &str = "src/docker_hub.rs";
const REFERENCE: &str = "src/reference/mod.rs";

fn main() {
    println!("cargo:rerun-if-changed=src/ffi");
    println!("cargo:rerun-if-changed={HEADER}");
    println!("cargo:rerun-if-changed={MEDIA_TYPES}");
    println!("cargo:rerun-if-changed={REGISTRY}");
    println!("cargo:rerun-if-changed={REFERENCE}");
    println!("cargo:rerun-if-env-changed=OCIREG_WRITE_HEADER");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    let made = make_header();
    let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("ocireg.h");
    write(&out, &made);
    if env::var_os("OCIREG_WRITE_HEADER").is_some() {
        write(Path::new(HEADER), &made);
    } else if fs::read_to_string(HEADER).ok().as_deref() != Some(&made) {
        println!("cargo:warning={HEADER} is not what src/ffi says: 'make header' writes it");
    }
    println!("cargo:rustc-env=OCIREG_MADE_HEADER={}", out.display());
}

fn make_header() -> String {
    let mut config = match cbindgen::Config::from_file("src/ffi/header/cbindgen.toml") {
        Ok(config) => config,
        Err(error) => fail(&format!("src/ffi/header/cbindgen.toml: {error}")),
    };
    config.header = Some(read(Path::new("src/ffi/header/preamble.h")));
    let names = format!(
        "\n/* The defaults for names without a registry or tag. */\n{}{}",
        text_macros(REGISTRY, "OCIREG_"),
        text_macros(REFERENCE, "OCIREG_")
    );
    let types = "\n/* Media types. */\n".to_owned() + &text_macros(MEDIA_TYPES, "OCIREG_MEDIA_TYPE_");
    let options = Declarations::find("src");
    for file in &options.files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let keys = "\n/* The keys of options. */\n".to_owned() + &options.constants();
    config.after_includes = Some(version_macros() + &names + &types + &keys);
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in [
        "status",
        "version",
        "memory",
        "json",
        "error",
        "options",
        "context",
        "client",
        "names",
        "registry",
        "manifest",
        "referrers",
        "byte_callbacks",
        "blob/get",
        "blob/reader",
        "blob/put",
        "upload",
        "session",
        "copy",
        "place",
        "artifact",
        "sync",
        "schema1",
        "login",
        "token",
        "v1/read",
        "v1/layer",
        "v1/write",
        "image",
        "index",
        "export",
        "files",
        "job",
    ] {
        builder = builder.with_src(format!("src/ffi/{file}.rs"));
    }
    let mut text = Vec::new();
    match builder.generate() {
        Ok(bindings) => bindings.write(&mut text),
        Err(error) => fail(&format!("cbindgen: {error}")),
    }
    options.expand(&String::from_utf8_lossy(&text)).replace('…', "...")
}

fn version_macros() -> String {
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION{name}")).unwrap_or_default();
    let (major, minor, patch) = (part("_MAJOR"), part("_MINOR"), part("_PATCH"));
    format!(
        "\n/* The version of this header; ocireg_version() returns that of the library. */\n\
         #define OCIREG_VERSION \"{}\"\n#define OCIREG_VERSION_MAJOR {major}\n#define OCIREG_VERSION_MINOR {minor}\n\
         #define OCIREG_VERSION_PATCH {patch}\n\
         #define OCIREG_VERSION_NUMBER ((OCIREG_VERSION_MAJOR << 16) | (OCIREG_VERSION_MINOR << 8) | OCIREG_VERSION_PATCH)\n",
        part("")
    )
}

/// The file's public string constants, one macro each, with their descriptions.
fn text_macros(file: &str, prefix: &str) -> String {
    let source = read(Path::new(file));
    let (mut macros, mut about) = (String::new(), String::new());
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            about += &format!("// {text}\n");
        } else {
            let constant = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(": &str = "));
            if let Some((name, value)) = constant {
                macros += &format!("{about}#define {prefix}{name} {}\n", value.trim_end_matches(';'));
            }
            about.clear();
        }
    }
    macros
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| fail(&format!("{}: {error}", path.display())))
}

fn write(path: &Path, text: &str) {
    // An unchanged file keeps its time, so that nothing is built again.
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).unwrap_or_else(|error| fail(&format!("{}: {error}", path.display())));
    }
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    process::exit(1)
}
