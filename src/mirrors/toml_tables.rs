//! Reading TOML by its types, with the lines where things stand. Keys are found in any case, as the Go programs whose files these are
//! find them; keys that are not used here do not matter, as there.

use toml::de::{DeTable, DeValue};
use toml::Spanned;

use super::config_text::ConfigText;
use crate::error::{Error, Result};
use crate::reference::quoted;

/// A table of a file.
#[derive(Clone, Copy)]
pub(crate) struct TomlTable<'a> {
    pub(crate) file: &'a ConfigText<'a>,
    /// Its first line in the file, for messages.
    pub(crate) line: u32,
    entries: &'a DeTable<'a>,
}

/// A value with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WithLine<T> {
    pub(crate) line: u32,
    pub(crate) value: T,
}

pub(crate) fn parse<'a>(file: &'a ConfigText<'a>) -> Result<Spanned<DeTable<'a>>> {
    DeTable::parse(file.text).map_err(|error| {
        let line = error.span().map_or(0, |span| file.line(span.start));
        // Only the message: the whole shows the line, in which a secret may be.
        file.wrong(line, error.message().lines().next().unwrap_or("it is not TOML"))
    })
}

impl<'a> TomlTable<'a> {
    /// The table that a file as a whole is.
    pub(crate) fn top(file: &'a ConfigText<'a>, parsed: &'a Spanned<DeTable<'a>>) -> TomlTable<'a> {
        TomlTable { file, line: 1, entries: parsed.get_ref() }
    }

    fn find(&self, key: &str) -> Option<WithLine<&'a DeValue<'a>>> {
        let same = self.entries.iter().find(|(name, _)| name.get_ref() == key);
        let alike = || self.entries.iter().find(|(name, _)| name.get_ref().eq_ignore_ascii_case(key));
        let (name, value) = same.or_else(alike)?;
        Some(WithLine { line: self.file.line(name.span().start), value: value.get_ref() })
    }

    fn wrong(&self, line: u32, key: &str, what: &str) -> Error {
        self.file.wrong(line, format!("'{key}' must be {what}"))
    }

    /// Whether there is a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The string of a key, and its line; an error for another type.
    pub(crate) fn text(&self, key: &str) -> Result<Option<WithLine<String>>> {
        let Some(WithLine { line, value }) = self.find(key) else { return Ok(None) };
        match value {
            DeValue::String(text) => Ok(Some(WithLine { line, value: text.to_string() })),
            _ => Err(self.wrong(line, key, "a string")),
        }
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(WithLine { line, value }) = self.find(key) else { return Ok(None) };
        match value {
            DeValue::Boolean(flag) => Ok(Some(*flag)),
            _ => Err(self.wrong(line, key, "true or false")),
        }
    }

    /// A list of strings.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<WithLine<String>>>> {
        let Some(WithLine { line, value }) = self.find(key) else { return Ok(None) };
        let DeValue::Array(values) = value else { return Err(self.wrong(line, key, "a list of strings")) };
        let text = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::String(text) => Ok(WithLine { line: self.file.line(value.span().start), value: text.to_string() }),
            _ => Err(self.wrong(line, key, "a list of strings")),
        };
        values.iter().map(text).collect::<Result<_>>().map(Some)
    }

    /// A string, or a list of strings and of lists of strings; each string is a list of one.
    pub(crate) fn lists(&self, key: &str, what: &str) -> Result<Option<Vec<Vec<String>>>> {
        let Some(WithLine { line, value }) = self.find(key) else { return Ok(None) };
        let text = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.wrong(line, key, what)),
        };
        let list = |value: &DeValue<'_>| match value {
            DeValue::Array(inner) => inner.iter().map(|value| text(value.get_ref())).collect(),
            value => Ok(vec![text(value)?]),
        };
        match value {
            DeValue::Array(values) => values.iter().map(|value| list(value.get_ref())).collect::<Result<_>>().map(Some),
            value => Ok(Some(vec![vec![text(value)?]])),
        }
    }

    /// A list of tables, `[[key]]`.
    pub(crate) fn tables(&self, key: &str) -> Result<Vec<TomlTable<'a>>> {
        let Some(WithLine { line, value }) = self.find(key) else { return Ok(Vec::new()) };
        let DeValue::Array(values) = value else { return Err(self.wrong(line, key, &format!("a list: [[{key}]]"))) };
        let table = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Table(entries) => {
                Ok(TomlTable { file: self.file, line: self.file.line(value.span().start), entries })
            }
            _ => Err(self.wrong(line, key, "a list of tables")),
        };
        values.iter().map(table).collect()
    }

    /// A table, `[key]`.
    pub(crate) fn table(&self, key: &str) -> Result<Option<TomlTable<'a>>> {
        let Some(WithLine { line, value }) = self.find(key) else { return Ok(None) };
        match value {
            DeValue::Table(entries) => Ok(Some(TomlTable { file: self.file, line, entries })),
            _ => Err(self.wrong(line, key, "a table")),
        }
    }

    /// The tables in it by their names, in the order of the file.
    pub(crate) fn named_tables(&self) -> Result<Vec<(String, TomlTable<'a>)>> {
        self.in_order()
            .map(|(name, line, value)| match value {
                DeValue::Table(entries) => Ok((name.to_owned(), TomlTable { file: self.file, line, entries })),
                _ => Err(self.wrong(line, &quoted(name), "a table")),
            })
            .collect()
    }

    /// The strings in it by their names, in the order of the file.
    pub(crate) fn named_texts(&self) -> Result<Vec<(String, WithLine<String>)>> {
        self.in_order()
            .map(|(name, line, value)| match value {
                DeValue::String(text) => Ok((name.to_owned(), WithLine { line, value: text.to_string() })),
                _ => Err(self.wrong(line, &quoted(name), "a string")),
            })
            .collect()
    }

    /// The keys with their lines, in the order of the file.
    pub(crate) fn keys(&self) -> Vec<(&'a str, u32)> {
        self.in_order().map(|(name, line, _)| (name, line)).collect()
    }

    fn in_order(&self) -> impl Iterator<Item = (&'a str, u32, &'a DeValue<'a>)> {
        let mut all: Vec<_> = self.entries.iter().collect();
        all.sort_by_key(|(name, _)| name.span().start);
        let file = self.file;
        all.into_iter()
            .map(move |(name, value)| (name.get_ref().as_ref(), file.line(name.span().start), value.get_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Name = \"a\"\nflag = true\nlist = [\"x\",\n \"y\"]\n[[thing]]\na = 1\n[[thing]]\n\
        [host.\"z\"]\n[host.a.header]\nk = \"secret\"\n[host.b]\n";

    #[test]
    fn values_have_types_and_lines() {
        let file = ConfigText::new("/f.toml", TEXT);
        let parsed = parse(&file).unwrap();
        let top = TomlTable::top(&file, &parsed);
        assert_eq!(top.text("name").unwrap(), Some(WithLine { line: 1, value: "a".into() }));
        assert_eq!(top.flag("FLAG").unwrap(), Some(true));
        let list: Vec<u32> = top.texts("list").unwrap().unwrap().iter().map(|at| at.line).collect();
        assert_eq!(list, [3, 4]);
        assert_eq!(top.tables("thing").unwrap().iter().map(|table| table.line).collect::<Vec<_>>(), [5, 7]);
        let hosts = top.table("host").unwrap().unwrap().named_tables().unwrap();
        let hosts: Vec<_> = hosts.iter().map(|(name, table)| (name.as_str(), table.line)).collect();
        assert_eq!(hosts, [("z", 8), ("a", 9), ("b", 11)]);
        assert_eq!(top.text("nothing").unwrap(), None);
        let said = top.flag("name").unwrap_err().to_string();
        assert_eq!(said, "/f.toml, line 1: 'name' must be true or false");
        assert!(top.tables("flag").is_err() && top.table("thing").is_err() && top.texts("name").is_err());
    }

    #[test]
    fn errors_name_the_line_and_show_nothing_of_it() {
        for (text, line) in [
            ("a = 1\nx = \"secret\n", 2),
            ("a = 1\na = \"secret\"", 2),
            ("[a]\n[a]\n", 2),
            ("secret", 1),
            ("x = [[[", 1),
        ] {
            let file = ConfigText::new("/f.toml", text);
            let said = parse(&file).unwrap_err().to_string();
            assert!(said.starts_with(&format!("/f.toml, line {line}: ")) && !said.contains("secret"), "{text}: {said}");
        }
        let deep = format!("x = {}", "[".repeat(200_000));
        assert!(parse(&ConfigText::new("/f", &deep)).is_err());
        let deep = format!("x{} = 1", ".y".repeat(200_000));
        assert!(parse(&ConfigText::new("/f", &deep)).is_err());
    }
}
