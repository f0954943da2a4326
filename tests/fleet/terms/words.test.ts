import { expect, test } from "bun:test";
import {
  type ContainerStatus,
  containerStatuses,
  operations,
  outcomes,
  phases,
  presences,
  reasons,
  type UpdateStatus,
  updateStatuses,
} from "../../../runtime/fleet/terms/index.ts";

import type { Status } from "../../../runtime/supervise/index.ts";
import { reasonCodes, type WrittenStatus } from "../../../runtime/update/index.ts";

test("every reason, status of an update and status of a container has its word on the wire", () => {
  expect(new Set<string>(reasons)).toEqual(new Set<string>(reasonCodes));
  // Does not compile when a status is missing on either side.
  const written: Record<WrittenStatus, true> & Record<UpdateStatus, true> = {
    NEW: true,
    QUEUED: true,
    DOWNLOADING: true,
    INPROGRESS: true,
    TESTING: true,
    UPDATED: true,
    DONE: true,
    WONTGO: true,
    ERROR: true,
  };
  expect(new Set<string>(updateStatuses)).toEqual(new Set(Object.keys(written)));
  const supervised: Record<Status, true> & Record<ContainerStatus, true> = {
    NONE: true,
    INSTALLED: true,
    BLOCKED: true,
    MOUNTED: true,
    STARTING: true,
    STARTED: true,
    READY: true,
    RECOVERING: true,
    STOPPING: true,
    STOPPED: true,
  };
  expect(new Set<string>(containerStatuses)).toEqual(new Set(Object.keys(supervised)));
});

test("a word keeps its number for ever", () => {
  const lists = [updateStatuses, containerStatuses, reasons, phases, operations, presences, outcomes];
  expect(lists.map((words) => words.join(" "))).toEqual([
    "NEW QUEUED DOWNLOADING INPROGRESS TESTING UPDATED DONE WONTGO ERROR",
    "NONE INSTALLED BLOCKED MOUNTED STARTING STARTED READY RECOVERING STOPPING STOPPED",
    "containerFailed goalMissed hubUnreachable hubUnstable badObject badSignature badState stateMissing noSpace antiRollback " +
      "installFailed loaderFailed unexpectedReboot notBootable timeout aborted crashLoop badPatch objectMissing",
    "queued downloading installing trying testing done error wontgo",
    "reboot restartContainer logs gc debugAccess",
    "gone asleep online",
    "done refused failed busy expired",
  ]);
});
