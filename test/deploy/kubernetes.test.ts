/** deploy/kubernetes: it is valid by the schemas, its parts fit together, and nodes accept its configuration. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { readMasterConfig, readSecondaryConfig } from '../../src/lib/runtime/config.ts';
import { build, containersOf, type Resource } from './kustomization.ts';
import { checkFields, checkValues } from './schemas.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const kubectl = spawnSync('kubectl', ['kustomize', '--help']);
const skip = kubectl.status === 0 ? false : 'no kubectl is installed';
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A copy of the folder, with tokens, as an operator would have edited it. */
function folderWith(edit: (text: string) => string): string {
  const folder = mkdtempSync(`${tmpdir()}/kubernetes-`);
  folders.push(folder);
  cpSync(`${root}deploy/kubernetes`, folder, { recursive: true });
  writeFileSync(`${folder}/tokens.env`, 'CLUSTER_TOKEN=0123456789abcdef\nAPI_TOKEN=a=b\n');
  const file = `${folder}/kustomization.yaml`;
  writeFileSync(file, edit(readFileSync(file, 'utf8')));
  return folder;
}

const variants = {
  'as it is': folderWith((text) => text),
  'with disks, and five secondaries': folderWith((text) =>
    text.replace('# components:', 'components:').replace('count: 2', 'count: 5'),
  ),
};

for (const [name, folder] of Object.entries(variants)) {
  const resources = build(folder);
  const all = (kind: string): Resource[] => resources.filter((one) => one.kind === kind);
  const sets = all('StatefulSet');
  const setNamed = (name: string) => sets.find((set) => set.metadata.name === name);
  const container = (name: string) => containersOf(setNamed(name))[0];

  /** The environment of a pod's process. */
  const environmentOf = (set: string, pod: string) => {
    const values: Record<string, string> = { CLUSTER_TOKEN: '0123456789abcdef' };
    for (const { name, value, valueFrom } of container(set).env) {
      assert(value !== undefined || valueFrom.fieldRef.fieldPath === 'metadata.name');
      values[name] = (value ?? pod).replace(/\$\((\w+)\)/g, (_: string, of: string) => values[of]);
    }
    return values;
  };

  describe(`deploy/kubernetes, ${name}`, () => {
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

    it('gives every node an environment that it takes', () => {
      const { replicas, ordinals } = setNamed('secondary').spec;
      const pods = Array.from({ length: replicas }, (_, at) => `secondary-${ordinals.start + at}`);
      const master = readMasterConfig(environmentOf('master', 'master-0'), false);
      const { serviceName } = setNamed('secondary').spec;
      assert.deepEqual(
        master.core.secondaries,
        pods.map((id) => ({ id, url: `http://${id}.${serviceName}:8081` })),
      );
      for (const pod of pods) {
        assert.equal(readSecondaryConfig(environmentOf('secondary', pod), false).nodeId, pod);
      }
    });

    it('has selectors that find pods, and names that there are', () => {
      const labelsOf = (set: Resource) => set.spec.template.metadata.labels;
      const finds = (selector: Record<string, string>) =>
        sets.filter((set) =>
          Object.entries(selector).every(([key, value]) => labelsOf(set)[key] === value),
        );
      for (const set of sets) {
        assert.deepEqual(finds(set.spec.selector.matchLabels), [set]);
        const service = all('Service').find((one) => one.metadata.name === set.spec.serviceName);
        assert.deepEqual(finds(service.spec.selector), [set]);
        const { secretRef } = containersOf(set)[0].envFrom[0];
        assert(all('Secret').some((secret) => secret.metadata.name === secretRef.name));
      }
      for (const service of all('Service')) assert.equal(finds(service.spec.selector).length, 1);
      for (const budget of all('PodDisruptionBudget')) {
        assert.deepEqual(finds(budget.spec.selector.matchLabels), sets);
      }
      const guarded = all('NetworkPolicy').flatMap((one) =>
        finds(one.spec.podSelector.matchLabels),
      );
      assert.deepEqual(guarded, sets);
      const policy = all('NetworkPolicy').find((one) => one.metadata.name === 'master');
      const [{ to, ports }] = policy.spec.egress;
      assert.deepEqual(finds(to[0].podSelector.matchLabels), [setNamed('secondary')]);
      assert.equal(ports[0].port, 8081);
    });

    it('probes, publishes and guards the port that each node listens on', () => {
      for (const { metadata, spec } of sets) {
        const { ports, env, livenessProbe, readinessProbe } = containersOf({ spec })[0];
        const port = Number(env.find(({ name }: Resource) => name === 'PORT').value);
        assert.deepEqual(ports, [{ name: 'http', containerPort: port }]);
        assert.deepEqual(livenessProbe.httpGet, { path: '/livez', port: 'http' });
        assert.deepEqual(readinessProbe.httpGet, { path: '/readyz', port: 'http' });
        const policy = all('NetworkPolicy').find((one) => one.metadata.name === metadata.name);
        assert.equal(policy.spec.ingress[0].ports[0].port, port);
        const service = all('Service').find((one) => one.metadata.name === spec.serviceName);
        assert.equal(service.spec.ports[0].port, port);
        assert.equal(spec.template.metadata.annotations['prometheus.io/port'], String(port));
      }
    });

    it('lets the master find secondaries that are not ready, and begins them all at once', () => {
      const secondary = setNamed('secondary').spec;
      const service = all('Service').find((one) => one.metadata.name === secondary.serviceName);
      assert.equal(service.spec.publishNotReadyAddresses, true);
      assert.equal(service.spec.clusterIP, 'None');
      assert.equal(secondary.podManagementPolicy, 'Parallel');
      assert.equal(setNamed('master').spec.replicas, 1);
    });

    it('runs every node without rights, and gives it a disk if it has a DATA_DIR', () => {
      for (const set of sets) {
        const { securityContext, env, volumeMounts = [] } = containersOf(set)[0];
        assert.equal(set.spec.template.spec.securityContext.runAsNonRoot, true);
        assert.equal(set.spec.template.spec.automountServiceAccountToken, false);
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        const dataDir = env.find(({ name }: Resource) => name === 'DATA_DIR')?.value;
        const volumeClaims: Resource[] = set.spec.volumeClaimTemplates ?? [];
        assert.deepEqual(
          volumeMounts,
          volumeClaims.map(({ metadata }) => ({ name: metadata.name, mountPath: dataDir })),
        );
        assert.equal(dataDir !== undefined, volumeClaims.length === 1);
        assert.equal(volumeClaims.length === 1, name.includes('disks'));
      }
    });
  });
}
