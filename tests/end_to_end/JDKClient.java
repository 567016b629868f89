import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/**
 * Reads and writes with the JDK's own client as it is by default: it prefers HTTP/2, which it offers
 * with the first request of a connection. Prints method, path, status and version of each answer.
 *
 * <p>java JDKClient.java URL, where URL is that of the API
 */
public class JDKClient {
  private static final String PATH = "/services/default/by-jdk";
  private static final String NOTE = "long".repeat(50_000); // an annotation, of many segments

  private final HttpClient client = HttpClient.newHttpClient();
  private final String api;

  private JDKClient(String api) {
    this.api = api;
  }

  public static void main(String[] words) throws Exception {
    new JDKClient(words[0]).run();
  }

  private void run() throws Exception {
    send("POST", "/services", BodyPublishers.ofString(service("a")));
    send("GET", PATH, BodyPublishers.noBody());
    byte[] chunked = service("b").getBytes(); // of unknown length
    send("PUT", PATH, BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(chunked)));
    String body = send("GET", PATH, BodyPublishers.noBody());
    System.out.println(body.contains(NOTE) && body.contains("\"written\":\"b\"") ? "whole" : body);
    send("GET", "/nowhere", BodyPublishers.noBody());
    send("DELETE", PATH, BodyPublishers.noBody());
  }

  private String send(String method, String path, BodyPublisher body) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(api + path))
            .method(method, body)
            .header("Content-Type", "application/json")
            .build();
    HttpResponse<String> answer = client.send(request, BodyHandlers.ofString());
    System.out.println(
        method + " " + path + " " + answer.statusCode() + " " + answer.version());
    return answer.body();
  }

  private static String service(String written) {
    return """
        {"apiVersion":"v1","kind":"Service",
         "metadata":{"name":"by-jdk","annotations":{"note":"%s","written":"%s"}},
         "spec":{"ports":[{"port":80}]}}"""
        .formatted(NOTE, written);
  }
}
