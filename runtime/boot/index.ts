/** The device runtime. */
export async function runtime(): Promise<never> {
  throw new Error("the device runtime is not there yet");
}
