import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ConfigError,
  readMasterConfig,
  readSecondaryConfig,
} from '../../../src/lib/runtime/config.ts';

type Environment = Record<string, string | undefined>;

/** All problems of an environment; none if it is good. */
function problemsOf(read: typeof readMasterConfig | typeof readSecondaryConfig, env: Environment) {
  try {
    read(env, false);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, error.problems.join('\n'));
    return error.problems;
  }
}

const master = (env: Environment) => readMasterConfig(env, false);
const secondary = (env: Environment) => readSecondaryConfig(env, false);

describe('the configuration of a master', () => {
  it('has the defaults of the contract', () => {
    assert.deepEqual(master({}), {
      host: '127.0.0.1',
      port: 8080,
      nodeId: 'master',
      dataDir: null,
      fsync: 'always',
      clusterToken: null,
      apiToken: null,
      logLevel: 'info',
      logFormat: 'json',
      core: {
        nodeId: 'master',
        secondaries: [],
        quorumAppend: true,
        heartbeat: { intervalMs: 1000, timeoutMs: 1000 },
        failureDetector: { suspectedAfterMisses: 1, unhealthyAfterMisses: 3 },
        recoveryTimeoutMs: 1000,
        replicationTimeoutMs: 10_000,
        backoffBaseMs: 50,
        backoffMaxMs: 5000,
        logBytesMax: 0,
        waitingMax: 10_000,
      },
      defaultW: 'all',
      messageBytesMax: 1_048_576,
      faultInjection: false,
    });
  });

  it('takes an empty variable for one that is not set', () => {
    assert.deepEqual(master({ PORT: '', SECONDARIES: ' ', NODE_ID: undefined }), master({}));
  });

  it('logs for people on a terminal, unless told otherwise', () => {
    assert.equal(readMasterConfig({}, true).logFormat, 'pretty');
    assert.equal(readMasterConfig({ LOG_FORMAT: 'json' }, true).logFormat, 'json');
  });

  it('reads every variable', () => {
    const settings = master({
      HOST: '0.0.0.0',
      PORT: '9000',
      NODE_ID: 'm',
      DATA_DIR: '/data/m',
      FSYNC: 'never',
      CLUSTER_TOKEN: 'x'.repeat(16),
      API_TOKEN: 'y',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'pretty',
      SECONDARIES: 's1=http://10.0.0.1:8081',
      DEFAULT_W: '2',
      QUORUM_APPEND: 'false',
      HEARTBEAT_INTERVAL_MS: '1',
      HEARTBEAT_TIMEOUT_MS: '2',
      SUSPECTED_AFTER_MISSES: '3',
      UNHEALTHY_AFTER_MISSES: '4',
      REPLICATION_TIMEOUT_MS: '5',
      BACKOFF_BASE_MS: '6',
      BACKOFF_MAX_MS: '7',
      MAX_MESSAGE_BYTES: '8',
      FAULT_INJECTION: 'true',
      MAX_LOG_BYTES: '9',
      MAX_WAITING: '10',
      RECOVERY_TIMEOUT_MS: '11',
    });
    assert.deepEqual(settings, {
      host: '0.0.0.0',
      port: 9000,
      nodeId: 'm',
      dataDir: '/data/m',
      fsync: 'never',
      clusterToken: 'x'.repeat(16),
      apiToken: 'y',
      logLevel: 'debug',
      logFormat: 'pretty',
      core: {
        nodeId: 'm',
        secondaries: [{ id: 's1', url: 'http://10.0.0.1:8081' }],
        quorumAppend: false,
        heartbeat: { intervalMs: 1, timeoutMs: 2 },
        failureDetector: { suspectedAfterMisses: 3, unhealthyAfterMisses: 4 },
        recoveryTimeoutMs: 11,
        replicationTimeoutMs: 5,
        backoffBaseMs: 6,
        backoffMaxMs: 7,
        logBytesMax: 9,
        waitingMax: 10,
      },
      defaultW: 2,
      messageBytesMax: 8,
      faultInjection: true,
    });
  });

  const lists: [text: string, secondaries: [id: string, url: string][]][] = [
    ['http://a:1234', [['a:1234', 'http://a:1234']]],
    [
      ' s1=http://a:1234/ , s2=http://a:1235,',
      [
        ['s1', 'http://a:1234'],
        ['s2', 'http://a:1235'],
      ],
    ],
    ['HTTP://A:80', [['a:80', 'http://a']]],
    [
      's{9..10}=http://s{9..10}.x:8081,http://b:1234',
      [
        ['s9', 'http://s9.x:8081'],
        ['s10', 'http://s10.x:8081'],
        ['b:1234', 'http://b:1234'],
      ],
    ],
    ['s{1..0}=http://s{1..0}:8081,a=http://a:1234', [['a', 'http://a:1234']]],
    ['http://[::1]:8081', [['[::1]:8081', 'http://[::1]:8081']]],
  ];
  for (const [text, secondaries] of lists) {
    it(`reads SECONDARIES '${text}'`, () => {
      const expected = secondaries.map(([id, url]) => ({ id, url }));
      assert.deepEqual(master({ SECONDARIES: text }).core.secondaries, expected);
    });
  }

  for (const w of ['all', 'majority']) {
    it(`takes ${w} as DEFAULT_W`, () => assert.equal(master({ DEFAULT_W: w }).defaultW, w));
  }

  const list = 'must be a comma-separated list of http://host:port or name=http://host:port';
  const name = 'must be 1 to 100 letters, digits, dots, dashes, underscores, colons';
  const bad: [environment: Environment, problem: string][] = [
    [{ PORT: '80a' }, 'PORT must be an integer from 0 to 65535; got "80a"'],
    [{ PORT: '65536' }, 'PORT must be an integer from 0 to 65535; got "65536"'],
    [{ PORT: '-1' }, 'PORT must be an integer from 0 to 65535; got "-1"'],
    [{ PORT: '6000' }, 'PORT must not be a port that fetch refuses (WHATWG bad ports); got "6000"'],
    [{ HOST: 'a b' }, 'HOST must be an address or a host name; got "a b"'],
    [{ NODE_ID: 'a b' }, `NODE_ID ${name}; got "a b"`],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of debug, info, warn, error; got "loud"'],
    [{ QUORUM_APPEND: '1' }, 'QUORUM_APPEND must be one of true, false; got "1"'],
    [{ FSYNC: 'maybe' }, 'FSYNC must be one of always, never; got "maybe"'],
    [{ CLUSTER_TOKEN: 'short' }, 'CLUSTER_TOKEN must have at least 16 characters; got 5'],
    [{ API_TOKEN: 'a secret' }, 'API_TOKEN must be printable ASCII without spaces'],
    [{ DEFAULT_W: '0' }, 'DEFAULT_W must be an integer from 1, majority or all; got "0"'],
    [{ DEFAULT_W: 'most' }, 'DEFAULT_W must be an integer from 1, majority or all; got "most"'],
    [{ DEFAULT_W: '2' }, 'DEFAULT_W must be at most 1, the nodes of the cluster; got "2"'],
    [
      { SUSPECTED_AFTER_MISSES: '4' },
      'UNHEALTHY_AFTER_MISSES must be at least SUSPECTED_AFTER_MISSES, which is 4; got "3"',
    ],
    [
      { BACKOFF_MAX_MS: '49' },
      'BACKOFF_MAX_MS must be at least BACKOFF_BASE_MS, which is 50; got "49"',
    ],
    [
      { HEARTBEAT_INTERVAL_MS: '2147483648' },
      'HEARTBEAT_INTERVAL_MS must be an integer from 1 to 2147483647; got "2147483648"',
    ],
    [
      { RECOVERY_TIMEOUT_MS: '0' },
      'RECOVERY_TIMEOUT_MS must be an integer from 1 to 2147483647; got "0"',
    ],
    [{ SECONDARIES: 'https://a:1234' }, `SECONDARIES ${list}; got "https://a:1234"`],
    [{ SECONDARIES: 'http://a{2..0}:81' }, `SECONDARIES ${list}; got "http://a{2..0}:81"`],
    [{ SECONDARIES: 'http://a{1..101}:81' }, `SECONDARIES ${list}; got "http://a{1..101}:81"`],
    [{ SECONDARIES: 'http://a{1..1}{x}:81' }, `SECONDARIES ${list}; got "http://a1{x}:81"`],
    [{ SECONDARIES: 'http://a' }, `SECONDARIES ${list}; got "http://a"`],
    [{ SECONDARIES: 'http://a:1234/x' }, `SECONDARIES ${list}; got "http://a:1234/x"`],
    [{ SECONDARIES: 'http://u@a:1234' }, `SECONDARIES ${list}; got "http://u@a:1234"`],
    [{ SECONDARIES: 'http://a:70000' }, `SECONDARIES ${list}; got "http://a:70000"`],
    [{ SECONDARIES: 'a\nb' }, `SECONDARIES ${list}; got "a\\nb"`],
    [{ SECONDARIES: 's 1=http://a:1234' }, `SECONDARIES ${name}; got "s 1"`],
    [{ SECONDARIES: '=http://a:1234' }, `SECONDARIES ${name}; got ""`],
    [{ SECONDARIES: 'http://a:0' }, 'SECONDARIES must not name port 0; got "http://a:0"'],
    [
      { SECONDARIES: 'http://a:6000' },
      'SECONDARIES must not be a port that fetch refuses (WHATWG bad ports); got "6000"',
    ],
    [
      { SECONDARIES: 'a=http://a:1234,a=http://a:1235' },
      'SECONDARIES must not use a name twice; got "a=http://a:1235"',
    ],
    [
      { SECONDARIES: 'a=http://a:1234,b=http://A:1234/' },
      'SECONDARIES must not list an address twice; got "b=http://A:1234/"',
    ],
    [
      { SECONDARIES: 'master=http://a:1234' },
      'SECONDARIES must not use the master\'s own NODE_ID as a name; got "master=http://a:1234"',
    ],
  ];
  for (const [environment, problem] of bad) {
    it(`refuses ${JSON.stringify(environment)}`, () => {
      assert.deepEqual(problemsOf(readMasterConfig, environment), [problem]);
    });
  }

  it('reports all problems at once', () => {
    const environment = { PORT: 'x', HOST: 'a/b', DEFAULT_W: '9' };
    assert.equal(problemsOf(readMasterConfig, environment).length, 3);
  });

  it('never repeats a token in a problem', () => {
    const problems = problemsOf(readMasterConfig, {
      CLUSTER_TOKEN: 'hush hush',
      API_TOKEN: 'hüsh',
    });
    assert.equal(problems.length, 3);
    assert.doesNotMatch(problems.join('\n'), /h[uü]sh/);
  });
});

