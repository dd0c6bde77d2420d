//! Names that a program is given.

use ocireg::digest::Digest;
use ocireg::place::Place;
use ocireg::platform::Platform;
use ocireg::reference::{Index, Reference, Repository};

use crate::sandbox::{fit, text};

/// A name that is read is the same when it is written and read again, and can only be a path in one way.
pub fn reference(bytes: &[u8]) {
    let text = text(bytes);
    if let Some(name) = fit(Reference::parse(&text, None)) {
        let again = Reference::parse(&name.canonical_ref(), None).unwrap();
        assert_eq!(again.canonical_ref(), name.canonical_ref());
        let path = name.repository().remote_name();
        assert!(path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{path}");
        assert!(path.is_ascii() && path.len() <= 255, "{path}");
    }
    if let Some(repository) = fit(Repository::parse(&text, None)) {
        assert_eq!(Repository::parse(&repository.canonical_name(), None).unwrap(), repository);
    }
    if let Some(index) = fit(Index::parse(&text)) {
        assert!(Index::parse(&index.name).is_ok_and(|again| again.name == index.name), "{}", index.name);
    }
}

/// Only an algorithm and as many hexadecimal digits as it has: nothing that changes a path or a URL.
pub fn digest(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.as_str(), text);
        assert_eq!(format!("{}:{}", digest.algorithm().name(), digest.hex()), text);
        assert!([64, 128].contains(&digest.hex().len()));
        assert!(digest.hex().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    }
}

pub fn platform(bytes: &[u8]) {
    if let Ok(platform) = text(bytes).parse::<Platform>() {
        assert_eq!(platform.to_string().parse::<Platform>().unwrap(), platform);
    }
}

pub fn place(bytes: &[u8]) {
    let Some(place) = fit(Place::parse(&text(bytes))) else { return };
    assert!(place.to_json().is_object());
}
