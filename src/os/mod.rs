//! Everything that depends on the operating system: the only room that names `nix`, `libc`, `rustix` and `std::os`, except for unsafe
//! code in `ffi`. It does not know about registries or layouts.

pub(crate) mod child_process;
pub(crate) mod creation_mode;
pub(crate) mod descriptor;
pub(crate) mod file_version;
pub(crate) mod flush;
pub(crate) mod hidden_name;
pub(crate) mod home;
pub(crate) mod input;
pub(crate) mod lock;
pub(crate) mod main_thread;
pub(crate) mod offset;
pub(crate) mod open_folder;
pub(crate) mod output;
pub(crate) mod output_target;
pub(crate) mod owner;
pub(crate) mod resource_shortage;
pub(crate) mod safe_path;
pub(crate) mod signal;
pub(crate) mod special_file;
pub(crate) mod standard_descriptors;
pub(crate) mod temporary;
pub(crate) mod wake_descriptor;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    /// A page that is emptied in every child, signals that are taken away, and a thread's stack need unsafe code, which is in `ffi` only.
    const ALSO: [&str; 3] = ["ffi/fork.rs", "ffi/sigpipe.rs", "ffi/stack.rs"];

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        files.into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
    }

    #[test]
    fn no_other_room_talks_to_the_system() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let system =
            regex_lite::Regex::new(r"\b(nix|libc|rustix)::|\buse (nix|libc|rustix)\b|\bstd::os\b|\bstd::\{.*\bos::")
                .unwrap();
        let mut found = Vec::new();
        for path in sources(&source) {
            let name = path.strip_prefix(&source).unwrap();
            if name.starts_with("os") || ALSO.iter().any(|also| name == Path::new(also)) {
                continue;
            }
            for (number, line) in std::fs::read_to_string(&path).unwrap_or_default().lines().enumerate() {
                if system.is_match(line) {
                    found.push(format!("src/{}:{}: {}", name.display(), number + 1, line.trim()));
                }
            }
        }
        assert!(found.is_empty(), "what talks to the system belongs in src/os:\n{}", found.join("\n"));
    }
}
