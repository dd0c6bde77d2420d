package ocireg

import (
	"encoding/json"
	"reflect"
	"testing"
)

// The fast parser reads what encoding/json reads.
func TestTakeIsUnmarshal(t *testing.T) {
	texts := []string{
		`{"index":{"name":"docker.io","official":true,"scheme":null},"official":true,"remote_name":"library/mongo","local_name":"mongo","canonical_name":"docker.io/mongo","tag":"latest","digest":null,"canonical_ref":"docker.io/mongo:latest","reference":"docker.io/library/mongo:latest"}`,
		`{"official":false,"new":{"a":[1,{"b":"}]\""}],"c":-1.5e3},"other":[],"index":{"scheme":"http","name":"h:1","more":null},"remote_name":"a\\\"b\u00e9,}","tag":"","digest":"sha256:0"}`,
		`{}`,
		`{"index":{}}`,
		`{"new":1,"tag":"x"}`,
		`{"tag":"x","new":true}`,
	}
	for _, text := range texts {
		var quick, slow Reference
		if err := json.Unmarshal([]byte(text), &slow); err != nil {
			t.Fatal(err)
		}
		if !quick.take([]byte(text)) || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%s\n%+v\n%+v", text, quick, slow)
		}
	}
}

// Anything else is refused by the fast parser.
func TestTakeRefuses(t *testing.T) {
	for _, text := range []string{``, `{`, `[]`, `null`, `{"a"}`, `{"a":`, `{"tag":"x"`, `{"tag":"x`, `{"a":{}`, `{"index":[]}`} {
		if (&Reference{}).take([]byte(text)) {
			t.Errorf("%s was accepted", text)
		}
	}
}

// Strings that cannot be passed to C are refused.
func TestTexts(t *testing.T) {
	if _, err := cText("a\x00b"); err == nil {
		t.Error("a NUL was accepted")
	}
	if _, err := callSettings([]Option{WithPlatform("\xff")}).native(); err == nil {
		t.Error("invalid UTF-8 was accepted")
	}
	if _, err := callSettings([]Option{WithTags("a", "\xff")}).native(); err == nil {
		t.Error("invalid UTF-8 was accepted in a list")
	}
}
