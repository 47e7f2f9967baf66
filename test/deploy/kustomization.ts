/**
 * Builds deploy/kubernetes as `kubectl kustomize` does, as far as that folder needs it. So it is checked also
 * without kubectl; with one, the tests compare the results.
 */
import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: what YAML files say has any shape; the schemas judge it
export type Resource = any;

interface Kustomization {
  readonly resources?: string[];
  readonly components?: string[];
  readonly replicas?: { name: string; count: number }[];
  readonly images?: { name: string; newTag: string }[];
  readonly labels?: { pairs: Record<string, string> }[];
  readonly secretGenerator?: { name: string; envs: string[] }[];
  readonly replacements?: unknown[];
  readonly patches?: { target: { kind: string }; patch: string }[];
}

/** All objects that the folder builds; `tokens.env` must be in it. */
export function build(folder: string): Resource[] {
  const read = (path: string) => readFileSync(`${folder}/${path}`, 'utf8');
  const kustomization: Kustomization = parse(read('kustomization.yaml'));
  const resources: Resource[] = (kustomization.resources ?? []).flatMap((path) =>
    parseAllDocuments(read(path)).map((document) => document.toJS()),
  );
  const named = (kind: string, name: string) =>
    resources.find((one) => one.kind === kind && one.metadata.name === name);
  for (const component of kustomization.components ?? []) {
    const { patches = [] }: Kustomization = parse(read(`${component}/kustomization.yaml`));
    for (const { target, patch } of patches) {
      for (const one of resources.filter(({ kind }) => kind === target.kind)) {
        for (const { path, value } of parse(patch)) add(one, path, value);
      }
    }
  }
  for (const { name, count } of kustomization.replicas ?? []) {
    named('StatefulSet', name).spec.replicas = count;
  }
  for (const { name, newTag } of kustomization.images ?? []) {
    for (const container of resources.flatMap(containersOf)) {
      if (container.image === name) container.image = `${name}:${newTag}`;
    }
  }
  for (const { name, envs } of kustomization.secretGenerator ?? []) {
    const lines = envs.flatMap((path) => read(path).split('\n')).filter((line) => line !== '');
    const data = Object.fromEntries(
      lines.map((line) => {
        const [key = '', ...value] = line.split('=');
        return [key, Buffer.from(value.join('=')).toString('base64')];
      }),
    );
    resources.push({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque', data });
  }
  for (const one of resources) {
    for (const { pairs } of kustomization.labels ?? []) {
      one.metadata.labels = { ...one.metadata.labels, ...pairs };
    }
  }
  // The only replacement in the folder; the comparison with kubectl verifies it.
  if (kustomization.replacements !== undefined) {
    const [container] = containersOf(named('StatefulSet', 'master'));
    const count = named('StatefulSet', 'secondary').spec.replicas;
    container.env.find(({ name }: Resource) => name === 'SECONDARY_COUNT').value = String(count);
  }
  return resources;
}

export function containersOf(resource: Resource): Resource[] {
  return resource.spec?.template?.spec.containers ?? [];
}

/** The "add" of a JSON patch (RFC 6902). */
function add(resource: Resource, path: string, value: unknown): void {
  const steps = path.split('/').slice(1);
  const last = steps.pop() ?? '';
  const place = steps.reduce((at, step) => at[step], resource);
  if (last === '-') place.push(structuredClone(value));
  else place[last] = structuredClone(value);
}
