//! On what condition a name is set: whatever it refers to, only while it is free, or only while it refers to one manifest
//! (RFC 9110 13.1, If-None-Match and If-Match). Every call that sets a tag looks at this, and nowhere else is it decided.

use serde::Serialize;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::store::WriteStore;
use crate::text::shorten;

options! {
    /// Whether a name may be taken from what it refers to.
    #[derive(Debug, Clone)]
    pub struct NameOptions {
        /// "replace", "fail" or "skip": what becomes of a name that refers to a manifest already (default: "replace")
        ///
        /// with "fail", a name that refers to a manifest, even to this one, is OCIREG_DIGEST_MISMATCH, and nothing is written; with
        /// "skip" it stays as it is, and the result says so
        pub if_exists: Option<String>,
        /// the name has to refer to this manifest still, else OCIREG_DIGEST_MISMATCH, and nothing is written
        pub if_digest: Option<Digest>,
    }
}

/// What has to hold for a name to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameCondition {
    /// The name is set whatever it refers to.
    None,
    /// It refers to nothing.
    Free {
        /// Else it is left as it is, which is not an error.
        skip: bool,
    },
    /// It refers to this manifest.
    RefersTo(Digest),
}

/// What made sure that the condition held when the name was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConditionCheck {
    /// The registry, by a condition of the request.
    Registry,
    /// The place was locked: no other process could write to it meanwhile.
    Locked,
    /// It was looked at just before: another client may have been faster.
    Looked,
    /// The same, and the look whether the change of an index has lasted failed.
    Unconfirmed,
}

/// What became of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFate {
    /// It refers to the manifest now; and if there was a condition, what enforced it.
    Set(Option<ConditionCheck>),
    /// It was left as it is.
    Skipped,
}

/// An image whose name was to be set with those of others, and was not.
#[derive(Debug)]
pub(crate) struct UnsetName {
    /// What reports call it.
    pub(crate) image: String,
    /// None: the name refers to something else, and was to stay then.
    pub(crate) why: Option<Error>,
}

impl NameFate {
    /// For results: the name, if it was left as it is, and what enforced the condition.
    pub(crate) fn told(self, name: impl FnOnce() -> Result<String>) -> Result<(Vec<String>, Option<ConditionCheck>)> {
        match self {
            NameFate::Set(seen_to) => Ok((Vec::new(), seen_to)),
            NameFate::Skipped => Ok((vec![name()?], None)),
        }
    }
}

/// The error for a place without a name.
pub(crate) fn no_name(place: &str) -> Error {
    let message = format!("{place} has no name: the options if_exists and if_digest need one");
    Error::new(Code::InvalidArgument, message)
}

impl NameOptions {
    /// What they ask for.
    pub(crate) fn condition(&self) -> Result<NameCondition> {
        let invalid = |message: String| Err(Error::new(Code::InvalidArgument, message));
        match (self.if_exists.as_deref(), &self.if_digest) {
            (None, Some(digest)) => Ok(NameCondition::RefersTo(digest.clone())),
            (Some(_), Some(_)) => invalid("the options if_exists and if_digest exclude each other".to_owned()),
            (None | Some("replace"), None) => Ok(NameCondition::None),
            (Some("fail"), None) => Ok(NameCondition::Free { skip: false }),
            (Some("skip"), None) => Ok(NameCondition::Free { skip: true }),
            (Some(other), None) => {
                invalid(format!("the option if_exists is '{}', not \"replace\", \"skip\" or \"fail\"", shorten(other)))
            }
        }
    }
}

impl NameCondition {
    /// Whether it holds for a name that refers to this now.
    pub(crate) fn holds(&self, now: Option<&Digest>) -> bool {
        match self {
            NameCondition::None => true,
            NameCondition::Free { .. } => now.is_none(),
            NameCondition::RefersTo(digest) => now == Some(digest),
        }
    }

    /// Whether the name is to be set; false: it is left as it is.
    pub(crate) fn allows(&self, name: &str, now: Option<&Digest>) -> Result<bool> {
        match self {
            _ if self.holds(now) => Ok(true),
            NameCondition::Free { skip: true } => Ok(false),
            _ => Err(self.conflict(name, now)),
        }
    }

    /// The error when it does not hold.
    pub(crate) fn conflict(&self, name: &str, now: Option<&Digest>) -> Error {
        let refers = match now {
            Some(digest) => format!("'{name}' refers to {digest}"),
            None => format!("'{name}' does not exist"),
        };
        let wanted = match self {
            NameCondition::RefersTo(digest) => format!("if_digest is {digest}"),
            _ => "if_exists is \"fail\"".to_owned(),
        };
        Error::new(Code::DigestMismatch, format!("{refers}, so the name was not set, because the option {wanted}"))
            .with_conflict(name, now.map(Digest::as_str))
    }

    /// Looks at the name of a place before anything is written there. Returns what it refers to if it is to be left as it is.
    pub(crate) fn look<W: WriteStore + ?Sized>(&self, call: &Call, to: &W) -> Result<Option<Descriptor>> {
        if *self == NameCondition::None {
            return Ok(None);
        }
        let (name, now) = (to.name()?, to.named(call)?);
        match self.allows(&name, now.as_ref().map(|now| &now.digest))? {
            true => Ok(None),
            false => Ok(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;
    use serde_json::json;

    fn condition(options: serde_json::Value) -> Result<NameCondition> {
        serde_json::from_value::<NameOptions>(options).unwrap().condition()
    }

    #[test]
    fn what_is_asked_for() {
        let digest = Algorithm::Sha256.digest(b"");
        for (options, expected) in [
            (json!({}), NameCondition::None),
            (json!({"if_exists": "replace"}), NameCondition::None),
            (json!({"if_exists": "skip"}), NameCondition::Free { skip: true }),
            (json!({"if_exists": "fail"}), NameCondition::Free { skip: false }),
            (json!({"if_digest": digest}), NameCondition::RefersTo(digest.clone())),
        ] {
            assert_eq!(condition(options).unwrap(), expected);
        }
        for wrong in [json!({"if_exists": "maybe"}), json!({"if_exists": "skip", "if_digest": digest})] {
            assert_eq!(condition(wrong).unwrap_err().code(), Code::InvalidArgument);
        }
    }

    #[test]
    fn what_a_name_may_be_taken_from() {
        let [one, other] = [b"1", b"2"].map(|bytes| Algorithm::Sha256.digest(bytes));
        let refers = NameCondition::RefersTo(one.clone());
        let (skip, fail) = (NameCondition::Free { skip: true }, NameCondition::Free { skip: false });
        for (condition, now, expected) in [
            (&NameCondition::None, Some(&one), Some(true)),
            (&skip, None, Some(true)),
            (&skip, Some(&one), Some(false)),
            (&fail, None, Some(true)),
            (&fail, Some(&one), None),
            (&refers, Some(&one), Some(true)),
            (&refers, Some(&other), None),
            (&refers, None, None),
        ] {
            assert_eq!(condition.allows("t", now).ok(), expected, "{condition:?} {now:?}");
        }
        let error = refers.allows("t", Some(&other)).unwrap_err();
        assert_eq!(error.to_json()["conflict"], json!({"name": "t", "digest": other}));
        let error = refers.allows("t", None).unwrap_err();
        assert_eq!(error.to_json()["conflict"], json!({"name": "t", "digest": null}));
        assert!(error.message().contains("'t' does not exist"), "{error}");
    }
}
