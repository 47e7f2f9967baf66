/** deploy/kubernetes/failover: it is valid by the schemas, its parts fit together, and members accept its configuration. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { readMemberConfig } from '../../src/lib/runtime/member-config.ts';
import { build, containersOf, type Resource } from './kustomization.ts';
import { checkFields, checkValues } from './schemas.ts';

const source = fileURLToPath(new URL('../../deploy/kubernetes/failover', import.meta.url));
const kubectl = spawnSync('kubectl', ['kustomize', '--help']);
const skip = kubectl.status === 0 ? false : 'no kubectl is installed';
const folder = mkdtempSync(`${tmpdir()}/kubernetes-`);
after(() => rmSync(folder, { recursive: true }));
cpSync(source, folder, { recursive: true });
writeFileSync(`${folder}/tokens.env`, 'CLUSTER_TOKEN=0123456789abcdef\n');

const resources = build(folder);
const all = (kind: string): Resource[] => resources.filter((one) => one.kind === kind);
const named = (kind: string, name: string) => all(kind).find((one) => one.metadata.name === name);
const set = named('StatefulSet', 'node');
const gateway = named('Deployment', 'gateway');
const [node] = containersOf(set);

/** The environment of a pod's process. */
function environmentOf(pod: string): Record<string, string> {
  const values: Record<string, string> = { CLUSTER_TOKEN: '0123456789abcdef' };
  for (const { name, value } of node.env) values[name] = value ?? pod;
  return values;
}

describe('deploy/kubernetes/failover', () => {
  it('is what kubectl kustomize makes of it', { skip }, () => {
    const { stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
    // The name of the Secret ends in a digest of its content.
    const text = stdout.replace(/\btokens-[a-z0-9]{10}\b/g, 'tokens');
    const theirs: Resource[] = parseAllDocuments(text).map((document) => document.toJS());
    assert.equal(theirs.length, resources.length, stderr);
    for (const one of resources) {
      const same = theirs.find(
        (other) => other.kind === one.kind && other.metadata.name === one.metadata.name,
      );
      assert.deepEqual(same, one);
    }
  });

  it('has values as the schemas want them', () => checkValues(resources));

  it('has no field that Kubernetes does not know', () => checkFields(resources));

  it('gives every member the same list, and a name and a disk of its own', () => {
    const { replicas, serviceName, volumeClaimTemplates } = set.spec;
    const pods = Array.from({ length: replicas }, (_, at) => `node-${at}`);
    const expected = pods.map((id) => ({ id, url: `http://${id}.${serviceName}:8080` }));
    for (const pod of pods) {
      const { nodeId, port, dataDir, election } = readMemberConfig(environmentOf(pod), false);
      assert.deepEqual([nodeId, port, dataDir], [pod, 8080, '/data']);
      assert.deepEqual(election.members, expected);
    }
    assert.deepEqual(node.volumeMounts, [
      { name: volumeClaimTemplates[0].metadata.name, mountPath: '/data' },
    ]);
  });

  it('starts all members at once, and updates one after the other', () => {
    const { podManagementPolicy, updateStrategy, minReadySeconds, template } = set.spec;
    assert.deepEqual([podManagementPolicy, updateStrategy.type], ['Parallel', 'RollingUpdate']);
    assert(minReadySeconds > 0);
    // 3 s for the handover, 5 s for the clients that wait.
    assert(template.spec.terminationGracePeriodSeconds > 8);
    // An update waits for the readiness of each member, so it must not depend on who is the master.
    assert.deepEqual(node.readinessProbe.httpGet, { path: '/readyz', port: 'http' });
    assert.deepEqual(node.livenessProbe.httpGet, { path: '/livez', port: 'http' });
    const service = named('Service', set.spec.serviceName);
    assert.deepEqual(
      [service.spec.publishNotReadyAddresses, service.spec.clusterIP],
      [true, 'None'],
    );
  });

  it('leads appends to the member that says that it is the master', () => {
    const config: string = named('ConfigMap', 'gateway').data['haproxy.cfg'];
    assert.match(config, /http-check send meth GET uri \/readyz\?role=master\n/);
    const servers = [...config.matchAll(/^ *server (\S+) (\S+)$/gm)].map(
      ([, id, at]) => `${id} ${at}`,
    );
    const { members } = readMemberConfig(environmentOf('node-0'), false).election;
    assert.deepEqual(
      servers,
      members.map(({ id, url }) => `${id} ${new URL(url).host}`),
    );
    const [{ volumeMounts, args }] = containersOf(gateway);
    assert(args.at(-1).startsWith(`${volumeMounts[0].mountPath}/haproxy.cfg`));
    assert.equal(gateway.spec.template.spec.volumes[0].configMap.name, 'gateway');
  });

  it('has selectors that find pods, and ports that they listen on', () => {
    const pods = [set, gateway];
    const finds = (selector: Record<string, string>) =>
      pods.filter((one) =>
        Object.entries(selector).every(
          ([key, value]) => one.spec.template.metadata.labels[key] === value,
        ),
      );
    for (const one of pods) {
      assert.deepEqual(finds(one.spec.selector.matchLabels), [one]);
      assert.deepEqual(containersOf(one)[0].ports, [{ name: 'http', containerPort: 8080 }]);
    }
    const reached = all('Service').map(({ metadata, spec }) => [
      metadata.name,
      ...finds(spec.selector).map((one) => one.metadata.name),
    ]);
    assert.deepEqual(reached.sort(), [
      ['log', 'gateway'],
      ['members', 'node'],
      ['nodes', 'node'],
    ]);
    for (const { spec } of all('Service')) assert.equal(spec.ports[0].port, 8080);
    for (const { spec } of all('PodDisruptionBudget')) {
      assert.deepEqual(finds(spec.selector.matchLabels), [set]);
    }
    const [ofNodes, ofGateway] = ['node', 'gateway'].map((name) => named('NetworkPolicy', name));
    assert.deepEqual(finds(ofNodes.spec.podSelector.matchLabels), [set]);
    assert.deepEqual(finds(ofGateway.spec.podSelector.matchLabels), [gateway]);
    const from = ofNodes.spec.ingress[0].from.slice(0, 2);
    assert.deepEqual(
      from.flatMap((one: Resource) => finds(one.podSelector.matchLabels)),
      pods,
    );
    for (const { spec } of [ofNodes, ofGateway]) {
      assert.deepEqual(finds(spec.egress[0].to[0].podSelector.matchLabels), [set]);
    }
    assert(named('Secret', node.envFrom[0].secretRef.name) !== undefined);
  });

  it('runs everything without rights', () => {
    for (const one of [set, gateway]) {
      const { securityContext, automountServiceAccountToken } = one.spec.template.spec;
      assert.deepEqual([securityContext.runAsNonRoot, automountServiceAccountToken], [true, false]);
      assert.deepEqual(containersOf(one)[0].securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });
});
