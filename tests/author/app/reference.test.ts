import { expect, test } from "bun:test";
import { imageReference, parseImageName } from "../../../runtime/author/app/index.ts";

test.each([
  ["nginx", "nginx", "latest", "nginx:latest"],
  ["docker://nginx:1.27", "nginx", "1.27", "nginx:1.27"],
  ["host:5000/group/name", "host:5000/group/name", "latest", "host:5000/group/name:latest"],
  ["host:5000/name:tag", "host:5000/name", "tag", "host:5000/name:tag"],
  ["name:tag@sha256:12", "name@sha256:12", "", "name@sha256:12"],
  ["./layout:web", "./layout:web", "", "./layout:web"],
  ["/abs/saved.tar", "/abs/saved.tar", "", "/abs/saved.tar"],
  ["../up", "../up", "", "../up"],
  ["oci:layout:web", "oci:layout:web", "", "oci:layout:web"],
])("%s is kept so that it can be asked for again", (reference, name, tag, again) => {
  const parsed = parseImageName(reference);
  expect(parsed).toEqual({ name, tag });
  expect(imageReference(parsed)).toBe(again);
});
