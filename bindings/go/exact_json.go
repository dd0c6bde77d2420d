package ocireg

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// decode is json.Unmarshal by exact names; it reads no JSON itself. For encoding/json "Digest" is "digest" too, and the last of both wins: a
// document would be read in another way than the library, and every other client, reads it. An annotation that is not text, which the
// library leaves as it is, makes nothing else unreadable either: it is left out. null is the empty text, as in the digests of tags that have
// disappeared.
func decode(text []byte, into any) error {
	text, _ = withoutStrays(text, reflect.TypeOf(into).Elem())
	return json.Unmarshal(text, into)
}

// withoutStrays is the text without the members that do not belong into the shape, at any depth, and whether there were any: their name is
// a field's in another case, or they are not text in a map of texts. What is of another kind than the shape is left to json.Unmarshal.
func withoutStrays(text []byte, shape reflect.Type) ([]byte, bool) {
	for shape.Kind() == reflect.Pointer {
		shape = shape.Elem()
	}
	found := false
	// within does the same for a part of it, whose shape is nil where it is not known.
	within := func(part json.RawMessage, shape reflect.Type) json.RawMessage {
		if shape == nil {
			return part
		}
		rest, some := withoutStrays(part, shape)
		found = found || some
		return rest
	}
	var parts any
	switch {
	case !hasMembers(shape):
		return text, false
	case shape.Kind() == reflect.Slice:
		var elements []json.RawMessage
		if json.Unmarshal(text, &elements) != nil {
			return text, false
		}
		for i, element := range elements {
			elements[i] = within(element, shape.Elem())
		}
		parts = elements
	default:
		var members map[string]json.RawMessage
		if json.Unmarshal(text, &members) != nil {
			return text, false
		}
		for name, value := range members {
			field, stray := shapeOf(shape, name, value)
			if members[name] = within(value, field); stray {
				found = true
				delete(members, name)
			}
		}
		parts = members
	}
	if found {
		text, _ = json.Marshal(parts) // of JSON: cannot fail
	}
	return text, found
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

// shapeOf is the shape of a member, nil where it is not known, and whether it is a stray.
func shapeOf(whole reflect.Type, name string, value json.RawMessage) (shape reflect.Type, stray bool) {
	switch {
	case whole.Kind() == reflect.Struct:
		return fieldFor(whole, name)
	case isTexts(whole):
		return nil, value[0] != '"' && value[0] != 'n' // null is the empty text
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
