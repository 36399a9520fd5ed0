import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Plan_State } from "../src/gen/ndp/registry/v1/plans_pb.js";
import { Registry, describe, transportOptions } from "../src/registry.js";

function element<E extends Element>(selector: string): E {
  const found = document.querySelector<E>(selector);
  if (found === null) {
    throw new Error(`the page has no ${selector}`);
  }
  return found;
}

const connection = element<HTMLFormElement>("#connection");
const platforms = element<HTMLOListElement>("#platforms");
const plan = element<HTMLFormElement>("#plan");
const changes = element<HTMLUListElement>("#changes");

/** The value of a form's field. */
function value(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name) ?? "").trim();
}

function add(list: Element, text: string): void {
  const item = document.createElement("li");
  item.textContent = text;
  list.append(item);
}

function registry(): Registry {
  const key = value(connection, "key");
  const options = transportOptions(key === "" ? undefined : key);
  return new Registry(createGrpcWebTransport({ baseUrl: value(connection, "server"), ...options }));
}

async function listPlatforms(): Promise<void> {
  for await (const platform of registry().platforms()) {
    add(platforms, `${platform.name} ${platform.displayName}`);
  }
}

async function watch(signal: AbortSignal): Promise<void> {
  for await (const [change, position] of registry().watch("", signal)) {
    add(changes, `${position} ${change.method} ${change.effects[0]?.resource}`);
  }
}

let watching = new AbortController();

connection.addEventListener("submit", (event) => {
  event.preventDefault();
  watching.abort();
  watching = new AbortController();
  const { signal } = watching;
  platforms.replaceChildren();
  changes.replaceChildren();
  listPlatforms().catch((error: unknown) => add(platforms, describe(error)));
  watch(signal).catch((error: unknown) => signal.aborted || add(changes, describe(error)));
});

plan.addEventListener("submit", (event) => {
  event.preventDefault();
  const output = element<HTMLOutputElement>("#plan output");
  registry()
    .submitNewPlan(value(plan, "platform"), value(plan, "id"), value(plan, "title"))
    .then((plan) => {
      output.value = `${plan.name} ${Plan_State[plan.state]}`;
    })
    .catch((error: unknown) => {
      output.value = describe(error);
    });
});
