//! JSON documents that are read by pointers (RFC 6901), such as `/layers/0/digest`. Everything is copied when a document is parsed: looking
//! something up allocates nothing, and a string ends with a NUL, so that C can borrow it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Number, Value};
use zeroize::Zeroize as _;

/// A value, and below it what it holds. C borrows any of them, so each begins with a mark by which C's pointer is known.
#[repr(C)]
pub(crate) struct Node {
    pub(crate) mark: AtomicU64,
    pub(crate) content: JsonContent,
}

pub(crate) enum JsonContent {
    Null,
    Boolean(bool),
    Number(Number),
    String(NulTerminated),
    List(Box<[Node]>),
    Object(Box<ObjectMembers>),
}

pub(crate) struct NulTerminated(Box<[u8]>);

// It may be a token.
impl Drop for NulTerminated {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// In the document's order, and the order of their names, by which they are found.
pub(crate) struct ObjectMembers {
    members: Box<[(NulTerminated, Node)]>,
    by_name: Box<[u32]>,
}

impl NulTerminated {
    pub(crate) fn new(text: &str) -> NulTerminated {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        NulTerminated(bytes.into_boxed_slice())
    }

    fn bytes(&self) -> &[u8] {
        self.0.split_last().map_or(&[], |(_, text)| text)
    }

    pub(crate) fn with_nul(&self) -> &[u8] {
        &self.0
    }

    /// With the NUL; None when another is in it, where C would see its end.
    pub(crate) fn for_c(&self) -> Option<&[u8]> {
        (!self.bytes().contains(&0)).then_some(&*self.0)
    }
}

impl ObjectMembers {
    /// The members, or the name that two of them have.
    pub(crate) fn new(members: Vec<(NulTerminated, Node)>) -> Result<ObjectMembers, String> {
        let name = |at: u32| members[at as usize].0.bytes();
        let mut by_name: Box<[u32]> = (0..).take(members.len()).collect();
        by_name.sort_by(|a, b| name(*a).cmp(name(*b)));
        if let Some(twice) = by_name.windows(2).find(|two| name(two[0]) == name(two[1])) {
            return Err(String::from_utf8_lossy(name(twice[0])).into_owned());
        }
        Ok(ObjectMembers { members: members.into_boxed_slice(), by_name })
    }

    fn find(&self, token: &[u8]) -> Option<&Node> {
        let member = |at: u32| self.members.get(at as usize);
        let order =
            |at: &u32| member(*at).map_or(&[][..], |(name, _)| name.bytes()).iter().copied().cmp(unescaped(token));
        let found = self.by_name.binary_search_by(order).ok()?;
        member(*self.by_name.get(found)?).map(|(_, node)| node)
    }
}

impl Drop for Node {
    /// A pointer of C to it is not valid any more.
    fn drop(&mut self) {
        self.mark.store(0, Ordering::Release);
    }
}

impl Node {
    /// What a pointer leads to; the empty one is this value itself.
    pub(crate) fn find(&self, pointer: &[u8]) -> Option<&Node> {
        let Some(rest) = pointer.strip_prefix(b"/") else { return pointer.is_empty().then_some(self) };
        rest.split(|byte| *byte == b'/').try_fold(self, |node, token| match &node.content {
            JsonContent::Object(members) if is_escaped_well(token) => members.find(token),
            JsonContent::List(list) => list.get(index(token)?),
            _ => None,
        })
    }

    fn is_list(&self) -> bool {
        matches!(self.content, JsonContent::List(_))
    }

    pub(crate) fn len(&self) -> usize {
        match &self.content {
            JsonContent::List(list) => list.len(),
            JsonContent::Object(object) => object.members.len(),
            _ => 0,
        }
    }

