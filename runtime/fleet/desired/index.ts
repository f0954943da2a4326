/** What the hub wants this device to run: taken only with the hub's signature, only when it is newer, and kept before anything is done with it. */
export { clockIsKnown, type Due, due, isVerdict, type Order, type Verdict } from "./order.ts";
export { explainOrder, type OrderFault, type Orders, openOrders } from "./orders.ts";
