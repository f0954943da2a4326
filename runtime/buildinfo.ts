/** What this binary is. The values are put in at build time by `bun build --define`, so that the same sources give the same bytes. */
declare const CAIRN_VERSION: string | undefined;
declare const CAIRN_SOURCES: string | undefined;

/** `--define CAIRN_VERSION='"0.1.0"'`; run from the sources, it is "0.0.0-dev". */
export const version: string = typeof CAIRN_VERSION === "string" ? CAIRN_VERSION : "0.0.0-dev";

/** `--define CAIRN_SOURCES='"1a2b3c4d5e6f"'`: a digest of the sources, which says more than a commit with changes on top. */
export const sources: string = typeof CAIRN_SOURCES === "string" ? CAIRN_SOURCES : "unknown";

/** As `GET /buildinfo` and `cairn --version` give it: `name: value` lines. */
export const buildinfo: string = [
  `cairn: ${version}`,
  `sources: ${sources}`,
  `bun: ${Bun.version}`,
  `architecture: ${process.arch === "x64" ? "x86_64" : process.arch === "arm64" ? "aarch64" : process.arch}`,
  "",
].join("\n");
