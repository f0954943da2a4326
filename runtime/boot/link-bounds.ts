/** What the link's process gets of the machine, so that one that is flooded leaves process 1 and the containers theirs. */
export const linkBounds = {
  /** Three times what it takes while it is connected. */
  memoryBytes: 96 << 20,
  /** Of a cgroup, where others have 100: it has time. */
  cpuWeight: 20,
} as const;

/** Its environment: JavaScriptCore collects garbage by how much memory it thinks there is, and knows nothing of cgroups. */
export const linkEnvironment = (own: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...own,
  BUN_JSC_forceRAMSize: String(linkBounds.memoryBytes),
});
