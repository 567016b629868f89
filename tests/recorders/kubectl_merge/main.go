// Command kubectl_merge records what Kubernetes' own library makes of merges, as one JSON document:
//
//	go run ./kubectl_merge >../vectors/kubectl_merge.json
//
// "apply" cases are what kubectl apply does (three versions to a patch, the patch onto the live object);
// "patch" cases are what an API server does with a strategic merge patch.  The inputs are written below, or
// drawn with a fixed seed; the patches, results and refusals are the library's.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

const (
	seed       = 20261
	drawnApply = 150
	drawnPatch = 150
	version    = "k8s.io/api and k8s.io/apimachinery v0.36.3 (Kubernetes 1.36)"
)

type object = map[string]any

type testCase struct {
	ID     string `json:"id"`
	Does   string `json:"does"`
	Kind   string `json:"kind"`
	Live   object `json:"live"`
	Last   object `json:"last,omitempty"`
	Wanted object `json:"wanted,omitempty"`
	Patch  any    `json:"patch"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

var kinds = map[string]any{
	"Service":       corev1.Service{},
	"Pod":           corev1.Pod{},
	"Node":          corev1.Node{},
	"Namespace":     corev1.Namespace{},
	"EndpointSlice": discoveryv1.EndpointSlice{},
	"ServiceCIDR":   networkingv1.ServiceCIDR{},
}

func main() {
	var cases []testCase
	for _, each := range append(written, drawn()...) {
		if each.Does == "apply" {
			cases = append(cases, applied(each))
		} else {
			cases = append(cases, patched(each))
		}
	}
	fmt.Println(`{"meta":` + encoded(object{
		"source": "made by tests/recorders/kubectl_merge: inputs of our own, patches and results of " + version,
		"format": "does apply: live, last (applied) and wanted give patch, and patch on live gives result; " +
			"does patch: patch on live gives result; error instead of result where the library refuses",
		"seed": seed,
	}) + `,"cases":[`)
	for index, each := range cases {
		separator := ","
		if index == len(cases)-1 {
			separator = "]}"
		}
		fmt.Println(encoded(each) + separator)
	}
}

func applied(each testCase) testCase {
	schema, err := strategicpatch.NewPatchMetaFromStruct(kinds[each.Kind])
	if err != nil {
		log.Fatal(err)
	}
	last := each.Last
	if last == nil {
		last = object{}
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(
		[]byte(encoded(last)), []byte(encoded(each.Wanted)), []byte(encoded(each.Live)), schema, true)
	if err != nil {
		each.Error = err.Error()
		return each
	}
	each.Patch = decoded(patch)
	return patched(each)
}

func patched(each testCase) testCase {
	result, err := strategicpatch.StrategicMergePatch(
		[]byte(encoded(each.Live)), []byte(encoded(each.Patch)), kinds[each.Kind])
	if err != nil {
		each.Error = err.Error()
		return each
	}
	each.Result = asDecoded(decoded(result))
	return each
}

// asDecoded drops what the API server's decoder drops next: nulls, and the directives that the library leaves
// behind where the live object has no such part.
func asDecoded(value any) any {
	switch held := value.(type) {
	case object:
		for name, inner := range held {
			if inner == nil || strings.HasPrefix(name, "$") {
				delete(held, name)
			} else {
				held[name] = asDecoded(inner)
			}
		}
	case []any:
		for index, inner := range held {
			held[index] = asDecoded(inner)
		}
	}
	return value
}

func encoded(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

func decoded(text []byte) object {
	found := object{}
	if err := json.Unmarshal(text, &found); err != nil {
		log.Fatal(err)
	}
	return found
}

func parsed(text string) object {
	if text == "" {
		return nil
	}
	return decoded([]byte(text))
}

func apply(id, kind, live, last, wanted string) testCase {
	return testCase{ID: id, Does: "apply", Kind: kind,
		Live: parsed(live), Last: parsed(last), Wanted: parsed(wanted)}
}

func patch(id, kind, live, patch string) testCase {
	return testCase{ID: id, Does: "patch", Kind: kind, Live: parsed(live), Patch: parsed(patch)}
}

// What is drawn: three versions of an object out of small pools, so that they meet and differ.

type drawer struct{ *rand.Rand }

func drawn() []testCase {
	draw := drawer{rand.New(rand.NewSource(seed))}
	var cases []testCase
	names := []string{"Service", "Pod", "Node"}
	for number := range drawnApply {
		kind := names[number%len(names)]
		last := draw.version(kind)
		live, wanted := draw.changed(kind, last), draw.changed(kind, last)
		if draw.Intn(5) == 0 {
			last = object{}
		}
		cases = append(cases, testCase{ID: fmt.Sprintf("drawn-apply-%03d", number), Does: "apply", Kind: kind,
			Live: live, Last: last, Wanted: wanted})
	}
	for number := range drawnPatch {
		kind := names[number%len(names)]
		cases = append(cases, testCase{ID: fmt.Sprintf("drawn-patch-%03d", number), Does: "patch", Kind: kind,
			Live: draw.version(kind), Patch: draw.patch(kind)})
	}
	return cases
}

// field is one place of a kind: where, and how to draw what stands there.
type field struct {
	part, name, key string
	draw            func(drawer) any
}

func list(key string, keys []any, others object) func(drawer) any {
	return func(draw drawer) any {
		found := []any{}
		for _, index := range draw.Perm(len(keys)) {
			if draw.Intn(2) == 0 {
				continue
			}
			element := object{key: keys[index]}
			for name, values := range others {
				if value := draw.Intn(len(values.([]any)) + 2); value < len(values.([]any)) {
					element[name] = values.([]any)[value]
				}
			}
			found = append(found, element)
		}
		return found
	}
}

func plain(values ...any) func(drawer) any {
	return func(draw drawer) any {
		found := []any{}
		for _, index := range draw.Perm(len(values)) {
			if draw.Intn(2) == 0 {
				found = append(found, values[index])
			}
		}
		return found
	}
}

func texts(keys ...string) func(drawer) any {
	return func(draw drawer) any {
		found := object{}
		for _, key := range keys {
			if draw.Intn(2) == 0 {
				found[key] = []string{"1", "2"}[draw.Intn(2)]
			}
		}
		return found
	}
}

func one(values ...any) func(drawer) any {
	return func(draw drawer) any {
		return copied(object{"one": values[draw.Intn(len(values))]})["one"]
	}
}

var (
	meta = []field{
		{"metadata", "labels", "", texts("app", "tier", "by")},
		{"metadata", "finalizers", "=", plain("a/x", "b/y", "c/z")},
		{"metadata", "ownerReferences", "uid", list("uid", []any{"u1", "u2", "u3"}, object{"name": []any{"n", "m"}})},
	}
	conditions = field{"status", "conditions", "type",
		list("type", []any{"Ready", "A", "B"}, object{"status": []any{"True", "False"}, "reason": []any{"R"}})}
	containers = list("name", []any{"main", "side", "log"}, object{
		"restartPolicy": []any{"Always"},
		"ports": []any{
			[]any{object{"containerPort": 80.0, "name": "http"}, object{"containerPort": 443.0}},
			[]any{object{"containerPort": 443.0, "name": "tls"}, object{"containerPort": 80.0}},
			[]any{object{"containerPort": 80.0, "protocol": "UDP"}},
		},
		"env": []any{
			[]any{object{"name": "A", "value": "1"}, object{"name": "B", "value": "2"}},
			[]any{object{"name": "B", "value": "3"}},
		},
		"readinessProbe": []any{
			object{"httpGet": object{"port": 80.0, "path": "/"}},
			object{"tcpSocket": object{"port": 80.0}, "periodSeconds": 3.0},
		},
	})
	places = map[string][]field{
		"Service": append([]field{
			{"spec", "type", "", one("ClusterIP", "NodePort")},
			{"spec", "selector", "", texts("app", "tier")},
			{"spec", "ports", "port", list("port", []any{80.0, 81.0, 443.0, 9090.0}, object{
				"name": []any{"a", "b"}, "targetPort": []any{8080.0, "web"}, "nodePort": []any{30001.0},
				"protocol": []any{"TCP", "UDP"}})},
			{"spec", "externalIPs", "", plain("192.0.2.1", "192.0.2.2")},
			{"spec", "sessionAffinityConfig", "", one(object{"clientIP": object{"timeoutSeconds": 9.0}}, object{})},
			conditions,
		}, meta...),
		"Pod": append([]field{
			{"spec", "containers", "name", containers},
			{"spec", "initContainers", "name", containers},
			{"spec", "hostAliases", "ip", list("ip", []any{"192.0.2.1", "192.0.2.2"}, object{"hostnames": []any{[]any{"a"}, []any{"b", "c"}}})},
			{"spec", "tolerations", "", list("key", []any{"a", "b"}, object{"effect": []any{"NoSchedule"}})},
			{"status", "podIPs", "ip", list("ip", []any{"10.244.0.1", "10.244.0.2", "fd00::1"}, nil)},
			conditions,
		}, meta...),
		"Node": append([]field{
			{"spec", "podCIDRs", "=", plain("10.244.0.0/24", "10.244.1.0/24", "fd00::/64")},
			{"spec", "taints", "", list("key", []any{"a", "b"}, object{"effect": []any{"NoSchedule"}})},
			{"spec", "unschedulable", "", one(true, false)},
			{"status", "addresses", "type", list("type", []any{"InternalIP", "Hostname", "ExternalIP"}, object{"address": []any{"192.0.2.1", "192.0.2.2"}})},
			{"status", "capacity", "", texts("cpu", "memory")},
			conditions,
		}, meta...),
	}
)

func (draw drawer) version(kind string) object {
	found := object{"metadata": object{"name": "x"}}
	for _, each := range places[kind] {
		if draw.Intn(3) > 0 {
			put(found, each, each.draw(draw))
		}
	}
	return copied(found)
}

func (draw drawer) changed(kind string, from object) object {
	found := copied(from)
	for _, each := range places[kind] {
		switch draw.Intn(5) {
		case 0:
			put(found, each, each.draw(draw))
		case 1:
			if part, held := found[each.part].(object); held {
				delete(part, each.name)
			}
		}
	}
	return copied(found)
}

// patch draws a patch: values as above, now and then a null or a directive.
func (draw drawer) patch(kind string) object {
	found := object{}
	for _, each := range places[kind] {
		if draw.Intn(2) == 0 {
			continue
		}
		value := each.draw(draw)
		if draw.Intn(8) == 0 {
			value = nil
		}
		put(found, each, value)
		part := found[each.part].(object)
		switch held := value.(type) {
		case []any:
			draw.direct(part, each, held)
		case object:
			if draw.Intn(4) == 0 {
				held["$patch"] = []any{"replace", "delete"}[draw.Intn(2)]
			}
		}
	}
	return copied(found)
}

func (draw drawer) direct(part object, each field, held []any) {
	switch {
	case each.key == "=":
		if draw.Intn(2) == 0 {
			part["$deleteFromPrimitiveList/"+each.name] = without(each.draw(draw).([]any), held)
		}
		if draw.Intn(3) == 0 {
			part["$setElementOrder/"+each.name] = append(held, "d/w")
		}
	case each.key != "":
		order := []any{}
		for _, element := range held {
			if draw.Intn(4) == 0 {
				element.(object)["$patch"] = "delete"
			} else {
				order = append(order, object{each.key: element.(object)[each.key]})
			}
		}
		if draw.Intn(10) == 0 {
			part[each.name] = append(held, object{"$patch": "replace"})
		} else if draw.Intn(2) == 0 {
			part["$setElementOrder/"+each.name] = order
		}
	}
}

func without(values, others []any) []any {
	found := []any{}
	for _, value := range values {
		if !slices.Contains(others, value) {
			found = append(found, value)
		}
	}
	return found
}

func put(in object, at field, value any) {
	part, held := in[at.part].(object)
	if !held {
		part = object{}
		in[at.part] = part
	}
	part[at.name] = value
}

func copied(value object) object { return decoded([]byte(encoded(value))) }

func init() { log.SetOutput(os.Stderr) }
