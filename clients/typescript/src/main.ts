import { parseArgs } from "node:util";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Plan_State } from "./gen/ndp/registry/v1/plans_pb.js";
import { Registry, describe, transportOptions } from "./registry.js";

const USAGE = `usage:
  node dist/src/main.js platforms                       list all platforms
  node dist/src/main.js plan PLATFORM PLAN_ID TITLE     draft a plan and submit it
  node dist/src/main.js watch [REVISION]                follow the changes after a revision

NDP_SERVER is the registry's URL, by default http://127.0.0.1:50051; NDP_KEY an API key.`;

const transport = createGrpcTransport({
  baseUrl: process.env.NDP_SERVER ?? "http://127.0.0.1:50051",
  pingIntervalMs: 30_000,
  ...transportOptions(process.env.NDP_KEY),
});

async function run(registry: Registry, [command, ...rest]: string[]): Promise<boolean> {
  const [first = "0", id = "", title = ""] = rest;
  if (command === "platforms" && rest.length === 0) {
    for await (const platform of registry.platforms()) {
      console.log(platform.name, platform.displayName);
    }
  } else if (command === "plan" && rest.length === 3) {
    const plan = await registry.submitNewPlan(first, id, title);
    console.log(plan.name, Plan_State[plan.state]);
  } else if (command === "watch" && rest.length <= 1 && /^\d+$/.test(first)) {
    for await (const change of registry.watch(BigInt(first))) {
      // the first effect is what the method answers; others follow from it
      console.log(`${change.revision}`, change.method, change.effects[0]?.resource);
    }
  } else {
    return false;
  }
  return true;
}

try {
  const { positionals } = parseArgs({ allowPositionals: true });
  if (!(await run(new Registry(transport), positionals))) {
    console.error(USAGE);
    process.exitCode = 64;
  }
} catch (error) {
  console.error(describe(error));
  process.exitCode = 1;
}
