// The main job of a Waypost client, with the client that oapi-codegen generates.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"net/http"
	"os"
	"slices"

	"waypost.example/oapi-codegen/waypost"
)

var (
	background = context.Background()
	client     = connected(os.Getenv("TOKEN"))
)

func connected(token string) *waypost.ClientWithResponses {
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	return must(waypost.NewClientWithResponses(
		os.Getenv("BASE_URL"), waypost.WithRequestEditorFn(authorize)))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func check(isRight bool, found any) {
	if !isRight {
		log.Panicf("%+v", found)
	}
}

// service makes a Service in front of the Pods of `ent.yaml`.
func service(name string) waypost.Service {
	var target waypost.IntOrString
	check(target.FromIntOrString0(8080) == nil, target)
	return waypost.Service{
		ApiVersion: "v1",
		Kind:       "Service",
		Metadata:   waypost.ObjectMeta{Name: &name, Labels: &waypost.Labels{"tier": "front"}},
		Spec: &waypost.ServiceSpec{
			Selector: &waypost.Labels{"app": "ent"},
			Ports:    []waypost.ServicePort{{Name: new("http"), Port: 80, TargetPort: &target}},
		},
	}
}

func useAToken() {
	asked := waypost.Token{
		ApiVersion: "access.waypost/v1",
		Kind:       "Token",
		Spec:       &waypost.TokenSpec{User: "deployer"},
	}
	issued := must(client.CreateTokenWithResponse(background, nil, asked))
	me := must(connected(*issued.JSON201.Status.Token).WhoamiWithResponse(background))
	check(me.JSON200.Status.UserInfo.Username == "deployer", me.JSON200)
	refused := must(connected("wrong").WhoamiWithResponse(background))
	check(*refused.JSONDefault.Reason == "Unauthorized", refused.JSONDefault)
}

func applyYAML() {
	manifests := must(os.Open("ent.yaml"))
	applied := must(client.ApplyWithBodyWithResponse(background, nil, "application/yaml", manifests))
	check(len(applied.JSON200.Results) == 6, applied)
}

func applyJSON() {
	var body waypost.Manifest
	check(body.FromService(service("api")) == nil, body)
	applied := must(client.ApplyWithResponse(background, nil, body))
	check(applied.JSON200.Results[0].Operation == "created", applied.JSON200)
}

func create() {
	created := must(client.CreateServiceWithResponse(background, nil, service("web")))
	check(created.JSON201.Spec.ClusterIP != nil, created.JSON201)
}

func listInPages() {
	var names []string
	page := &waypost.ListServicesParams{Namespace: new("default"), Limit: new(int32(2))}
	for {
		listed := must(client.ListServicesWithResponse(background, page)).JSON200
		for _, each := range listed.Items {
			names = append(names, *each.Metadata.Name)
		}
		if page.Continue = listed.Metadata.Continue; page.Continue == nil {
			break
		}
	}
	check(slices.Equal(names, []string{"api", "ent", "web"}), names)
}

func read() (waypost.Service, string) {
	found := must(client.ReadServiceWithResponse(background, "default", "web", nil))
	port := must(found.JSON200.Spec.Ports[0].TargetPort.AsIntOrString0())
	check(port == 8080, port)
	return *found.JSON200, found.HTTPResponse.Header.Get("ETag")
}

// patch sends a merge patch, in which nil removes a label.
func patch(labels map[string]any, options *waypost.PatchServiceParams) *waypost.PatchServiceResponse {
	body := waypost.MergePatch{"metadata": map[string]any{"labels": labels}}
	return must(client.PatchServiceWithApplicationMergePatchPlusJSONBodyWithResponse(
		background, "default", "web", options, body))
}

func mergePatch() {
	patched := patch(map[string]any{"tier": nil, "track": "stable"}, nil)
	labels := patched.JSON200.Metadata.Labels
	check(maps.Equal(*labels, waypost.Labels{"track": "stable"}), labels)
}

func writeStale(stale waypost.Service) {
	refused := must(client.ReplaceServiceWithResponse(background, "default", "web", nil, stale))
	check(*refused.JSONDefault.Reason == "Conflict", refused.JSONDefault)
}

func patchIfMatch() {
	_, etag := read()
	options := &waypost.PatchServiceParams{IfMatch: &etag}
	patched := patch(map[string]any{"track": "next"}, options)
	check(patched.JSON200 != nil, patched)
	refused := patch(map[string]any{"track": "next"}, options)
	check(*refused.JSONDefault.Reason == "PreconditionFailed", refused.JSONDefault)
}

func resolve() {
	question := &waypost.ResolveParams{Name: "ent", Namespace: new("default")}
	found := must(client.ResolveWithResponse(background, question))
	check(found.JSON200.Status == "NOERROR", found.JSON200)
}

func resolveBatch() {
	body := waypost.QuestionBatch{Questions: []waypost.Question{
		{Name: "web"}, {Name: "no.default.svc.cluster.local."},
	}}
	found := must(client.ResolveManyWithResponse(background, nil, body)).JSON200.Resolutions
	check(found[0].Status == "NOERROR" && found[1].Status == "NXDOMAIN", found)
}

func readRules(address string) {
	rules := must(client.ReadNodeIpvsWithResponse(background, "n1", nil)).JSON200
	check(slices.ContainsFunc(rules.VirtualServers, func(server waypost.VirtualServer) bool {
		return server.Address == address
	}), rules.VirtualServers)
}

func explain() {
	explained := must(client.ExplainServiceWithResponse(background, "default", "ent", nil)).JSON200
	check(explained.EndpointsReady == 2, explained)
	for _, pod := range explained.Pods {
		check(pod.Pod.Name != "ent-3" || pod.Verdict == "NotReady", pod)
	}
}

// followChanges reads the stream itself: WatchWithResponse would wait for its end.
func followChanges(after string) {
	query := &waypost.WatchParams{Kinds: new("Service"), ResourceVersion: &after}
	stream := must(client.Watch(background, query))
	defer stream.Body.Close()
	patch(map[string]any{"track": "done"}, nil)
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		var change waypost.WatchEvent
		check(json.Unmarshal(lines.Bytes(), &change) == nil, lines.Text())
		if change.Type == waypost.WatchEventTypeBOOKMARK {
			continue
		}
		changed := must(change.Object.AsService())
		check(change.Type == waypost.WatchEventTypeMODIFIED, change)
		check((*changed.Metadata.Labels)["track"] == "done", changed)
		return
	}
	log.Fatal("the stream ended")
}

func remove() {
	deleted := must(client.DeleteServiceWithResponse(background, "default", "web", nil))
	check(deleted.JSON200 != nil, deleted)
	gone := must(client.ReadServiceWithResponse(background, "default", "web", nil))
	check(*gone.JSONDefault.Reason == "NotFound", gone.JSONDefault)
}

func main() {
	useAToken()
	fmt.Println("token ok")
	applyYAML()
	fmt.Println("apply-yaml ok")
	applyJSON()
	fmt.Println("apply-json ok")
	create()
	fmt.Println("create ok")
	listInPages()
	fmt.Println("list ok")
	first, _ := read()
	fmt.Println("read ok")
	mergePatch()
	fmt.Println("merge-patch ok")
	writeStale(first)
	fmt.Println("stale-write ok")
	patchIfMatch()
	fmt.Println("if-match ok")
	resolve()
	fmt.Println("resolve ok")
	resolveBatch()
	fmt.Println("resolve-batch ok")
	readRules(*first.Spec.ClusterIP)
	fmt.Println("node-rules ok")
	explain()
	fmt.Println("explain ok")
	latest, _ := read()
	followChanges(*latest.Metadata.ResourceVersion)
	fmt.Println("watch around")
	remove()
	fmt.Println("delete ok")
}
