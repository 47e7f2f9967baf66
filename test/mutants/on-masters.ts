/** Bugs of a master at work: what it counts, answers, sends, and whom it believes. */
import type { Mutant } from './mutant.ts';

export const ON_MASTERS: readonly Mutant[] = [
  {
    name: 'the same node is counted under two names',
    file: 'replication/cluster.ts',
    text: 'if (other === undefined) return null;',
    replacement: 'if (other !== peer) return null;',
  },
  {
    name: 'a new incarnation of a secondary keeps the length of the old one',
    file: 'replication/progress.ts',
    text: 'this.#setAcked(isLogMatched ? length : 0);',
    replacement: 'this.#setAcked(Math.max(this.acked, isLogMatched ? length : 0));',
  },
  {
    name: 'the length of a log that was not compared with ours is counted',
    file: 'replication/progress.ts',
    text: 'this.#setAcked(isLogMatched ? length : 0);',
    replacement: 'this.#setAcked(length);',
  },
  {
    name: 'a late word of an earlier run is believed',
    file: 'replication/progress.ts',
    text: "if (isOutdated) return 'outdated';",
    replacement: '',
  },
  {
    name: 'an old word lowers what a newer one has said',
    file: 'replication/progress.ts',
    text: 'if (length >= asked.acked || length === this.acked || isOutdated)',
    replacement: 'if (length === this.acked)',
  },
  {
    name: 'acks for an older epoch of the log are counted',
    file: 'replication/peer.ts',
    text: 'if (ack.epoch !== epoch) return',
    replacement: 'if (ack.epoch > epoch) return',
  },
  {
    name: 'acks of a stream that is over are taken for those of the present one',
    file: 'master.ts',
    text: `if (peer.progress.stream !== stream) return;
    const { leadership } = this;`,
    replacement: 'const { leadership } = this;',
  },
  {
    name: 'entries of an older epoch count on nodes that lack what was there at the takeover',
    file: 'replication/peer.ts',
    text: 'return acked >= start.firstSeq - 1 ? acked : 0;',
    replacement: 'return acked > 0 ? acked : start.firstSeq * 0;',
  },
  {
    name: "the master's own word counts before it is on its disk",
    file: 'log/replica.ts',
    text: 'return durableLength >= this.newest.firstSeq - 1 ? durableLength : 0;',
    replacement: 'return durableLength >= 0 ? this.log.length : 0;',
  },
  {
    name: 'w counts one node too few',
    file: 'replication/write-concern.ts',
    text: 'return seq <= (this.#lengths[w - 1] ?? 0);',
    replacement: 'return seq <= (this.#lengths[Math.max(0, w - 2)] ?? 0);',
  },
  {
    name: 'a waiter is answered when the entry before its own is held',
    file: 'replication/write-concern.ts',
    text: `const held = this.#lengths[index] as number;`,
    replacement: `const held = (this.#lengths[index] as number) + 1;`,
  },
  {
    name: 'a waiter is answered when the entry behind its own is held',
    file: 'replication/sorted-list.ts',
    text: 'this.#countWhile((item) => this.#orderOf(item) <= limit,',
    replacement: 'this.#countWhile((item) => this.#orderOf(item) < limit,',
  },
  {
    name: 'the lengths are sorted the wrong way round',
    file: 'replication/write-concern.ts',
    text: '(this.#lengths[place - 1] as number) < length;',
    replacement: '(this.#lengths[place - 1] as number) > length;',
  },
  {
    name: 'a batch is answered when its first message is held',
    file: 'appends.ts',
    text: 'const last = seq + count - 1;',
    replacement: 'const last = seq + count - count;',
  },
  {
    name: 'a majority is half of the nodes',
    file: 'replication/quorum.ts',
    text: 'return Math.floor(nodes / 2) + 1;',
    replacement: 'return Math.ceil(nodes / 2);',
  },
  {
    name: 'w=1 waits for somebody else',
    file: 'master.ts',
    text: `this.#recount();
    const count = request.messages.ends.length;`,
    replacement: 'const count = request.messages.ends.length;',
  },
  {
    name: 'nobody is told that an entry has reached the disk',
    file: 'master.ts',
    text: `synced(): void {
    this.#recount();`,
    replacement: 'synced(): void {',
  },
  {
    name: 'waits have no end in time',
    file: 'master.ts',
    text: 'this.#tracker.expire(now);',
    replacement: '',
  },
  {
    name: 'any number of clients may wait',
    file: 'appends.ts',
    text: 'if (this.#tracker.waiting < waitingMax) return null;',
    replacement: 'if (waitingMax > 0) return null;',
  },
  {
    name: 'a repeated key is appended again',
    file: 'appends.ts',
    text: 'const earlier = key === null ? undefined : this.#replica.keys.find(key);',
    replacement: 'const earlier = key === "" ? this.#replica.keys.find(key) : undefined;',
  },
  {
    name: 'the key is looked up after the append',
    file: 'appends.ts',
    text: "return { kind: 'refused', problem: 'idempotency-key-reused', seq };",
    replacement: `this.#replica.append(messages, this.#replica.ballot, []);
      return { kind: 'refused', problem: 'idempotency-key-reused', seq };`,
  },
  {
    name: 'a used key with another message is taken for a repeat',
    file: 'appends.ts',
    text: 'if (count !== messages.ends.length ||',
    replacement:
      'if (seq > 0) return this.accept({ seq, count, w, isDuplicate: true }, deadline, now, onEnd); if (count !== messages.ends.length ||',
  },
  {
    name: 'the keys of what is appended are not noted',
    file: 'log/replica.ts',
    text: 'for (const [seq, key] of keys) this.keys.record(key, seq);',
    replacement: '',
  },
  {
    name: 'a keyed batch is split between two frames',
    file: 'replication/frame-end.ts',
    text: 'if (runEnd === end) return end;',
    replacement: 'if (runEnd >= end) return end;',
  },
  {
    name: 'the window has no bound',
    file: 'replication/progress.ts',
    text: 'return this.inFlight.length < (this.probing ? 1 : windowFrames);',
    replacement: 'return this.inFlight.length < (this.probing ? 1 : windowFrames * 1000);',
  },
  {
    name: 'the first frame of a stream carries no epochs',
    file: 'replication/peer.ts',
    text: 'const told = progress.isFresh ? (offset === 0 ? epochs : epochs.slice(offset)) : null;',
    replacement: 'const told = null;',
  },
  {
    name: 'an ack of a part of the list of epochs counts as one of entries',
    file: 'replication/peer.ts',
    text: 'progress.learn(ack.bootId, ack.length, isLogMatched, asked);',
    replacement: 'progress.learn(ack.bootId, ack.length, true, asked);',
  },
  {
    name: 'a stream is never opened again after a failure',
    file: 'replication/progress.ts',
    text: 'this.retryAt = now + delayMs;',
    replacement: 'this.retryAt = now + delayMs * Number.POSITIVE_INFINITY;',
  },
  {
    name: 'a stream without acks is waited for without limit',
    file: 'replication/peer.ts',
    text: 'return quietSince + this.progress.patienceMs(this.#config.replicationTimeoutMs);',
    replacement: 'return Number.POSITIVE_INFINITY;',
  },
  {
    name: 'the backoff is not reset by a success',
    file: 'replication/progress.ts',
    text: 'this.failures = 0;\n    this.retryAt = 0;',
    replacement: 'this.retryAt = 0;',
  },
  {
    name: 'a secondary that is back waits for its backoff',
    file: 'replication/progress.ts',
    text: 'this.failures = 0;\n    this.retryAt = 0;',
    replacement: 'this.failures = 0;',
  },
  {
    name: 'the backoff has no cap',
    file: 'replication/backoff.ts',
    text: 'return random * Math.min(maxMs, baseMs * 2 ** doublings);',
    replacement: 'return random * Math.max(maxMs, baseMs * 2 ** doublings);',
  },
  {
    name: 'heartbeats do not repair a lost ack',
    file: 'replication/peer.ts',
    text: 'this.#learn(answer, this.#isLogMatched(answer), asked);',
    replacement: 'this.#learn(answer, false, asked);',
  },
  {
    name: 'a secondary is never found to be Unhealthy',
    file: 'replication/failure-detector.ts',
    text: 'this.#misses >= this.#config.unhealthyAfterMisses',
    replacement: 'this.#misses >= this.#config.unhealthyAfterMisses + 1000',
  },
  {
    name: 'an Unhealthy secondary stays so when it answers again',
    file: 'replication/failure-detector.ts',
    text: 'this.#hasAnswered = true;\n    this.#misses = 0;',
    replacement: 'this.#hasAnswered = true;',
  },
  {
    name: 'a Suspected secondary does not count for the quorum',
    file: 'replication/peer.ts',
    text: "return this.status !== 'Unhealthy';",
    replacement: "return this.status === 'Healthy';",
  },
  {
    name: 'a master without a quorum says it is read-only and appends',
    file: 'master.ts',
    text: 'if (!this.#lacksQuorum()) return null;\n    const',
    replacement: 'if (this.nodes > 0) return null;\n    const',
  },
  {
    name: 'w nodes hold an entry, the master not among them',
    file: 'replication/cluster.ts',
    text: 'Math.min(own, (this.peers[i] as Peer).countedLength)',
    replacement: '(this.peers[i] as Peer).countedLength',
  },
  {
    name: 'a master is not fenced by anything',
    file: 'master.ts',
    text: 'this.#fencedBy = epoch;',
    replacement: `if (epoch >= 0) return;
    this.#fencedBy = epoch;`,
  },
  {
    name: 'a master is not fenced by a refusal as stale',
    file: 'master.ts',
    text: 'if (isNewer) this.#fence(staleBy);',
    replacement: 'if (isNewer && staleBy < 0) this.#fence(staleBy);',
  },
  {
    name: 'those who wait at a fenced master wait for ever',
    file: 'master.ts',
    text: "this.#tracker.endAll('fenced');",
    replacement: '',
  },
  {
    name: 'a fenced master appends',
    file: 'master.ts',
    text: 'if (this.#fencedBy !== null) {',
    replacement: 'if (this.#fencedBy === 0) {',
  },
];
