package ocireg

import (
	"bytes"
	"encoding/json"
)

// The library's own JSON is well formed and compact. Where a call does no I/O, and reading its result would take longer than the
// call, it is read by the functions here instead of encoding/json; anything unexpected is left to the latter.

// eachMember yields the raw members of an object. It returns false if the text is not an object.
func eachMember(text []byte, take func(name, value []byte)) bool {
	if len(text) < 2 || text[0] != '{' {
		return false
	}
	for text = text[1:]; len(text) > 0 && text[0] != '}'; {
		name, rest := cutValue(text)
		if len(name) < 2 || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		value, rest := cutValue(rest[1:])
		if len(value) == 0 {
			return false
		}
		take(name[1:len(name)-1], value)
		text = bytes.TrimPrefix(rest, []byte(","))
	}
	return len(text) == 1
}

// cutValue splits off the first value.
func cutValue(text []byte) (value, rest []byte) {
	depth := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '"':
			if at += stringEnd(text[at:]); at >= len(text) {
				return nil, nil
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':':
			if depth == 0 {
				return text[:at], text[at:]
			}
			continue
		}
		if depth < 0 {
			return text[:at], text[at:]
		}
		if depth == 0 && (text[at] == '"' || text[at] == '}' || text[at] == ']') {
			return text[:at+1], text[at+1:]
		}
	}
	return nil, nil
}

// stringEnd is the position of a string's closing quote; text starts with the opening one.
func stringEnd(text []byte) int {
	for at := 1; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at
		}
	}
	return len(text)
}

// textOf is a string's text, "" for null.
func textOf(value []byte) (text string) {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	_ = json.Unmarshal(value, &text) // cannot fail for the library's JSON
	return text
}

// take reads the library's JSON.
func (r *RegistryName) take(text []byte) bool {
	return eachMember(text, func(name, value []byte) {
		switch string(name) {
		case "name":
			r.Name = textOf(value)
		case "official":
			r.Official = value[0] == 't'
		case "scheme":
			r.Scheme = textOf(value)
		}
	})
}

// take reads the library's JSON.
func (r *Reference) take(text []byte) bool {
	good := true
	return eachMember(text, func(name, value []byte) {
		switch string(name) {
		case "index":
			good = r.Registry.take(value)
		case "official":
			r.Official = value[0] == 't'
		case "remote_name":
			r.RemoteName = textOf(value)
		case "local_name":
			r.LocalName = textOf(value)
		case "canonical_name":
			r.CanonicalName = textOf(value)
		case "tag":
			r.Tag = textOf(value)
		case "digest":
			r.Digest = textOf(value)
		case "canonical_ref":
			r.CanonicalRef = textOf(value)
		case "reference":
			r.Reference = textOf(value)
		}
	}) && good
}

// taker is a result that can parse itself.
type taker interface{ take([]byte) bool }
