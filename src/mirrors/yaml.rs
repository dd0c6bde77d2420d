//! A YAML document as a tree with its lines. What a stranger's bytes can make large is bounded: how deep it is, how many values there
//! are, and what aliases repeat counts again.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::config_text::ConfigText;
use crate::error::{Error, Result};
use crate::reference::quoted;
use crate::text::shorten;

/// How deep values may be in each other.
const DEEPEST: usize = 32;

/// How many values a document may have.
const MOST: usize = 100_000;

/// A value and where it is.
#[derive(Debug)]
pub(crate) struct YamlNode {
    pub(crate) line: u32,
    pub(crate) value: Value,
    /// How many values it is made of.
    size: usize,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// A string, a number, true or false, or nothing: what it is depends on the reader, unless it is quoted.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Rc<YamlNode>>),
    /// In the order of the file.
    Map(Vec<(String, Rc<YamlNode>)>),
}

/// Parses the first document; None: there is none.
pub(crate) fn parse(file: &ConfigText<'_>) -> Result<Option<Rc<YamlNode>>> {
    let mut builder = Builder { file, parser: Parser::new_from_str(file.text), anchors: HashMap::new(), left: MOST };
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(None),
            event => return builder.node(event, span, 0).map(Some),
        }
    }
}

struct Builder<'a> {
    file: &'a ConfigText<'a>,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Rc<YamlNode>>,
    left: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, Span::default())),
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let line = u32::try_from(error.marker().line()).unwrap_or(0);
                Err(self.file.wrong(line, format!("it is not YAML: {}", shorten(error.info()))))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Rc<YamlNode>> {
        let line = u32::try_from(span.start.line()).unwrap_or(0);
        let too = |what: &str| self.file.wrong(line, format!("there are {what}"));
        if depth > DEEPEST {
            return Err(too(&format!("values nested more than {DEEPEST} levels deep")));
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| too(&format!("more than {MOST} values")))?;
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor, line),
            Event::Scalar(text, style, anchor, _) => {
                (anchor, Value::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain })
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            _ => return Err(self.file.wrong(line, "it is not YAML")),
        };
        let size = 1 + match &value {
            Value::Scalar { .. } => 0,
            Value::List(values) => values.iter().map(|node| node.size).sum::<usize>(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.size).sum(),
        };
        let node = Rc::new(YamlNode { line, value, size });
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    // Its parts count again: code that goes through the document goes through them again.
    fn alias(&mut self, anchor: usize, line: u32) -> Result<Rc<YamlNode>> {
        let node = self.anchors.get(&anchor).cloned();
        let node = node.ok_or_else(|| self.file.wrong(line, "an alias refers to a value that contains it"))?;
        let left = self.left.checked_sub(node.size);
        self.left = left.ok_or_else(|| self.file.wrong(line, format!("there are more than {MOST} values")))?;
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value> {
        let mut values = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(values)),
                (event, span) => values.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value> {
        let mut entries: Vec<(String, Rc<YamlNode>)> = Vec::new();
        let mut known = HashSet::new();
        let mut merged: Option<Rc<YamlNode>> = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                if let Some(node) = merged {
                    self.merge(&node, &mut entries, &mut known)?;
                }
                return Ok(Value::Map(entries));
            }
            let key = self.node(event, span, depth + 1)?;
            let Value::Scalar { text, quoted: is_quoted } = &key.value else {
                return Err(self.file.wrong(key.line, "a key must be a string"));
            };
            if !known.insert(text.clone()) {
                return Err(self.file.wrong(key.line, format!("the key '{}' occurs twice", quoted(text))));
            }
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            if text == "<<" && !is_quoted {
                merged = Some(node);
                continue;
            }
            // Where the entry begins is more use than where its value does.
            let node = match node.line == key.line || Rc::strong_count(&node) > 1 {
                true => node,
                false => Rc::new(YamlNode {
                    line: key.line,
                    ..Rc::into_inner(node).ok_or_else(|| self.file.wrong(0, "it is not YAML"))?
                }),
            };
            entries.push((text.clone(), node));
        }
    }
}

impl Builder<'_> {
    /// `<<`: the entries of another map, or of several, the first before the others, as far as the map has none of its own.
    fn merge(
        &self,
        node: &YamlNode,
        entries: &mut Vec<(String, Rc<YamlNode>)>,
        known: &mut HashSet<String>,
    ) -> Result<()> {
        let from = match &node.value {
            Value::List(nodes) => nodes.iter().map(Rc::as_ref).collect(),
            _ => vec![node],
        };
        for node in from {
            let Value::Map(more) = &node.value else {
                return Err(self.file.wrong(node.line, "'<<' must be a map or a list of maps"));
            };
            entries.extend(more.iter().filter(|(key, _)| known.insert(key.clone())).cloned());
        }
        Ok(())
    }
}

