// Coverage is counted by c8 from V8's own counters. Modules load natively (type stripping) and in
// threads, because c8 misses lines that run inside vitest's module runner.
import { defineConfig } from "vitest/config";
import { countReporter } from "./count-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "threads",
    experimental: { viteModuleRunner: false },
    reporters: ["default", countReporter],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
