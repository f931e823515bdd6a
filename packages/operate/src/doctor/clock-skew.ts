/** The server's clock, read by asking: times in milliseconds since 1970. */
export interface ClockReading {
  /** This machine's clock before the question. */
  readonly sentAt: number;
  /** This machine's clock after the answer. */
  readonly receivedAt: number;
  /** The server's clock, as the answer has it. */
  readonly serverAt: number;
}

/**
 * By how much the server's clock is certainly ahead of this machine's (behind, if negative), in
 * milliseconds, or `undefined` without a reading. The answer was written at some moment of the round trip,
 * so of the quickest one the whole duration is given to the clocks' favour.
 */
export function clockSkew(readings: readonly ClockReading[]): number | undefined {
  const [quickest] = readings.toSorted((a, b) => roundTrip(a) - roundTrip(b));
  if (quickest === undefined) return undefined;
  const { sentAt, receivedAt, serverAt } = quickest;
  if (serverAt > receivedAt) return serverAt - receivedAt;
  return serverAt < sentAt ? serverAt - sentAt : 0;
}

function roundTrip({ sentAt, receivedAt }: ClockReading): number {
  return receivedAt - sentAt;
}
