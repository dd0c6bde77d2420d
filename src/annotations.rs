//! The annotations of a descriptor (OCI image-spec annotations.md): names and strings, in their original order.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// Annotations: a list instead of a map, because a page of referrers contains a hundred thousand of them, each with one or two names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotations(Vec<(String, Value)>);

impl Annotations {
    /// The value under a name: a string, if the writer follows the specification.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The value under a name, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// All but these; None if nothing is left.
    pub(crate) fn without(&self, names: &[&str]) -> Option<Annotations> {
        let left: Vec<_> = self.0.iter().filter(|(key, _)| !names.contains(&key.as_str())).cloned().collect();
        (!left.is_empty()).then_some(Annotations(left))
    }

    /// All values, in the order of the document.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(texts: I) -> Annotations {
        Annotations(texts.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
    }
}

impl From<&Map<String, Value>> for Annotations {
    fn from(map: &Map<String, Value>) -> Annotations {
        Annotations(map.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

impl Serialize for Annotations {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Annotations, D::Error> {
        deserializer.deserialize_map(AnnotationsVisitor)
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("an object of annotations")
    }

    // A document with a duplicate name is refused before it gets here.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Annotations, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        all.shrink_to_fit();
        Ok(Annotations(all))
    }
}

/// Annotations that a caller gives, `KEY=VALUE` each.
pub(crate) fn pairs(given: &[String]) -> Result<Map<String, Value>> {
    let wrong = |message: String| Err(Error::new(Code::InvalidArgument, message));
    let mut all = Map::new();
    for text in given {
        let Some((key, value)) = text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return wrong(format!("the annotation '{}' is not KEY=VALUE", shorten(text)));
        };
        if all.insert(key.to_owned(), value.into()).is_some() {
            return wrong(format!("the annotation '{}' is given twice", shorten(key)));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_the_object_they_came_as() {
        let text = r#"{"z":"1","a":"","odd":[1],"none":null}"#;
        let all: Annotations = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&all).unwrap(), text);
        assert_eq!((all.text("z"), all.text("a"), all.text("odd"), all.text("b")), (Some("1"), Some(""), None, None));
        assert_eq!((all.get("none"), all.values().count()), (Some(&Value::Null), 4));
        assert_eq!(Annotations::from(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap()), all);
        for wrong in ["[]", "1", "\"a\""] {
            assert!(serde_json::from_str::<Annotations>(wrong).unwrap_err().to_string().contains("annotations"));
        }
    }
}
