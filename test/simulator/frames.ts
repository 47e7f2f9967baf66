/** Frames made of a node's log, as its HTTP edge would make them. */
import type { EpochStart, EpochsPart } from '../../src/lib/core/log/epochs.ts';
import type { KeyIndex } from '../../src/lib/core/log/idempotency.ts';
import type { Log } from '../../src/lib/core/log/log.ts';
import type { Frame } from '../../src/lib/core/protocol.ts';

/** Whose frame it is, and what it says beside its entries. */
type Origin = Omit<Frame, 'from' | 'messages' | 'keys' | 'traces' | 'epochs' | 'part'>;

/** Epochs in one frame: so few that most lists come in parts. */
export const FRAME_EPOCHS_MAX = 2;

/** The entries `from..to` as one frame; its bytes are its own. */
export function frameOf(
  source: { readonly log: Log; readonly keys: KeyIndex },
  origin: Origin,
  epochs: readonly EpochStart[] | null,
  from: number,
  to: number,
  part?: EpochsPart,
): Frame {
  const ends: number[] = [];
  const texts: Uint8Array[] = [];
  let end = 0;
  for (let seq = from; seq <= to; seq += 1) {
    const text = source.log.textAt(seq);
    texts.push(text, COMMA);
    end += text.length + 1;
    ends.push(end);
  }
  const bytes = new Uint8Array(end);
  let offset = 0;
  for (const text of texts) {
    bytes.set(text, offset);
    offset += text.length;
  }
  const messages = { bytes, ends };
  return {
    ...origin,
    from,
    messages,
    keys: source.keys.within(from, to),
    epochs: epochs && [...epochs],
    ...(part === undefined ? {} : { part }),
  };
}

const COMMA = Uint8Array.of(0x2c);
