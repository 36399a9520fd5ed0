package ndpclient;

import io.grpc.ChannelCredentials;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.logging.Logger;
import java.util.stream.Stream;
import ndp.registry.v1.CatalogueServiceGrpc;
import ndp.registry.v1.CatalogueServiceGrpc.CatalogueServiceBlockingStub;
import ndp.registry.v1.Change;
import ndp.registry.v1.ChangeServiceGrpc;
import ndp.registry.v1.ChangeServiceGrpc.ChangeServiceBlockingStub;
import ndp.registry.v1.CreatePlanRequest;
import ndp.registry.v1.ListPlatformsRequest;
import ndp.registry.v1.Plan;
import ndp.registry.v1.PlanServiceGrpc;
import ndp.registry.v1.PlanServiceGrpc.PlanServiceBlockingStub;
import ndp.registry.v1.Platform;
import ndp.registry.v1.SubmitPlanRequest;
import ndp.registry.v1.WatchChangesRequest;
import ndp.registry.v1.WatchChangesResponse;

/** A registry at a URL, called with an API key or, without one, as the public. */
final class Registry implements AutoCloseable {
  private static final Logger LOG = Logger.getLogger(Registry.class.getName());
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /**
   * The channel waits for a server that restarts, and tries a call again whose answer was lost. A
   * write needs a request id for that.
   */
  private static final Map<String, ?> SERVICE_CONFIG =
      Map.of(
          "methodConfig",
          List.of(
              Map.of(
                  "name",
                  List.of(
                      Map.of(
                          "service", ChangeServiceGrpc.SERVICE_NAME, "method", "WatchChanges")),
                  "waitForReady",
                  true),
              Map.of(
                  "name",
                  List.of(Map.of()),
                  "waitForReady",
                  true,
                  "timeout",
                  "30s",
                  "retryPolicy",
                  Map.of(
                      "maxAttempts",
                      5.0,
                      "initialBackoff",
                      "0.2s",
                      "maxBackoff",
                      "5s",
                      "backoffMultiplier",
                      2.0,
                      "retryableStatusCodes",
                      List.of("UNAVAILABLE")))));

  /**
   * How long a registry may take to answer for the first time. A channel that has been open waits
   * longer: for a server that restarts.
   */
  private static final Duration CONNECT_TIME = Duration.ofSeconds(10);

  private final String server;
  private final ManagedChannel channel;
  private final CatalogueServiceBlockingStub catalogue;
  private final PlanServiceBlockingStub plans;
  private final ChangeServiceBlockingStub changes;

