package ocireg_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

// cOnly are functions that the Go package does not need.
var cOnly = map[string]string{
	"ocireg_error_code":                 "ocireg_error_json has it",
	"ocireg_error_name":                 "ocireg_error_json has it",
	"ocireg_error_message":              "ocireg_error_json has it",
	"ocireg_error_errno":                "ocireg_error_json has it",
	"ocireg_error_hint":                 "ocireg_error_json has it",
	"ocireg_error_http_status":          "ocireg_error_json has it",
	"ocireg_context_cancel_from_signal": "no Go code runs in a signal handler: os/signal tells a goroutine",
	"ocireg_options_set_string":         "options go over as JSON, by ocireg_options_parse",
	"ocireg_options_set_int":            "as above",
	"ocireg_options_set_double":         "as above",
	"ocireg_options_set_bool":           "as above",
	"ocireg_options_add_string":         "as above",
	"ocireg_manifest_layer":             "ManifestInfo.Layer reads Go's own document",
	"ocireg_image_export_stream":        "ImageExportTo writes to an io.Writer through a pipe, as all calls do",
	"ocireg_json_parse":                 "encoding/json reads what Go reads",
	"ocireg_json_parse_bytes":           "encoding/json reads what Go reads",
	"ocireg_json_kind":                  "encoding/json reads what Go reads",
	"ocireg_json_at":                    "encoding/json reads what Go reads",
	"ocireg_json_text":                  "encoding/json reads what Go reads",
	"ocireg_json_string":                "encoding/json reads what Go reads",
	"ocireg_json_integer":               "encoding/json reads what Go reads",
	"ocireg_json_number":                "encoding/json reads what Go reads",
	"ocireg_json_boolean":               "encoding/json reads what Go reads",
	"ocireg_json_size":                  "encoding/json reads what Go reads",
	"ocireg_json_item":                  "encoding/json reads what Go reads",
	"ocireg_json_key":                   "encoding/json reads what Go reads",
	"ocireg_json_dump":                  "encoding/json reads what Go reads",
	"ocireg_json_free":                  "encoding/json reads what Go reads",
	"ocireg_client_quiesce":             "a Go program has threads of its own",
	"ocireg_client_fd":                  "a goroutine waits for a call",
	"ocireg_client_next_event":          "as above",
	"ocireg_job_new":                    "as above",
	"ocireg_job_context":                "as above",
	"ocireg_job_userdata":               "as above",
	"ocireg_job_event_text":             "as above",
	"ocireg_job_progress":               "as above",
	"ocireg_job_answer":                 "as above",
	"ocireg_job_cancel":                 "as above",
	"ocireg_job_status":                 "as above",
	"ocireg_job_error":                  "as above",
	"ocireg_job_json":                   "as above",
	"ocireg_job_bytes":                  "as above",
	"ocireg_job_take_reader":            "as above",
	"ocireg_job_take_upload":            "as above",
	"ocireg_job_free":                   "as above",
}

// cOnlyOptions are options of what the Go package does not need.
var cOnlyOptions = []string{"job_threads", "progress", "blob_progress", "log", "credentials"}

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

// TestReadmeSaysWhatIsNotHere: by name, but for the JSON reader and the jobs, and for what C needs and Go has in another form.
func TestReadmeSaysWhatIsNotHere(t *testing.T) {
	text := string(must[[]byte](t)(os.ReadFile("README.md")))
	groups := regexp.MustCompile(`^ocireg_(json_|job_|client_fd|client_next_event|error_|options_)`)
	for name := range cOnly {
		if !groups.MatchString(name) && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("README.md does not say that %s is not here", name)
		}
	}
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
	for _, match := range regexp.MustCompile(`(?m)^//   ([a-z][a-z0-9_]*) \((?:string|list|integer|boolean|number)`).FindAllStringSubmatch(string(header), -1) {
		if !slices.Contains(cOnlyOptions, match[1]) && !strings.Contains(all, `"`+match[1]+`"`) {
			t.Errorf("no option sets %s", match[1])
		}
		found[match[1]] = true
	}
	for _, match := range regexp.MustCompile(`(?m)^#define OCIREG_OPT_\w+ "(\w+)"`).FindAllStringSubmatch(string(header), -1) {
		if !found[match[1]] {
			t.Errorf("%s has a constant, and no function that takes it", match[1])
		}
	}
	for _, name := range []string{"idle_timeout_ms", "insecure", "temporary_dir", "helper_path", "password", "unix_socket", "n", "platform", "scratch"} {
		if !found[name] {
			t.Errorf("%s was not found in the header", name)
		}
	}
	if len(found) < 100 {
		t.Errorf("only %d options", len(found))
	}
}

// TestEveryConstant: each string that the header defines is a constant here.
func TestEveryConstant(t *testing.T) {
	header, err := os.ReadFile("../../include/ocireg.h")
	if err != nil {
		t.Skip(err)
	}
	all, found := sources(t), 0
	for _, match := range regexp.MustCompile(`(?m)^#define (OCIREG_(?:MEDIA_TYPE|DEFAULT)_\w+) "`).FindAllStringSubmatch(string(header), -1) {
		if !strings.Contains(all, "= C."+match[1]+"\n") {
			t.Errorf("no constant for %s", match[1])
		}
		found++
	}
	if found < 17 {
		t.Errorf("only %d constants", found)
	}
	if name := must[*ocireg.Reference](t)(ocireg.ReferenceParse("a")); name.Tag != ocireg.DefaultTag || name.Registry.Name != ocireg.DefaultIndex {
		t.Errorf("%+v", name)
	}
	if ocireg.MediaTypeOCIManifest != manifestType {
		t.Error(ocireg.MediaTypeOCIManifest)
	}
}

