//! Which files of an artifact are wanted, and whether they can be files here. Pure.

use serde::Serialize;

use super::{file_title, TAR_DIGEST, UNPACK};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::text::shorten;

/// A file of an artifact that is wanted.
#[derive(Debug, Clone)]
pub(super) struct WantedFile {
    pub(super) descriptor: Descriptor,
    pub(super) title: String,
    /// Where it will be, from the folder on; empty for the folder itself.
    pub(super) path: String,
    /// It is a folder, packed; and the digest of its tar, if its maker said that.
    pub(super) folder: Option<Option<Digest>>,
}

/// A part of an artifact that is not pulled.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct SkippedFile {
    /// The digest of its blob.
    pub digest: Digest,
    /// The size of its blob.
    pub size: u64,
    /// The type that its descriptor gives.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// Why: `no title`, or `not wanted`.
    pub reason: &'static str,
}

/// What is chosen by title and by media type; without a list all are.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileChoice<'a> {
    titles: Option<&'a [String]>,
    media_types: Option<&'a [String]>,
    unpack: bool,
}

impl<'a> FileChoice<'a> {
    /// Refuses lists that name nothing: a program that has found nothing does not want everything.
    pub(super) fn new(
        titles: Option<&'a [String]>,
        media_types: Option<&'a [String]>,
        unpack: bool,
    ) -> Result<FileChoice<'a>> {
        for (key, list) in [("titles", titles), ("media_types", media_types)] {
            if list.is_some_and(<[String]>::is_empty) {
                let message = format!(
                    "the option {key} is an empty list, which names nothing: without the option it is all files"
                );
                return Err(Error::new(Code::InvalidArgument, message));
            }
        }
        Ok(FileChoice { titles, media_types, unpack })
    }
}

/// The files that are wanted, and what is passed over. Titles that are not valid are refused, before anything is fetched.
pub(super) fn choose(layers: &[Descriptor], choice: FileChoice) -> Result<(Vec<WantedFile>, Vec<SkippedFile>)> {
    let (mut wanted, mut passed) = (Vec::new(), Vec::new());
    for layer in layers {
        let title = layer.annotation(file_title::TITLE);
        let fits = |patterns: Option<&[String]>, text: &str| {
            patterns.is_none_or(|some| some.iter().any(|one| matches(one, text)))
        };
        let reason = match title {
            None => Some("no title"),
            Some(title) if !fits(choice.titles, title) || !fits(choice.media_types, &layer.media_type) => {
                Some("not wanted")
            }
            Some(_) => None,
        };
        match (reason, title) {
            (None, Some(title)) => wanted.push(file(layer, title, choice.unpack)?),
            (reason, title) => passed.push(SkippedFile {
                digest: layer.digest.clone(),
                size: layer.size,
                media_type: layer.media_type.clone(),
                title: title.map(str::to_owned),
                reason: reason.unwrap_or_default(),
            }),
        }
    }
    if let Some(why) = file_title::clash(wanted.iter().map(|file| file.path.as_str())) {
        return Err(invalid(why).with_hint("the option titles chooses some of the files"));
    }
    if wanted.is_empty() && (choice.titles.is_some() || choice.media_types.is_some()) {
        return Err(Error::new(Code::NotFound, "no file of the artifact has such a title or media type"));
    }
    Ok((wanted, passed))
}

fn file(layer: &Descriptor, title: &str, unpack: bool) -> Result<WantedFile> {
    let folder = (unpack && layer.annotation(UNPACK) == Some("true"))
        .then(|| layer.annotation(TAR_DIGEST).and_then(|digest| digest.parse().ok()));
    let refused = |why: String| {
        let error = invalid(format!("the title '{}' {why}: no file can have it here", shorten(title)));
        error.with_hint("other files can be chosen with the option titles")
    };
    let path = file_title::path_of(title).map_err(refused)?;
    match path.is_empty() && folder.is_none() {
        true => Err(refused("names a folder".to_owned())),
        false => Ok(WantedFile { descriptor: layer.clone(), title: title.to_owned(), path, folder }),
    }
}

