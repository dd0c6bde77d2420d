//! A checker for JSON Schema (draft 2020-12), for the keywords that tests/schemas uses. Any other keyword is an error:
//! it would not be checked.

use serde_json::{Map, Value};

/// A schema of tests/schemas by its name.
pub fn schema(name: &str) -> Value {
    let path = format!("{}/tests/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Checks a value against a schema; the error says what is wrong.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, argument) in schema.as_object().ok_or("a schema is an object")? {
        keep(schema, keyword, argument, value)?;
    }
    Ok(())
}

fn keep(schema: &Value, keyword: &str, argument: &Value, value: &Value) -> Result<(), String> {
    match keyword {
        "$schema" | "title" | "description" => Ok(()),
        "$ref" => check(&self::schema(argument.as_str().and_then(|name| name.strip_suffix(".json")).unwrap()), value),
        "type" => has_type(argument, value),
        "enum" if argument.as_array().unwrap().contains(value) => Ok(()),
        "const" if argument == value => Ok(()),
        "enum" | "const" => Err(format!("{value} is not {argument}")),
        "minimum" => number(value, |number| number >= argument.as_f64().unwrap()),
        "maximum" => number(value, |number| number <= argument.as_f64().unwrap()),
        "pattern" => match value.as_str() {
            Some(text) if !regex_lite::Regex::new(argument.as_str().unwrap()).unwrap().is_match(text) => {
                Err(format!("{text:?} does not match {argument}"))
            }
            _ => Ok(()),
        },
        "anyOf" => {
            let tries: Vec<_> = argument.as_array().unwrap().iter().map(|schema| check(schema, value)).collect();
            match tries.iter().any(Result::is_ok) {
                true => Ok(()),
                false => Err(format!("{value} is none of them: {tries:?}")),
            }
        }
        "items" => elements(value)
            .iter()
            .enumerate()
            .try_for_each(|(at, element)| check(argument, element).map_err(|why| format!("[{at}]: {why}"))),
        "required" => argument.as_array().unwrap().iter().try_for_each(|name| {
            match value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                true => Err(format!("{name} is missing in {value}")),
                false => Ok(()),
            }
        }),
        "properties" => members(value).iter().try_for_each(|(name, member)| match argument.get(name) {
            Some(schema) => check(schema, member).map_err(|why| format!("{name}: {why}")),
            None => Ok(()),
        }),
        "additionalProperties" => {
            let known = |name: &String| schema.get("properties").is_some_and(|list| list.get(name).is_some());
            members(value).iter().filter(|(name, _)| !known(name)).try_for_each(|(name, member)| match argument {
                Value::Bool(true) => Ok(()),
                Value::Bool(false) => Err(format!("{name:?} is not documented: {value}")),
                schema => check(schema, member).map_err(|why| format!("{name}: {why}")),
            })
        }
        keyword => panic!("the checker does not know {keyword:?}"),
    }
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn elements(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn number(value: &Value, good: impl Fn(f64) -> bool) -> Result<(), String> {
    match value.as_f64() {
        Some(number) if !good(number) => Err(format!("{number} is out of range")),
        _ => Ok(()),
    }
}

fn has_type(wanted: &Value, value: &Value) -> Result<(), String> {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        name => panic!("no such type: {name}"),
    };
    let good = wanted.as_array().map_or_else(|| is(wanted), |names| names.iter().any(is));
    good.then_some(()).ok_or_else(|| format!("{value} is not {wanted}"))
}

/// Collects the properties of a schema and its subschemas: their names and schemas.
pub fn properties(schema: &Value, found: &mut Vec<(String, Value)>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(list)) = members.get("properties") {
                found.extend(list.iter().map(|(name, schema)| (name.clone(), schema.clone())));
            }
            members.values().for_each(|member| properties(member, found));
        }
        Value::Array(list) => list.iter().for_each(|member| properties(member, found)),
        _ => {}
    }
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{4}$"},
            "size": {"type": ["integer", "null"], "minimum": 1, "maximum": 9},
            "kind": {"enum": ["a", null]},
            "list": {"type": "array", "items": {"anyOf": [{"const": 1}, {"type": "string"}]}},
        },
        "required": ["digest"],
        "additionalProperties": false,
    });
    let good = |text: &str| check(&schema, &serde_json::from_str(text).unwrap());
    for text in [
        r#"{"digest":"sha256:00ff"}"#,
        r#"{"digest":"sha256:00ff","size":null,"kind":null,"list":[]}"#,
        r#"{"digest":"sha256:00ff","size":9,"kind":"a","list":[1,"x"]}"#,
    ] {
        good(text).unwrap();
    }
    for text in [
        "[]",
        "{}",
        r#"{"digest":7}"#,
        r#"{"digest":"sha256:00FF"}"#,
        r#"{"digest":"sha256:00ff","size":0}"#,
        r#"{"digest":"sha256:00ff","size":10}"#,
        r#"{"digest":"sha256:00ff","size":1.5}"#,
        r#"{"digest":"sha256:00ff","kind":"b"}"#,
        r#"{"digest":"sha256:00ff","list":[2]}"#,
        r#"{"digest":"sha256:00ff","more":1}"#,
    ] {
        assert!(good(text).is_err(), "{text}");
    }
}