describe('the configuration of a secondary', () => {
  it('has the defaults of the contract', () => {
    assert.deepEqual(secondary({}), {
      host: '127.0.0.1',
      port: 8081,
      nodeId: 'secondary-8081',
      dataDir: null,
      fsync: 'always',
      clusterToken: null,
      apiToken: null,
      logLevel: 'info',
      logFormat: 'json',
      faultInjection: false,
      faults: { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 },
      faultSeed: null,
    });
  });

  it('keeps its log where it is told to, with or without syncs', () => {
    const { dataDir, fsync } = secondary({ DATA_DIR: ' ./some dir ', FSYNC: 'never' });
    assert.deepEqual([dataDir, fsync], ['./some dir', 'never']);
    assert.equal(secondary({ DATA_DIR: ' ' }).dataDir, null);
  });

  it('is named after its port', () => {
    assert.equal(secondary({ PORT: '9001' }).nodeId, 'secondary-9001');
  });

  const faults = {
    FAULT_DELAY_MS: '5',
    FAULT_ERROR_RATE: '.25',
    FAULT_ERROR_AFTER_APPLY_RATE: '1',
    FAULT_SEED: '0',
  };

  it('honours faults where fault injection is on', () => {
    const settings = secondary({ ...faults, FAULT_INJECTION: 'true' });
    assert.deepEqual(settings.faults, { delayMs: 5, errorRate: 0.25, errorAfterApplyRate: 1 });
    assert.equal(settings.faultSeed, 0);
  });

  it('leaves faults out where it is off', () => {
    const none = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
    assert.deepEqual(secondary(faults).faults, none);
  });

  const bad: [environment: Environment, problem: string][] = [
    [{ FAULT_DELAY_MS: '-1' }, 'FAULT_DELAY_MS must be an integer from 0 to 2147483647; got "-1"'],
    [{ FAULT_ERROR_RATE: '1.1' }, 'FAULT_ERROR_RATE must be a number from 0 to 1; got "1.1"'],
    [{ FAULT_ERROR_RATE: 'often' }, 'FAULT_ERROR_RATE must be a number from 0 to 1; got "often"'],
    [
      { FAULT_ERROR_AFTER_APPLY_RATE: '-0.1' },
      'FAULT_ERROR_AFTER_APPLY_RATE must be a number from 0 to 1; got "-0.1"',
    ],
    [{ FAULT_SEED: 'x' }, 'FAULT_SEED must be an integer from 0 to 9007199254740991; got "x"'],
    [{ FAULT_INJECTION: 'on' }, 'FAULT_INJECTION must be one of true, false; got "on"'],
    [{ FSYNC: 'sometimes' }, 'FSYNC must be one of always, never; got "sometimes"'],
    [{ DATA_DIR: '/data', FSYNC: 'ALWAYS' }, 'FSYNC must be one of always, never; got "ALWAYS"'],
  ];
  for (const [environment, problem] of bad) {
    it(`refuses ${JSON.stringify(environment)}`, () => {
      assert.deepEqual(problemsOf(readSecondaryConfig, environment), [problem]);
    });
  }
});

describe('a configuration at its edges', () => {
  it('shows no password of an address', () => {
    const [problem = ''] = problemsOf(readMasterConfig, { SECONDARIES: 'http://u:secret@a:8081' });
    assert.match(problem, /^SECONDARIES must be .*http:\/\/u:\.\.\.@a:8081/);
  });

  it('reads no number as minus zero, and refuses a long one at once', () => {
    assert.equal(problemsOf(readMasterConfig, { PORT: '-0' }).length, 1);
    const begin = performance.now();
    const digits = `${'1'.repeat(100_000)}x`;
    assert.equal(problemsOf(readSecondaryConfig, { FAULT_ERROR_RATE: digits }).length, 1);
    assert(performance.now() - begin < 1000);
  });
});
