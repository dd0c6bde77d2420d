//! Parses JSON into the nodes that pointers lead to, at once.

use std::fmt;
use std::sync::atomic::AtomicU64;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::Deserializer;
use serde_json::Number;
use zeroize::Zeroizing;

use crate::json::{self, Budget, JsonError};
use crate::json_pointer::{JsonContent, Node, NulTerminated, ObjectMembers};

/// The document that bytes hold. The mark is that of each value in it. It takes at most 40 times their memory: `{"":0}` does.
pub(crate) fn document(bytes: &[u8], mark: u64) -> Result<Node, JsonError> {
    let budget = Budget::of_own();
    json::parse_as(bytes, Seed { mark, budget: &budget }, &budget)
}

/// Makes a node of a value as it is parsed: a tree that is made of another tree takes the memory of both.
#[derive(Clone, Copy)]
struct Seed<'a> {
    mark: u64,
    budget: &'a Budget,
}

impl Seed<'_> {
    fn node<E>(self, content: JsonContent) -> Result<Node, E> {
        Ok(Node { mark: AtomicU64::new(self.mark), content })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        self.node(JsonContent::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        self.node(JsonContent::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        self.node(JsonContent::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // No text of JSON is a number that is not finite.
        self.node(Number::from_f64(value).map_or(JsonContent::Null, JsonContent::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        self.node(JsonContent::String(NulTerminated::new(value)))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        self.node(JsonContent::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let _level = self.budget.descend()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            // Room for four, which a list begins with otherwise, would be lost around each list of one.
            list.reserve_exact(usize::from(list.is_empty()));
            list.push(item);
        }
        self.node(JsonContent::List(list.into_boxed_slice()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let _level = self.budget.descend()?;
        let mut list = Vec::new();
        while let Some(name) = members.next_key::<Zeroizing<String>>()? {
            list.reserve_exact(usize::from(list.is_empty()));
            list.push((NulTerminated::new(&name), members.next_value_seed(self)?));
        }
        let members = ObjectMembers::new(list).map_err(|name| json::twice(&name))?;
        self.node(JsonContent::Object(Box::new(members)))
    }
}
