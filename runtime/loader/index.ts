/** The boot loader contract (reference section 6): one interface, a driver for each kind of loader. */
export type { Loader, LoaderError, LoaderResult, LoaderState } from "./model.ts";
