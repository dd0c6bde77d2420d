package ocireg_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

// snippet is the README's program.
func snippet(t *testing.T) string {
	text := string(must[[]byte](t)(os.ReadFile("README.md")))
	_, rest, found := strings.Cut(text, "```go\n")
	program, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed || strings.Count(program, "\n") != 5 {
		t.Fatalf("the README's program does not have five lines: %q", program)
	}
	return program
}

// TestReadme builds the README's lines like a user's module, and runs them.
func TestReadme(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	digest, _ := push(t, client, repository+":latest", []byte("hello"))
	lines := snippet(t)
	if !strings.Contains(lines, "quay.io/prometheus/busybox") {
		t.Fatal("the README names another repository")
	}
	folder := t.TempDir()
	program := "package main\n\nimport (\n\t\"context\"\n\t\"fmt\"\n\n\t\"github.com/ocireg/ocireg/bindings/go\"\n)\n\n" +
		"func main() {\n\tctx := context.Background()\n" + strings.ReplaceAll(lines, "quay.io/prometheus/busybox", repository) +
		"\tif err != nil {\n\t\tpanic(err)\n\t}\n\tfmt.Println(manifest.Digest)\n\tclient.Close()\n}\n"
	for name, text := range map[string]string{
		"main.go": program,
		"go.mod": "module example\n\ngo 1.24\n\nrequire github.com/ocireg/ocireg/bindings/go v0.0.0\n\n" +
			"replace github.com/ocireg/ocireg/bindings/go => " + must[string](t)(filepath.Abs(".")) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.CommandContext(context.Background(), "go", "run", ".")
	run.Dir = folder
	output, err := run.CombinedOutput()
	if err != nil || string(output) != "latest <nil>\n"+digest+"\n" {
		t.Errorf("%v: %s\n%s", err, output, program)
	}
}

// TestReadmeNames: everything that the README names exists.
func TestReadmeNames(t *testing.T) {
	var client *ocireg.Client
	_ = []any{client.Ping, client.Repositories, client.Tags, client.Manifest, client.ManifestDigest, client.ManifestPut,
		client.ManifestDelete, client.BlobOpen, client.HasBlob, client.BlobPutFrom, client.BlobAt, client.TagList,
		client.RepositoryList, client.ReferrerList, ocireg.WithLogger, ocireg.WithProgress, ocireg.WithCredentialsFunc}
}