// shapes are the structs of the results' schemas.
var shapes = map[string]any{
	"artifact-pull": ocireg.PulledArtifact{}, "artifact-push": ocireg.PushedArtifact{},
	"blob-copy": ocireg.BlobCopy{}, "blob-delete": ocireg.BlobDelete{}, "blob-get": ocireg.BlobGet{}, "blob-head": ocireg.BlobHead{}, "blob-info": ocireg.BlobInfo{},
	"blob-mount": ocireg.BlobMount{}, "blob-put": ocireg.BlobPut{}, "catalog": ocireg.RepositoryList{}, "copy": ocireg.CopyResult{},
	"descriptor": ocireg.Descriptor{}, "detect": ocireg.Detected{}, "document": ocireg.ManifestInfo{}, "endpoint": ocireg.Place{},
	"index": ocireg.RegistryName{}, "index-write": ocireg.WrittenIndex{}, "layout-check": ocireg.LayoutCheck{}, "endpoint-list": ocireg.PlaceList{}, "endpoint-manifest": ocireg.PlaceManifest{}, "endpoint-referrers": ocireg.PlaceReferrers{}, "layout-clean": ocireg.LayoutClean{},
	"manifest-delete": ocireg.ManifestDelete{}, "manifest-head": ocireg.ManifestHead{}, "manifest-put": ocireg.ManifestPut{},
	"manifest": ocireg.Manifest{}, "ping": ocireg.Ping{}, "sync": ocireg.SyncResult{}, "platform": ocireg.Platform{}, "progress": ocireg.ProgressDetail{},
	"reference": ocireg.Reference{}, "referrers": ocireg.ReferrerList{}, "schema1": ocireg.Schema1{}, "schema1-key": ocireg.Schema1KeyInfo{},
	"session": ocireg.Session{}, "tag-delete": ocireg.TagDelete{}, "tags": ocireg.TagList{}, "v1-image": ocireg.V1Image{},
	"v1-images": ocireg.V1Images{}, "v1-layer": ocireg.V1Layer{}, "v1-login": ocireg.V1Login{}, "v1-ping": ocireg.V1Ping{},
	"v1-push": ocireg.V1Push{}, "v1-put-image": ocireg.V1Put{}, "v1-put-layer": ocireg.V1Put{}, "v1-search": ocireg.V1Search{},
	"v1-status": ocireg.V1Status{}, "v1-tags": ocireg.V1Tags{}, "blob-event": ocireg.BlobProgress{}, "explain": ocireg.Explanation{},
	"image-append": ocireg.ImageAppend{}, "image-cat": ocireg.ImageFile{}, "image-config": ocireg.ImageConfig{},
	"image-export": ocireg.ImageExport{}, "image-extract": ocireg.ImageExtract{}, "image-files": ocireg.ImageFiles{}, "image-size": ocireg.ImageSize{},
	"image-size-one": ocireg.ImageSize{}, "image-tag": ocireg.ImageTag{}, "image-validate": ocireg.Validation{}, "login": ocireg.Login{}, "logout": ocireg.Logout{},
	"repository-remove": ocireg.RepositoryRemove{}, "token": ocireg.Token{}, "located": ocireg.Located{}, "unpacked-layer": ocireg.ExtractedLayer{},
}

// otherwise are results that are not structs, or are parsed in another way; they have their own tests.
var otherwise = []string{"error", "rate-limit", "log-event", "warnings", "v1-tag", "v1-ancestry"}

// leftOut are members that only some registries send.
var leftOut = map[string]bool{"tags.child": true, "tags.manifest": true}

// schema contains the parts of a JSON Schema that are checked.
type schema struct {
	Properties map[string]schema
	Items      *schema
	AnyOf      []schema
}

// TestEveryMember: each struct has a field for every member of the result's schema, at every depth.
func TestEveryMember(t *testing.T) {
	files, _ := filepath.Glob("../../tests/schemas/*.json")
	if len(files) == 0 {
		t.Skip("no schemas")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		shape, known := shapes[name]
		if !known {
			if !slices.Contains(otherwise, name) {
				t.Errorf("no struct for %s", name)
			}
			continue
		}
		var wanted schema
		if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(file)), &wanted); err != nil {
			t.Fatal(err)
		}
		wanted.compare(t, name, reflect.TypeOf(shape))
	}
}

// compare checks that each member of the schema has a field.
func (s schema) compare(t *testing.T, name string, shape reflect.Type) {
	for shape.Kind() == reflect.Pointer || shape.Kind() == reflect.Slice {
		shape = shape.Elem()
	}
	if s.Items != nil {
		s.Items.compare(t, name, shape)
	}
	for _, one := range s.AnyOf {
		one.compare(t, name, shape)
	}
	if _, special := reflect.New(shape).Interface().(json.Unmarshaler); special || shape.Kind() != reflect.Struct {
		return
	}
	fields := members(shape)
	for member, below := range s.Properties {
		field, found := fields[member]
		if found {
			below.compare(t, name+"."+member, field)
		} else if !leftOut[name+"."+member] {
			t.Errorf("no field for %s.%s", name, member)
		}
	}
}

// members are a struct's fields by their JSON names, embedded ones too.
func members(shape reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(shape) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all[name] = field.Type
	}
	return all
}
