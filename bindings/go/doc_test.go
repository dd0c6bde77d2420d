package ocireg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
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