  Registry(String server, String key) {
    ChannelCredentials credentials;
    if (server.startsWith("http://")) {
      credentials = InsecureChannelCredentials.create();
    } else if (server.startsWith("https://")) {
      credentials = tlsCredentials();
    } else {
      throw new IllegalArgumentException(
          "NDP_SERVER is \""
              + server
              + "\"; set it to a URL that begins with http:// or https://, for example"
              + " http://127.0.0.1:50051");
    }
    this.server = server;
    Metadata metadata = new Metadata();
    if (key != null) {
      metadata.put(AUTHORIZATION, "Bearer " + key);
    }
    channel =
        Grpc.newChannelBuilder(URI.create(server).getAuthority(), credentials)
            .defaultServiceConfig(SERVICE_CONFIG)
            .keepAliveTime(30, TimeUnit.SECONDS)
            .intercept(MetadataUtils.newAttachHeadersInterceptor(metadata))
            .build();
    catalogue = CatalogueServiceGrpc.newBlockingStub(channel);
    plans = PlanServiceGrpc.newBlockingStub(channel);
    changes = ChangeServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Trusts the certificates in the file that NDP_CA names, or else those that Java trusts, and shows
   * the certificate of NDP_CERTIFICATE and NDP_CERTIFICATE_KEY to a registry that asks for one.
   */
  private static ChannelCredentials tlsCredentials() {
    TlsChannelCredentials.Builder builder = TlsChannelCredentials.newBuilder();
    String ca = System.getenv("NDP_CA");
    String certificate = System.getenv("NDP_CERTIFICATE");
    try {
      if (ca != null) {
        builder.trustManager(new File(ca));
      }
      if (certificate != null) {
        String key = System.getenv().getOrDefault("NDP_CERTIFICATE_KEY", "");
        builder.keyManager(new File(certificate), new File(key));
      }
    } catch (IOException error) {
      throw new IllegalArgumentException("NDP_CA or NDP_CERTIFICATE: " + error.getMessage());
    }
    return builder.build();
  }

  /** Waits for the registry, or says which one does not answer and what to do. */
  void connect() throws ConnectException, InterruptedException {
    long end = System.nanoTime() + CONNECT_TIME.toNanos();
    for (;;) {
      ConnectivityState state = channel.getState(true);
      if (state == ConnectivityState.READY) {
        return;
      }
      CountDownLatch changed = new CountDownLatch(1);
      channel.notifyWhenStateChanged(state, changed::countDown);
      if (!changed.await(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        throw new ConnectException(
            "no registry answers at "
                + server
                + "; start one with `ndp-registry serve`, or set NDP_SERVER to the URL of a registry"
                + " that is running");
      }
    }
  }

  /** The whole catalogue, fetched page by page as it is read. */
  Stream<Platform> platforms() {
    ListPlatformsRequest first = ListPlatformsRequest.getDefaultInstance();
    return Stream.iterate(
            catalogue.listPlatforms(first),
            page -> page != null,
            page ->
                page.getNextPageToken().isEmpty()
                    ? null
                    : catalogue.listPlatforms(
                        first.toBuilder().setPageToken(page.getNextPageToken()).build()))
        .flatMap(page -> page.getPlatformsList().stream());
  }

  /**
   * Drafts a plan and hands it in. The request ids make it safe that the channel tries again when
   * an answer was lost: what was done is answered, not done twice.
   */
  Plan submitNewPlan(String platform, String id, String title) {
    Plan draft =
        plans.createPlan(
            CreatePlanRequest.newBuilder()
                .setParent(platform)
                .setPlanId(id)
                .setPlan(Plan.newBuilder().setDisplayName(title))
                .setRequestId(UUID.randomUUID().toString())
                .build());
    return plans.submitPlan(
        SubmitPlanRequest.newBuilder()
            .setName(draft.getName())
            .setEtag(draft.getEtag())
            .setRequestId(UUID.randomUUID().toString())
            .build());
  }

  /**
   * Hands on every change after a position of the log, each once and in order and with its own
   * position, without end; without a position, every change there is. When the server goes away it
   * resumes after the last position received; keep that one to resume later. A registry that was
   * restored from a backup, or failed over, may lack changes that were handed on: then it ends with
   * the reason LOG_DIVERGED. State built from the changes has to be rebuilt, by a watch without a
   * position.
   */
  void watch(String after, BiConsumer<Change, String> handle) throws InterruptedException {
    while (true) {
      WatchChangesRequest.Builder request =
          WatchChangesRequest.newBuilder().setStart(WatchChangesRequest.Start.BEGINNING);
      if (!after.isEmpty()) {
        request.setStart(WatchChangesRequest.Start.RESUME).setResumePosition(after);
      }
      try {
        Iterator<WatchChangesResponse> messages = changes.watchChanges(request.build());
        while (messages.hasNext()) {
          WatchChangesResponse message = messages.next();
          if (message.hasChange()) {
            handle.accept(message.getChange(), message.getPosition());
          }
          after = message.getPosition();
        }
      } catch (StatusRuntimeException error) {
        if (error.getStatus().getCode() != Status.Code.UNAVAILABLE) {
          throw error;
        }
        LOG.info("resuming after position \"" + after + "\": " + error.getMessage());
        Thread.sleep(1000);
      }
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
