//! Names of hidden files and folders beside what they become.

use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How the names of hidden files begin and end that are no one's yet; six letters and digits of chance are between them. No other program
/// gives such names.
pub(super) const HIDDEN: (&str, &str) = (".ocireg-", ".partial");

/// How long a file's name may be, in bytes: the limit of all usual file systems.
const MOST: usize = 255;
/// Room for what else may be added, such as six random letters.
const ROOM: usize = 8;
/// Of names that must be cut: what tells one from another.
const MARK: usize = 17;

/// A path beside the target, whose name says what it is for, and always the same: `.NAME` and the suffix. A name that would be too long is cut.
pub(crate) fn hidden_beside(target: &Path, suffix: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    let mut hidden = OsString::from(".");
    match MOST - ROOM - 1 - suffix.len() {
        room if name.len() <= room => hidden.push(name),
        room => {
            let mut hasher = DefaultHasher::new();
            hasher.write(name.as_bytes());
            hidden.push(OsStr::from_bytes(beginning(name.as_bytes(), room - MARK)));
            hidden.push(format!(".{:016x}", hasher.finish()));
        }
    }
    hidden.push(suffix);
    target.with_file_name(hidden)
}

/// At most so many bytes, and no part of a character: some file systems take whole ones only.
fn beginning(name: &[u8], most: usize) -> &[u8] {
    let is_within = |at: &usize| name[*at] & 0xc0 == 0x80;
    let cut = (0..=most).rev().find(|at| !is_within(at)).unwrap_or(most);
    &name[..cut]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_name_that_a_file_can_have() {
        let hidden = |name: &str| {
            let path = hidden_beside(&Path::new("/a").join(name), ".partial.d");
            assert_eq!(path.parent(), Some(Path::new("/a")));
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(hidden("b"), ".b.partial.d");
        let most = "x".repeat(MOST - ROOM - 11);
        assert_eq!(hidden(&most), format!(".{most}.partial.d"));
        for length in [MOST - ROOM - 10, MOST] {
            let (one, other) = (hidden(&format!("{}1", "x".repeat(length - 1))), hidden(&"x".repeat(length)));
            assert_eq!((one.len(), other.len()), (MOST - ROOM, MOST - ROOM));
            assert!(one != other && one.ends_with(".partial.d"), "{one} {other}");
        }
        // `hidden` wants whole characters.
        for before in 0..3 {
            hidden(&format!("{}{}", "x".repeat(before), "語".repeat(84)));
        }
    }
}
