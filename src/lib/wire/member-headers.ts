/**
 * What a heartbeat says in headers in a cluster that elects its master: which run of which member asks, by which list of
 * members, whether it is a candidate, and by whose handover.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { HeartbeatRequest, Sender } from '../core/protocol.ts';
import { type Ballot, isEpoch } from '../core/recovery/ballot.ts';
import { parsePosition } from '../http/query.ts';
import { bad, decodeName } from './fields.ts';

type MemberPart = Pick<HeartbeatRequest, 'sender' | 'isCandidate' | 'handover'>;

/** The headers; none where no member asks. */
export function memberHeaders({
  sender,
  isCandidate,
  handover,
}: MemberPart): Record<string, string> {
  if (sender === undefined) return {};
  return {
    'member-id': encodeURIComponent(sender.id),
    'member-boot-id': encodeURIComponent(sender.bootId),
    'log-members': encodeURIComponent(sender.members),
    ...(isCandidate ? { 'log-candidate': 'true' } : {}),
    ...(handover === undefined ? {} : { 'log-handover': ballotText(handover) }),
  };
}

/** Reads the headers; 400 if they are invalid. */
export function parseMemberHeaders(headers: IncomingHttpHeaders): MemberPart {
  const sender = senderIn(headers);
  if (sender === undefined) return {};
  const isCandidate = headers['log-candidate'] === 'true';
  const text = headers['log-handover'];
  return { sender, isCandidate, ...(text === undefined ? {} : { handover: ballotIn(text) }) };
}

function senderIn(headers: IncomingHttpHeaders): Sender | undefined {
  const texts = [headers['member-id'], headers['member-boot-id'], headers['log-members']];
  if (texts.every((text) => text === undefined)) return undefined;
  const [id, bootId, members] = texts.map(decodeName);
  if (id && bootId && members) return { id, bootId, members };
  throw bad(
    'Member-Id, Member-Boot-Id and Log-Members go together: percent-encoded, 1 to 255 characters',
  );
}

/** `<epoch>/<writer>`, the writer percent-encoded. */
function ballotText({ epoch, writer }: Ballot): string {
  return `${epoch}/${encodeURIComponent(writer)}`;
}

function ballotIn(text: string | string[]): Ballot {
  const [epochText = '', writerText, ...rest] = String(text).split('/');
  const [epoch, writer] = [parsePosition(epochText), decodeName(writerText)];
  if (isEpoch(epoch) && writer !== null && rest.length === 0) return { epoch, writer };
  throw bad('Log-Handover must be an epoch, a slash and a percent-encoded writer');
}
