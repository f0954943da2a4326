/** Datagrams between device and hub, as both seal and open them. */
export {
  BLOCK_BYTES,
  blockDatagram,
  type Cookie,
  cookieDatagram,
  idOf,
  keysOf,
  OVERHEAD_BYTES,
  type ParcelKeys,
  parcelId,
  type Request,
  RUNS_MAX,
  type Run,
  readBlock,
  readCookie,
  readRequest,
  requestDatagram,
} from "./datagrams.ts";
