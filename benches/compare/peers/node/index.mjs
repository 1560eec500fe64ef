import { handler } from "./app.mjs";
import { run } from "./runtime.mjs";

await run(handler);
