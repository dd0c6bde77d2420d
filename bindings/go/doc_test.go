package ocireg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
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

// ownNames are functions that cannot have the name of the C function that they call.
var ownNames = map[string]string{
	"String":            "fmt wants it so",
	"Detail":            "a Progress is asked, and not the context that gave it",
	"ReferrerList":      "Referrers iterates",
	"InspectSchema1Key": "Schema1KeyInfo is its result's type",
}

// eachBinding calls found for each C function that an exported function of the package calls.
func eachBinding(t *testing.T, found func(file string, function *ast.FuncDecl, called string)) {
	t.Helper()
	files, _ := filepath.Glob("*.go")
	calls := regexp.MustCompile(`C\.(ocireg_\w+)\(`)
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
			for _, match := range calls.FindAllSubmatch(body, -1) {
				called := strings.Replace(string(match[1]), "ocireg_go_put_stream", "ocireg_blob_put_stream", 1)
				if !strings.HasSuffix(called, "_free") && called != "ocireg_status" && called != "ocireg_go_thread" {
					found(name, function, called)
				}
			}
		}
	}
}

// TestEveryDocNamesItsFunction: whoever knows the C library finds its functions here.
func TestEveryDocNamesItsFunction(t *testing.T) {
	found := 0
	eachBinding(t, func(file string, function *ast.FuncDecl, called string) {
		if found++; !strings.Contains(function.Doc.Text(), called) {
			t.Errorf("%s: %s does not name %s", file, function.Name.Name, called)
		}
	})
	if found < 90 {
		t.Errorf("only %d", found)
	}
}

// nameInGo is the name that a C function has here, without that of the type whose method it is.
func nameInGo(called, receiver string) string {
	var name strings.Builder
	for _, word := range strings.Split(strings.TrimPrefix(called, "ocireg_"), "_") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	result := strings.TrimPrefix(name.String(), receiver)
	for inC, inGo := range map[string]string{"Fd": "To", "Stream": "From", "Memory": "Bytes"} {
		if before, is := strings.CutSuffix(result, inC); is {
			return before + inGo
		}
	}
	return result
}

// TestEveryNameIsThatOfItsFunction: what is read about the C library can be looked up here.
func TestEveryNameIsThatOfItsFunction(t *testing.T) {
	found, own := 0, map[string]bool{}
	eachBinding(t, func(file string, function *ast.FuncDecl, called string) {
		receiver, name := "", function.Name.Name
		if function.Recv != nil {
			receiver = strings.TrimPrefix(types.ExprString(function.Recv.List[0].Type), "*")
		}
		found++
		switch _, excused := ownNames[name]; {
		case excused:
			own[name] = true
		case name != nameInGo(called, receiver):
			t.Errorf("%s: %s is %s", file, name, nameInGo(called, receiver))
		}
	})
	if found < 90 || len(own) != len(ownNames) {
		t.Errorf("%d functions, and of %v only %v", found, ownNames, own)
	}
}
