package ocireg_test

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOldNames: each of renamed.go is marked as deprecated with the new name, has its signature, and does nothing but call it.
func TestOldNames(t *testing.T) {
	files := token.NewFileSet()
	functions := map[string]*ast.FuncDecl{}
	paths, _ := filepath.Glob("*.go")
	for _, path := range paths {
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range file.Decls {
			if function, ok := one.(*ast.FuncDecl); ok && !strings.HasSuffix(path, "_test.go") {
				functions[nameOf(function)] = function
			}
		}
	}
	says := regexp.MustCompile(`^Deprecated: (\w+) is the old name of (\w+)\.\n`)
	old := 0
	for name, function := range functions {
		if filepath.Base(files.Position(function.Pos()).Filename) != "renamed.go" {
			continue
		}
		old++
		said := says.FindStringSubmatch(function.Doc.Text())
		if said == nil || said[1] != function.Name.Name {
			t.Errorf("%s is not said to be deprecated", name)
			continue
		}
		current := functions[strings.TrimSuffix(name, said[1])+said[2]]
		if current == nil || said[1] == said[2] {
			t.Errorf("%s: there is no %s", name, said[2])
			continue
		}
		// What took a file takes any writer now.
		if was, is := shownType(t, files, function), shownType(t, files, current); strings.ReplaceAll(was, "*os.File", "io.Writer") != is {
			t.Errorf("%s is %s, and %s is %s", name, was, said[2], is)
		}
		if body := shown(t, files, function.Body); strings.Count(body, "\n") != 2 || !strings.Contains(body, said[2]+"(") {
			t.Errorf("%s does not call %s: %s", name, said[2], body)
		} else if passed, taken := argumentsOf(t, files, function), parametersOf(function); passed != taken {
			t.Errorf("%s passes on %s, and takes %s", name, passed, taken)
		}
	}
	if old != 56 {
		t.Errorf("%d old names instead of 56: they are there for one version", old)
	}
}

// argumentsOf is what a function calls another one with.
func argumentsOf(t *testing.T, files *token.FileSet, function *ast.FuncDecl) string {
	var call *ast.CallExpr
	ast.Inspect(function.Body, func(node ast.Node) bool {
		if found, ok := node.(*ast.CallExpr); ok && call == nil {
			call = found
		}
		return true
	})
	var names []string
	for _, argument := range call.Args {
		names = append(names, shown(t, files, argument))
	}
	return strings.Join(names, ", ")
}

// parametersOf is the names of what a function takes.
func parametersOf(function *ast.FuncDecl) string {
	var names []string
	for _, field := range function.Type.Params.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return strings.Join(names, ", ")
}

// nameOf is "Name" or "*Client.Name".
func nameOf(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return function.Name.Name
	}
	receiver, prefix := function.Recv.List[0].Type, ""
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver, prefix = pointer.X, "*"
	}
	return prefix + receiver.(*ast.Ident).Name + "." + function.Name.Name
}

// shownType is a function's signature without the names of its parameters.
func shownType(t *testing.T, files *token.FileSet, function *ast.FuncDecl) string {
	var types []string
	for _, list := range []*ast.FieldList{function.Type.TypeParams, function.Type.Params, function.Type.Results} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			for range max(1, len(field.Names)) {
				types = append(types, shown(t, files, field.Type))
			}
		}
		types = append(types, "->")
	}
	return strings.Join(types, " ")
}

func shown(t *testing.T, files *token.FileSet, node ast.Node) string {
	t.Helper()
	text := &strings.Builder{}
	if err := printer.Fprint(text, files, node); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
