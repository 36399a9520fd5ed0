package ndpclient;

import io.grpc.StatusRuntimeException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import ndp.registry.v1.Change;
import ndp.registry.v1.Plan;

/** A client of the NDP Registry to copy and start from. */
public final class Main {
  private static final String USAGE =
      """
      usage:
        ndp-client platforms                         list all platforms
        ndp-client plan PLATFORM PLAN_ID TITLE       draft a plan and submit it
        ndp-client watch [POSITION]                  follow the changes after a position

      NDP_SERVER is the registry's URL, by default http://127.0.0.1:50051; NDP_KEY an API key.
      For https://, NDP_CA is a file of certificates to trust, by default those of Java;
      NDP_CERTIFICATE and NDP_CERTIFICATE_KEY are files of the client's own.""";

  private static final Set<String> COMMANDS = Set.of("platforms", "plan", "watch");

  // names are Vietnamese, whatever the locale
  private static final PrintStream OUT =
      new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
  private static final PrintStream ERR =
      new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8);

  private Main() {}

  public static void main(String[] args) throws InterruptedException {
    String server = System.getenv().getOrDefault("NDP_SERVER", "http://127.0.0.1:50051");
    try (Registry registry = new Registry(server, System.getenv("NDP_KEY"))) {
      run(registry, args);
    } catch (ConnectException | IllegalArgumentException error) {
      ERR.println("error: " + error.getMessage());
      System.exit(1);
    } catch (StatusRuntimeException error) {
      ERR.println(Errors.describe(error));
      System.exit(1);
    }
  }

  private static void run(Registry registry, String[] args)
      throws ConnectException, InterruptedException {
    if (args.length > 0 && COMMANDS.contains(args[0])) {
      registry.connect();
    }
    if (args.length == 1 && args[0].equals("platforms")) {
      registry
          .platforms()
          .forEach(platform -> OUT.println(platform.getName() + " " + platform.getDisplayName()));
    } else if (args.length == 4 && args[0].equals("plan")) {
      Plan plan = registry.submitNewPlan(args[1], args[2], args[3]);
      OUT.println(plan.getName() + " " + plan.getState());
    } else if ((args.length == 1 || args.length == 2) && args[0].equals("watch")) {
      registry.watch(args.length == 2 ? args[1] : "", Main::print);
    } else {
      ERR.println(USAGE);
      System.exit(64);
    }
  }

  private static void print(Change change, String position) {
    // the first effect is what the method answers; others follow from it
    String resource = change.getEffects(0).getResource();
    OUT.println(position + " " + change.getMethod() + " " + resource);
  }
}
