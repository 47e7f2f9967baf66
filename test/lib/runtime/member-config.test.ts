import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError } from '../../../src/lib/runtime/config.ts';
import { isMember, readMemberConfig } from '../../../src/lib/runtime/member-config.ts';

type Environment = Record<string, string | undefined>;

const LIST = 'a=http://a:8080,b=http://b:8081,c=http://c:8082';
const GOOD = { MEMBERS: LIST, NODE_ID: 'b', DATA_DIR: '/data' };

const read = (env: Environment) => readMemberConfig({ ...GOOD, ...env }, false);

/** All problems of the good environment with these changes; none if it is good. */
function problemsOf(env: Environment): readonly string[] {
  try {
    read(env);
    return [];
  } catch (error) {
    assert(error instanceof ConfigError);
    return error.problems;
  }
}

describe('the configuration of a member', () => {
  it('is that of a node with MEMBERS, and of no other', () => {
    assert.equal(isMember(GOOD), true);
    for (const env of [{}, { MEMBERS: '' }, { MEMBERS: '  ' }]) assert.equal(isMember(env), false);
  });

  it('has the defaults of the contract', () => {
    const { nodeId, port, dataDir, defaultW, election, core } = read({});
    assert.deepEqual([nodeId, port, dataDir, defaultW], ['b', 8081, '/data', 'majority']);
    assert.deepEqual(election.members, [
      { id: 'a', url: 'http://a:8080' },
      { id: 'b', url: 'http://b:8081' },
      { id: 'c', url: 'http://c:8082' },
    ]);
    assert.equal(election.timeoutMs, 3000);
    assert.deepEqual(
      core.secondaries.map(({ id }) => id),
      ['a', 'c'],
    );
    assert.equal(core.quorumAppend, true);
  });

  it('knows the other members whichever it is, and listens where they look for it', () => {
    for (const [NODE_ID, port, others] of [
      ['a', 8080, ['b', 'c']],
      ['c', 8082, ['a', 'b']],
    ] as const) {
      const { port: own, core } = read({ NODE_ID });
      assert.deepEqual([own, core.secondaries.map(({ id }) => id)], [port, others]);
    }
    assert.equal(read({ PORT: '9090' }).port, 9090, 'a published port may be another one');
  });

  it('reads every variable of a master and of a secondary', () => {
    const settings = read({
      DEFAULT_W: 'all',
      ELECTION_TIMEOUT_MS: '900',
      MAX_MESSAGE_BYTES: '10',
      FAULT_INJECTION: 'true',
      FAULT_DELAY_MS: '5',
      FSYNC: 'never',
    });
    assert.deepEqual([settings.defaultW, settings.messageBytesMax], ['all', 10]);
    assert.deepEqual([settings.faults.delayMs, settings.fsync], [5, 'never']);
    assert.equal(settings.election.timeoutMs, 900);
    assert.equal(settings.election.heartbeatIntervalMs, 300, 'some heartbeats fit the time-out');
  });

  it('has the same digest for any order of the list, and another one for another list', () => {
    const digest = (MEMBERS: string) => read({ MEMBERS }).election.membersDigest;
    const text = (MEMBERS: string) => read({ MEMBERS }).membersText;
    const turned = LIST.split(',').reverse().join(', ');
    assert.deepEqual([digest(turned), text(turned)], [digest(LIST), text(LIST)]);
    for (const other of [LIST.replace('8080', '8090'), `${LIST},d=http://d:8080`]) {
      assert.notEqual(digest(other), digest(LIST), other);
      assert.notEqual(text(other), text(LIST), other);
    }
  });

  it('may be a range, and a single member', () => {
    const range = { MEMBERS: 'node-{0..2}=http://node-{0..2}.nodes:8080', NODE_ID: 'node-1' };
    assert.deepEqual(
      read(range).election.members.map(({ id, url }) => `${id}=${url}`),
      [0, 1, 2].map((at) => `node-${at}=http://node-${at}.nodes:8080`),
    );
    const alone = read({ MEMBERS: 'b=http://b:8081' });
    assert.deepEqual(alone.core.secondaries, []);
  });
});

describe('a wrong configuration of a member', () => {
  const cases: [name: string, env: Environment, problem: RegExp][] = [
    [
      'SECONDARIES as well',
      { SECONDARIES: 's1=http://s1:8081' },
      /^SECONDARIES must not be set together with MEMBERS; got "s1=http:\/\/s1:8081"$/,
    ],
    ['no DATA_DIR', { DATA_DIR: '' }, /^DATA_DIR must be set with MEMBERS/],
    [
      'no NODE_ID',
      { NODE_ID: undefined },
      /^NODE_ID must be a name in MEMBERS, which is a=.*got ""$/,
    ],
    ['a name that is not listed', { NODE_ID: 'd' }, /^NODE_ID must be a name in MEMBERS.*got "d"$/],
    ['appends without a quorum', { QUORUM_APPEND: 'false' }, /^QUORUM_APPEND must be true with/],
    ['a name twice', { MEMBERS: `${LIST},a=http://d:1234` }, /^MEMBERS must not use a name twice/],
    [
      'an address twice',
      { MEMBERS: `${LIST},d=http://a:8080` },
      /^MEMBERS must not list an address twice/,
    ],
    ['no address', { MEMBERS: `${LIST},d` }, /^MEMBERS must be a comma-separated list of http:/],
    ['a w beyond the members', { DEFAULT_W: '4' }, /^DEFAULT_W must be at most 3, the nodes of/],
    [
      'a time-out that no heartbeat fits',
      { ELECTION_TIMEOUT_MS: '29' },
      /^ELECTION_TIMEOUT_MS must be an integer from 30 to 1073741824; got "29"$/,
    ],
    ['no number', { ELECTION_TIMEOUT_MS: '3s' }, /^ELECTION_TIMEOUT_MS must be an integer/],
  ];
  for (const [name, env, problem] of cases) {
    it(`names ${name}`, () => {
      const problems = problemsOf(env);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] as string, problem);
    });
  }

  it('reports all problems at once', () => {
    const problems = problemsOf({ SECONDARIES: 'http://s1:1', DATA_DIR: '', NODE_ID: 'd' });
    assert.deepEqual(
      problems.map((text) => text.split(' ')[0]),
      ['SECONDARIES', 'DATA_DIR', 'NODE_ID'],
    );
  });
});
