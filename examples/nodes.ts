/** Where the examples find their nodes: `NODES=http://...,http://...`, or what `make up` starts. */

/** The URLs of the nodes, the master among them. */
export const nodes = (process.env.NODES || '8080,8081,8082')
  .split(',')
  .map((node) => (/^\d+$/.test(node) ? `http://127.0.0.1:${node}` : node));

/** The clients' token, if the nodes want one. */
export const token = process.env.API_TOKEN || undefined;

/** The number behind `--name` on the command line. */
export function numberOf(name: string, otherwise: number): number {
  const index = process.argv.indexOf(`--${name}`);
  const value = index < 0 ? otherwise : Number(process.argv[index + 1]);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0`);
  return value;
}
