/** Where answers end: whole, in every possible split, behind others, and when they are failures. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { NatsProtocol } from '../../bench/load/nats.ts';
import { HttpProtocol, type Protocol } from '../../bench/load/protocol.ts';
import { protocolOf } from '../../bench/load/protocols.ts';
import { RedisProtocol, redisCommand } from '../../bench/load/redis.ts';

test('requests with keys have another one of 20 characters each time, on each connection', () => {
  const text = 'POST /messages HTTP/1.1\r\nHost: a\r\n\r\n{}';
  const protocols = [0, 1].map(() => protocolOf({ protocol: 'http', text, isKeyed: true }));
  const keys = new Set<string>();
  for (let i = 0; i < 100; i += 1) {
    const said = Buffer.from((protocols[i % 2] as Protocol).request).toString();
    const [, first, key = '', rest] =
      /^([^\n]*\n)Idempotency-Key: (.{20})\r\n(.*)$/s.exec(said) ?? [];
    assert.equal(`${first}${rest}`, text);
    keys.add(key);
  }
  assert.equal(keys.size, 100);
});

const CASES: { name: string; protocol: Protocol; answer: string }[] = [
  {
    name: 'http',
    protocol: new HttpProtocol(''),
    answer: 'HTTP/1.1 201 Created\r\nContent-Length: 12\r\nX: y\r\n\r\n{"seq":1234}',
  },
  {
    name: 'http, lower case and last',
    protocol: new HttpProtocol(''),
    answer: 'HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 2\r\n\r\n{}',
  },
  {
    name: 'redis, a bulk and a number',
    protocol: new RedisProtocol('', 2),
    answer: '$5\r\n1-\r\n2\r\n:2\r\n',
  },
  { name: 'redis, a status', protocol: new RedisProtocol('', 1), answer: '+OK\r\n' },
  {
    name: 'nats, behind what it says first',
    protocol: new NatsProtocol('log', 'x'),
    answer: 'INFO {"a":1}\r\nPING\r\nMSG _INBOX.1 1 22\r\n{"stream":"l","seq":1}\r\n',
  },
];

for (const { name, protocol, answer } of CASES) {
  test(`the answer ends where it ends: ${name}`, () => {
    const bytes = Buffer.from(answer);
    assert.equal(protocol.answerEnd(bytes, 0, bytes.length), bytes.length);
    for (let end = 0; end < bytes.length; end += 1) {
      assert.equal(protocol.answerEnd(bytes, 0, end), -1, `${end} bytes of a larger buffer`);
      assert.equal(protocol.answerEnd(bytes.subarray(0, end), 0, end), -1, `${end} bytes`);
    }
    const second = Buffer.concat([bytes, bytes, Buffer.from('more')]);
    const start = bytes.length;
    assert.equal(protocol.answerEnd(second, start, second.length), 2 * start, 'the second of two');
  });
}

const FAILURES: { name: string; protocol: Protocol; answer: string; reason: RegExp }[] = [
  {
    name: 'http 503',
    protocol: new HttpProtocol(''),
    answer: 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n',
    reason: /503/,
  },
  {
    name: 'http without a length',
    protocol: new HttpProtocol(''),
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    reason: /no Content-Length/,
  },
  {
    name: 'redis, an error after a good reply',
    protocol: new RedisProtocol('', 2),
    answer: '$3\r\n1-1\r\n-ERR no\r\n',
    reason: /-ERR no/,
  },
  { name: 'redis, null', protocol: new RedisProtocol('', 1), answer: '$-1\r\n', reason: /nothing/ },
  {
    name: 'nats, an error of the server',
    protocol: new NatsProtocol('log', 'x'),
    answer: "INFO {}\r\n-ERR 'Maximum Payload Violation'\r\n",
    reason: /Payload/,
  },
  {
    name: 'nats, an error of the stream',
    protocol: new NatsProtocol('log', 'x'),
    answer: 'MSG _INBOX.1 1 21\r\n{"error":{"code":503}}\r\n',
    reason: /503/,
  },
];

for (const { name, protocol, answer, reason } of FAILURES) {
  test(`a failure is no answer: ${name}`, () => {
    const bytes = Buffer.from(answer);
    assert.throws(() => protocol.answerEnd(bytes, 0, bytes.length), reason);
  });
}

test('requests are the bytes that go over the wire', () => {
  const text = (protocol: Protocol) => Buffer.from(protocol.request).toString();
  assert.equal(redisCommand('SET', 'ö', ''), '*3\r\n$3\r\nSET\r\n$2\r\nö\r\n$0\r\n\r\n');
  assert.equal(text(protocolOf({ protocol: 'http', text: 'GET / ö' })), 'GET / ö');
  assert.equal(text(protocolOf({ protocol: 'redis', text: 'PING\r\n', replies: 1 })), 'PING\r\n');
  const nats = protocolOf({ protocol: 'nats', subject: 'log', text: 'ö' });
  assert.match(text(nats), /^PUB log _INBOX\.bench\.\S+ 2\r\nö\r\n$/);
  const [, inbox] = /SUB (\S+) 1/.exec(Buffer.from(nats.greeting).toString()) ?? [];
  assert.ok(inbox !== undefined && text(nats).includes(` ${inbox} `), 'it listens where it asks');
});
