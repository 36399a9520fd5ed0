// Looks at pages in a headless Chromium, by the DevTools protocol over its pipe. Takes what to look
// at as JSON and prints one answer a line:
//
//   node browse.mjs CHROMIUM ORIGIN JSON...
//
//   {"path": "/", "width": 390, "dark": false, "script": true, "language": "vi",
//    "picture": "x.png", "print": true}
//       opens a page; answers what axe finds, what was asked of other origins, errors of the
//       console, whether something is wider than the window, and the pages that it prints on
//   {"follow": "/tasks", "text": "…"}
//       opens a page, says {"following": true} once it follows the log, and {"seen": true} once
//       it has the text without having been loaded again
//   {"way": [["go", "/sign-in"], ["type", "#key", "…"], ["press", "main button"], ["look"]],
//    "width": 390}
//       does as a person without a script would: types with keys and presses with the mouse; a look
//       answers the path, the title, the texts of the page's main part and what axe finds there
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [chromium, origin, ...asks] = process.argv.slice(2);
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const profile = mkdtempSync(join(tmpdir(), 'browse-'));
const child = spawn(chromium, [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--hide-scrollbars',
  '--disable-background-networking', '--no-first-run', '--remote-debugging-pipe',
  `--user-data-dir=${profile}`, 'about:blank',
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
child.on('exit', () => { rmSync(profile, { recursive: true, force: true }); });

let last = 0;
const waiting = new Map();
const listeners = new Set();
let buffer = '';
child.stdio[4].setEncoding('utf8');
child.stdio[4].on('data', (data) => {
  buffer += data;
  const parts = buffer.split('\0');
  buffer = parts.pop();
  for (const part of parts) {
    const message = JSON.parse(part);
    const answer = waiting.get(message.id);
    if (answer) {
      waiting.delete(message.id);
      if (message.error) answer.reject(new Error(JSON.stringify(message.error)));
      else answer.resolve(message.result);
    } else {
      for (const listener of [...listeners]) listener(message);
    }
  }
});

const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
  last += 1;
  waiting.set(last, { resolve, reject });
  child.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
});

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

