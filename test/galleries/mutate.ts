// Loaded by --import before a peer of the galleries: patches the sources that the peer named in GALLERY_PEER asks for
// as they are loaded, and tells the parent on standard error which ones it has patched.

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { patchesOf } from "./gallery.ts";
import { applyPatches } from "./mutant.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const owner = process.env["GALLERY_PEER"] ?? "";
const patches = patchesOf(owner);
const files = new Set(patches.map(({ file }) => file));

registerHooks({
  load(url, context, nextLoad) {
    const file = url.startsWith("file:") ? relative(project, fileURLToPath(url)) : "";
    if (!files.has(file)) return nextLoad(url, context);
    const source = applyPatches(owner, file, readFileSync(fileURLToPath(url), "utf8"), patches);
    process.stderr.write(`patched ${file}\n`);
    return { format: "module-typescript", source, shortCircuit: true };
  },
});
