// Writes spec/opaque-vectors.json, which the oracle in test/opaque makes. Run it before `npm run generate`, which
// takes the example of spec section 6.4 from there; a test holds the file to the oracle.

import { writeFileSync } from "node:fs";
import { publishedVectors } from "../test/opaque/published-vectors.ts";

writeFileSync(new URL("../spec/opaque-vectors.json", import.meta.url), await publishedVectors());
