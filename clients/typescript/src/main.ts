import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Http2SessionManager, createGrpcTransport } from "@connectrpc/connect-node";
import { Plan_State } from "./gen/ndp/registry/v1/plans_pb.js";
import { Registry, describe, transportOptions } from "./registry.js";

const USAGE = `usage:
  node dist/src/main.js platforms                       list all platforms
  node dist/src/main.js plan PLATFORM PLAN_ID TITLE     draft a plan and submit it
  node dist/src/main.js watch [POSITION]                follow the changes after a position

NDP_SERVER is the registry's URL, by default http://127.0.0.1:50051; NDP_KEY an API key.
For https://, NDP_CA is a file of certificates to trust, by default those of Node.js;
NDP_CERTIFICATE and NDP_CERTIFICATE_KEY are files of the client's own.`;

const COMMANDS = ["platforms", "plan", "watch"];

/** How long a registry may take to answer for the first time; later, calls are tried again. */
const CONNECT_MS = 10_000;

/** An error of the user's, whose message says everything: it is printed as it is. */
class UserError extends Error {}

/** The contents of the file that a variable names, if it does. */
function file(variable: string): Buffer | undefined {
  const path = process.env[variable];
  return path ? readFileSync(path) : undefined;
}

/** Connects to the registry, or says which one does not answer and what to do. */
async function connect(server: string): Promise<Registry> {
  if (!/^https?:\/\/[^/]/.test(server) || !URL.canParse(server)) {
    throw new UserError(
      `NDP_SERVER is "${server}"; set it to a URL that begins with http:// or https://, ` +
        "for example http://127.0.0.1:50051",
    );
  }
  const sessionManager = new Http2SessionManager(
    server,
    { pingIntervalMs: 30_000 },
    { ca: file("NDP_CA"), cert: file("NDP_CERTIFICATE"), key: file("NDP_CERTIFICATE_KEY") },
  );
  const late = new Promise<"late">((resolve) => {
    setTimeout(() => resolve("late"), CONNECT_MS).unref();
  });
  const state = await Promise.race([sessionManager.connect(), late]);
  if (state === "error" || state === "late") {
    sessionManager.abort();
    throw new UserError(
      `no registry answers at ${server}; start one with \`ndp-registry serve\`, or set ` +
        "NDP_SERVER to the URL of a registry that is running",
    );
  }
  const options = transportOptions(process.env.NDP_KEY);
  return new Registry(createGrpcTransport({ baseUrl: server, sessionManager, ...options }));
}

async function run(registry: Registry, [command, ...rest]: string[]): Promise<boolean> {
  const [first = "", id = "", title = ""] = rest;
  if (command === "platforms" && rest.length === 0) {
    for await (const platform of registry.platforms()) {
      console.log(platform.name, platform.displayName);
    }
  } else if (command === "plan" && rest.length === 3) {
    const plan = await registry.submitNewPlan(first, id, title);
    console.log(plan.name, Plan_State[plan.state]);
  } else if (command === "watch" && rest.length <= 1) {
    for await (const [change, position] of registry.watch(first)) {
      // the first effect is what the method answers; others follow from it
      console.log(position, change.method, change.effects[0]?.resource);
    }
  } else {
    return false;
  }
  return true;
}

try {
  const { positionals } = parseArgs({ allowPositionals: true });
  const server = process.env.NDP_SERVER ?? "http://127.0.0.1:50051";
  const isCommand = COMMANDS.includes(positionals[0] ?? "");
  if (!isCommand || !(await run(await connect(server), positionals))) {
    console.error(USAGE);
    process.exitCode = 64;
  }
} catch (error) {
  console.error(error instanceof UserError ? `error: ${error.message}` : describe(error));
  process.exitCode = 1;
}
