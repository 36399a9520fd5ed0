// Serves the page and uses it in a headless Chromium, as a user would: connects, then types in each
// plan given and hands it in. What appears on the page goes to standard output.
//
//   node web/browser.mjs [PLATFORM PLAN_ID TITLE]...
//
// NDP_SERVER and NDP_KEY as for src/main.ts; CHROMIUM is the browser's program. The page's own
// address is printed first: the registry has to allow it (--web-origin).
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const files = { "/": ["index.html", "text/html"], "/main.js": ["main.js", "text/javascript"] };
const server = createServer(async (request, response) => {
  const [name, type] = files[request.url] ?? [];
  if (name === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader("content-type", `${type}; charset=utf-8`);
  response.end(await readFile(new URL(`../dist/page/${name}`, import.meta.url)));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;
console.log(`page: ${origin}`);

const browser = await chromium.launch({
  timeout: 0,
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // root in a container has no sandbox
  chromiumSandbox: process.getuid() !== 0,
  args: ["--disable-gpu", "--disable-quic"],
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => browser.close().then(() => process.exit()));
}
console.log(`browser: Chromium ${browser.version()}`);
const page = await browser.newPage();
// the starting process decides how long it waits
page.setDefaultTimeout(0);
page.on("pageerror", (error) => console.error(error));
page.on("console", (message) => console.error(message.text()));
await page.exposeFunction("appeared", (list, text) => console.log(`${list}: ${text}`));
await page.goto(origin);
await page.evaluate(() => {
  for (const list of document.querySelectorAll("ol, ul")) {
    new MutationObserver((changes) => {
      for (const item of changes.flatMap((it) => [...it.addedNodes])) {
        window.appeared(list.id, item.textContent);
      }
    }).observe(list, { childList: true });
  }
});

await page.fill("#connection [name=server]", process.env.NDP_SERVER ?? "http://127.0.0.1:50051");
await page.fill("#connection [name=key]", process.env.NDP_KEY ?? "");
await page.click("#connection button");

for (let plans = process.argv.slice(2); plans.length >= 3; plans = plans.slice(3)) {
  const [platform, id, title] = plans;
  await page.fill("#plan [name=platform]", platform);
  await page.fill("#plan [name=id]", id);
  await page.fill("#plan [name=title]", title);
  await page.locator("#plan output").evaluate((output) => (output.value = ""));
  await page.click("#plan button");
  const output = page.locator("#plan output:not(:empty)");
  for (const line of (await output.textContent()).split("\n")) {
    console.log(`plan: ${line}`);
  }
}
