/**
 * Chooses the face. Faces load when they are chosen, so that process 1 never pays for the others. In a compiled program
 * `process.argv` is `["bun", "/$bunfs/root/…", …words]`.
 */
const words = process.argv.slice(2);

// A container may have `cairn ctl` as its first process; the kernel gives process 1 of the device other words, or none.
if (process.pid === 1 && words[0] !== "ctl") {
  await (await import("./boot/index.ts")).runtime();
} else {
  const { openDescriptor, openOut, runCommandLine } = await import("./cli/index.ts");
  process.exitCode = await runCommandLine(words, openOut(openDescriptor(1), openDescriptor(2)));
}

export {};
