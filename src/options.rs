//! What a call can be asked to do differently. Each room declares its options by [`options!`], once: the struct, the names that C gives
//! them and their defaults; and from the same lines `build.rs` writes their text and their constants into the header.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::text::shorten;

/// The options of a call. One that is not given has its default.
pub(crate) trait Options: Sized {
    fn keys() -> Vec<&'static str>;

    /// Takes the options out of a set of given ones.
    fn take(given: &mut Map<String, Value>) -> Result<Self>;

    /// All that was given; what is not one of them is refused.
    fn read(mut given: Map<String, Value>) -> Result<Self> {
        let keys = Self::keys();
        let outcome = match given.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => Err(Error::new(Code::InvalidArgument, unknown(key, &keys))),
            None => Self::take(&mut given),
        };
        // What was not taken may be a password.
        given.values_mut().for_each(json::wipe);
        outcome
    }
}

/// Declares the options of a call as a struct with [`Options`], `Default` and `Deserialize`:
///
/// ```text
/// options! {
///     #[derive(Debug, Clone)]
///     pub struct ReadOptions {
///         /// its line in the header: what it means, without capital and full stop
///         ///
///         /// what else there is to know, told below all lines
///         pub limit: u64 = 1_000,
///         /// Without a default it is the type's own: false, none, an empty list.
///         pub size: Option<u64>,
///     } and {
///         /// Options that several calls have, declared elsewhere.
///         pub network: NetworkOptions,
///     }
/// }
/// ```
///
/// `build.rs` reads these lines as well: a field is on one line, with all of its text before it.
macro_rules! options {
    (
        $(#[$about:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$meaning:meta])* $key_vis:vis $key:ident : $kind:ty $(= $default:expr)? ),* $(,)?
        }
        $( and { $( $(#[$group_about:meta])* $group_vis:vis $group:ident : $options:ty ),* $(,)? } )?
    ) => {
        $(#[$about])*
        // The text is for C's header, where brackets do not make links.
        #[allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]
        $vis struct $name {
            $( $(#[$meaning])* $key_vis $key: $kind, )*
            $( $( $(#[$group_about])* $group_vis $group: $options, )* )?
        }

        impl Default for $name {
            fn default() -> $name {
                $name {
                    $( $key: $crate::options::options!(@default $($default)?), )*
                    $( $( $group: <$options>::default(), )* )?
                }
            }
        }

        impl $crate::options::Options for $name {
            fn keys() -> Vec<&'static str> {
                [
                    &[ $( stringify!($key) ),* ] as &[&'static str],
                    $( $( &<$options as $crate::options::Options>::keys(), )* )?
                ].concat()
            }

            #[allow(unused_variables)]
            fn take(given: &mut serde_json::Map<String, serde_json::Value>) -> $crate::error::Result<$name> {
                Ok($name {
                    $( $key: match $crate::options::value(given, stringify!($key))? {
                        Some(value) => value,
                        None => $crate::options::options!(@default $($default)?),
                    }, )*
                    $( $( $group: <$options as $crate::options::Options>::take(given)?, )* )?
                })
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<$name, D::Error> {
                let given = serde_json::Map::deserialize(deserializer)?;
                <$name as $crate::options::Options>::read(given)
                    .map_err(|error| <D::Error as serde::de::Error>::custom(error.message()))
            }
        }
    };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
}
pub(crate) use options;

pub(crate) trait OptionValue: Sized {
    /// Why a value does not fit follows "the option KEY". It never shows the value, which may be a secret.
    fn read(value: Value) -> std::result::Result<Self, String>;
}

/// The value of an option, if it was given.
pub(crate) fn value<T: OptionValue>(given: &mut Map<String, Value>, key: &str) -> Result<Option<T>> {
    let wrong = |why: String| Error::new(Code::InvalidArgument, format!("the option {key} {why}"));
    given.remove(key).map(|value| T::read(value).map_err(wrong)).transpose()
}

/// The message for an unknown option, with the one that was probably meant.
fn unknown(key: &str, keys: &[&'static str]) -> String {
    let name = format!("unknown option \"{}\"", shorten(key));
    match (similar(key, keys), keys) {
        (Some(meant), _) => format!("{name}; did you mean \"{meant}\"?"),
        (None, []) => format!("{name}: this call has no options"),
        (None, [only]) => format!("{name}: this call has only \"{only}\""),
        (None, [all @ .., last]) if keys.len() <= 8 => {
            format!("{name}: this call has \"{}\" and \"{last}\"", all.join("\", \""))
        }
        (None, _) => format!("{name}: the header lists those of the call"),
    }
}

fn similar(key: &str, keys: &[&'static str]) -> Option<&'static str> {
    const LONGEST: usize = 64;
    if key.len() > LONGEST {
        return None;
    }
    let plain = key.to_ascii_lowercase().replace('-', "_");
    let distances = keys.iter().map(|other| (strsim::damerau_levenshtein(&plain, other), *other));
    let close = distances.filter(|(distance, other)| *distance <= (other.len() / 2).min(2));
    close.min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

impl OptionValue for bool {
    fn read(value: Value) -> std::result::Result<bool, String> {
        value.as_bool().ok_or_else(|| "must be a boolean".to_owned())
    }
}

macro_rules! integers {
    ($($kind:ident),*) => { $(
        impl OptionValue for $kind {
            fn read(value: Value) -> std::result::Result<$kind, String> {
                let whole = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
                let whole = whole.ok_or("must be an integer")?;
                whole.try_into().map_err(|_| format!("must be from {} to {}", $kind::MIN, $kind::MAX))
            }
        }
    )* };
}
integers!(i32, u32, u64, usize);

impl OptionValue for f64 {
    fn read(value: Value) -> std::result::Result<f64, String> {
        value.as_f64().ok_or_else(|| "must be a number".to_owned())
    }
}

impl OptionValue for String {
    fn read(value: Value) -> std::result::Result<String, String> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err("must be a string".to_owned()),
        }
    }
}

impl OptionValue for Digest {
    fn read(value: Value) -> std::result::Result<Digest, String> {
        String::read(value)?.parse().map_err(|error: crate::digest::DigestError| format!("cannot be used: {error}"))
    }
}

impl OptionValue for Zeroizing<String> {
    fn read(value: Value) -> std::result::Result<Zeroizing<String>, String> {
        String::read(value).map(Zeroizing::new)
    }
}

impl OptionValue for Vec<String> {
    fn read(value: Value) -> std::result::Result<Vec<String>, String> {
        let wrong = "must be a list of strings";
        let Value::Array(list) = value else { return Err(wrong.to_owned()) };
        list.into_iter().map(|text| String::read(text).map_err(|_| wrong.to_owned())).collect()
    }
}

/// A JSON null is the same as no value.
impl<T: OptionValue> OptionValue for Option<T> {
    fn read(value: Value) -> std::result::Result<Option<T>, String> {
        match value {
            Value::Null => Ok(None),
            value => T::read(value).map(Some),
        }
    }
}

/// A string or a list of strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl OptionValue for Texts {
    fn read(value: Value) -> std::result::Result<Texts, String> {
        let list = match value {
            Value::String(text) => Ok(vec![text]),
            value => Vec::read(value),
        };
        list.map(Texts).map_err(|_| "must be a string or a list of strings".to_owned())
    }
}

/// Refuses a limit of zero, which nothing could satisfy.
pub(crate) fn above_zero(amounts: &[(&str, u64)]) -> Result<()> {
    match amounts.iter().find(|(_, amount)| *amount == 0) {
        Some((key, _)) => Err(Error::new(Code::InvalidArgument, format!("the option {key} must be more than 0"))),
        None => Ok(()),
    }
}

/// Reads a string option that is one of a few words.
pub(crate) fn word<T: Copy>(value: Value, words: &[(&str, T)]) -> std::result::Result<T, String> {
    let known = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>();
    let text = value.as_str().unwrap_or_default();
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| format!("must be {}", known.join(" or ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    options! {
        #[derive(Debug)]
        struct SharedOptions {
            /// how many
            n: u32 = 4,
            password: Option<Zeroizing<String>>,
        }
    }

    options! {
        #[derive(Debug)]
        struct CallOptions {
            digests: bool,
            ca_file: Texts,
            platform: Vec<String>,
            rate: f64 = 0.5,
        } and {
            shared: SharedOptions,
        }
    }

    options! {
        #[derive(Debug)]
        struct Nothing {}
    }

    fn read<T: Options>(given: Value) -> std::result::Result<T, String> {
        let Value::Object(given) = given else { panic!("no object") };
        T::read(given).map_err(|error| {
            assert_eq!(error.code(), Code::InvalidArgument);
            error.message().to_owned()
        })
    }

    fn refused<T: Options + std::fmt::Debug>(given: Value) -> String {
        read::<T>(given).unwrap_err()
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let call: CallOptions = read(json!({"digests": true, "n": 7, "ca_file": "a", "password": null})).unwrap();
        assert!(call.digests && call.shared.n == 7 && call.shared.password.is_none() && call.platform.is_empty());
        assert_eq!((call.ca_file, call.rate), (Texts(vec!["a".to_owned()]), 0.5));
        assert_eq!(CallOptions::default().shared.n, 4);
        assert_eq!(CallOptions::keys(), ["digests", "ca_file", "platform", "rate", "n", "password"]);
        let list: CallOptions = read(json!({"ca_file": ["a", "b"], "rate": 2})).unwrap();
        assert_eq!((list.ca_file.0.len(), list.rate), (2, 2.0));
        assert!(serde_json::from_value::<CallOptions>(json!({"n": 1})).unwrap().shared.n == 1);
    }

    #[test]
    fn an_unknown_one_is_named_and_what_it_may_be() {
        for (key, meant) in [
            ("digets", "digests"),
            ("digest", "digests"),
            ("dgiests", "digests"),
            ("ca-file", "ca_file"),
            ("CaFile", "ca_file"),
            ("PLATFORM", "platform"),
            ("platforms", "platform"),
        ] {
            assert_eq!(
                refused::<CallOptions>(json!({ key: 1 })),
                format!("unknown option \"{key}\"; did you mean \"{meant}\"?")
            );
        }
        assert_eq!(
            refused::<SharedOptions>(json!({"x": 1})),
            "unknown option \"x\": this call has \"n\" and \"password\""
        );
        assert_eq!(refused::<Nothing>(json!({"n": 1})), "unknown option \"n\": this call has no options");
        assert!(refused::<SharedOptions>(json!({"k".repeat(1 << 20): 1})).len() < 400);
        assert!(!refused::<CallOptions>(json!({"a\u{1b}[31mb": 1})).contains('\u{1b}'));
    }

    #[test]
    fn a_wrong_value_is_told_and_never_shown() {
        for (key, value, why) in [
            ("n", json!("secret"), "must be an integer"),
            ("n", json!(1.5), "must be an integer"),
            ("n", json!(null), "must be an integer"),
            ("n", json!(-1), "must be from 0 to 4294967295"),
            ("n", json!(1_u64 << 32), "must be from 0 to 4294967295"),
            ("digests", json!("secret"), "must be a boolean"),
            ("digests", json!(1), "must be a boolean"),
            ("rate", json!("secret"), "must be a number"),
            ("password", json!(12345), "must be a string"),
            ("password", json!(["secret"]), "must be a string"),
            ("platform", json!("secret"), "must be a list of strings"),
            ("platform", json!(["secret", 1]), "must be a list of strings"),
            ("ca_file", json!({"secret": 1}), "must be a string or a list of strings"),
        ] {
            assert_eq!(refused::<CallOptions>(json!({ key: value })), format!("the option {key} {why}"));
        }
        assert!(u64::read(json!(-1)).unwrap_err().contains("from 0 to") && u64::read(json!(u64::MAX)).is_ok());
    }

    #[test]
    fn words_are_told() {
        let words = [("gzip", 1), ("none", 2)];
        assert_eq!(word(json!("none"), &words), Ok(2));
        for wrong in [json!("zip"), json!(1)] {
            assert_eq!(word(wrong, &words), Err("must be \"gzip\" or \"none\"".to_owned()));
        }
    }
}