/// Whether a text is what a pattern says: `*` is any text, `?` any one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place, mut retry) = (0, 0, None);
    while place < text.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at, place));
                at += 1;
            }
            Some(one) if *one == '?' || *one == text[place] => (at, place) = (at + 1, place + 1),
            // The last star takes one more character.
            _ => match retry {
                Some((star, taken)) => {
                    retry = Some((star, taken + 1));
                    (at, place) = (star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|one| *one == '*')
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidManifest, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Algorithm;

    fn layer(title: Option<&str>, media_type: &str, more: serde_json::Value) -> Descriptor {
        let mut annotations = more;
        if let Some(title) = title {
            annotations[file_title::TITLE] = title.into();
        }
        let digest = Algorithm::Sha256.digest(title.unwrap_or_default().as_bytes());
        serde_json::from_value(
            json!({"mediaType": media_type, "digest": digest, "size": 1, "annotations": annotations}),
        )
        .unwrap()
    }

    fn chosen(layers: &[Descriptor], titles: &[&str], types: &[&str]) -> Result<(Vec<String>, Vec<&'static str>)> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (titles, media_types) = (own(titles), own(types));
        let some = |list: &'_ [String]| (!list.is_empty()).then(|| list.to_owned());
        let (titles, media_types) = (some(&titles), some(&media_types));
        let choice = FileChoice::new(titles.as_deref(), media_types.as_deref(), true)?;
        let (wanted, passed) = choose(layers, choice)?;
        Ok((wanted.into_iter().map(|file| file.path).collect(), passed.into_iter().map(|one| one.reason).collect()))
    }

    #[test]
    fn files_are_chosen_by_title_and_type() {
        let layers = [
            layer(Some("a.txt"), "text/plain", json!({})),
            layer(Some("./d/b.json"), "a/json", json!({})),
            layer(None, "a/b", json!({})),
        ];
        let all = vec!["a.txt".to_owned(), "d/b.json".to_owned()];
        assert_eq!(chosen(&layers, &[], &[]).unwrap(), (all.clone(), vec!["no title"]));
        assert_eq!(chosen(&layers, &["*.txt"], &[]).unwrap(), (all[..1].to_vec(), vec!["not wanted", "no title"]));
        assert_eq!(chosen(&layers, &[], &["a/*"]).unwrap().0, all[1..]);
        assert_eq!(chosen(&layers, &["x"], &[]).unwrap_err().code(), Code::NotFound);
        assert_eq!(chosen(&layers[2..], &[], &[]).unwrap().0.len(), 0);
    }

    #[test]
    fn a_list_of_nothing_is_not_everything() {
        for (titles, media_types) in [(Some(&[][..]), None), (None, Some(&[][..]))] {
            let error = FileChoice::new(titles, media_types, true).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        }
    }

    #[test]
    fn what_cannot_be_a_file_is_refused_unless_it_is_not_wanted() {
        for titles in
            [&["../a"][..], &["/a"], &[""], &["a\nb"], &["a", "a"], &["a", "a/b"], &["."], &[".ocireg-pull/sha256-0"]]
        {
            let layers: Vec<_> = titles.iter().map(|title| layer(Some(title), "a/b", json!({}))).collect();
            let error = chosen(&layers, &[], &[]).unwrap_err();
            assert_eq!(error.code(), Code::InvalidManifest, "{titles:?}");
            let more = [layers, vec![layer(Some("good"), "a/b", json!({}))]].concat();
            assert_eq!(chosen(&more, &["good"], &[]).unwrap().0, ["good"]);
        }
        let packed = layer(Some("."), "a/b", json!({UNPACK: "true"}));
        assert_eq!(chosen(&[packed], &[], &[]).unwrap().0, [""]);
    }

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*.tx?", "a.b.txt", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
            ("?", "é", true),
            ("**", "x/y", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
        let slow = "a".repeat(2000);
        assert!(!matches(&format!("{}b", "a*".repeat(200)), &slow));
    }
}
