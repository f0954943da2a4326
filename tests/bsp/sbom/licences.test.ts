import { expect, test } from "bun:test";
import { LicenseExpression, NamedLicense, SpdxLicense } from "@cyclonedx/cyclonedx-library/Models";
import { licencesOf } from "../../../bsp-buildroot/sbom/licences.ts";

const told = (text: string): readonly string[] =>
  licencesOf(text).map((licence) => {
    if (licence instanceof SpdxLicense) return `id ${licence.id}`;
    if (licence instanceof LicenseExpression) return licence.expression;
    return `name ${licence instanceof NamedLicense ? licence.name : ""}`;
  });

test.each([
  ["MIT", ["id MIT"]],
  ["GPL-2.0+", ["id GPL-2.0-or-later"]],
  ["LGPL-2.1", ["id LGPL-2.1-only"]],
  ["Apache-2.0 or BSD-2-Clause", ["Apache-2.0 OR BSD-2-Clause"]],
  ["GPL-2.0 (some tools), LGPL-2.1+", ["GPL-2.0-only AND LGPL-2.1-or-later"]],
  ["GPL-2.0+ or LGPL-3.0+ (library)", ["GPL-2.0-or-later OR LGPL-3.0-or-later"]],
  ["MIT, GPL-2.0 or BSD-3-Clause", ["MIT AND (GPL-2.0-only OR BSD-3-Clause)"]],
  [
    "GPL-2.0+, BSD-4-Clause, LGPL-2.1+ (libblkid, libfdisk, libmount), BSD-3-Clause (libuuid)",
    ["GPL-2.0-or-later AND BSD-4-Clause AND LGPL-2.1-or-later AND BSD-3-Clause"],
  ],
  ["GPL-2.0, bzip2-1.0.4", ["id GPL-2.0-only", "name bzip2-1.0.4"]],
  ["GPL-3.0+ with exceptions", ["name GPL-3.0+ with exceptions"]],
  ["Public Domain, GPL-2.0 or MIT", ["name Public Domain", "name GPL-2.0-only OR MIT"]],
  ["unknown", []],
  ["", []],
] as const)("%s", (text, expected) => {
  expect(told(text)).toEqual([...expected]);
});
