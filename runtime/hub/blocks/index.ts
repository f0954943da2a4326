/** Objects on their way to devices, in blocks over the broker. */
export { type Blocks, type BlocksPorts, openBlocks } from "./blocks.ts";
export { BLOCKS_MAX, blocksFor } from "./plan.ts";
export { type Bucket, isFull, type Rate, rateOf, take } from "./rate.ts";
