package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func moduleDir(module string) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	must(err)
	return strings.TrimSpace(string(out))
}

// The schema that server-side apply works with: how lists and maps merge.
type atom struct {
	Named  string `yaml:"namedType"`
	Scalar string
	List   *struct {
		ElementType         *atom    `yaml:"elementType"`
		ElementRelationship string   `yaml:"elementRelationship"`
		Keys                []string `yaml:"keys"`
	}
	Map                 *structMap
	ElementRelationship string `yaml:"elementRelationship"`
}
type structMap struct {
	Fields []struct {
		Name    string
		Type    atom
		Default any
	}
	ElementRelationship string `yaml:"elementRelationship"`
}

var mergeTypes = map[string]*structMap{}

func readMergeTypes() {
	text, err := os.ReadFile(filepath.Join(moduleDir("k8s.io/client-go"), "applyconfigurations/internal/internal.go"))
	must(err)
	start := strings.Index(string(text), "YAMLObject(`") + len("YAMLObject(`")
	end := start + strings.Index(string(text)[start:], "`)")
	var document struct {
		Types []struct {
			Name string
			Map  *structMap
		}
	}
	must(yaml.Unmarshal(text[start:end], &document))
	for _, one := range document.Types {
		mergeTypes[one.Name] = one.Map
	}
}

func mergeName(t reflect.Type) string {
	path := strings.Split(t.PkgPath(), "/") // k8s.io/api/core/v1
	return "io.k8s." + strings.Join(path[1:], ".") + "." + t.Name()
}

func mergeAtom(owner reflect.Type, field string) *atom {
	known := mergeTypes[mergeName(owner)]
	if known == nil {
		return nil
	}
	for i := range known.Fields {
		if known.Fields[i].Name == field {
			return &known.Fields[i].Type
		}
	}
	return nil
}

type field struct {
	name                         string
	number                       string
	goType                       reflect.Type
	owner                        reflect.Type
	pointer, omitempty, omitzero bool
	mergeKey                     string
}

// Fields in the order of the Go type, those of inlined structs in their place.
func fieldsOf(t reflect.Type, flatten bool) []field {
	var out []field
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := strings.Split(f.Tag.Get("json"), ",")
		inline := false
		one := field{name: tag[0], goType: f.Type, owner: t}
		for _, option := range tag[1:] {
			inline = inline || option == "inline"
			one.omitempty = one.omitempty || option == "omitempty"
			one.omitzero = one.omitzero || option == "omitzero"
		}
		if f.Type.Name() == "TypeMeta" || tag[0] == "-" {
			continue
		}
		if proto := strings.Split(f.Tag.Get("protobuf"), ","); len(proto) > 1 {
			one.number = proto[1]
		}
		one.mergeKey = f.Tag.Get("patchMergeKey")
		if inline || tag[0] == "" {
			if flatten {
				out = append(out, fieldsOf(f.Type, true)...)
				continue
			}
			one.name = "-" // protobuf nests what JSON inlines
		}
		if one.goType.Kind() == reflect.Pointer {
			one.pointer, one.goType = true, one.goType.Elem()
		}
		out = append(out, one)
	}
	return out
}

func readLines(name string, each func(line string)) {
	file, err := os.Open(filepath.Join("schemagen", name))
	must(err)
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if line := scanner.Text(); line != "" && !strings.HasPrefix(line, "#") {
			each(line)
		}
	}
}
