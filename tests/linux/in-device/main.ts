/**
 * Runs the checks that are named, or all, and prints "ok <name>" or "FAIL <name>: <why>" for each; ends with the number that
 * failed. Compile it to run on a device: `bun build --compile tests/linux/in-device/main.ts`. Wants root.
 */
import { attachTen, type CheckName, checks, endNamespace } from "./checks.ts";

const isCheck = (name: string): name is CheckName => name in checks;

const [first, second] = Bun.argv.slice(2);
if (first === "attach-ten" && second !== undefined) {
  attachTen(second);
  process.exit(0);
}

if (first === "end-namespace" && second !== undefined) {
  endNamespace(second);
  process.exit(1);
}

const wanted = Bun.argv.length > 2 ? Bun.argv.slice(2) : Object.keys(checks);
let failed = 0;
for (const name of wanted) {
  try {
    if (!isCheck(name)) throw new Error(`no such check; there are: ${Object.keys(checks).join(", ")}`);
    await checks[name]();
    console.log(`ok ${name}`);
  } catch (thrown) {
    failed += 1;
    console.log(`FAIL ${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}
process.exit(failed);
