/**
 * `fetch` for calls to peers, whose names are looked up by `Names` and not by each call. `fetch` takes no
 * look-up of ours; but in node whatever connects asks `dns.lookup`, so what is known is told there, and all
 * else stays as it is: the `Host` header, and trying several addresses in turn. Bun looks up by itself, so
 * there the call goes to an address and says for which name.
 */
import dns, { type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { type NameError, Names } from '../http/names.ts';

const IS_BUN = 'bun' in process.versions;

/** The names of this process's peers. */
export const PEER_NAMES = new Names((name) => dns.promises.lookup(name, { all: true }));

/**
 * Calls a peer like `fetch`. Rejects with a `NameError` if its name has no address, or none is known and the
 * look-up does not end.
 */
export async function fetchPeer(url: string, init: RequestInit): Promise<Response> {
  const name = nameIn(url);
  if (name === null) return fetch(url, init);
  if (!IS_BUN) tellWhatIsKnown();
  const addresses = await PEER_NAMES.find(name, init.signal ?? undefined);
  try {
    const response = await (IS_BUN ? fetchAt(addresses, url, init) : fetch(url, init));
    PEER_NAMES.reached(name);
    return response;
  } catch (error) {
    PEER_NAMES.failed(name);
    throw error;
  }
}

/** Why the peer at `url` cannot be called now: its name has no address that is known. Null if it can. */
export function unresolved(url: string): NameError | null {
  const name = nameIn(url);
  return name === null ? null : PEER_NAMES.problemOf(name);
}

/** The name in `http://name:port`; null if it is an address already. */
export function nameIn(url: string): string | null {
  const { hostname } = new URL(url);
  return hostname.startsWith('[') || isIP(hostname) !== 0 ? null : hostname;
}

/** Calls the peer at one address after the other; only at the first one with a body that is sent once. */
async function fetchAt(
  addresses: readonly LookupAddress[],
  url: string,
  init: RequestInit,
): Promise<Response> {
  const isOnce = init.body instanceof ReadableStream;
  const target = new URL(url);
  const headers = { ...(init.headers as Record<string, string>), host: target.host };
  let problem: unknown;
  for (const { address, family } of isOnce ? addresses.slice(0, 1) : addresses) {
    target.hostname = family === 6 ? `[${address}]` : address;
    try {
      return await fetch(target, { ...init, headers });
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

type Callback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

let isTelling = false;

/** From now on `dns.lookup` answers for peers with what is known of them; for all others as before. */
function tellWhatIsKnown(): void {
  if (isTelling) return;
  isTelling = true;
  const original = dns.lookup as (...args: unknown[]) => void;
  const lookup = (name: string, options: unknown, callback: unknown): void => {
    const { all = false, family = 0 } = (options ?? {}) as dns.LookupAllOptions;
    const known = PEER_NAMES.known(name);
    const wanted = known.filter((one) =>
      family !== 4 && family !== 6 ? true : one.family === family,
    );
    const [first] = wanted;
    if (typeof callback !== 'function' || first === undefined) original(name, options, callback);
    else if (all) process.nextTick(callback as Callback, null, [...wanted]);
    else process.nextTick(callback as Callback, null, first.address, first.family);
  };
  Object.assign(dns, { lookup });
}
