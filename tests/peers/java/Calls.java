import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.pusher.pushnotifications.PushNotifications;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Makes calls of the official Java SDK, unmodified: see tests/peers/java_sdk.py.
 *
 * <p>java Calls &lt; calls &gt; outcomes
 */
public class Calls {
  private static final Gson GSON = new Gson();

  public static void main(String[] arguments) {
    JsonObject given = GSON.fromJson(new InputStreamReader(System.in, UTF_8), JsonObject.class);
    PushNotifications client =
        new PushNotifications(
            given.get("instanceId").getAsString(), given.get("secretKey").getAsString());
    JsonArray outcomes = new JsonArray();
    for (Object call : given.getAsJsonArray("calls")) {
      outcomes.add(outcome(client, (JsonArray) call));
    }
    new PrintStream(System.out, true, UTF_8).print(GSON.toJson(outcomes));
  }

  private static JsonObject outcome(PushNotifications client, JsonArray call) {
    JsonObject outcome = new JsonObject();
    try {
      outcome.add("value", GSON.toJsonTree(value(client, call)));
    } catch (Exception error) {
      JsonArray told = new JsonArray();
      told.add(error.getClass().getSimpleName());
      told.add(text(error));
      outcome.add("error", told);
    }
    return outcome;
  }

  @SuppressWarnings("unchecked")
  private static Object value(PushNotifications client, JsonArray call) throws Exception {
    Object first = GSON.fromJson(call.get(1), Object.class);
    switch (call.get(0).getAsString()) {
      case "publishToInterests":
        return Map.of("publishId", client.publishToInterests((List<String>) first, body(call)));
      case "publishToUsers":
        return Map.of("publishId", client.publishToUsers((List<String>) first, body(call)));
      case "generateToken":
        return client.generateToken((String) first);
      default:
        client.deleteUser((String) first);
        return null;
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> body(JsonArray call) {
    return GSON.fromJson(call.get(2), Map.class);
  }

  /** The SDK's errors keep their text where no other Java error does. */
  private static String text(Exception error) {
    try {
      return (String) error.getClass().getMethod("getErrorMessage").invoke(error);
    } catch (ReflectiveOperationException other) {
      return String.valueOf(error.getMessage());
    }
  }
}
