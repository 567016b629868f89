// The main job of a Waypost client, with the client that openapi-generator generates.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"os"
	"slices"

	"waypost.example/openapi-generator/waypost"
)

var (
	background = authorized(os.Getenv("TOKEN"))
	client     = connected()
)

func authorized(token string) context.Context {
	return context.WithValue(context.Background(), waypost.ContextAccessToken, token)
}

func connected() *waypost.APIClient {
	settings := waypost.NewConfiguration()
	settings.Servers = waypost.ServerConfigurations{{URL: os.Getenv("BASE_URL")}}
	return waypost.NewAPIClient(settings)
}

// done gives the answer of a call that is to succeed.
func done[T any](value *T, _ *http.Response, err error) *T {
	return must(value, err)
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
	refused, isRefusal := errors.AsType[*waypost.GenericOpenAPIError](err)
	check(isRefusal, err)
	status, isStatus := refused.Model().(waypost.Status)
	check(isStatus && *status.Reason == reason, status)
}

// service makes a Service in front of the Pods of `ent.yaml`.
func service(name string) waypost.Service {
	return waypost.Service{
		ApiVersion: "v1",
		Kind:       "Service",
		Metadata:   waypost.ObjectMeta{Name: &name, Labels: map[string]string{"tier": "front"}},
		Spec: &waypost.ServiceSpec{
			Selector: map[string]string{"app": "ent"},
			Ports: []waypost.ServicePort{{
				Name: new("http"), Port: 80, TargetPort: &waypost.IntOrString{Int32: new(int32(8080))},
			}},
		},
	}
}

func useAToken() {
	asked := waypost.Token{
		ApiVersion: "access.waypost/v1",
		Kind:       "Token",
		Spec:       waypost.NewTokenSpec("deployer"),
	}
	issued := done(client.TokensAPI.CreateToken(background).Token(asked).Execute())
	me := done(client.AccessAPI.Whoami(authorized(*issued.Status.Token)).Execute())
	check(me.Status.UserInfo.Username == "deployer", me)
	_, _, err := client.AccessAPI.Whoami(authorized("wrong")).Execute()
	checkRefused(err, waypost.STATUSREASON_UNAUTHORIZED)
}

// send makes a request that the generated methods cannot, with their HTTP client.
func send(method, path, mediaType string, body io.Reader) *http.Response {
	request := must(http.NewRequest(method, os.Getenv("BASE_URL")+path, body))
	request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	request.Header.Set("Content-Type", mediaType)
	return must(client.GetConfig().HTTPClient.Do(request))
}

func applyYAML() {
	answer := send("POST", "/apply", "application/yaml", must(os.Open("ent.yaml")))
	defer answer.Body.Close()
	var applied waypost.ApplyResult
	check(json.NewDecoder(answer.Body).Decode(&applied) == nil, answer)
	check(len(applied.Results) == 6, applied)
}

func applyJSON() {
	api := service("api")
	body := waypost.ServiceAsManifest(&api)
	applied := done(client.ManifestsAPI.Apply(background).Manifest(body).Execute())
	check(applied.Results[0].Operation == waypost.APPLIEDOPERATION_CREATED, applied)
}

func create() {
	created := done(client.ServicesAPI.CreateService(background).Service(service("web")).Execute())
	check(created.Spec.ClusterIP != nil, created)
}

func listInPages() {
	var names []string
	page := client.ServicesAPI.ListServices(background).Namespace("default").Limit(2)
	for {
		listed := done(page.Execute())
		for _, each := range listed.Items {
			names = append(names, *each.Metadata.Name)
		}
		if listed.Metadata.Continue == nil {
			break
		}
		page = page.Continue_(*listed.Metadata.Continue)
	}
	check(slices.Equal(names, []string{"api", "ent", "web"}), names)
}

func read() (waypost.Service, string) {
	found, answer, err := client.ServicesAPI.ReadService(background, "default", "web").Execute()
	check(err == nil, err)
	check(*found.Spec.Ports[0].TargetPort.Int32 == 8080, found)
	return *found, answer.Header.Get("ETag")
}

// patch asks for a merge patch, in which nil removes a label.
func patch(labels map[string]any) waypost.ApiPatchServiceRequest {
	body := map[string]any{"metadata": map[string]any{"labels": labels}}
	return client.ServicesAPI.PatchService(background, "default", "web").RequestBody(body)
}

func mergePatch() {
	patched := done(patch(map[string]any{"tier": nil, "track": "stable"}).Execute())
	labels := patched.Metadata.Labels
	check(maps.Equal(labels, map[string]string{"track": "stable"}), labels)
}

func writeStale(stale waypost.Service) {
	written := client.ServicesAPI.ReplaceService(background, "default", "web").Service(stale)
	_, _, err := written.Execute()
	checkRefused(err, waypost.STATUSREASON_CONFLICT)
}

func patchIfMatch() {
	_, etag := read()
	asked := patch(map[string]any{"track": "next"}).IfMatch(etag)
	done(asked.Execute())
	_, _, err := asked.Execute()
	checkRefused(err, waypost.STATUSREASON_PRECONDITION_FAILED)
}

func resolve() {
	question := client.NamesAPI.Resolve(background).Name("ent").Namespace("default")
	found := done(question.Execute())
	check(found.Status == waypost.RESOLUTIONSTATUS_NOERROR, found)
}

func resolveBatch() {
	questions := *waypost.NewQuestionBatch([]waypost.Question{
		{Name: "web"}, {Name: "no.default.svc.cluster.local."},
	})
	batch := done(client.NamesAPI.ResolveMany(background).QuestionBatch(questions).Execute())
	found := batch.Resolutions
	check(found[0].Status == waypost.RESOLUTIONSTATUS_NOERROR, found)
	check(found[1].Status == waypost.RESOLUTIONSTATUS_NXDOMAIN, found)
}

func readRules(address string) {
	servers := done(client.RulesAPI.ReadNodeIpvs(background, "n1").Execute()).VirtualServers
	check(slices.ContainsFunc(servers, func(server waypost.VirtualServer) bool {
		return server.Address == address
	}), servers)
}

func explain() {
	explained := done(client.ServicesAPI.ExplainService(background, "default", "ent").Execute())
	check(explained.EndpointsReady == 2, explained)
	for _, pod := range explained.Pods {
		check(pod.Pod.Name != "ent-3" || pod.Verdict == waypost.ENDPOINTVERDICT_NOT_READY, pod)
	}
}

// followChanges reads the stream itself: the generated method would wait for its end.
func followChanges(after string) {
	stream := send("GET", "/watch?kinds=Service&resourceVersion="+after, "", nil)
	defer stream.Body.Close()
	done(patch(map[string]any{"track": "done"}).Execute())
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		var event waypost.WatchEvent
		check(json.Unmarshal(lines.Bytes(), &event) == nil, lines.Text())
		if event.Type == waypost.WATCHEVENTTYPE_BOOKMARK {
			continue
		}
		check(event.Type == waypost.WATCHEVENTTYPE_MODIFIED, event)
		check(event.Object.Service.Metadata.Labels["track"] == "done", event)
		return
	}
	log.Fatal("the stream ended")
}

func remove() {
	done(client.ServicesAPI.DeleteService(background, "default", "web").Execute())
	_, _, err := client.ServicesAPI.ReadService(background, "default", "web").Execute()
	checkRefused(err, waypost.STATUSREASON_NOT_FOUND)
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
