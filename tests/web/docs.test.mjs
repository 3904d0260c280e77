// The documentation pages in a real browser, used as a person would: by clicking.
//
//   CT_URL=http://127.0.0.1:8000 node --test docs.test.mjs
//
// CT_SHOTS names a folder for pictures of what was seen; CT_CHROMIUM a browser other than Debian's.

import assert from "node:assert/strict";
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

// Opens an operation unless it is open, fills in its body, presses Execute, answers what came.
async function execute(page, method, path, body) {
  const block = operation(page, method, path);
  if (!(await block.evaluate((element) => element.classList.contains("is-open"))))
    await block.locator(".opblock-summary-control").first().click();
  if (body !== undefined)
    await block.locator("textarea.body-param__text").fill(JSON.stringify(body));
  const [response] = await Promise.all([
    page.waitForResponse(
      (reply) =>
        new URL(reply.url()).pathname === path && reply.request().method() === method.toUpperCase(),
    ),
    block.getByRole("button", { name: "Execute" }).click(),
  ]);
  const live = block.locator(".live-responses-table .response").first();
  await live.waitFor();
  const status = await live.locator(".response-col_status").innerText();
  assert.equal(parseInt(status, 10), response.status(), "the page shows the status that came");
  return { status: response.status(), shown: await live.innerText() };
}

async function logIn(page, username, password) {
  await page.locator(".auth-wrapper > button.authorize").click();
  const dialog = page.locator(".modal-ux");
  await dialog.locator("#oauth_username").fill(username);
  await dialog.locator("#oauth_password").fill(password);
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

test("the examples work as they stand", () => {
  const refused = [];
  return visiting(
    desk,
    async (page) => {
      await openDocs(page);
      const registered = await execute(page, "post", "/auth/register");
      if (registered.status !== 200) {
        // Somebody has done this before on this server.
        assert.equal(registered.status, 409);
        assert.ok(registered.shown.includes("Username already registered"));
        refused.push("409 /auth/register");
      }
      const health = await execute(page, "get", "/healthz");
      assert.equal(health.status, 200);
    },
    refused,
  );
});

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
      if (pathname.startsWith("/docs/assets/")) assets.set(pathname, await response.allHeaders());
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
