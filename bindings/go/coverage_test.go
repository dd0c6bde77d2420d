package ocireg_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

// cOnly are functions that Go has no use for.
var cOnly = map[string]string{
	"ocireg_error_code":         "ocireg_error_json has it",
	"ocireg_error_name":         "ocireg_error_json has it",
	"ocireg_error_message":      "ocireg_error_json has it",
	"ocireg_error_http_status":  "ocireg_error_json has it",
	"ocireg_options_set_string": "options go over as JSON, by ocireg_options_parse",
	"ocireg_options_set_int":    "as above",
	"ocireg_options_set_bool":   "as above",
	"ocireg_options_add_string": "as above",
}

// sources are the package's files, without comments.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	comment := regexp.MustCompile(`(?m)^\s*//.*$`)
	for _, pattern := range []string{"*.go", "*.c"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			all.WriteString(comment.ReplaceAllString(string(must[[]byte](t)(os.ReadFile(file))), ""))
		}
	}
	return all.String()
}

// TestEveryFunction: each function of the library is called somewhere, or is in the list above.
func TestEveryFunction(t *testing.T) {
	symbols, err := os.ReadFile("../../tests/abi/symbols.txt")
	if err != nil {
		t.Skip(err)
	}
	all, found := sources(t), 0
	for _, name := range strings.Fields(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(string(symbols), "")) {
		called := regexp.MustCompile(`\b` + name + `\(`).MatchString(all)
		switch reason, excused := cOnly[name]; {
		case called && excused:
			t.Errorf("%s is called, and in the list of those that are not: %s", name, reason)
		case !called && !excused:
			t.Errorf("%s has no wrapper", name)
		}
		found++
	}
	if found < 100 {
		t.Errorf("only %d functions", found)
	}
}

// TestEveryOption: each option that the header names can be set.
func TestEveryOption(t *testing.T) {
	header, err := os.ReadFile("../../include/ocireg.h")
	if err != nil {
		t.Skip(err)
	}
	all, found := sources(t), map[string]bool{}
	key := regexp.MustCompile(`(?:^|[;,(.:)] | and )([a-z][a-z0-9_]*) \((?:string|strings|list|integers?|boolean|number|numbers|false|true|[0-9]+[,):]|"OS|"sha|"pkcs|OS/ARCH|of an index)`)
	for _, comment := range regexp.MustCompile(`(?m)(?:^//.*\n)+`).FindAllString(string(header), -1) {
		text := " " + regexp.MustCompile(`\n?// ?`).ReplaceAllString(comment, " ")
		_, text, _ = strings.Cut(strings.Join(strings.Fields(text), " "), " Options")
		text = regexp.MustCompile(` (Result|Errors|Progress)\b.*`).ReplaceAllString(text, "")
		for _, match := range key.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(all, `"`+match[1]+`"`) {
				t.Errorf("no option sets %s", match[1])
			}
			found[match[1]] = true
		}
	}
	for _, name := range []string{"idle_timeout_ms", "insecure", "temporary_dir", "helper_path", "password", "unix_socket", "n", "platform", "scratch"} {
		if !found[name] {
			t.Errorf("%s was not found in the header", name)
		}
	}
	if len(found) < 75 {
		t.Errorf("only %d options", len(found))
	}
}

// TestEveryMember: each struct has a field for every member of the result's schema.
func TestEveryMember(t *testing.T) {
	shapes := map[string]any{
		"blob-delete": ocireg.BlobDelete{}, "blob-get": ocireg.BlobGet{}, "blob-head": ocireg.BlobHead{}, "blob-info": ocireg.BlobInfo{},
		"blob-mount": ocireg.BlobMount{}, "blob-put": ocireg.BlobPut{}, "catalog": ocireg.RepositoryList{}, "copy": ocireg.CopyResult{},
		"descriptor": ocireg.Descriptor{}, "document": ocireg.ManifestInfo{}, "endpoint": ocireg.Place{}, "index": ocireg.RegistryName{},
		"layout-check": ocireg.LayoutCheck{}, "layout-clean": ocireg.LayoutClean{}, "manifest-delete": ocireg.ManifestDelete{},
		"manifest-head": ocireg.ManifestHead{}, "manifest-put": ocireg.ManifestPut{}, "manifest": ocireg.Manifest{}, "ping": ocireg.Ping{},
		"platform": ocireg.Platform{}, "progress": ocireg.ProgressDetail{}, "reference": ocireg.Reference{}, "referrers": ocireg.ReferrerList{},
		"session": ocireg.Session{}, "tag-delete": ocireg.TagDelete{}, "tags": ocireg.TagList{},
	}
	// The errors, the limits, the events and the warnings are read otherwise, and tested by themselves.
	others := []string{"error", "rate-limit", "log-event", "warnings"}
	files, _ := filepath.Glob("../../tests/schemas/*.json")
	if len(files) == 0 {
		t.Skip("no schemas")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		shape, known := shapes[name]
		if !known {
			if !strings.Contains(strings.Join(others, " "), name) {
				t.Errorf("no struct for %s", name)
			}
			continue
		}
		var schema struct{ Properties map[string]any }
		if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(file)), &schema); err != nil {
			t.Fatal(err)
		}
		fields := members(reflect.TypeOf(shape))
		for property := range schema.Properties {
			if !fields[property] && !(name == "tags" && (property == "child" || property == "manifest")) {
				t.Errorf("%s: no field for %s", name, property)
			}
		}
	}
}

// members are the JSON names of a struct's fields, embedded ones too.
func members(shape reflect.Type) map[string]bool {
	all := map[string]bool{}
	for _, field := range reflect.VisibleFields(shape) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all[name] = true
	}
	return all
}
