/** Frames and prepares in a few letters. */
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import type { Frame, HeartbeatRequest } from '../../../src/lib/core/protocol.ts';

/** What a frame or a prepare says besides. */
export type Told = Partial<Pick<Frame, 'logId' | 'bootId' | 'completeFrom' | 'committed'>> & {
  readonly epochs?: string;
};

/** `2B`, or `2` for one that names no writer. */
export function ballotOf(by: string): { epoch: number; writer: string } {
  return { epoch: Number.parseInt(by, 10), writer: by.replace(/^\d+/, '') };
}

/** `1A@1 2B@6`: epoch 1 of writer A from seq 1 on, epoch 2 of writer B from 6 on. */
export function epochsOf(text: string): NonNullable<Frame['epochs']> {
  return text.split(' ').map((one) => {
    const [by, firstSeq] = one.split('@') as [string, string];
    return { ...ballotOf(by), firstSeq: Number(firstSeq) };
  });
}

/** A frame of the master `by`. */
export function frameOf(by: string, from: number, texts: readonly string[], told: Told): Frame {
  const { logId = 'L', epochs, ...rest } = told;
  const messages = packMessages(texts);
  const list = epochs === undefined ? null : epochsOf(epochs);
  return { ...ballotOf(by), logId, from, messages, keys: [], epochs: list, ...rest };
}

/** A heartbeat with the prepare of the master `by`. */
export function requestOf(by: string, told: Told): HeartbeatRequest {
  const { logId = 'L', bootId = null, completeFrom = null, committed = 0 } = told;
  const { epoch, writer } = ballotOf(by);
  return { prepare: { logId, epoch, writer: writer as string }, bootId, completeFrom, committed };
}
