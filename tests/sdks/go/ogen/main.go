// The main job of a Waypost client, with the client that ogen generates.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"os"
	"slices"

	"waypost.example/ogen/waypost"
)

var (
	background = context.Background()
	client     = connected(token(os.Getenv("TOKEN")))
)

// token is a waypost.SecuritySource.
type token string

func (t token) BearerToken(context.Context, waypost.OperationName) (waypost.BearerToken, error) {
	return waypost.BearerToken{Token: string(t)}, nil
}

func connected(as token) *waypost.Client {
	return must(waypost.NewClient(os.Getenv("BASE_URL"), as, waypost.WithRequestEditor(acceptEvents)))
}

// acceptEvents asks for events, which the generated Watch does not: the server's default is NDJSON.
func acceptEvents(_ context.Context, request *http.Request) error {
	if request.URL.Path == "/watch" {
		request.Header.Set("Accept", "text/event-stream")
	}
	return nil
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

// checkRefused checks the typed error of a call.
func checkRefused(err error, reason waypost.StatusReason) {
	refused, isRefusal := errors.AsType[*waypost.RefusalStatusCodeWithHeaders](err)
	check(isRefusal && refused.Response.Reason.Value == reason, err)
}

// service makes a Service in front of the Pods of `ent.yaml`.
func service(name string) waypost.Service {
	return waypost.Service{
		ApiVersion: "v1",
		Kind:       "Service",
		Metadata: waypost.ObjectMeta{
			Name:   waypost.NewOptString(name),
			Labels: waypost.NewOptLabels(waypost.Labels{"tier": "front"}),
		},
		Spec: waypost.NewOptServiceSpec(waypost.ServiceSpec{
			Selector: waypost.NewOptLabels(waypost.Labels{"app": "ent"}),
			Ports: []waypost.ServicePort{{
				Name:       waypost.NewOptString("http"),
				Port:       80,
				TargetPort: waypost.NewOptIntOrString(waypost.NewInt32IntOrString(8080)),
			}},
		}),
	}
}

func useAToken() {
	asked := waypost.Token{
		ApiVersion: "access.waypost/v1",
		Kind:       "Token",
		Spec:       waypost.NewOptTokenSpec(waypost.TokenSpec{User: "deployer"}),
	}
	issued := must(client.CreateToken(background, &asked, waypost.CreateTokenParams{}))
	deployer := connected(token(issued.Response.Status.Token.Value))
	me := must(deployer.Whoami(background))
	check(me.Status.UserInfo.Username == "deployer", me)
	_, err := connected("wrong").Whoami(background)
	checkRefused(err, waypost.StatusReasonUnauthorized)
}

func applyYAML() {
	manifests := must(os.Open("ent.yaml"))
	request := must(http.NewRequest("POST", os.Getenv("BASE_URL")+"/apply", manifests))
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	request.Header.Set("Content-Type", "application/yaml")
	answer := must(http.DefaultClient.Do(request))
	defer answer.Body.Close()
	var applied waypost.ApplyResult
	check(applied.UnmarshalJSON(must(io.ReadAll(answer.Body))) == nil, answer)
	check(len(applied.Results) == 6, applied)
}

func applyJSON() {
	body := waypost.NewServiceManifest(service("api"))
	applied := must(client.Apply(background, body, waypost.ApplyParams{})).Response
	check(applied.Results[0].Operation == waypost.AppliedOperationCreated, applied)
}

func create() {
	web := service("web")
	created := must(client.CreateService(background, &web, waypost.CreateServiceParams{})).Response
	check(created.Spec.Value.ClusterIP.IsSet(), created)
}

func listInPages() {
	var names []string
	page := waypost.ListServicesParams{
		Namespace: waypost.NewOptString("default"),
		Limit:     waypost.NewOptInt32(2),
	}
	for {
		listed := must(client.ListServices(background, page)).Response
		for _, each := range listed.Items {
			names = append(names, each.Metadata.Name.Value)
		}
		if page.Continue = listed.Metadata.Continue; !page.Continue.IsSet() {
			break
		}
	}
	check(slices.Equal(names, []string{"api", "ent", "web"}), names)
}

func read() waypost.ServiceAnswerHeaders {
	web := waypost.ReadServiceParams{Namespace: "default", Name: "web"}
	found := must(client.ReadService(background, web))
	target := found.Response.Spec.Value.Ports[0].TargetPort.Value
	check(target.IsInt32() && target.Int32 == 8080, target)
	return *found
}

// patch sends a merge patch, in which null removes a label.
func patch(labels string, ifMatch waypost.OptString) (*waypost.ServiceAnswerHeaders, error) {
	body := waypost.MergePatch{"metadata": []byte(`{"labels":` + labels + `}`)}
	return client.PatchService(background, body, waypost.PatchServiceParams{
		Namespace: "default", Name: "web", IfMatch: ifMatch,
	})
}

func mergePatch() {
	patched := must(patch(`{"tier":null,"track":"stable"}`, waypost.OptString{})).Response
	labels := patched.Metadata.Labels.Value
	check(maps.Equal(labels, waypost.Labels{"track": "stable"}), labels)
}

func writeStale(stale waypost.Service) {
	web := waypost.ReplaceServiceParams{Namespace: "default", Name: "web"}
	_, err := client.ReplaceService(background, &stale, web)
	checkRefused(err, waypost.StatusReasonConflict)
}

func patchIfMatch() {
	etag := read().ETag
	must(patch(`{"track":"next"}`, etag))
	_, err := patch(`{"track":"next"}`, etag)
	checkRefused(err, waypost.StatusReasonPreconditionFailed)
}

func resolve() {
	question := waypost.ResolveParams{Name: "ent", Namespace: waypost.NewOptString("default")}
	found := must(client.Resolve(background, question))
	check(found.Status == waypost.ResolutionStatusNOERROR, found)
}

func resolveBatch() {
	questions := waypost.QuestionBatch{Questions: []waypost.Question{
		{Name: "web"}, {Name: "no.default.svc.cluster.local."},
	}}
	batch := must(client.ResolveMany(background, &questions, waypost.ResolveManyParams{}))
	found := batch.Resolutions
	check(found[0].Status == waypost.ResolutionStatusNOERROR, found)
	check(found[1].Status == waypost.ResolutionStatusNXDOMAIN, found)
}

func readRules(address string) {
	answer := must(client.ReadNodeIpvs(background, waypost.ReadNodeIpvsParams{Name: "n1"}))
	servers := answer.(*waypost.NodeRulesHeaders).Response.VirtualServers
	check(slices.ContainsFunc(servers, func(server waypost.VirtualServer) bool {
		return server.Address == address
	}), servers)
}

func explain() {
	ent := waypost.ExplainServiceParams{Namespace: "default", Name: "ent"}
	explained := must(client.ExplainService(background, ent))
	check(explained.EndpointsReady == 2, explained)
	for _, pod := range explained.Pods {
		check(pod.Pod.Name != "ent-3" || pod.Verdict == waypost.EndpointVerdictNotReady, pod)
	}
}

func followChanges(after waypost.OptString) {
	query := waypost.WatchParams{Kinds: waypost.NewOptString("Service"), ResourceVersion: after}
	stream := must(client.Watch(background, query)).Response
	defer stream.Close()
	must(patch(`{"track":"done"}`, waypost.OptString{}))
	for {
		event := must(stream.Next(background))
		if event.Type == "BOOKMARK" {
			continue
		}
		check(event.Type == "MODIFIED" && event.Data.IsService(), event)
		check(event.Data.Service.Metadata.Labels.Value["track"] == "done", event)
		return
	}
}

func remove() {
	web := waypost.DeleteServiceParams{Namespace: "default", Name: "web"}
	must(client.DeleteService(background, web))
	_, err := client.ReadService(background, waypost.ReadServiceParams{Namespace: "default", Name: "web"})
	checkRefused(err, waypost.StatusReasonNotFound)
}

func main() {
	useAToken()
	fmt.Println("token ok")
	applyYAML()
	fmt.Println("apply-yaml around")
	applyJSON()
	fmt.Println("apply-json ok")
	create()
	fmt.Println("create ok")
	listInPages()
	fmt.Println("list ok")
	first := read().Response
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
	readRules(first.Spec.Value.ClusterIP.Value)
	fmt.Println("node-rules ok")
	explain()
	fmt.Println("explain ok")
	followChanges(read().Response.Metadata.ResourceVersion)
	fmt.Println("watch around")
	remove()
	fmt.Println("delete ok")
}
