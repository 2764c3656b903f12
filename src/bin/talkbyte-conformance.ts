#!/usr/bin/env node
// No static imports: they would be loaded, and fail in some obscure way, before an old Node.js could be told.

const needed = 24;

if (Number.parseInt(process.versions.node, 10) >= needed) {
  const { launch } = await import("./launch.ts");
  await launch("conformance");
} else {
  console.error(
    `talkbyte-conformance needs Node.js ${needed} or newer; this is ${process.version} (${process.execPath})`,
  );
  process.exitCode = 1;
}