    /// An element of a list, or the value of an object's member, by its position.
    pub(crate) fn item(&self, at: usize) -> Option<&Node> {
        match &self.content {
            JsonContent::List(list) => list.get(at),
            JsonContent::Object(object) => object.members.get(at).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The name of an object's member, by its position.
    pub(crate) fn key(&self, at: usize) -> Option<&NulTerminated> {
        match &self.content {
            JsonContent::Object(object) => object.members.get(at).map(|(name, _)| name),
            _ => None,
        }
    }

    /// Converts it back to JSON.
    pub(crate) fn to_value(&self) -> Value {
        let text = |text: &NulTerminated| String::from_utf8_lossy(text.bytes()).into_owned();
        match &self.content {
            JsonContent::Null => Value::Null,
            JsonContent::Boolean(value) => Value::Bool(*value),
            JsonContent::Number(number) => Value::Number(number.clone()),
            JsonContent::String(string) => Value::String(text(string)),
            JsonContent::List(list) => Value::Array(list.iter().map(Node::to_value).collect()),
            JsonContent::Object(object) => {
                Value::Object(object.members.iter().map(|(name, value)| (text(name), value.to_value())).collect())
            }
        }
    }
}

/// A layer of a manifest, or of a result that holds one: of those of a media type, or of all, the one at a position.
pub(crate) fn layer<'a>(manifest: &'a Node, media_type: Option<&[u8]>, position: usize) -> Option<&'a Node> {
    const PLACES: [&str; 4] = ["/layers", "/blobs", "/manifest/layers", "/manifest/blobs"];
    let is_wanted = |layer: &&Node| match (media_type, layer.find(b"/mediaType").map(|node| &node.content)) {
        (Some(wanted), Some(JsonContent::String(found))) => found.bytes() == wanted,
        // A descriptor is an object.
        (wanted, _) => wanted.is_none() && matches!(layer.content, JsonContent::Object(_)),
    };
    let layers = PLACES.iter().find_map(|place| manifest.find(place.as_bytes()).filter(|list| list.is_list()))?;
    (0..layers.len()).filter_map(|at| layers.item(at)).filter(is_wanted).nth(position)
}

/// A number that is whole, also where it is written with a point or an exponent.
pub(crate) fn integer(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = || number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() <= EXACT);
    #[allow(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
    number.as_i64().or_else(|| (!number.is_u64()).then(whole).flatten().map(|value| value as i64))
}

/// `~1` is a slash and `~0` a tilde; no other escape is one.
fn is_escaped_well(token: &[u8]) -> bool {
    token.split(|byte| *byte == b'~').skip(1).all(|rest| matches!(rest.first(), Some(b'0' | b'1')))
}

fn unescaped(token: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut bytes = token.iter().copied();
    std::iter::from_fn(move || match bytes.next()? {
        b'~' => bytes.next().map(|byte| if byte == b'1' { b'/' } else { b'~' }),
        byte => Some(byte),
    })
}

