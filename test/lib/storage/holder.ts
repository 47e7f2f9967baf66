/** A process that opens a directory, prints `open` or an error, and holds it until it is ended. */
import { open } from './support.ts';

const [path, pause] = process.argv.slice(2) as [string, string?];
try {
  const { storage } = await open(path);
  process.stdout.write('open\n');
  if (pause === 'briefly') {
    await storage.close();
  } else {
    setInterval(() => {}, 1000);
  }
} catch (error) {
  process.stdout.write(`${(error as { exitCode: number }).exitCode}\n`);
}
