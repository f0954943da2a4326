/**
 * Parcels in datagrams (UDP), for links so thin that TCP costs too much there: it sends again what came when an acknowledgement was lost, and keeps
 * what came behind a lost packet until a power cut takes it. The device asks for some blocks, and for the next when half of them are there.
 */
export { type Asking, asked, asking, came, deadline, mayCome, refused, silent } from "./asking.ts";
export { type DatagramFetch, type EarlyBlocks, fetchDatagrams } from "./fetch.ts";
export { HEADER_BYTES, type OpenDatagramSocket, openDatagramSocket } from "./socket.ts";
export { type DatagramWay, NobodyAnswers, openDatagramWay } from "./way.ts";
