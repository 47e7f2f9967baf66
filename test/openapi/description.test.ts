/** `openapi.yaml` is valid, agrees with the sources about routes and problems, and is served. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { DESCRIPTION_FILE } from '../../src/lib/api/openapi.ts';
import type { NodePort } from '../../src/lib/api/ports.ts';
import { nodeRoutes } from '../../src/lib/api/routes.ts';
import { PROBLEMS } from '../../src/lib/http/problems.ts';
import type { Route } from '../../src/lib/http/server.ts';
import { readPart } from '../../src/lib/http/static-answer.ts';
import { request } from '../support/client.ts';
import { startCluster } from '../support/cluster.ts';
import { startMembers } from '../support/members.ts';
import { DOCUMENT, lookUp, type Pointer, type Schema, step } from './document.ts';
import { checkContent, checkValue } from './responses.ts';
import { generated } from './source.ts';

/** Every object in the document, with its place. */
function* objects(value: unknown, pointer = '#'): Generator<[place: Pointer, value: Schema]> {
  if (typeof value !== 'object' || value === null) return;
  yield [pointer as Pointer, value];
  for (const [name, member] of Object.entries(value)) {
    yield* objects(member, `${pointer}/${step(name)}`);
  }
}

const MASTER = {
  defaultW: 'all',
  messageBytesMax: 1,
  apiToken: null,
  clusterToken: null,
  secondaries: [],
  heartbeat: { intervalMs: 1, timeoutMs: 1 },
} as const;

/** All operations, in a form in which routes and document can be compared. */
function described(node: string): string[] {
  return Object.entries(DOCUMENT.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, { tags }]) => tags?.includes(node))
      .map(([method]) => {
        const at: Pointer = `#/paths/${step(path)}/${method}`;
        const { value: operation } = lookUp(at);
        const tokens: string[] = (operation.security ?? []).flatMap(Object.keys);
        const types = Object.keys(lookUp(`${at}/responses/200`).value.content);
        return lineOf(method, path.replace(/\{\w+\}/, '{}'), tokens, types);
      }),
  );
}

function inSource(routes: readonly Route[]): string[] {
  const tokens = { open: [], client: ['apiToken'], cluster: ['clusterToken'] };
  return routes.map(({ method, path, access, produces }) =>
    lineOf(method, path, tokens[access], produces),
  );
}

function lineOf(method: string, path: string, tokens: string[], types: readonly string[]): string {
  const plain = types.map((type) => type.replace(/;.*/, ''));
  return `${method.toUpperCase()} ${path} (${tokens}) -> ${plain}`;
}

describe('openapi.yaml', () => {
  it('is what nodes serve', () => {
    assert(
      readPart(DESCRIPTION_FILE) === generated(),
      'openapi.yaml has changed: run `npm run openapi`',
    );
  });

  it('is a valid description, of this version', async () => {
    const copy = structuredClone(DOCUMENT) as unknown as Record<string, unknown>;
    assert.deepEqual(await new Validator().validate(copy), { valid: true });
    const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.equal(DOCUMENT.info.version, own.version);
  });

  it('has no part that nothing refers to, and refers to nothing that is not there', () => {
    const all = [...objects(DOCUMENT)];
    const targets = new Set(all.map(([, value]) => value.$ref).filter(Boolean));
    for (const target of targets) assert.doesNotThrow(() => lookUp(target), target);
    const parts = all.filter(([place]) =>
      /^#\/components\/(?!securitySchemes)\w+\/\w+$/.test(place),
    );
    assert(parts.length > 100);
    assert.deepEqual(
      parts.map(([place]) => place).filter((place) => !targets.has(place)),
      [],
    );
  });

  it('names nothing that may have any member, but for what is for later versions', () => {
    const open = [...objects(DOCUMENT.components.schemas, '#/components/schemas')].filter(
      ([, { type, properties, additionalProperties, unevaluatedProperties }]) =>
        type === 'object' &&
        properties &&
        (additionalProperties ?? unevaluatedProperties) !== false,
    );
    const names = open.map(([place]) => place.split('/').at(-1));
    // The first one is pushed by peers; the others are parts of closed schemas.
    assert.deepEqual(names.sort(), ['Frame', 'Problem', 'ReceiptMembers', 'Unheld']);
  });

  it('has examples that are as it says', () => {
    let count = 0;
    for (const [place, value] of objects(DOCUMENT)) {
      if (value.schema === undefined) continue;
      const { example, examples = {} } = value;
      const named: { value: unknown }[] = Object.values(examples);
      const all = example === undefined ? named.map((one) => one.value) : [example];
      for (const one of all) {
        count += 1;
        if (value['x-item-schema'] === undefined) checkValue(`${place}/schema`, one, place);
        else checkContent(place, one as string, place);
      }
    }
    assert(count > 25, `${count}`);
  });

  it('has the routes of a master, and no others', () => {
    const routes = nodeRoutes({} as NodePort, {
      nodeId: 'm',
      faultInjection: true,
      master: MASTER,
      masterLength: null,
    });
    assert.deepEqual(described('master').sort(), inSource(routes).sort());
  });

  it('has the routes of a secondary, and no others', () => {
    const options = { nodeId: 's', faultInjection: true, master: null, masterLength: null };
    const routes = nodeRoutes({} as NodePort, options);
    assert.deepEqual(described('secondary').sort(), inSource(routes).sort());
  });

  it('has the routes of a member, and no others', () => {
    const options = { nodeId: 'a', faultInjection: true, master: MASTER };
    const masterLength = () => Promise.resolve(0);
    const routes = nodeRoutes({} as NodePort, { ...options, masterLength });
    const all = new Set(['master', 'secondary', 'member'].flatMap(described));
    assert.deepEqual([...all].sort(), inSource(routes).sort());
  });

  it('has every problem with its status and title, and no others', () => {
    const constants = Object.values(DOCUMENT.components.schemas).flatMap(({ properties }) => {
      const [, name] = /^\/problems\/(.*)$/.exec(properties?.type?.const) ?? [];
      return name === undefined
        ? []
        : [[name, [properties.status.const, properties.title.const]] as const];
    });
    const sorted = (problems: object) => Object.entries(problems).sort();
    // One problem may have two schemas: with the members of one place, and without them.
    assert.deepEqual(sorted(Object.fromEntries(constants)), sorted(PROBLEMS));
    for (const [name, said] of constants) {
      assert.deepEqual(said, [...PROBLEMS[name as keyof typeof PROBLEMS]], name);
    }
  });
});

