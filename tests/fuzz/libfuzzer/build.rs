//! Writes the call of the target that OCIREG_FUZZ_TARGET names. Only that is in the program: libFuzzer looks at the counters of all code
//! after each input, and most targets need a small part of it.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-env-changed=OCIREG_FUZZ_TARGET");
    println!("cargo:rerun-if-changed=../targets/mod.rs");
    let (name, table) = (env::var("OCIREG_FUZZ_TARGET").unwrap(), fs::read_to_string("../targets/mod.rs").unwrap());
    let row = table.split_once(&format!("target(\"{name}\", ")).unwrap_or_else(|| panic!("no target {name}")).1;
    let function = row.split_once(',').unwrap().0;
    let call = format!("targets::{function}(data)");
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("call.rs"), call).unwrap();
}
