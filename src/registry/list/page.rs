//! One page of a list: its elements are passed on as they are read, so that a tree of the whole is never in memory.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::Deserializer;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::json::{BoundedValue, Budget};
use crate::text::shorten;

/// More members than any page has besides its list.
const MOST_MEMBERS: usize = 1000;

/// Passes each element of the list under `key` to `take`. Returns the page without them: its other members, and an
/// empty list where there was one. JSON that is not an object is not a page.
pub(crate) fn read(bytes: &[u8], key: &str, take: &mut dyn FnMut(Value) -> Result<()>) -> Result<Map<String, Value>> {
    let budget = Budget::of(bytes.len());
    let mut failure = None;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut keep = |value| take(value).map_err(|error| failure = Some(error)).is_ok();
    let outcome = match bytes.trim_ascii_start().starts_with(b"{") {
        true => PageVisitor { key, budget: &budget, keep: &mut keep }.deserialize(&mut deserializer).map(Some),
        false => serde::Deserialize::deserialize(&mut deserializer).map(|_: IgnoredAny| None),
    };
    let outcome = outcome.and_then(|rest| deserializer.end().map(|()| rest));
    match (outcome, failure) {
        (_, Some(error)) => Err(error),
        (Ok(Some(rest)), None) => Ok(rest),
        (Ok(None), None) => Err(Error::new(Code::Protocol, "the response is JSON, but not an object")),
        (Err(_), None) if budget.is_spent() => {
            Err(Error::new(Code::LimitExceeded, "the response contains more small values than a list needs"))
        }
        (Err(error), None) => Err(Error::new(Code::Protocol, format!("the response is not JSON: {error}"))),
    }
}

type OnElement<'a> = &'a mut dyn FnMut(Value) -> bool;

struct PageVisitor<'a> {
    key: &'a str,
    budget: &'a Budget,
    keep: OnElement<'a>,
}

impl<'de> DeserializeSeed<'de> for PageVisitor<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageVisitor<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a page of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Self::Value, A::Error> {
        let (mut rest, mut seen) = (Map::new(), HashSet::new());
        while let Some(name) = members.next_key::<String>()? {
            if seen.len() == MOST_MEMBERS {
                return Err(A::Error::custom(format!("it has more than {MOST_MEMBERS} members")));
            }
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!("the key '{}' occurs twice", shorten(&name))));
            }
            let value = match name == self.key {
                true => members.next_value_seed(ListVisitor { budget: self.budget, keep: &mut *self.keep })?,
                false => members.next_value_seed(BoundedValue(self.budget))?,
            };
            rest.insert(name, value);
        }
        Ok(rest)
    }
}

/// Passes on the elements of the list; any other value is kept unchanged.
struct ListVisitor<'a> {
    budget: &'a Budget,
    keep: OnElement<'a>,
}

impl<'de> DeserializeSeed<'de> for ListVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        while let Some(item) = items.next_element_seed(BoundedValue(self.budget))? {
            if !(self.keep)(item) {
                return Err(A::Error::custom("nothing more is wanted"));
            }
        }
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> std::result::Result<Value, A::Error> {
        BoundedValue(self.budget).visit_map(members)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(text: &str) -> Result<(Vec<Value>, Value)> {
        let mut found = Vec::new();
        let rest = read(text.as_bytes(), "tags", &mut |value| {
            found.push(value);
            Ok(())
        })?;
        Ok((found, rest.into()))
    }

    #[test]
    fn elements_are_given_away_and_the_rest_is_kept() {
        let (found, rest) = all(r#" {"name":"a","tags":["1",null,{"x":[]}],"more":{"y":[1]}}"#).unwrap();
        assert_eq!(found, [json!("1"), Value::Null, json!({"x": []})]);
        assert_eq!(rest, json!({"name": "a", "tags": [], "more": {"y": [1]}}));
        for (text, left) in [
            (r#"{"tags":null}"#, json!({"tags": null})),
            (r#"{"tags":"1"}"#, json!({"tags": "1"})),
            (r#"{"tags":{"1":2}}"#, json!({"tags": {"1": 2}})),
        ] {
            assert_eq!(all(text).unwrap(), (vec![], left), "{text}");
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let many: Vec<String> = (0..=MOST_MEMBERS).map(|number| format!("\"{number}\":0")).collect();
        for (text, why) in [
            ("<html>", "expected value"),
            ("", "EOF"),
            (r#"["1"]"#, "not an object"),
            ("null", "not an object"),
            (r#"{"tags":["1""#, "EOF"),
            (r#"{"tags":["1"],"tags":[]}"#, "twice"),
            (r#"{"tags":["1"]} x"#, "trailing"),
            (r#"{"tags":[{"a":1,"a":1}]}"#, "twice"),
            (&format!("{{{}}}", many.join(",")), "members"),
        ] {
            let error = all(text).unwrap_err();
            assert_eq!(error.code(), Code::Protocol);
            assert!(error.message().contains(why) && error.message().contains("JSON"), "{text}: {error}");
        }
        let stopped = read(br#"{"tags":["1"]}"#, "tags", &mut |_| Err(Error::new(Code::Cancelled, "enough")));
        assert_eq!(stopped.unwrap_err().code(), Code::Cancelled);
    }

    /// Small values take many times their text's memory as a tree: a page must not consist of them.
    #[test]
    fn a_page_of_small_values_is_refused() {
        let small = vec!["[]"; 100_000].join(",");
        for text in [
            format!(r#"{{"x":[{small}]}}"#),
            format!(r#"{{"tags":[[{small}]]}}"#),
            format!(r#"{{"tags":{{"x":[{small}]}}}}"#),
        ] {
            assert_eq!(all(&text).unwrap_err().code(), Code::LimitExceeded);
        }
        assert_eq!(all(&format!(r#"{{"tags":[{small}]}}"#)).unwrap().0.len(), 100_000, "one at a time");
    }
}
