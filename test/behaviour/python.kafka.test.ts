import { fileURLToPath } from "node:url";
import { behaviourSuite } from "./suite.ts";
import { found, notRun } from "./support/found.ts";
import { withSidecar } from "./support/with-sidecar.ts";

const APP = fileURLToPath(new URL("../../examples/python/app.py", import.meta.url));
const NAME = "the Python example behind its sidecar";

const python = found("python3");
if (python === undefined) notRun(NAME, "python3");
else behaviourSuite(NAME, withSidecar([python, "-B", APP]));