impl YamlNode {
    /// Whether there is nothing: `key:` with no value, or null.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The entries of a map; none of nothing.
    pub(crate) fn entries<'n>(&'n self, file: &ConfigText<'_>, what: &str) -> Result<&'n [(String, Rc<YamlNode>)]> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            _ if self.is_nothing() => Ok(&[]),
            _ => Err(self.must(file, what, "a map")),
        }
    }

    /// The values of a list; none of nothing.
    pub(crate) fn values<'n>(&'n self, file: &ConfigText<'_>, what: &str) -> Result<&'n [Rc<YamlNode>]> {
        match &self.value {
            Value::List(values) => Ok(values),
            _ if self.is_nothing() => Ok(&[]),
            _ => Err(self.must(file, what, "a list")),
        }
    }

    /// A string; the empty one of nothing.
    pub(crate) fn text<'n>(&'n self, file: &ConfigText<'_>, what: &str) -> Result<&'n str> {
        match &self.value {
            _ if self.is_nothing() => Ok(""),
            Value::Scalar { text, .. } => Ok(text),
            _ => Err(self.must(file, what, "a string")),
        }
    }

    /// True or false.
    pub(crate) fn flag(&self, file: &ConfigText<'_>, what: &str) -> Result<bool> {
        let text = match &self.value {
            _ if self.is_nothing() => return Ok(false),
            Value::Scalar { text, quoted: false } => text.to_ascii_lowercase(),
            _ => String::new(),
        };
        match text.as_str() {
            "true" | "yes" | "on" | "y" => Ok(true),
            "false" | "no" | "off" | "n" => Ok(false),
            _ => Err(self.must(file, what, "true or false")),
        }
    }

    fn must(&self, file: &ConfigText<'_>, what: &str, kind: &str) -> Error {
        file.wrong(self.line, format!("'{}' must be {kind}", shorten(what)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<Rc<YamlNode>>> {
        parse(&ConfigText::new("/f.yaml", text))
    }

    #[test]
    fn a_document_is_a_tree_with_lines() {
        let file = ConfigText::new("/f.yaml", "# c\na:\n  - x\n  - 'true'\nb: {c: &k Yes, d: *k}\ne:\n---\nf: 1\n");
        let top = parse(&file).unwrap().unwrap();
        let entries = top.entries(&file, "top").unwrap();
        let lines: Vec<_> = entries.iter().map(|(key, node)| (key.as_str(), node.line)).collect();
        assert_eq!(lines, [("a", 2), ("b", 5), ("e", 6)]);
        let list = entries[0].1.values(&file, "a").unwrap();
        assert_eq!((list[0].text(&file, "x").unwrap(), list[1].line), ("x", 4));
        assert!(list[1].flag(&file, "x").is_err());
        let inner = entries[1].1.entries(&file, "b").unwrap();
        assert!(inner[0].1.flag(&file, "c").unwrap() && inner[1].1.flag(&file, "d").unwrap());
        assert!(entries[2].1.is_nothing());
        for nothing in ["", "# c\n", "---\n"] {
            assert!(parsed(nothing).unwrap().is_none_or(|node| node.is_nothing()), "{nothing}");
        }
    }

    #[test]
    fn maps_take_what_others_have() {
        let text =
            "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, y: own}\nboth:\n  y: own\n  <<: [*m, *b]\n\
                    chain: &c {<<: *b}\nend: {<<: *c}\nquoted: {\"<<\": *b}\n";
        let file = ConfigText::new("/f.yaml", text);
        let top = parse(&file).unwrap().unwrap();
        let shown = |key: &str| {
            let node = &top.entries(&file, "top").unwrap().iter().find(|(name, _)| name == key).unwrap().1;
            let text =
                |(key, node): &(String, Rc<YamlNode>)| format!("{key}={}", node.text(&file, "x").unwrap_or("map"));
            node.entries(&file, key).unwrap().iter().map(text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((shown("one"), shown("both")), ("y=own x=1".into(), "y=own z=4 x=1".into()));
        assert_eq!((shown("end"), shown("quoted")), ("x=1 y=2".into(), "<<=map".into()));
        for wrong in ["a: {<<: 1}", "a: {<<: [b]}", "a: &a {<<: *a}", "b: &b {}\na: {<<: *b, <<: *b}"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        // What is taken counts again.
        let mut bomb = String::from("a0: &a0 {");
        (0..100).for_each(|key| bomb.push_str(&format!("k{key}: x, ")));
        bomb.push_str("}\nl: [");
        (0..2000).for_each(|_| bomb.push_str("{<<: *a0}, "));
        bomb.push(']');
        assert!(parsed(&bomb).unwrap_err().message().contains("more than 100000"));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..20 {
            let last = level - 1;
            bomb.push_str(&format!(
                "a{level}: &a{level} [*a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}]\n"
            ));
        }
        for (text, why) in [
            (bomb, "more than 100000"),
            ("[".repeat(500_000), "limit"),
            ("{a: ".repeat(200_000), "limit"),
            ("- ".repeat(300_000), "more than 32"),
            (format!("[{}]", "a,".repeat(400_000)), "more than 100000"),
            ("a: &a [*a]".into(), "contains it"),
            ("a: *b".into(), "unknown anchor"),
            ("a: 1\na: 2".into(), "twice"),
            ("? [a]\n: b".into(), "key must be a string"),
            ("a: [".into(), "not YAML"),
            ("a: \"secret".into(), "not YAML"),
            ("a:\n\tb: secret".into(), "not YAML"),
        ] {
            let said = parsed(&text).unwrap_err().to_string();
            assert!(said.starts_with("/f.yaml") && said.contains(why) && !said.contains("secret"), "{said}");
        }
    }
}
