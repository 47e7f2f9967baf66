/**
 * How bad a simulation is. The seed draws the probabilities themselves, and half of them are zero, so
 * that some simulations have one fault alone and others all at once.
 */

export interface Weather {
  readonly secondaries: number;
  readonly quorumAppend: boolean;
  /** Where the nodes keep their logs. */
  readonly disk: 'none' | 'always' | 'never';
  readonly latencyMs: number;
  /** A stream breaks when a frame is sent, or hangs; a heartbeat or a fetched part is lost. */
  readonly breakRate: number;
  readonly hangRate: number;
  readonly lossRate: number;
  /** An ack is lost, and its stream with it. */
  readonly ackLossRate: number;
  /** A frame arrives a second time, much later, whatever has become of its sender. */
  readonly replayRate: number;
  /** The faults that secondaries inject themselves. */
  readonly delayMs: number;
  readonly errorRate: number;
  readonly errorAfterApplyRate: number;
  /** For each step of the nemesis, which takes about 400 ms. */
  readonly crashRate: number;
  readonly masterCrashRate: number;
  readonly secondMasterRate: number;
  readonly partitionRate: number;
  readonly grayRate: number;
  readonly pauseRate: number;
  readonly clockJumpRate: number;
  readonly diskFullRate: number;
  /** A crash takes the disk with it. */
  readonly wipeRate: number;
  readonly fsyncMs: number;
  /** Whether rare and strange things happen: late frames, lies, addresses that lead to another machine. */
  readonly isStrange: boolean;
}

/** No faults but those that the test causes itself. */
export const FAIR_WEATHER: Omit<Weather, 'secondaries' | 'disk'> = {
  quorumAppend: true,
  latencyMs: 5,
  breakRate: 0,
  hangRate: 0,
  lossRate: 0,
  ackLossRate: 0,
  replayRate: 0,
  delayMs: 0,
  errorRate: 0,
  errorAfterApplyRate: 0,
  crashRate: 0,
  masterCrashRate: 0,
  secondMasterRate: 0,
  partitionRate: 0,
  grayRate: 0,
  pauseRate: 0,
  clockJumpRate: 0,
  diskFullRate: 0,
  wipeRate: 0,
  fsyncMs: 5,
  isStrange: false,
};

/** Draws the weather; `random` gives numbers in [0, 1). */
export function drawWeather(random: () => number): Omit<Weather, 'isStrange'> {
  const upTo = (max: number) => (random() < 0.5 ? 0 : random() * max);
  const disk = (['none', 'none', 'always', 'always', 'never'] as const)[Math.floor(random() * 5)];
  return {
    secondaries: 1 + Math.floor(random() * 4),
    quorumAppend: random() < 0.7,
    disk: disk ?? 'none',
    latencyMs: 1 + random() * 150,
    breakRate: upTo(0.3),
    hangRate: upTo(0.1),
    lossRate: upTo(0.3),
    ackLossRate: upTo(0.3),
    replayRate: upTo(0.3),
    delayMs: random() < 0.7 ? 0 : random() * 3000,
    errorRate: upTo(0.4),
    errorAfterApplyRate: upTo(0.4),
    crashRate: upTo(0.03),
    masterCrashRate: upTo(0.08),
    secondMasterRate: upTo(0.04),
    partitionRate: upTo(0.08),
    grayRate: upTo(0.04),
    pauseRate: upTo(0.04),
    clockJumpRate: upTo(0.03),
    diskFullRate: upTo(0.05),
    wipeRate: upTo(0.2),
    fsyncMs: random() < 0.5 ? random() * 20 : random() * 300,
  };
}
