/** Whether objects are as Kubernetes wants them: values by its schemas, and no field that it does not know. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Resource } from './kustomization.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export async function checkValues(resources: readonly Resource[]): Promise<void> {
  for (const one of resources) {
    const models = await import(`kubernetes-models/${one.apiVersion}`);
    assert.doesNotThrow(() => new models[one.kind](one).validate(), `${one.kind}`);
  }
}

/** The schemas permit unknown fields; the types made from them do not. */
export function checkFields(resources: readonly Resource[]): void {
  const lines = resources.map(
    (one, at) =>
      `import type { I${one.kind} as T${at} } from 'kubernetes-models/${one.apiVersion}';\n` +
      `export const r${at}: T${at} = ${JSON.stringify(one)};`,
  );
  const project = mkdtempSync(`${tmpdir()}/types-`);
  try {
    symlinkSync(`${root}node_modules`, `${project}/node_modules`);
    writeFileSync(`${project}/package.json`, '{"type":"module"}');
    writeFileSync(`${project}/all.ts`, lines.join('\n'));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext'];
    const tsc = `${root}node_modules/typescript/bin/tsc`;
    const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, 'all.ts'], {
      cwd: project,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(project, { recursive: true });
  }
}
