//! Which repositories have which blobs, as lines of text: HOST DIGEST REPOSITORY. No I/O.

use std::collections::HashMap;

use crate::digest::Digest;
use crate::reference::is_repository;

/// More are not kept in memory.
const MOST: usize = 20_000;
/// The longest host or repository that is believed.
const LONGEST: usize = 255;

/// The newest place of each blob.
#[derive(Debug, Default)]
pub(crate) struct BlobLocations {
    blobs: HashMap<(String, Digest), (u64, String)>,
    /// How many have been added.
    count: u64,
}

impl BlobLocations {
    /// Adds a place, which is the newest then; false if it cannot be one.
    pub(crate) fn add(&mut self, host: &str, digest: &Digest, repository: &str) -> bool {
        if !is_host(host) || !is_repository(repository) || repository.len() > LONGEST {
            return false;
        }
        self.count += 1;
        self.blobs.insert((host.to_owned(), digest.clone()), (self.count, repository.to_owned()));
        if self.blobs.len() > MOST {
            let middle = self.count.saturating_sub(MOST as u64 / 2);
            self.blobs.retain(|_, (number, _)| *number > middle);
        }
        true
    }

    pub(crate) fn repository_of(&self, host: &str, digest: &Digest) -> Option<&str> {
        self.blobs.get(&(host.to_owned(), digest.clone())).map(|(_, repository)| repository.as_str())
    }

    /// Adds what lines say, the oldest first; what is not such a line counts as nothing.
    pub(crate) fn read(&mut self, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
            let mut words = line.split(' ');
            let (host, digest, repository, more) = (words.next(), words.next(), words.next(), words.next());
            let digest = digest.and_then(|digest| digest.parse::<Digest>().ok());
            if let (Some(host), Some(digest), Some(repository), None) = (host, digest, repository, more) {
                self.add(host, &digest, repository);
            }
        }
    }

    pub(crate) fn line(host: &str, digest: &Digest, repository: &str) -> String {
        format!("{host} {digest} {repository}\n")
    }

    /// The lines of the newest, so many bytes at most.
    pub(crate) fn newest(&self, most: u64) -> String {
        let mut all: Vec<_> = self.blobs.iter().collect();
        all.sort_by_key(|(_, (number, _))| std::cmp::Reverse(*number));
        let mut size = 0;
        let mut lines: Vec<String> = all
            .into_iter()
            .map(|((host, digest), (_, repository))| BlobLocations::line(host, digest, repository))
            .take_while(|line| {
                size += line.len() as u64;
                size <= most
            })
            .collect();
        lines.reverse();
        lines.concat()
    }
}

fn is_host(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn digest(number: usize) -> Digest {
        Algorithm::Sha256.digest(number.to_string().as_bytes())
    }

    #[test]
    fn what_is_written_is_read_again_and_the_last_word_counts() {
        let mut places = BlobLocations::default();
        let text = ["a/b", "c", "d"].map(|name| BlobLocations::line("h:5000", &digest(1), name)).concat();
        places.read(text.as_bytes());
        assert_eq!(
            (places.repository_of("h:5000", &digest(1)), places.repository_of("h", &digest(1))),
            (Some("d"), None)
        );
        let mut again = BlobLocations::default();
        again.read(places.newest(1 << 20).as_bytes());
        assert_eq!(again.repository_of("h:5000", &digest(1)), Some("d"));
    }

    #[test]
    fn what_is_no_place_is_nothing() {
        let good = digest(1);
        let mut places = BlobLocations::default();
        let long = "x".repeat(300);
        for line in [
            String::new(),
            "h".to_owned(),
            format!("h {good}"),
            format!("h {good} a b"),
            format!("h {good} "),
            "h sha256:12 a".to_owned(),
            format!("h  {good} a"),
            format!(" {good} a"),
            format!("h {good} a&from=b"),
            format!("h {good} ../a"),
            format!("h {good} a//b"),
            format!("h {good} /a"),
            format!("h {good} A"),
            format!("h {good} a\u{0}b"),
            format!("h {good} {long}"),
            format!("{long} {good} a"),
            // A line that was cut off, and the next one.
            format!("h {good} ah {good} b"),
        ] {
            places.read(line.as_bytes());
            assert!(places.blobs.is_empty(), "{line:?}");
        }
        places.read(&[&[0xff; 100][..], b"\n", BlobLocations::line("h", &good, "a/b-c_d.e").as_bytes()].concat());
        assert_eq!(places.repository_of("h", &good), Some("a/b-c_d.e"));
    }

    #[test]
    fn the_oldest_go() {
        let mut places = BlobLocations::default();
        for number in 0..3 * MOST {
            assert!(places.add("h", &digest(number % (2 * MOST)), "a"));
            assert!(places.blobs.len() <= MOST);
        }
        assert!(places.repository_of("h", &digest(3 * MOST - 1 - 2 * MOST)).is_some());
        let kept = places.newest(1000);
        assert!(kept.len() <= 1000 && kept.lines().count() > 5);
        assert!(kept.ends_with(&BlobLocations::line("h", &digest(MOST - 1), "a")));
    }
}
