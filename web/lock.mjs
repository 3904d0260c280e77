// Leaves nothing but package.json's own dependencies in package-lock.json. The program embeds the finished
// bundles of redoc and swagger-ui-dist, which hold all that they need; the hundred packages that redoc as
// a library would bring along stay unfetched. Run by `npm run lock`, after a version changed.

import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));
const packages = { "": lock.packages[""] };

for (const name of Object.keys(lock.packages[""].dependencies)) {
  const path = `node_modules/${name}`;
  const { version, integrity, license } = lock.packages[path];
  packages[path] = { version, integrity, license };
}
writeFileSync(file, JSON.stringify({ ...lock, packages }, null, 2) + "\n");
