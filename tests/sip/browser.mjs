// Two pages with JsSIP register over WebSocket, and one calls the other.
//
//   node browser.mjs FOLDER-WITH-NODE-MODULES PORT-OF-WS '[["user", "password"], ["user", "password"]]' NUMBER
//
// Prints one line of JSON: how many packets of sound each page got.

import { createRequire } from "node:module";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const [folder, port, accounts, number] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { chromium } = require("playwright-core");

// A package of CommonJS modules as one script.
function bundle(entry) {
  const modules = new Map();
  const add = (file) => {
    if (modules.has(file)) return;
    modules.set(file, null);
    const source = readFileSync(file, "utf8");
    const from = createRequire(file);
    const names = {};
    if (!file.endsWith(".json"))
      for (const [, name] of source.matchAll(/require\(["']([^"']+)["']\)/g)) {
        const wanted = name === "debug" ? join(dirname(from.resolve("debug/package.json")), "src/browser.js") : null;
        const found = wanted ?? from.resolve(name === "events" ? "events/" : name);
        names[name] = found;
        add(found);
      }
    modules.set(file, { source: file.endsWith(".json") ? `module.exports = ${source}` : source, names });
  };
  add(entry);
  const table = [...modules].map(
    ([file, { source, names }]) =>
      `${JSON.stringify(file)}: [${JSON.stringify(names)}, function (module, exports, require, process) {${source}\n}]`,
  );
  return `const modules = {${table.join(",\n")}}; const loaded = {};
function load(file) {
  if (!loaded[file]) {
    const module = (loaded[file] = { exports: {} });
    modules[file][1](module, module.exports, (name) => load(modules[file][0][name]), { env: {} });
  }
  return loaded[file].exports;
}
window.JsSIP = load(${JSON.stringify(entry)});`;
}

const script = bundle(require.resolve("jssip"));
const server = createServer((request, response) => {
  const isScript = request.url === "/jssip.js";
  response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
  response.end(isScript ? script : '<!doctype html><script src="/jssip.js"></script>');
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({
  executablePath: process.env.CT_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection", "--disable-background-networking"],
});
try {
  const pages = [];
  for (const [user, password] of JSON.parse(accounts)) {
    const page = await (await browser.newContext({ permissions: ["microphone"] })).newPage();
    page.on("pageerror", (error) => console.error(error.message));
    await page.goto(`http://localhost:${server.address().port}/`);
    await page.evaluate(
      ([url, uri, secret]) =>
        new Promise((resolve, reject) => {
          window.phone = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri, password: secret });
          window.phone.on("registered", resolve);
          window.phone.on("registrationFailed", ({ cause }) => reject(new Error(cause)));
          window.phone.on("newRTCSession", ({ originator, session }) => {
            window.session = session;
            window.ended = new Promise((done) => session.on("ended", done));
            if (originator === "remote") session.answer({ mediaConstraints: { audio: true } });
          });
          window.phone.start();
        }),
      [`ws://127.0.0.1:${port}`, `sip:${user}@localhost`, password],
    );
    pages.push(page);
  }
  await pages[0].evaluate(
    (uri) =>
      new Promise((resolve, reject) => {
        const session = window.phone.call(uri, { mediaConstraints: { audio: true } });
        session.on("confirmed", resolve);
        session.on("failed", ({ cause }) => reject(new Error(cause)));
      }),
    `sip:${number}@localhost`,
  );
  const packets = await Promise.all(
    pages.map((page) =>
      page.evaluate(async () => {
        for (;;) {
          for (const one of (await window.session.connection.getStats()).values())
            if (one.type === "inbound-rtp" && one.packetsReceived > 20) return one.packetsReceived;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }),
    ),
  );
  await pages[0].evaluate(() => window.session.terminate());
  await pages[1].evaluate(() => window.ended);
  console.log(JSON.stringify(packets));
} finally {
  await browser.close();
  server.close();
}
