import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { type LogFormat, Logger, type LogLevel } from '../../../src/lib/runtime/logger.ts';

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
        logger.note({ level: 'error', event: 'note', fields: { a: 1 } });
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
