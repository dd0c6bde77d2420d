//! Which referrers a caller wants, of a registry's list or of another place's.

use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;

#[derive(Debug, Clone, Default)]
pub(crate) struct ReferrersFilter {
    pub(crate) artifact_type: Option<String>,
    pub(crate) annotations: Vec<(String, Option<String>)>,
    pub(crate) max: Option<usize>,
}

impl ReferrersFilter {
    /// Of a type alone.
    pub(crate) fn of_type(artifact_type: Option<&str>) -> Result<ReferrersFilter> {
        ReferrersFilter::new(artifact_type, &[], None)
    }

    /// From the options of a call: annotations are "KEY" or "KEY=VALUE".
    pub(crate) fn new(
        artifact_type: Option<&str>,
        annotations: &[String],
        max: Option<u64>,
    ) -> Result<ReferrersFilter> {
        let invalid = |message: &str| Err(Error::new(Code::InvalidArgument, message));
        if max == Some(0) {
            return invalid("the option max must be more than 0");
        }
        if artifact_type == Some("") {
            return invalid("the option artifact_type is empty");
        }
        let pairs = annotations.iter().map(|text| match text.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (text.clone(), None),
        });
        let annotations: Vec<_> = pairs.collect();
        if annotations.iter().any(|(key, _)| key.is_empty()) {
            return invalid("the option annotations contains one without a name");
        }
        let max = max.map(|max| usize::try_from(max).unwrap_or(usize::MAX));
        Ok(ReferrersFilter { artifact_type: artifact_type.map(str::to_owned), annotations, max })
    }

    /// `has_type`: it is known to be of the type that is wanted.
    pub(crate) fn lets_pass(&self, entry: &Descriptor, has_type: bool) -> bool {
        let typed = has_type || self.artifact_type.is_none() || entry.artifact_type == self.artifact_type;
        let value = |key: &String| entry.annotations.as_ref().and_then(|annotations| annotations.get(key));
        typed
            && self.annotations.iter().all(|(key, wanted)| match (value(key), wanted) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(found), Some(wanted)) => found == wanted.as_str(),
            })
    }
}
