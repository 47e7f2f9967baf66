import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import {
  LOG_UNREAD_BYTES_MAX,
  type LogFormat,
  Logger,
  type LogLevel,
} from '../../../src/lib/runtime/logger.ts';

const NOON = Date.UTC(2030, 0, 2, 12, 30, 15, 7);

/** The lines that `act` logs, at a quarter past half past twelve. */
function logged(level: LogLevel, format: LogFormat, act: (logger: Logger) => void): string[] {
  const lines: string[] = [];
  mock.timers.enable({ apis: ['Date'], now: NOON });
  try {
    act(new Logger('s1', level, format, (line) => lines.push(line)));
  } finally {
    mock.timers.reset();
  }
  return lines;
}

describe('Logger', () => {
  it('writes one JSON object a line', () => {
    const lines = logged('info', 'json', (logger) => logger.info('acked', { length: 3 }));
    assert.deepEqual(lines, [
      '{"time":"2030-01-02T12:30:15.007Z","level":"info","node":"s1","event":"acked","length":3}\n',
    ]);
  });

  it('writes lines for people on a terminal', () => {
    const fields = { name: 'a b', length: 3, missing: ['s1'], none: null };
    const lines = logged('info', 'pretty', (logger) => logger.warn('acked', fields));
    assert.deepEqual(lines, [
      '12:30:15.007 warn  s1  acked  name=a b  length=3  missing=["s1"]  none=null\n',
    ]);
  });

  it('writes one line, whatever a peer put into a field', () => {
    const fields = { peer: 'a\n12:00:00.000 error s1  forged' };
    const [line] = logged('info', 'pretty', (logger) => logger.info('acked', fields));
    assert.match(line as string, /peer="a\\n12:00/);
    assert.equal(line?.trim().split('\n').length, 1);
  });

  const all = ['debug', 'info', 'warn', 'error'] as const;
  for (const [index, level] of all.entries()) {
    it(`at level ${level} passes over what is below it`, () => {
      const lines = logged(level, 'json', (logger) => {
        for (const one of all) logger[one]('event');
        logger.logEvent({ level: 'error', event: 'note', fields: { a: 1 } });
      });
      const events = lines.map((line) => JSON.parse(line) as { level: string; event: string });
      assert.deepEqual(
        events.map((line) => `${line.level} ${line.event}`),
        [...all.slice(index).map((one) => `${one} event`), 'error note'],
      );
    });
  }

  it('announces what must be seen at any level', () => {
    const lines = logged('error', 'json', (logger) => logger.announce('listening', { port: 1 }));
    assert.match(lines.join(), /"level":"info","node":"s1","event":"listening","port":1/);
  });

  it('writes to stdout unless told otherwise', (t) => {
    const write = t.mock.method(process.stdout, 'write', () => true);
    new Logger('s1', 'info', 'json').info('hello');
    write.mock.restore();
    assert.match(String(write.mock.calls[0]?.arguments[0]), /"event":"hello"/);
  });
});

describe('Logger: without a reader', () => {
  const text = 'x'.repeat(100_000);
  const fitting = Math.floor(LOG_UNREAD_BYTES_MAX / 100_100);

  /** A pipe that is read when the test says so. */
  function unread() {
    const lines: string[] = [];
    const readers: (() => void)[] = [];
    const logger = new Logger('s1', 'error', 'json', (line, onWritten) => {
      lines.push(line);
      readers.push(onWritten);
    });
    const read = (count: number) => {
      for (const onWritten of readers.splice(0, count)) onWritten();
    };
    return { logger, lines, read };
  }

  it('drops lines beyond a bound, and tells how many when there is a reader again', () => {
    const { logger, lines, read } = unread();
    for (let i = 0; i < fitting + 7; i += 1) logger.error('event', { text });
    assert.equal(lines.length, fitting);
    assert(lines.join('').length <= LOG_UNREAD_BYTES_MAX);
    read(fitting);
    const { level, event, lines: dropped } = JSON.parse(lines.at(-1) as string);
    assert.deepEqual(
      [level, event, dropped, lines.length],
      ['warn', 'log-lines-dropped', 7, fitting + 1],
    );
    logger.error('more');
    assert.match(lines.at(-1) as string, /"more"/);
    assert.equal(lines.length, fitting + 2);
  });

  it('leaves one gap, which is told before anything else, when half of it is read', () => {
    const { logger, lines, read } = unread();
    for (let i = 0; i < fitting + 1; i += 1) logger.error('event', { text });
    read(2);
    logger.error('there would be room');
    assert.equal(lines.length, fitting);
    read(fitting / 2);
    logger.error('after');
    const last = lines.slice(fitting).map((line) => JSON.parse(line));
    assert.deepEqual(
      last.map(({ event, lines: dropped }) => [event, dropped]),
      [
        ['log-lines-dropped', 2],
        ['after', undefined],
      ],
    );
  });

  it('drops a second time, and counts anew', () => {
    const { logger, lines, read } = unread();
    for (const dropped of [3, 5]) {
      lines.length = 0;
      for (let i = 0; i < fitting + dropped; i += 1) logger.error('event', { text });
      read(fitting);
      assert.equal(JSON.parse(lines.at(-1) as string).lines, dropped);
      read(1);
    }
  });
});
