// The documentation pages in a real browser, used as a person would: by clicking.
//
//   tools/with-server.sh build/cloud-telephony node --test docs.test.mjs
//
// It makes its visitor an administrator, which only the command line can: hence CT_FOLDER and CT_PROGRAM.
// CT_SHOTS names a folder for pictures of what was seen; CT_CHROMIUM a browser other than Debian's.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const url = (process.env.CT_URL ?? "").replace(/\/$/, "");
const shots = process.env.CT_SHOTS;
const desk = { viewport: { width: 1280, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

let browser;
let failures = 0;

before(async () => {
  assert.match(url, /^https?:\/\//, "CT_URL is the address of a running server");
  if (shots) mkdirSync(shots, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CT_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", // which Chromium refuses to root; the pages are this program's own
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(() => browser?.close());

// Runs `visit` in a fresh profile and then says what a person with the browser's console open would have
// had to complain about. `expected` are the replies of 400 and above that belong to the test.
async function visiting(options, visit, expected = []) {
  const context = await browser.newContext(options);
  const complaints = [];
  const refused = [];
  await context.exposeFunction("reportViolation", (text) => complaints.push(text));
  await context.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (event) =>
      window.reportViolation(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    ),
  );
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  page.on("requestfailed", (request) =>
    complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`),
  );
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== "data:" && protocol !== "blob:")
      complaints.push(`another host: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400)
      refused.push(`${response.status()} ${new URL(response.url()).pathname}`);
  });
  page.on("console", (message) => {
    const text = message.text();
    // Chromium writes a line for each reply of 400 and above; those are judged by themselves.
    if (text.startsWith("Failed to load resource") && refused.length > 0) return;
    // Swagger UI takes the underscores of an operationId for blanks of links as they were once written.
    if (text.startsWith("Deprecated: escaping deep link whitespace with `_`")) return;
    if (["error", "warning"].includes(message.type())) complaints.push(`console: ${text}`);
  });
  try {
    await visit(page);
    assert.deepEqual(complaints, []);
    assert.deepEqual(refused, expected);
  } catch (error) {
    await picture(page, `failed-${failures++}`).catch(() => {});
    throw error;
  } finally {
    await context.close();
  }
}

async function picture(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

async function openDocs(page) {
  await page.goto(`${url}/docs`);
  await page.locator(".opblock").first().waitFor();
}

const operation = (page, method, path) =>
  page.locator(`.opblock-${method}:has([data-path="${path}"])`);

// Opens an operation unless it is open, fills in its body and its id, presses Execute, answers what came. What
// is not given stays as the page has it: the example.
async function execute(page, method, path, body, id) {
  const block = operation(page, method, path);
  const parameter = path.match(/\{(.*?)\}/)?.[1];
  const pathname = path.replace(/\{.*?\}/, id);
  if (!(await block.evaluate((element) => element.classList.contains("is-open"))))
    await block.locator(".opblock-summary-control").first().click();
  if (body !== undefined)
    await block.locator("textarea.body-param__text").fill(JSON.stringify(body));
  if (id !== undefined) await block.locator(`tr[data-param-name="${parameter}"] input`).fill(String(id));
  const [response] = await Promise.all([
    page.waitForResponse(
      (reply) =>
        new URL(reply.url()).pathname === pathname && reply.request().method() === method.toUpperCase(),
    ),
    block.getByRole("button", { name: "Execute" }).click(),
  ]);
  const live = block.locator(".live-responses-table .response").first();
  await live.waitFor();
  const status = await live.locator(".response-col_status").innerText();
  assert.equal(parseInt(status, 10), response.status(), "the page shows the status that came");
  const text = response.status() === 204 ? "" : await response.text();
  return { status: response.status(), shown: await live.innerText(), text };
}

async function openAuthorize(page) {
  await page.locator(".auth-wrapper > button.authorize").click();
  return page.locator(".modal-ux");
}

async function fillIn(dialog, username, password) {
  await dialog.locator("#oauth_username").fill(username);
  await dialog.locator("#oauth_password").fill(password);
}

async function logIn(page, username, password) {
  const dialog = await openAuthorize(page);
  await fillIn(dialog, username, password);
  return dialog;
}

test("registers, authorizes and owns a number, by clicking", () =>
  visiting(desk, async (page) => {
    const username = `visitor-${Date.now().toString(36)}-${randomInt(1e6)}`;
    const password = "correct horse battery staple";
    const number = `+999${String(randomInt(1e9)).padStart(9, "0")}`;

    await openDocs(page);
    assert.equal(await page.title(), "Cloud Telephony");
    await picture(page, "docs-desk");

    const registered = await execute(page, "post", "/auth/register", { username, password });
    assert.equal(registered.status, 200);
    assert.match(registered.shown, /"access_token"/);
    assert.match(registered.shown, /"token_type": "bearer"/);
    await picture(page, "docs-registered");

    const dialog = await logIn(page, username, password);
    for (const field of ["#client_id_password", "#client_secret_password", "#password_type"])
      assert.equal(await dialog.locator(field).isVisible(), false, `${field} means nothing here`);
    await picture(page, "docs-authorize");
    const [login] = await Promise.all([
      page.waitForRequest((request) => request.url() === `${url}/auth/login`),
      page.locator("#oauth_password").press("Enter"),
    ]);
    assert.equal(await login.headerValue("authorization"), null);
    await dialog.getByText("Logout").waitFor();
    await picture(page, "docs-authorized");
    await dialog.locator(".btn-done").click();

    const created = await execute(page, "post", "/phone_numbers", { phone_number: number });
    assert.equal(created.status, 200);
    assert.ok(created.shown.includes(number), "the page shows the number");
    await picture(page, "docs-created");

    const listed = await execute(page, "get", "/phone_numbers");
    assert.equal(listed.status, 200);
    assert.ok(listed.shown.includes(number), "the list shows the number");

    await page.reload();
    await page.locator(".auth-wrapper > button.authorize.locked").waitFor();
    const again = await execute(page, "get", "/phone_numbers");
    assert.ok(again.shown.includes(number), "still logged in after a reload");
  }));

test("says so when the password is wrong", () =>
  visiting(
    desk,
    async (page) => {
      await openDocs(page);
      const dialog = await logIn(page, `nobody-${Date.now()}`, "not the password");
      await dialog.locator(".auth-btn-wrapper button.authorize").click();
      await dialog.locator(".errors").getByText("Incorrect username or password").waitFor();
      await picture(page, "docs-wrong-password");
      assert.equal(await page.locator(".errors-wrapper").count(), 0);
    },
    ["401 /auth/login"],
  ));

// Somebody with the password of the examples, by the API alone: a token and an id.
async function register(page, username) {
  const reply = await page.request.post(`${url}/auth/register`, { data: { username, password: examplePassword } });
  assert.equal(reply.status(), 200, await reply.text());
  const token = (await reply.json()).access_token;
  return { username, headers: { Authorization: `Bearer ${token}` } };
}

// A number of somebody else, offered to a user: its id.
async function offered(page, from, to) {
  const number = `+999${String(randomInt(1e9)).padStart(9, "0")}`;
  const { headers } = from;
  const made = await page.request.post(`${url}/phone_numbers`, { headers, data: { phone_number: number } });
  const { id } = await made.json();
  const reply = await page.request.post(`${url}/phone_numbers/${id}/transfer`, { headers, data: { username: to } });
  assert.equal(reply.status(), 202, await reply.text());
  return id;
}

// Presses Authorize, as often as somebody was logged out.
async function authorize(page, username, password = examplePassword) {
  const dialog = await openAuthorize(page);
  const logout = dialog.locator(".auth-btn-wrapper button", { hasText: "Logout" });
  if (await logout.isVisible()) await logout.click();
  await fillIn(dialog, username, password);
  await page.locator("#oauth_password").press("Enter");
  await logout.waitFor();
  await dialog.locator(".btn-done").click();
}

const examplePassword = "correct horse battery staple";

// Every operation, in an order in which each can succeed: what makes comes first, what ends things comes last.
// "id" says which of the ids that were made before it is tried with, "makes" under which name its own is kept;
// "as" who is logged in from here on. "answers" is of what cannot succeed here, where there is no phone, and
// nobody who takes webhooks.
const tries = [
  { try: "post /auth/register" },
  { try: "post /auth/login", as: "admin" },
  { try: "get /auth/me", makes: "me" },
  { try: "get /healthz" },
  { try: "get /readyz" },
  { try: "get /version" },
  { try: "get /metrics" },
  { try: "get /.well-known/jwks.json" },
  { try: "post /api_keys", makes: "key" },
  { try: "get /api_keys" },
  { try: "post /number_pools", makes: "pool" },
  { try: "get /number_pools" },
  { try: "get /available_phone_numbers" },
  { try: "post /phone_numbers/claim" },
  { try: "post /phone_numbers", makes: "number" },
  { try: "get /phone_numbers" },
  { try: "get /phone_numbers/{id}", id: "number" },
  { try: "patch /phone_numbers/{id}", id: "number" },
  { try: "post /devices", makes: "device" },
  { try: "get /devices" },
  { try: "get /devices/{id}", id: "device" },
  { try: "patch /devices/{id}", id: "device" },
  { try: "put /phone_numbers/{id}/voice", id: "number" },
  { try: "get /phone_numbers/{id}/voice", id: "number" },
  { try: "post /calls", answers: 409 },
  { try: "get /calls" },
  { try: "get /calls.csv" },
  { try: "get /calls/{id}", id: "nobody", answers: 404 },
  { try: "get /calls/{id}/ladder", id: "nobody", answers: 404 },
  { try: "delete /calls/{id}", id: "nobody", answers: 404 },
  { try: "post /trunks", makes: "trunk" },
  { try: "get /trunks" },
  { try: "get /trunks/{id}", id: "trunk" },
  { try: "put /trunks/{id}", id: "trunk" },
  { try: "delete /trunks/{id}", id: "trunk" },
  { try: "put /users/{id}/call_limits", id: "me" },
  { try: "get /users/{id}/call_limits", id: "me" },
  { try: "get /sip_bans" },
  { try: "delete /sip_bans/{address}", id: "address", answers: 404 },
  { try: "get /events" },
  { try: "post /webhooks", makes: "webhook" },
  { try: "get /webhooks" },
  { try: "post /webhooks/{id}/test", id: "webhook" },
  { try: "get /webhooks/{id}/deliveries", id: "webhook" },
  { try: "get /webhook_deliveries/{id}", id: "nobody", answers: 404 },
  { try: "post /webhook_deliveries/{id}/replay", id: "nobody", answers: 404 },
  { try: "delete /webhooks/{id}", id: "webhook" },
  { try: "delete /devices/{id}", id: "device" },
  { try: "post /reserved_numbers", makes: "reserved" },
  { try: "get /reserved_numbers" },
  { try: "post /phone_numbers/{id}/transfer", id: "number" },
  { try: "get /phone_number_transfers" },
  { try: "delete /phone_numbers/{id}/transfer", id: "number" },
  { try: "post /phone_numbers/{id}/transfer/accept", id: "offered" },
  { try: "get /audit" },
  { try: "delete /phone_numbers/{id}", id: "number" },
  { try: "post /phone_numbers/{id}/restore", id: "number" },
  { try: "delete /reserved_numbers/{id}", id: "reserved" },
  { try: "delete /number_pools/{id}", id: "pool" },
  { try: "delete /api_keys/{id}", id: "key" },
  { try: "post /auth/refresh" },
  { try: "put /auth/password", as: "first" },
  { try: "post /auth/logout" },
  { try: "post /auth/logout_all", as: "second" },
  { try: "delete /auth/me", as: "third" },
];

test("every operation can be tried with its example", async () =>
  visiting(desk, async (page) => {
    const { paths } = await (await page.request.get(`${url}/openapi.json`)).json();
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const untold = operations.filter((name) => !tries.some((one) => one.try === name));
    assert.deepEqual(untold, [], "say where these are to be tried: tries, above");

    const mark = `${Date.now().toString(36)}-${randomInt(1e6)}`;
    const people = {};
    for (const name of ["admin", "first", "second", "third", "giver"])
      people[name] = await register(page, `${name}-${mark}`);
    await register(page, "bob"); // of the examples, as alice is, who registers below
    execFileSync(process.env.CT_PROGRAM, ["user", "grant-admin", people.admin.username], {
      cwd: process.env.CT_FOLDER,
    });
    const ids = { nobody: 999999999, address: "192.0.2.7", offered: await offered(page, people.giver, people.admin.username) };

    await openDocs(page);
    for (const { try: name, as, id, makes, answers: expected } of tries) {
      const [method, path] = name.split(" ");
      if (as) await authorize(page, people[as].username);
      const came = await execute(page, method, path, undefined, ids[id]);
      const answers = Object.keys(paths[path][method].responses);
      assert.ok(answers.includes(String(came.status)), `${name}: ${came.status} is not documented`);
      assert.ok(expected ? came.status === expected : came.status < 300, `${name}: ${came.status} ${came.text}`);
      if (makes) ids[makes] = JSON.parse(came.text).id;
      // closed again without waiting for it: the page gets slow with all of them open
      const header = operation(page, method, path).locator(".opblock-summary-control").first();
      await header.evaluate((element) => element.click());
    }
    await picture(page, "docs-tried");
  }, [
    "409 /calls", "404 /calls/999999999", "404 /calls/999999999/ladder", "404 /calls/999999999", "404 /sip_bans/192.0.2.7",
    "404 /webhook_deliveries/999999999", "404 /webhook_deliveries/999999999/replay",
  ]));

test("ReDoc shows every operation", () =>
  visiting(desk, async (page) => {
    await page.goto(`${url}/redoc`);
    await page.locator("[data-section-id]").first().waitFor();
    assert.match(await page.title(), /Cloud Telephony/);
    const document = await (await page.request.get(`${url}/openapi.json`)).json();
    for (const [path, methods] of Object.entries(document.paths))
      for (const method of Object.keys(methods))
        await page.locator(`button:has(.${method}):has-text("${path}")`).first().waitFor();
    await picture(page, "redoc-desk");

    await page.getByPlaceholder("Search...").fill("phone");
    await page.locator('[role="search"] [role="menuitem"]').first().waitFor();
    await page.getByRole("link", { name: "Try it" }).click();
    await page.waitForURL(`${url}/docs`);
    await page.locator(".opblock").first().waitFor();
  }));

for (const colorScheme of ["light", "dark"])
  test(`both pages fit a telephone, ${colorScheme}`, () =>
    visiting({ ...phone, colorScheme }, async (page) => {
      for (const [path, ready] of [["docs", ".opblock"], ["redoc", "[data-section-id]"]]) {
        await page.goto(`${url}/${path}`);
        await page.locator(ready).first().waitFor();
        await picture(page, `${path}-phone-${colorScheme}`);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.equal(width, phone.viewport.width, `${path} does not fit the screen`);
        const back = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
        const light = back.match(/\d+/g).slice(0, 3).every((part) => Number(part) > 128);
        assert.equal(light, colorScheme === "light", `${path} is on ${back}`);
      }
    }));

test("what the pages are made of is fetched once", () =>
  visiting(desk, async (page) => {
    const assets = new Map();
    page.on("response", async (response) => {
      const { pathname } = new URL(response.url());
      // of one that comes last the page may be closed before its headers are there
      const headers = pathname.startsWith("/docs/assets/") && (await response.allHeaders().catch(() => null));
      if (headers) assets.set(pathname, headers);
    });
    await openDocs(page);
    await page.goto(`${url}/redoc`);
    await page.locator("[data-section-id]").first().waitFor();
    assert.ok(assets.size >= 8, [...assets.keys()].join(" "));
    for (const [path, headers] of assets) {
      assert.match(path, /-[0-9a-f]{16}\.[a-z]+$/);
      assert.equal(headers["cache-control"], "public, max-age=31536000, immutable");
      assert.equal(headers["content-encoding"], "gzip");
    }

    const licences = await page.locator(".page-footer a").getAttribute("href");
    const reply = await page.request.get(new URL(licences, `${url}/`).href);
    assert.match(await reply.text(), /Apache License[^]*MIT/);
    const icon = await page.request.get(`${url}/favicon.ico`);
    assert.equal(icon.status(), 200);
    await page.goto(url);
    assert.equal(page.url(), `${url}/docs`);
  }));
