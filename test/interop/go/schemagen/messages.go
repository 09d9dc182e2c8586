package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// One line per message, wrapped: NAME NUMBER FIELD TYPE ...; the server's protobuf_messages.h says what the types mean.
func writeMessages(out io.Writer) {
	done := map[string]reflect.Type{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		name := messageName(t)
		if done[name] != nil {
			return
		}
		done[name] = t
		line := name
		var below []reflect.Type
		for _, one := range fieldsOf(t, false) {
			if one.number == "" {
				continue
			}
			text, next := messageType(one)
			part := " " + one.number + " " + one.name + " " + text
			if len(line)-strings.LastIndex(line, "\n")+len(part) > 118 {
				line += "\n "
			}
			line += part
			if next != nil {
				below = append(below, next)
			}
		}
		fmt.Fprintln(out, line)
		for _, next := range below {
			visit(next)
		}
	}
	for _, root := range messageRoots {
		visit(reflect.TypeOf(root))
	}
}

// Types of these groups bear the group in front, because core has others of the same name.
func messageName(t reflect.Type) string {
	path := strings.Split(t.PkgPath(), "/")
	group := path[len(path)-2]
	switch group + "." + t.Name() {
	case "events.Event", "events.EventSeries", "discovery.EndpointPort", "discovery.Endpoint", "discovery.EndpointConditions",
		"storage.VolumeNodeResources", "autoscaling.ScaleSpec", "apiextensions.ServiceReference", "networking.HTTPIngressPath":
		return group + "." + t.Name()
	}
	return t.Name()
}

var handWritten = map[string]bool{"ObjectMeta": true, "LabelSelector": true, "ObjectReference": true,
	"LocalObjectReference": true, "DeleteOptions": true, "TypeMeta": true}

func messageType(one field) (string, reflect.Type) {
	t, prefix, pointer := one.goType, "", one.pointer
	if t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		t, prefix, pointer = t.Elem(), "[]", true
	} else if t.Kind() == reflect.Map {
		t, prefix, pointer = t.Elem(), "{}", true
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Name() {
	case "Time":
		return prefix + "t", nil
	case "MicroTime":
		return prefix + "u", nil
	case "Quantity":
		return prefix + "q", nil
	case "IntOrString":
		if one.pointer {
			return prefix + "*x", nil
		}
		return prefix + "x", nil
	case "RawExtension", "JSON", "FieldsV1":
		return prefix + "j", nil
	}
	pick := func(kept, left string) (string, reflect.Type) {
		if pointer {
			return prefix + kept, nil
		}
		return prefix + left, nil
	}
	switch t.Kind() {
	case reflect.String:
		return pick("p", "s")
	case reflect.Bool:
		return pick("b", "o")
	case reflect.Int32, reflect.Int64:
		return pick("n", "i")
	case reflect.Float64:
		return prefix + "d", nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return prefix + "y", nil
		}
		return prefix + "e", nil // ExtraValue: a list that is a message of its own
	case reflect.Struct:
		star := ""
		if one.pointer && prefix == "" {
			star = "*"
		}
		if handWritten[t.Name()] && messageName(t) == t.Name() {
			return prefix + star + t.Name(), nil
		}
		return prefix + star + messageName(t), t
	}
	panic("schemagen: " + t.String())
}
