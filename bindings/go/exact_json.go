package ocireg

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// decode is json.Unmarshal by exact names. For encoding/json "Digest" is "digest" too, and the last of both wins: a document would be
// read in another way than the library, and every other client, reads it. An annotation that is not text, which the library leaves as it
// is, makes nothing else unreadable either: it is left out. null is the empty text, as in the digests of tags that have disappeared.
func decode(text []byte, into any) error {
	shape := reflect.TypeOf(into).Elem()
	if hasStray(text, shape) {
		text = withoutStrays(text, shape)
	}
	return json.Unmarshal(text, into)
}

// hasStray finds a member that does not belong into the shape, at any depth: its name is a field's in another case, or it is not text in
// a map of texts.
func hasStray(text []byte, shape reflect.Type) bool {
	shape, parts := partsOf(text, shape)
	for _, part := range parts {
		field, stray := shapeOf(shape, part)
		if stray {
			return true
		}
		if field != nil && hasStray(part.value, field) {
			return true
		}
	}
	return false
}

// withoutStrays is the text without such members.
func withoutStrays(text []byte, shape reflect.Type) []byte {
	shape, parts := partsOf(text, shape)
	if parts == nil {
		return text
	}
	var kept [][]byte
	for _, part := range parts {
		field, stray := shapeOf(shape, part)
		if stray {
			continue
		}
		value := part.value
		if field != nil {
			value = withoutStrays(value, field)
		}
		if shape.Kind() != reflect.Slice {
			name, _ := json.Marshal(part.name) // a string: cannot fail
			value = append(append(name, ':'), value...)
		}
		kept = append(kept, value)
	}
	begin, end := "{", "}"
	if shape.Kind() == reflect.Slice {
		begin, end = "[", "]"
	}
	return append(append([]byte(begin), bytes.Join(kept, []byte(","))...), end...)
}

// part is a member of an object, or an element of an array.
type part struct {
	name  string
	value json.RawMessage
}

// partsOf takes an object or array apart, as far as there may be fields in it; nil for everything else, for null, and for what is not JSON.
func partsOf(text []byte, shape reflect.Type) (reflect.Type, []part) {
	for shape.Kind() == reflect.Pointer {
		shape = shape.Elem()
	}
	if !hasMembers(shape) {
		return shape, nil
	}
	if shape.Kind() == reflect.Slice {
		var elements []json.RawMessage
		if json.Unmarshal(text, &elements) != nil || elements == nil {
			return shape, nil
		}
		parts := make([]part, len(elements))
		for i, element := range elements {
			parts[i].value = element
		}
		return shape, parts
	}
	return shape, membersOf(text)
}

// membersOf are an object's members, in their order.
func membersOf(text []byte) []part {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil
	}
	parts := []part{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return nil
		}
		parts = append(parts, part{name: name.(string), value: value})
	}
	return parts
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// hasMembers tells whether there are fields, or texts, in a shape. What reads itself does so by decode.
func hasMembers(shape reflect.Type) bool {
	if reflect.PointerTo(shape).Implements(unmarshaler) {
		return false
	}
	switch shape.Kind() {
	case reflect.Struct:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return isTexts(shape) || hasMembers(shape.Elem())
	}
	return false
}

// shapeOf is the shape of a part, nil where it is not known, and whether it is a stray.
func shapeOf(whole reflect.Type, one part) (shape reflect.Type, stray bool) {
	switch {
	case whole.Kind() == reflect.Struct:
		return fieldFor(whole, one.name)
	case isTexts(whole):
		return nil, one.value[0] != '"' && one.value[0] != 'n' // null is the empty text
	}
	return whole.Elem(), false
}

// isTexts tells whether a shape is a map of texts, such as annotations.
func isTexts(shape reflect.Type) bool {
	return shape.Kind() == reflect.Map && shape.Elem().Kind() == reflect.String
}

// fieldsOf has the types of a struct's fields by their names in JSON.
var fieldsOf sync.Map

// fieldFor returns the type of the field for a member, nil for none, and whether its name is a field's in another case.
func fieldFor(shape reflect.Type, name string) (field reflect.Type, stray bool) {
	known, ok := fieldsOf.Load(shape)
	if !ok {
		fields := map[string]reflect.Type{}
		for _, one := range reflect.VisibleFields(shape) {
			tag, _, _ := strings.Cut(one.Tag.Get("json"), ",")
			if one.IsExported() && !one.Anonymous && tag != "-" {
				fields[tag] = one.Type
			}
		}
		known, _ = fieldsOf.LoadOrStore(shape, fields)
	}
	fields := known.(map[string]reflect.Type)
	if field, ok := fields[name]; ok {
		return field, false
	}
	for other := range fields {
		if strings.EqualFold(other, name) {
			return nil, true
		}
	}
	return nil, false
}