/// A position in a list is written without a sign and without zeros in front.
fn index(token: &[u8]) -> Option<usize> {
    let is_plain = token.iter().all(u8::is_ascii_digit) && (token.len() == 1 || token.first() != Some(&b'0'));
    std::str::from_utf8(token).ok().filter(|_| is_plain)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_node_parser;

    fn parse(text: &str) -> Node {
        json_node_parser::document(text.as_bytes(), 0).unwrap()
    }

    fn at(node: &Node, pointer: &str) -> Option<Value> {
        node.find(pointer.as_bytes()).map(Node::to_value)
    }

    /// The example of RFC 6901, section 5.
    const EXAMPLE: &str = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;

    #[test]
    fn layers_are_found_by_type_and_position() {
        let layers = r#"[{"mediaType": "a/b", "size": 0}, {"mediaType": "c/d", "size": 1}, {"size": 2}, {"mediaType": "c/d", "size": 3}]"#;
        for document in [
            format!(r#"{{"layers": {layers}}}"#),
            format!(r#"{{"blobs": {layers}, "layers": null}}"#),
            format!(r#"{{"digest": "x", "manifest": {{"layers": {layers}}}}}"#),
            format!(r#"{{"manifest": {{"blobs": {layers}, "config": {{}}}}}}"#),
        ] {
            let manifest = json_node_parser::document(document.as_bytes(), 1).unwrap();
            let size = |wanted: Option<&str>, position| {
                let found = layer(&manifest, wanted.map(str::as_bytes), position)?;
                found.find(b"/size").and_then(|size| size.to_value().as_u64())
            };
            let of = |wanted| (0..5).map(|position| size(wanted, position)).collect::<Vec<_>>();
            assert_eq!(of(None), [Some(0), Some(1), Some(2), Some(3), None], "{document}");
            assert_eq!(of(Some("c/d")), [Some(1), Some(3), None, None, None], "{document}");
            assert_eq!((of(Some("c/"))[0], of(Some(""))[0], of(Some("C/D"))[0]), (None, None, None), "{document}");
        }
        for document in [r#"{"manifests": [{}]}"#, r#"{"layers": {"0": {}}}"#, "[]", "7", r#"{"layers": []}"#] {
            assert!(
                layer(&json_node_parser::document(document.as_bytes(), 1).unwrap(), None, 0).is_none(),
                "{document}"
            );
        }
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let document = parse(EXAMPLE);
        assert_eq!(at(&document, ""), serde_json::from_str(EXAMPLE).ok());
        assert_eq!(at(&document, "/foo"), Some(serde_json::json!(["bar", "baz"])));
        assert_eq!(at(&document, "/foo/0"), Some("bar".into()));
        for (pointer, value) in [
            ("/", 0),
            ("/a~1b", 1),
            ("/c%d", 2),
            ("/e^f", 3),
            ("/g|h", 4),
            ("/i\\j", 5),
            ("/k\"l", 6),
            ("/ ", 7),
            ("/m~0n", 8),
        ] {
            assert_eq!(at(&document, pointer), Some(value.into()), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let document = parse(r#"{"a": [[1], {"~1": 2, "b~": 3}], "~01": 4, "x": "text"}"#);
        assert_eq!(at(&document, "/a/0/0"), Some(1.into()));
        assert_eq!(at(&document, "/a/1/~01"), Some(2.into()));
        assert_eq!(at(&document, "/~001"), Some(4.into()));
        for pointer in [
            "a",
            "/b",
            "/a/2",
            "/a/-",
            "/a/00",
            "/a/+0",
            "/a/ 0",
            "/a/",
            "/a/99999999999999999999",
            "/x/0",
            "/x/",
            "/a/1/b~",
            "/a/1/b~2",
            "//",
        ] {
            assert_eq!(at(&document, pointer), None, "{pointer}");
        }
    }

    #[test]
    fn members_keep_their_order_and_are_found_by_name() {
        let names: Vec<String> = (0..1000).map(|n| format!("{}", n * 7919 % 1000)).collect();
        let text = names.iter().map(|name| format!("\"{name}\": {name}")).collect::<Vec<_>>().join(",");
        let document = parse(&format!("{{{text}}}"));
        assert_eq!(document.len(), 1000);
        for (position, name) in names.iter().enumerate() {
            assert_eq!(document.key(position).map(NulTerminated::bytes), Some(name.as_bytes()));
            assert_eq!(document.item(position).map(Node::to_value), name.parse::<u64>().ok().map(Value::from));
            assert_eq!(at(&document, &format!("/{name}")), document.item(position).map(Node::to_value));
        }
        assert!(document.key(1000).is_none() && document.item(1000).is_none());
    }

    /// The library's own lists are such.
    #[test]
    fn a_long_list_of_small_values_is_read() {
        let list = vec!["\"1\""; 1 << 18].join(",");
        assert_eq!(parse(&format!("{{\"tags\":[{list}]}}")).find(b"/tags").map(Node::len), Some(1 << 18));
    }

    #[test]
    fn numbers_stay_what_they_are() {
        let text = "[0,-1,9223372036854775807,18446744073709551615,1.5,1e300]";
        assert_eq!(parse(text).to_value(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn whole_numbers_are_integers_however_they_are_written() {
        let whole = |text: &str| match &parse(text).content {
            JsonContent::Number(number) => integer(number),
            _ => None,
        };
        for (text, expected) in
            [("2", 2), ("2.0", 2), ("1e3", 1000), ("-0", 0), ("-1.5e1", -15), ("9223372036854775807", i64::MAX)]
        {
            assert_eq!(whole(text), Some(expected), "{text}");
        }
        for text in ["2.5", "1e300", "9223372036854775808", "18446744073709551615", "1e16", "-1e-3"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    /// A member that is there twice is found by the order of the names.
    #[test]
    fn a_name_that_occurs_twice_is_refused() {
        for text in [r#"{"a":1,"b":2,"a":3}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#, r#"{"":1,"":1}"#] {
            let error = json_node_parser::document(text.as_bytes(), 0).err().unwrap().to_string();
            assert!(error.contains("occurs twice at line 1 column"), "{error}");
        }
    }

    #[test]
    fn nodes_are_small() {
        assert_eq!(std::mem::size_of::<Node>(), if cfg!(target_pointer_width = "64") { 32 } else { 24 });
    }

    #[test]
    fn a_string_that_c_cannot_see_whole_is_none() {
        let document = parse(r#"["a\u0000b", "\u00e9"]"#);
        let text = |at: usize| match document.item(at).map(|node| &node.content) {
            Some(JsonContent::String(text)) => text.for_c().map(<[u8]>::to_vec),
            _ => None,
        };
        assert_eq!((text(0), text(1)), (None, Some("é\0".as_bytes().to_vec())));
    }
}
