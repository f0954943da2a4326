/** The beacons that tell devices the time. */
export { type Beacons, type BeaconsPorts, openBeacons } from "./beacons.ts";
