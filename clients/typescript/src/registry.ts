import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  LocalizedMessageSchema,
} from "./gen/google/rpc/error_details_pb.js";
import { CatalogueService } from "./gen/ndp/registry/v1/catalogue_service_pb.js";
import {
  ChangeService,
  WatchChangesRequest_Start,
} from "./gen/ndp/registry/v1/change_service_pb.js";
import type { Change } from "./gen/ndp/registry/v1/changes_pb.js";
import { PlanService } from "./gen/ndp/registry/v1/plan_service_pb.js";
import type { Plan } from "./gen/ndp/registry/v1/plans_pb.js";
import type { Platform } from "./gen/ndp/registry/v1/platforms_pb.js";

const ATTEMPTS = 5;

/** What both transports need: the API key, if there is one, and retries. */
export function transportOptions(key: string | undefined) {
  return {
    defaultTimeoutMs: 30_000,
    interceptors: key === undefined ? [retry] : [retry, authorize(key)],
  };
}

/** The registry, over gRPC (Node.js) or gRPC-Web (the browser). */
export class Registry {
  readonly #catalogue: Client<typeof CatalogueService>;
  readonly #plans: Client<typeof PlanService>;
  readonly #changes: Client<typeof ChangeService>;

  constructor(transport: Transport) {
    this.#catalogue = createClient(CatalogueService, transport);
    this.#plans = createClient(PlanService, transport);
    this.#changes = createClient(ChangeService, transport);
  }

  /** The whole catalogue, page by page. */
  async *platforms(): AsyncGenerator<Platform> {
    let pageToken = "";
    do {
      const page = await this.#catalogue.listPlatforms({ pageToken });
      yield* page.platforms;
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }

  /**
   * Drafts a plan and hands it in. The request ids make it safe that `retry` sends a call again
   * whose answer was lost: what was done is answered, not done twice.
   */
  async submitNewPlan(platform: string, planId: string, title: string): Promise<Plan> {
    const draft = await this.#plans.createPlan({
      parent: platform,
      planId,
      plan: { displayName: title },
      requestId: crypto.randomUUID(),
    });
    return this.#plans.submitPlan({
      name: draft.name,
      etag: draft.etag,
      requestId: crypto.randomUUID(),
    });
  }

  /**
   * Every change after a position of the log, each once and in order and with its own position,
   * until the signal; without a position, every change there is. When the server goes away it
   * resumes after the last position received; keep that one to resume later. A registry that was
   * restored from a backup, or failed over, may lack changes that were handed on: then it ends with
   * the reason LOG_DIVERGED. State built from the changes has to be rebuilt, by a watch without a
   * position.
   */
  async *watch(after = "", signal?: AbortSignal): AsyncGenerator<[Change, string]> {
    const options = { timeoutMs: 0, signal };
    for (;;) {
      const { BEGINNING, RESUME } = WatchChangesRequest_Start;
      const request = { start: after === "" ? BEGINNING : RESUME, resumePosition: after };
      try {
        for await (const message of this.#changes.watchChanges(request, options)) {
          after = message.position;
          if (message.event.case === "change") {
            yield [message.event.value, after];
          }
        }
      } catch (error) {
        if (signal?.aborted || !wasLost(error)) {
          throw error;
        }
        console.warn(`resuming after position "${after}": ${error}`);
        await sleep(1000);
      }
    }
  }
}

/**
 * All that an error says: its code and stable reason, the message for developers in English and
 * for users in Vietnamese, and each field to correct.
 */
export function describe(reason: unknown): string {
  const error = ConnectError.from(reason);
  const stable = error.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
  const localized = error
    .findDetails(LocalizedMessageSchema)
    .map((it) => `${it.locale}: ${it.message}`);
  const fields = error
    .findDetails(BadRequestSchema)
    .flatMap((it) => it.fieldViolations)
    .map((it) => `field ${it.field}: ${it.localizedMessage?.message}`);
  const first = `error: ${Code[error.code]} ${stable}: ${error.rawMessage}`;
  return [first, ...fields, ...localized].join("\n");
}

const authorize =
  (key: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set("authorization", `Bearer ${key}`);
    return next(request);
  };

/** Sends a call again whose answer was lost. A write needs a request id for that. */
const retry: Interceptor = (next) => async (request) => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await next(request);
    } catch (error) {
      const final = request.stream || request.signal.aborted || attempt === ATTEMPTS;
      if (final || !wasLost(error)) {
        throw error;
      }
      await sleep(2 ** attempt * 100 * (0.5 + Math.random()));
    }
  }
};

/**
 * Whether the server did not get to answer. It gives each error of its own a reason; without one,
 * these are what Node.js and browsers make of a lost connection.
 */
function wasLost(reason: unknown): boolean {
  const error = ConnectError.from(reason);
  switch (error.code) {
    case Code.Unavailable:
      return true;
    case Code.Aborted:
    case Code.Canceled:
    case Code.Internal:
    case Code.Unknown:
      return error.findDetails(ErrorInfoSchema).length === 0;
    default:
      return false;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
