use super::*;

fn folder() -> (tempfile::TempDir, OpenFolder) {
    let made = tempfile::tempdir().unwrap();
    let open = OpenFolder::open(made.path()).unwrap();
    (made, open)
}

fn names(folder: &OpenFolder) -> Vec<String> {
    let mut found = Vec::new();
    let each = |name: &[u8], _| {
        found.push(String::from_utf8_lossy(name).into_owned());
        io::Result::Ok(true)
    };
    folder.names(each).unwrap();
    found.sort();
    found
}

#[test]
fn no_link_is_followed() {
    let (_made, folder) = folder();
    folder.make_folder(b"inner", 0o755).unwrap();
    folder.make_file(b"file").unwrap();
    folder.make_link(b"link", b"inner").unwrap();
    folder.make_hard_link(b"other", &folder, b"file").unwrap();
    assert_eq!(names(&folder), ["file", "inner", "link", "other"]);
    assert!(matches!(folder.enter(b"inner").unwrap(), OpenedEntry::Folder(_)));
    assert!(matches!(folder.enter(b"none").unwrap(), OpenedEntry::Missing));
    for name in [&b"link"[..], b"file"] {
        assert!(matches!(folder.enter(name).unwrap(), OpenedEntry::NotAFolder));
        assert!(!folder.status_of(name).unwrap().is_folder);
    }
    assert_eq!(folder.read_link(b"link").unwrap(), b"inner");
    assert!(folder.set_permissions_of(b"link", 0o777).is_err());
    assert_eq!(folder.make_file(b"link").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn what_is_removed_is_gone() {
    let (_made, folder) = folder();
    folder.make_folder(b"inner", 0o755).unwrap();
    folder.make_file(b"file").unwrap();
    let OpenedEntry::Folder(inner) = folder.enter(b"inner").unwrap() else { panic!("no folder") };
    inner.make_file(b"file").unwrap();
    assert!(folder.remove(b"file").unwrap() && folder.remove(b"file").unwrap());
    assert!(!folder.remove(b"inner").unwrap() && !folder.remove_folder(b"inner").unwrap());
    assert!(inner.remove(b"file").unwrap());
    assert!(folder.remove_folder(b"inner").unwrap());
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn a_new_name_takes_no_others() {
    let (_made, folder) = folder();
    let (_other_made, other) = self::folder();
    for name in [b"one", b"two", b"big"] {
        folder.make_file(name).unwrap();
    }
    folder.rename(b"one", &other, b"new").unwrap();
    assert_eq!(folder.rename_new(b"two", &other, b"new").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    folder.rename(b"two", &other.reopen().unwrap(), b"new").unwrap();
    folder.rename_new(b"big", &other, b"another").unwrap();
    assert_eq!((names(&folder).len(), names(&other)), (0, vec!["another".to_owned(), "new".to_owned()]));
    assert!(other.status_of(b"new").unwrap().is_plain && !folder.status().unwrap().is_plain);
}

/// A time of C's may have 32 bits, which end in 2038.
#[test]
fn times_and_permissions_are_as_they_were_given() {
    let (_made, folder) = folder();
    let file = folder.make_file(b"file").unwrap();
    folder.make_link(b"link", b"file").unwrap();
    for seconds in [0, 1_000_000_000, 4_102_444_800] {
        set_time(&file, Time::of(seconds)).unwrap();
        folder.set_time_of(b"link", Time::of(seconds + 1)).unwrap();
        assert_eq!(folder.status_of(b"file").unwrap().changed, Time::of(seconds));
        assert_eq!(folder.status_of(b"link").unwrap().changed, Time::of(seconds + 1));
    }
    assert_eq!(folder.status_of(b"file").unwrap().permissions, 0o600);
    set_permissions(&file, 0o4711).unwrap();
    assert_eq!(folder.status_of(b"file").unwrap().permissions, 0o4711);
    folder.set_permissions_of(b"file", 0o000).unwrap();
    assert_eq!(folder.status_of(b"file").unwrap().permissions, 0);
}

#[cfg(not(target_vendor = "apple"))]
#[test]
fn a_device_whose_number_does_not_fit_is_not_made_into_another() {
    for (major, minor) in [(0, 0), (1, 3), (0xfff, 0xf_ffff), (1, 0x10_0000 - 1), (0xfff, 0)] {
        let number = device(major, minor).unwrap();
        assert!(u32::try_from(number).is_ok(), "{major}:{minor}");
        assert_eq!((rustix::fs::major(number), rustix::fs::minor(number)), (major, minor));
    }
    let folder = tempfile::tempdir().unwrap();
    let here = OpenFolder::open(folder.path()).unwrap();
    for (major, minor) in [(0x1001, 3), (0x1000, 0), (1, 0x10_0003), (u32::MAX, 3), (1, u32::MAX)] {
        for what in [SpecialFile::Character(major, minor), SpecialFile::Block(major, minor)] {
            let error = here.make_special(b"device", what, 0o600).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{what:?}");
        }
    }
}
