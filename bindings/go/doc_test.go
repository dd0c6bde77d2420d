package ocireg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryDoc: everything exported is documented.
func TestEveryDoc(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	more, _ := filepath.Glob("registry/*.go")
	for _, name := range append(files, more...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			for _, missing := range undocumented(declaration) {
				t.Errorf("%s: %s is not documented", name, missing)
			}
		}
	}
}

func undocumented(declaration ast.Decl) (missing []string) {
	switch declaration := declaration.(type) {
	case *ast.FuncDecl:
		if declaration.Name.IsExported() && declaration.Doc == nil {
			missing = append(missing, declaration.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range declaration.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && declaration.Doc == nil && spec.Doc == nil {
					missing = append(missing, spec.Name.Name)
				}
			case *ast.ValueSpec:
				if spec.Names[0].IsExported() && spec.Doc == nil && (declaration.Doc == nil || len(declaration.Specs) > 1) {
					missing = append(missing, spec.Names[0].Name)
				}
			}
		}
	}
	return missing
}

// TestEveryDocNamesItsFunction: whoever knows the C library finds its functions here.
func TestEveryDocNamesItsFunction(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	called, found := regexp.MustCompile(`C\.(ocireg_\w+)\(`), 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text := must[[]byte](t)(os.ReadFile(name))
		positions := token.NewFileSet()
		file := must[*ast.File](t)(parser.ParseFile(positions, name, text, parser.ParseComments))
		for _, declared := range file.Decls {
			function, is := declared.(*ast.FuncDecl)
			if !is || !function.Name.IsExported() || function.Name.Name == "UnmarshalJSON" {
				continue
			}
			body := text[positions.Position(function.Pos()).Offset:positions.Position(function.End()).Offset]
			for _, match := range called.FindAllSubmatch(body, -1) {
				wanted := strings.Replace(string(match[1]), "ocireg_go_put_stream", "ocireg_blob_put_stream", 1)
				if strings.HasSuffix(wanted, "_free") || wanted == "ocireg_status" || wanted == "ocireg_go_thread" {
					continue
				}
				if found++; !strings.Contains(function.Doc.Text(), wanted) {
					t.Errorf("%s: %s does not name %s", name, function.Name.Name, wanted)
				}
			}
		}
	}
	if found < 90 {
		t.Errorf("only %d", found)
	}
}
