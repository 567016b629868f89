// Command kubernetes_fields prints the fields of the kinds that Waypost holds, as one JSON object:
//
//	go run ./kubernetes_fields >../../app/schemas/documents/kubernetes_fields.json
//
// Each type is an object from the name of a field to what it holds: "" a value, "T" an object of type T,
// "{}T" a map of them, "[]T" a list, "[key]T" a list merged by key, "[=]" a list merged as a set.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

var types = map[string]map[string]string{}

func main() {
	for _, kind := range []any{
		corev1.Service{}, corev1.Pod{}, corev1.Node{}, corev1.Namespace{}, corev1.Endpoints{},
		discoveryv1.EndpointSlice{}, networkingv1.ServiceCIDR{},
		rbacv1.Role{}, rbacv1.ClusterRole{}, rbacv1.RoleBinding{}, rbacv1.ClusterRoleBinding{},
	} {
		describe(reflect.TypeOf(kind))
	}
	separator := "{"
	for _, name := range slices.Sorted(maps.Keys(types)) {
		fields, err := json.Marshal(types[name])
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n%q: %s", separator, name, fields)
		separator = ","
	}
	fmt.Println("\n}")
}

func nameOf(t reflect.Type) string {
	if strings.HasSuffix(t.PkgPath(), "discovery/v1") && t.Name() != "EndpointSlice" {
		return "Slice" + t.Name()
	}
	return t.Name()
}

func describe(t reflect.Type) string {
	name := nameOf(t)
	if _, known := types[name]; known {
		return name
	}
	fields := map[string]string{}
	types[name] = fields
	collect(t, fields)
	return name
}

func collect(t reflect.Type, fields map[string]string) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if strings.Contains(options, "inline") {
			collect(field.Type, fields)
			continue
		}
		fields[name] = held(field)
	}
}

func held(field reflect.StructField) string {
	t := field.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case opaque(t):
		return ""
	case t.Kind() == reflect.Struct:
		return describe(t)
	case t.Kind() == reflect.Map:
		if of := t.Elem(); of.Kind() == reflect.Struct && !opaque(of) {
			return "{}" + describe(of)
		}
		return ""
	case t.Kind() == reflect.Slice:
		return list(field, t.Elem())
	}
	return ""
}

func list(field reflect.StructField, of reflect.Type) string {
	key, isMerged := field.Tag.Get("patchMergeKey"), strings.Contains(field.Tag.Get("patchStrategy"), "merge")
	if of.Kind() != reflect.Struct {
		if isMerged {
			return "[=]"
		}
		return ""
	}
	if !isMerged {
		key = ""
	}
	return "[" + key + "]" + describe(of)
}

// opaque says whether a type is written as one value: quantities, times, numbers that may be text, raw JSON.
func opaque(t reflect.Type) bool {
	_, marshals := reflect.PointerTo(t).MethodByName("MarshalJSON")
	return marshals || t.Name() == "FieldsV1"
}
