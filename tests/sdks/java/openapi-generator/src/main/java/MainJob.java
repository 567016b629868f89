import com.fasterxml.jackson.annotation.JsonInclude;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import waypost.ApiClient;
import waypost.ApiException;
import waypost.JSON;
import waypost.api.*;
import waypost.api.ServicesApi.*;
import waypost.model.*;

/** The main job of a Waypost client, with the client that openapi-generator generates. */
public class MainJob {
  static final String URL = System.getenv("BASE_URL");
  static final ApiClient client = connected(System.getenv("TOKEN"));
  static final ServicesApi services = new ServicesApi(client);

  static ApiClient connected(String token) {
    var made = new ApiClient();
    made.updateBaseUri(URL);
    made.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    // The client's own mapper leaves null out of maps, and takes the number 8080 for a text too.
    made.setObjectMapper(new JSON().getMapper().setDefaultPropertyInclusion(
        JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS)));
    return made;
  }

  interface Call {
    void run() throws Exception;
  }

  /** Makes a call that is to be refused; the exception has the Status as text. */
  static Status refusal(Call call) throws Exception {
    try {
      call.run();
    } catch (ApiException refused) {
      return client.getObjectMapper().readValue(refused.getResponseBody(), Status.class);
    }
    throw new AssertionError("it was not refused");
  }

  static void check(boolean isRight, Object found) {
    if (!isRight) {
      throw new AssertionError(found);
    }
  }

  /** Makes a Service in front of the Pods of `ent.yaml`. */
  static Service service(String name) {
    var port = new ServicePort().name("http").port(80).targetPort(new IntOrString(8080));
    return new Service()
        .metadata(new ObjectMeta().name(name).labels(Map.of("tier", "front")))
        .spec(new ServiceSpec().selector(Map.of("app", "ent")).ports(List.of(port)));
  }

  static void useAToken() throws Exception {
    var asked = new Token().metadata(new ObjectMeta()).spec(new TokenSpec().user("deployer"));
    var issued = new TokensApi(client).createToken(
        TokensApi.APICreateTokenRequest.newBuilder().token(asked).build());
    var me = new AccessApi(connected(issued.getStatus().getToken())).whoami();
    check("deployer".equals(me.getStatus().getUserInfo().getUsername()), me);
    var refused = refusal(() -> new AccessApi(connected("wrong")).whoami());
    check(refused.getReason() == StatusReason.UNAUTHORIZED, refused);
  }

  /** Makes a request that the generated classes cannot, with their HTTP client. */
  static HttpRequest.Builder request(String path) {
    var made = HttpRequest.newBuilder(URI.create(URL + path));
    client.getRequestInterceptor().accept(made);
    return made;
  }

  static void applyYaml() throws Exception {
    var body = HttpRequest.BodyPublishers.ofFile(Path.of("ent.yaml"));
    var request = request("/apply").header("Content-Type", "application/yaml").POST(body).build();
    var answer = client.getHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    var applied = client.getObjectMapper().readValue(answer.body(), ApplyResult.class);
    check(applied.getResults().size() == 6, applied);
  }

  static void applyJson() throws Exception {
    var body = new Manifest(service("api"));
    var applied = new ManifestsApi(client).apply(
        ManifestsApi.APIApplyRequest.newBuilder().manifest(body).build());
    check("created".equals(applied.getResults().get(0).getOperation().getValue()), applied);
  }

  static void create() throws Exception {
    var created = services.createService(
        APICreateServiceRequest.newBuilder().service(service("web")).build());
    check(created.getSpec().getClusterIP() != null, created);
  }

  static void listInPages() throws Exception {
    var names = new ArrayList<String>();
    String next = null;
    do {
      var page = services.listServices(
          APIListServicesRequest.newBuilder().namespace("default").limit(2)._continue(next).build());
      page.getItems().forEach(each -> names.add(each.getMetadata().getName()));
      next = page.getMetadata().getContinue();
    } while (next != null);
    check(names.equals(List.of("api", "ent", "web")), names);
  }

  static APIReadServiceRequest web() {
    return APIReadServiceRequest.newBuilder().namespace("default").name("web").build();
  }

  static Service read() throws Exception {
    var found = services.readService(web());
    check(found.getSpec().getPorts().get(0).getTargetPort().getInteger() == 8080, found);
    return found;
  }

  /** Sends a merge patch, in which null removes a label. */
  static Service patch(Map<String, String> labels, String ifMatch) throws ApiException {
    Map<String, Object> body = Map.of("metadata", Map.of("labels", labels));
    return services.patchService(APIPatchServiceRequest.newBuilder()
        .namespace("default").name("web").requestBody(body).ifMatch(ifMatch).build());
  }

  static void mergePatch() throws Exception {
    var labels = new HashMap<String, String>();
    labels.put("tier", null);
    labels.put("track", "stable");
    var patched = patch(labels, null).getMetadata().getLabels();
    check(patched.equals(Map.of("track", "stable")), patched);
  }

  static void writeStale(Service stale) throws Exception {
    var refused = refusal(() -> services.replaceService(APIReplaceServiceRequest.newBuilder()
        .namespace("default").name("web").service(stale).build()));
    check(refused.getReason() == StatusReason.CONFLICT, refused);
  }

  static void patchIfMatch() throws Exception {
    var etag = services.readServiceWithHttpInfo(web()).getHeaders().get("etag").get(0);
    patch(Map.of("track", "next"), etag);
    var refused = refusal(() -> patch(Map.of("track", "next"), etag));
    check(refused.getReason() == StatusReason.PRECONDITION_FAILED, refused);
  }

  static void resolve() throws Exception {
    var found = new NamesApi(client).resolve(
        NamesApi.APIResolveRequest.newBuilder().name("ent").namespace("default").build());
    check(found.getStatus() == ResolutionStatus.NOERROR, found);
  }

  static void resolveBatch() throws Exception {
    var questions = new QuestionBatch()
        .addQuestionsItem(new Question().name("web"))
        .addQuestionsItem(new Question().name("no.default.svc.cluster.local."));
    var found = new NamesApi(client).resolveMany(
        NamesApi.APIResolveManyRequest.newBuilder().questionBatch(questions).build());
    var statuses = found.getResolutions().stream().map(Resolution::getStatus).toList();
    check(statuses.equals(List.of(ResolutionStatus.NOERROR, ResolutionStatus.NXDOMAIN)), statuses);
  }

  static void readRules(String address) throws Exception {
    var rules = new RulesApi(client).readNodeIpvs(
        RulesApi.APIReadNodeIpvsRequest.newBuilder().name("n1").build());
    var servers = rules.getVirtualServers();
    check(servers.stream().anyMatch(each -> each.getAddress().equals(address)), servers);
  }

  static void explain() throws Exception {
    var explained = services.explainService(
        APIExplainServiceRequest.newBuilder().namespace("default").name("ent").build());
    check(explained.getEndpointsReady() == 2, explained);
    check(explained.getPods().stream().anyMatch(each ->
        each.getPod().getName().equals("ent-3")
            && each.getVerdict() == EndpointVerdict.NOT_READY), explained);
  }

  static void followChanges(String after) throws Exception {
    var request = request("/watch?kinds=Service&resourceVersion=" + after).GET().build();
    var answer = client.getHttpClient().send(request, HttpResponse.BodyHandlers.ofLines());
    patch(Map.of("track", "done"), null);
    try (var lines = answer.body()) {
      for (var each = lines.iterator(); each.hasNext(); ) {
        var event = client.getObjectMapper().readValue(each.next(), WatchEvent.class);
        if (event.getType() == WatchEventType.BOOKMARK) {
          continue;
        }
        check(event.getType() == WatchEventType.MODIFIED, event);
        check("done".equals(event.getObject().getService().getMetadata().getLabels().get("track")), event);
        return;
      }
    }
    throw new AssertionError("the stream ended");
  }

  static void delete() throws Exception {
    services.deleteService(
        APIDeleteServiceRequest.newBuilder().namespace("default").name("web").build());
    var gone = refusal(MainJob::read);
    check(gone.getReason() == StatusReason.NOT_FOUND, gone);
  }

  public static void main(String[] arguments) throws Exception {
    useAToken();
    System.out.println("token ok");
    applyYaml();
    System.out.println("apply-yaml around");
    applyJson();
    System.out.println("apply-json ok");
    create();
    System.out.println("create ok");
    listInPages();
    System.out.println("list ok");
    var first = read();
    System.out.println("read ok");
    mergePatch();
    System.out.println("merge-patch around");
    writeStale(first);
    System.out.println("stale-write around");
    patchIfMatch();
    System.out.println("if-match ok");
    resolve();
    System.out.println("resolve ok");
    resolveBatch();
    System.out.println("resolve-batch ok");
    readRules(first.getSpec().getClusterIP());
    System.out.println("node-rules ok");
    explain();
    System.out.println("explain ok");
    followChanges(read().getMetadata().getResourceVersion());
    System.out.println("watch around");
    delete();
    System.out.println("delete ok");
  }
}