// A new tab with these settings.
const open = async ({ width = 1280, height = 900, dark = false, script = true, language = 'vi' }) => {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call = (method, params) => send(method, params, sessionId);
  const tab = { targetId, sessionId, call, requests: [], errors: [], status: 0, loaded: null };
  const listener = (message) => {
    if (message.sessionId !== sessionId) return;
    const { method, params } = message;
    if (method === 'Network.requestWillBeSent') tab.requests.push(params.request.url);
    if (method === 'Network.responseReceived' && params.type === 'Document') {
      tab.status = params.response.status;
    }
    if (method === 'Log.entryAdded') tab.errors.push(params.entry.text);
    if (method === 'Runtime.exceptionThrown') tab.errors.push(params.exceptionDetails.text);
    if (method === 'Page.loadEventFired' && tab.loaded) tab.loaded();
  };
  listeners.add(listener);
  tab.close = async () => {
    listeners.delete(listener);
    await send('Target.closeTarget', { targetId });
  };
  for (const domain of ['Page', 'Network', 'Log', 'Runtime', 'DOM']) await call(`${domain}.enable`);
  await call('Emulation.setDeviceMetricsOverride', {
    width, height, deviceScaleFactor: 1, mobile: width < 600,
  });
  await call('Emulation.setEmulatedMedia', {
    features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
  });
  await call('Network.setExtraHTTPHeaders', { headers: { 'accept-language': language } });
  if (!script) await call('Emulation.setScriptExecutionDisabled', { value: true });
  tab.evaluate = async (expression) => {
    const { result, exceptionDetails } = await call('Runtime.evaluate', {
      expression, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  tab.go = async (path) => {
    const loaded = new Promise((resolve) => { tab.loaded = resolve; });
    await call('Page.navigate', { url: origin + path });
    await loaded;
  };
  return tab;
};

// What is wrong with the page of a tab, by the rules of accessibility.
const violations = async (tab) => {
  await tab.evaluate(`${axe}; 0`);
  return tab.evaluate(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }).then((it) => it.violations.map((one) => ({
    id: one.id, nodes: one.nodes.slice(0, 4).map((node) => node.html.slice(0, 200)
      + ' ' + node.failureSummary.slice(0, 300)),
  })))`);
};

const way = async (asked) => {
  const tab = await open({ ...asked, script: false });
  const scripts = (on) => tab.call('Emulation.setScriptExecutionDisabled', { value: !on });
  // without a script of the page: by the document's nodes, the keys and the mouse
  const find = async (selector) => {
    const { root } = await tab.call('DOM.getDocument', { depth: 0 });
    const { nodeId } = await tab.call('DOM.querySelector', { nodeId: root.nodeId, selector });
    if (!nodeId) throw new Error(`nothing at ${selector}`);
    await tab.call('DOM.scrollIntoViewIfNeeded', { nodeId });
    return nodeId;
  };
  const press = async (selector) => {
    const { model } = await tab.call('DOM.getBoxModel', { nodeId: await find(selector) });
    const [left, top, right, , , bottom] = model.content;
    const place = { x: (left + right) / 2, y: (top + bottom) / 2, button: 'left', clickCount: 1 };
    const loaded = new Promise((resolve) => { tab.loaded = resolve; });
    await tab.call('Input.dispatchMouseEvent', { type: 'mousePressed', ...place });
    await tab.call('Input.dispatchMouseEvent', { type: 'mouseReleased', ...place });
    await loaded;
  };
  const looks = [];
  for (const [what, at, text] of asked.way) {
    if (what === 'go') {
      await tab.go(at);
    } else if (what === 'type') {
      await tab.call('DOM.focus', { nodeId: await find(at) });
      await tab.call('Input.insertText', { text });
    } else if (what === 'press') {
      await press(at);
    } else {
      await scripts(true);
      looks.push({
        ...await tab.evaluate(`({
          path: location.pathname + location.search,
          title: document.title,
          text: document.querySelector('main').innerText,
          wide: document.documentElement.scrollWidth - window.innerWidth,
        })`),
        violations: await violations(tab),
      });
      if (at) await picture(tab, at, asked.width ?? 1280);
      await scripts(false);
    }
  }
  await tab.close();
  return { looks, errors: tab.errors };
};

const picture = async (tab, file, width) => {
  const { cssContentSize } = await tab.call('Page.getLayoutMetrics');
  const { data } = await tab.call('Page.captureScreenshot', {
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width, height: cssContentSize.height, scale: 1 },
  });
  writeFileSync(file, Buffer.from(data, 'base64'));
};

const look = async (asked) => {
  const tab = await open(asked);
  await tab.go(asked.path);
  // the page had none; what looks at it needs it
  await tab.call('Emulation.setScriptExecutionDisabled', { value: false });
  const answer = await tab.evaluate(`({
    lang: document.documentElement.lang,
    title: document.title,
    wide: document.documentElement.scrollWidth - window.innerWidth,
  })`);
  const found = await violations(tab);
  if (asked.tree) {
    const { nodes } = await tab.call('Accessibility.getFullAXTree');
    answer.tree = tree(nodes);
  }
  if (asked.picture) await picture(tab, asked.picture, asked.width ?? 1280);
  if (asked.print) {
    const { data } = await tab.call('Page.printToPDF', {
      preferCSSPageSize: true, printBackground: true,
    });
    const pdf = Buffer.from(data, 'base64');
    if (asked.pdf) writeFileSync(asked.pdf, pdf);
    answer.pages = (pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g) ?? []).length;
  }
  await tab.close();
  return {
    ...answer,
    status: tab.status,
    violations: found,
    errors: tab.errors,
    outside: tab.requests.filter((it) => !it.startsWith(origin) && !it.startsWith('data:')),
  };
};

// What a screen reader would say: roles and names, indented.
const tree = (nodes) => {
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const lines = [];
  const walk = (node, depth) => {
    const role = node.role?.value ?? '';
    const name = (node.name?.value ?? '').trim();
    const shown = !node.ignored && !['generic', 'none', 'InlineTextBox'].includes(role);
    if (shown && (name || !['StaticText', 'paragraph'].includes(role))) {
      lines.push(`${'  '.repeat(depth)}${role}${name ? ` "${name}"` : ''}`);
    }
    for (const id of node.childIds ?? []) {
      const next = byId.get(id);
      if (next) walk(next, depth + (shown ? 1 : 0));
    }
  };
  if (nodes.length) walk(nodes[0], 0);
  return lines.join('\n');
};

const follow = async ({ follow: path, text }) => {
  const tab = await open({});
  await tab.go(path);
  const until = (condition) => tab.evaluate(`new Promise((resolve) => {
    const look = () => { if (${condition}) resolve(true); else setTimeout(look, 50); };
    look();
  })`);
  await tab.evaluate('window.loadedOnce = true; 0');
  await until("document.documentElement.dataset.watching === 'yes'");
  say({ following: true });
  await until(`document.body.textContent.includes(${JSON.stringify(text)})`);
  const answer = { seen: true, same: await tab.evaluate('window.loadedOnce === true') };
  await tab.close();
  return answer;
};

for (const line of asks) {
  const asked = JSON.parse(line);
  try {
    if (asked.way) say(await way(asked));
    else say(asked.follow ? await follow(asked) : await look(asked));
  } catch (error) {
    say({ error: String(error) });
  }
}
await send('Browser.close').catch(() => {});
