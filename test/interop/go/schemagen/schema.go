package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
)

var (
	defaults = map[string]string{} // "Type.field" -> JSON, or "-" for none
	words    = map[string]string{} // "Type.field" or "field" -> a sentence
	shared   = map[string]string{} // named types: name -> text
)

type kindText struct {
	name   string
	folder string
	lines  []string
}

func readKinds() []kindText {
	var out []kindText
	readLines("kinds.txt", func(line string) {
		if strings.HasPrefix(line, "kind ") {
			parts := strings.Fields(line)
			group := strings.TrimPrefix(parts[2], "group=")
			if group == "" {
				group = "core"
			}
			out = append(out, kindText{name: parts[1], folder: strings.Split(group, ".")[0]})
		}
		out[len(out)-1].lines = append(out[len(out)-1].lines, line)
	})
	return out
}

func writeSchemas(directory string) {
	readMergeTypes()
	readLines("defaults.txt", func(line string) {
		key, value, _ := strings.Cut(line, " ")
		defaults[key] = value
	})
	readLines("words.txt", func(line string) {
		key, value, _ := strings.Cut(line, " ")
		words[key] = value
	})
	for _, kind := range readKinds() {
		root := reflect.TypeOf(schemaRoots[kind.name])
		var out strings.Builder
		for _, line := range kind.lines {
			out.WriteString(line + "\n")
		}
		for _, one := range fieldsOf(root, true) {
			if one.name != "metadata" {
				out.WriteString(fieldLine(one, "  ", kind.name))
			}
		}
		path := filepath.Join(directory, kind.folder)
		must(os.MkdirAll(path, 0o755))
		must(os.WriteFile(filepath.Join(path, strings.ToLower(kind.name)+".schema"), []byte(out.String()), 0o644))
	}
	files := map[string][]string{}
	for name, text := range shared {
		folder, _, _ := strings.Cut(name, ".")
		files[folder] = append(files[folder], text)
	}
	for folder, texts := range files {
		sort.Strings(texts)
		path := filepath.Join(directory, folder)
		must(os.MkdirAll(path, 0o755))
		text := "# Types of workload kinds, written by test/interop/go/schemagen.\n\n" + strings.Join(texts, "\n")
		must(os.WriteFile(filepath.Join(path, "workload_types.schema"), []byte(text), 0o644))
	}
}

func typeName(t reflect.Type) string {
	path := strings.Split(t.PkgPath(), "/")
	return path[len(path)-2] + "." + t.Name()
}

func isStatus(owner reflect.Type) bool {
	for _, part := range []string{"Status", "Condition", "NodeSystemInfo", "DaemonEndpoint", "ContainerImage", "VolumeError",
		"ContainerState", "AttachedVolume", "PodIP", "NodeAddress"} {
		if strings.Contains(owner.Name(), part) {
			return true
		}
	}
	return false
}

// TYPE attributes for a Go type; "required" and defaults are the field's.
func typeText(t reflect.Type, how *atom, owner reflect.Type, name string) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Name() {
	case "Time", "MicroTime":
		return "time"
	case "Quantity":
		return "Quantity"
	case "IntOrString":
		return "int-or-string"
	case "RawExtension", "FieldsV1":
		return "any"
	case "ObjectMeta", "LabelSelector":
		return t.Name()
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int32, reflect.Int64, reflect.Float64:
		return map[reflect.Kind]string{reflect.Int32: "int32", reflect.Int64: "int64", reflect.Float64: "double"}[t.Kind()]
	case reflect.Map:
		text := "map"
		if how != nil && how.Map != nil && how.Map.ElementRelationship == "atomic" {
			text += " atomic"
		}
		return text + " of " + typeText(t.Elem(), nil, owner, name)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		text, relation := "list", " atomic"
		if how != nil && how.List != nil && how.List.ElementRelationship == "associative" {
			relation = " set"
			if len(how.List.Keys) > 0 {
				relation = " keys=" + strings.Join(how.List.Keys, ",")
			}
		}
		return text + relation + " of " + typeText(t.Elem(), nil, owner, name)
	case reflect.Struct:
		share(t)
		return typeName(t)
	}
	panic("schemagen: " + t.String())
}

func share(t reflect.Type) {
	name := typeName(t)
	if _, known := shared[name]; known {
		return
	}
	shared[name] = ""
	var out strings.Builder
	out.WriteString("type " + name + " object")
	if known := mergeTypes[mergeName(t)]; known != nil && known.ElementRelationship == "atomic" {
		out.WriteString(" atomic")
	}
	out.WriteString("\n")
	if _, whole := t.FieldByName("TypeMeta"); whole {
		out.WriteString("  apiVersion string \"Group and version of the object.\"\n  kind string \"Kind of the object.\"\n")
	}
	for _, one := range fieldsOf(t, true) {
		out.WriteString(fieldLine(one, "  ", t.Name()))
	}
	shared[name] = out.String()
}

// The field's own default, or what Go's zero value looks like in JSON.
func presence(one field, owner string) string {
	if set, known := defaults[owner+"."+one.name]; known {
		if set == "-" {
			return ""
		}
		if set == "required" || set == "nullable" {
			return " " + set
		}
		return " default=" + set
	}
	if one.pointer {
		return ""
	}
	kind := one.goType.Kind()
	if kind == reflect.Struct {
		switch one.goType.Name() {
		case "Time", "MicroTime", "Quantity", "IntOrString", "RawExtension":
			return ""
		}
		if one.omitzero {
			return ""
		}
		return " default={}"
	}
	if one.omitempty {
		return ""
	}
	if kind == reflect.Slice || kind == reflect.Map {
		if isStatus(one.owner) {
			return " nullable"
		}
		return " required"
	}
	if !isStatus(one.owner) {
		return " required"
	}
	switch kind {
	case reflect.String:
		return ` default=""`
	case reflect.Bool:
		return " default=false"
	}
	return " default=0"
}

func fieldLine(one field, indent, owner string) string {
	how := mergeAtom(one.owner, one.name)
	text := typeText(one.goType, how, one.owner, one.name)
	head, tail, isOf := strings.Cut(text, " of ")
	line := indent + one.name + " " + head + presence(one, owner)
	if isOf {
		line += " of " + tail
	}
	if one.mergeKey != "" && !strings.Contains(head, "keys="+one.mergeKey) {
		fmt.Fprintf(os.Stderr, "patch merges %s.%s by %s, apply has %q\n", owner, one.name, one.mergeKey, head)
	}
	for _, key := range []string{owner + "." + one.name, one.name} {
		if sentence := words[key]; sentence != "" {
			line += fmt.Sprintf(" %q", sentence)
			break
		}
	}
	return line + "\n"
}