describe('the query parameters of openapi.yaml', () => {
  it('are those that nodes know', async (t) => {
    const { master, secondaries } = await startCluster(t, {
      count: 1,
      master: { FAULT_INJECTION: true },
    });
    const [member] = (await startMembers(t)).list;
    const byTag = { master, secondary: secondaries[0], member };
    let count = 0;
    for (const [path, item] of Object.entries(DOCUMENT.paths)) {
      for (const [method, { tags, parameters = [] }] of Object.entries(item)) {
        // Messages between nodes may have further members, for later versions.
        if (
          tags === undefined ||
          path === '/heartbeat' ||
          `${method} ${path}` === 'post /replicate'
        )
          continue;
        count += 1;
        const all = parameters.map(({ $ref, ...own }) => ($ref ? lookUp($ref).value : own));
        const names = all.filter((one) => one.in === 'query').map((one) => one.name);
        const { url } = byTag[tags[0] as keyof typeof byTag] as { url: string };
        const target = `${path.replace('{seq}', '1').replace('{id}', 's1')}?nothing=1`;
        const { body } = await request(url + target, { method: method.toUpperCase() });
        const known = names.length === 0 ? 'there are none here' : `known are ${names.join(', ')}`;
        assert.equal(body.detail, `unknown query parameter 'nothing'; ${known}`, target);
      }
    }
    assert.equal(count, 17);
  });
});

describe('GET /openapi.json', () => {
  it('is the same on every node, without a token, and sent once', async (t) => {
    const environment = { API_TOKEN: 'sesame', CLUSTER_TOKEN: 'open'.repeat(4) };
    const own = { master: environment, secondary: environment };
    const { master, secondaries } = await startCluster(t, { count: 1, ...own });
    const tags: (string | null)[] = [];
    for (const { url } of [master, ...secondaries]) {
      const path = `${url}/openapi.json`;
      const whole = await request(path);
      assert.equal(whole.status, 200);
      assert.deepEqual(whole.body, DOCUMENT);
      const etag = whole.headers.get('etag') as string;
      tags.push(etag);
      const again = await request(path, { headers: { 'if-none-match': `"x", ${etag}` } });
      assert.deepEqual([again.status, again.headers.get('etag'), again.body], [304, etag, '']);
      const head = await request(path, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('etag'), head.body], [200, etag, '']);
      assert.equal(head.headers.get('content-length'), whole.headers.get('content-length'));
      assert.equal((await request(`${path}?from=1`)).status, 400);
      assert.equal((await request(path, { headers: { accept: 'text/html' } })).status, 406);
      assert.equal((await request(path, { method: 'DELETE' })).status, 405);
    }
    assert.equal(new Set(tags).size, 1);
  });
});
