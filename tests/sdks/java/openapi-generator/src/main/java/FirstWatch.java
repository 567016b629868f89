import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import waypost.JSON;
import waypost.model.Service;
import waypost.model.WatchEvent;

/** Prints the Services that there are, and every change of one, until interrupted. */
public class FirstWatch {
  public static void main(String[] arguments) throws Exception {
    var url = System.getenv().getOrDefault("BASE_URL", "http://127.0.0.1:8053");
    var request = HttpRequest.newBuilder(URI.create(url + "/watch?kinds=Service")).build();
    var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofLines());
    var mapper = new JSON().getMapper();
    for (var lines = answer.body().iterator(); lines.hasNext(); ) {
      var event = mapper.readValue(lines.next(), WatchEvent.class);
      if (event.getObject().getActualInstance() instanceof Service service) {
        System.out.println(event.getType() + " " + service.getMetadata().getName());
      }
    }
  }
}
