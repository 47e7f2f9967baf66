/**
 * How bad a simulation of an elected cluster is. The seed draws the probabilities themselves, and many of them are
 * zero, so that some simulations have one fault alone and others all at once.
 */

export interface Weather {
  readonly nodes: number;
  readonly latencyMs: number;
  /** How long a sync of the disk takes at most, in ms. */
  readonly fsyncMs: number;
  /** For each message: it is lost, comes much later, or comes a second time. */
  readonly lossRate: number;
  readonly lateRate: number;
  readonly twiceRate: number;
  /** For each frame: its stream breaks. */
  readonly breakRate: number;
  /** For each step of the nemesis, which takes about 400 ms, and each machine. */
  readonly crashRate: number;
  readonly wipeRate: number;
  readonly pauseRate: number;
  readonly cutRate: number;
  readonly isolateRate: number;
  readonly jumpRate: number;
  readonly hangRate: number;
  readonly fullRate: number;
  readonly strangerRate: number;
  /** For each step. */
  readonly handoverRate: number;
  readonly partRate: number;
  /** Whether clocks run at different rates. */
  readonly hasDrift: boolean;
  /** Whether more disks may be lost than the promise allows; an operator accepts the loss then. */
  readonly isReckless: boolean;
}

/** Draws the weather; `random` gives numbers in [0, 1). */
export function drawWeather(random: () => number): Weather {
  const upTo = (max: number) => (random() < 0.5 ? 0 : random() * max);
  return {
    nodes: ([3, 3, 3, 5, 4, 2] as const)[Math.floor(random() * 6)] ?? 3,
    latencyMs: 1 + random() * (random() < 0.3 ? 200 : 20),
    fsyncMs: random() < 0.7 ? random() * 10 : random() * 200,
    lossRate: upTo(0.2),
    lateRate: upTo(0.1),
    twiceRate: upTo(0.2),
    breakRate: upTo(0.1),
    crashRate: upTo(0.05),
    wipeRate: upTo(0.08),
    pauseRate: upTo(0.04),
    cutRate: upTo(0.06),
    isolateRate: upTo(0.04),
    jumpRate: upTo(0.03),
    hangRate: upTo(0.04),
    fullRate: upTo(0.02),
    strangerRate: upTo(0.01),
    handoverRate: upTo(0.08),
    partRate: upTo(0.04),
    hasDrift: random() < 0.2,
    isReckless: random() < 0.1,
  };
}
