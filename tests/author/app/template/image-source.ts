import fc from "fast-check";
import type { Source } from "../../../../runtime/author/app/template/index.ts";
import { source } from "./samples.ts";

/** Characters that mean something to somebody on the way: liblxc, shells, fstab, `printf`, Unicode's ends of lines. */
const odd = fc.constantFrom(
  ..."\n\r\t\v\f \"'\\$`%#=;&*~[]{}()\u0085\u00a0\u2028\u2029\u{1F600}é:,@".split(""),
  "\u{1F600}",
  "%b",
  "\\0101",
  "' '",
);
const plain = fc.stringMatching(/^[a-z0-9/.-]{0,6}$/);
const text = fc.array(fc.oneof(plain, odd), { maxLength: 6 }).map((parts) => parts.join("").toWellFormed());
const word = fc.oneof(plain, text);
const component = fc.stringMatching(/^[a-z0-9 \\#.-]{0,6}[a-z]$/);
const name = fc
  .stringMatching(/^[A-Z_]{1,4}$/)
  .filter((one) => !["HOME", "PATH", "IFS", "PWD", "_", "SHLVL", "OLDPWD"].includes(one));

/** What an image may be, and what its process is started with. */
export const imageSource: fc.Arbitrary<{
  readonly source: Source;
  readonly words: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
}> = fc
  .record({
    entrypoint: fc.array(word, { minLength: 1, maxLength: 4 }),
    cmd: fc.array(word, { maxLength: 3 }),
    env: fc.uniqueArray(fc.tuple(name, text), { selector: ([one]) => one, maxLength: 4 }),
    volumes: fc.array(component, { maxLength: 2 }),
    folder: fc.option(component, { nil: undefined }),
  })
  .map(({ entrypoint, cmd, env, volumes, folder }) => ({
    words: [...entrypoint, ...cmd],
    env,
    source: source({
      docker_config: {
        Entrypoint: entrypoint,
        Cmd: cmd,
        Env: env.map(([key, value]) => `${key}=${value}`),
        Volumes: Object.fromEntries(volumes.map((path) => [`/v${path}`, {}])),
        ...(folder === undefined ? {} : { WorkingDir: `/${folder}` }),
      },
    }),
  }));
